"""A checkpoint: a log's signed word for what it holds, in three lines (c2sp.org/tlog-checkpoint).

    qiledger.example.org/RWK
    20852163
    CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

    — qiledger.example.org/RWK Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurm…

Whoever keeps one, on paper even, can be shown later that nothing in that log was changed since.
"""

import base64
import re
from collections.abc import Iterable, Sequence
from typing import Self

import msgspec

from events.log import notes
from events.log.merkle import HASH_BYTES
from events.log.notes import Note, NoteKey, SigningKey, WrongNote

SIZE_MAX = 2**63 - 1
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")


class Checkpoint(msgspec.Struct, frozen=True):
    """Which log, how many records, and the root hash over them."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def text(self) -> str:
        """The lines that are signed."""
        root = base64.b64encode(self.root).decode()
        return "".join(f"{line}\n" for line in (self.origin, str(self.size), root, *self.extensions))

    @classmethod
    def read(cls, text: str) -> Self:
        """From its lines, without signatures. Raises WrongNote."""
        if not text.endswith("\n"):
            raise WrongNote("a checkpoint ends its last line")
        origin, size, root, *extensions = [*text[:-1].split("\n"), "", "", ""][: max(3, text.count("\n"))]
        if not origin or not _SIZE.fullmatch(size) or int(size) > SIZE_MAX or "" in extensions:
            raise WrongNote("a checkpoint has three lines: origin, size and root, and no empty ones")
        return cls(origin, int(size), _root(root), tuple(extensions))


def _root(encoded: str) -> bytes:
    root = notes.from_base64(encoded)
    if root is None or len(root) != HASH_BYTES:
        raise WrongNote("the root of a checkpoint is 32 bytes in base64")
    return root


def as_pasted(text: str) -> str:
    """A checkpoint as it comes back from an e-mail or a file of somebody's: without indents, with plain line ends."""
    return "\n".join(line.strip() for line in text.strip().splitlines()) + "\n"


def sign(checkpoint: Checkpoint, keys: Sequence[SigningKey]) -> Note:
    """The checkpoint, signed with each of the keys."""
    return notes.sign(checkpoint.text(), keys)


def verify(written: str | bytes, known: Iterable[NoteKey], *, origin: str) -> tuple[Checkpoint, Note]:
    """The checkpoint of that log in a note, signed by a known key. Raises WrongNote, Unverified."""
    note = notes.read_note(written)
    notes.verified(note, known)
    checkpoint = Checkpoint.read(note.text)
    if checkpoint.origin != origin:
        raise notes.Unverified(f"the checkpoint is of {checkpoint.origin}, not of {origin}")
    return checkpoint, note
