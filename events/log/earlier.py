"""What a log was once said to be: older checkpoints and receipts, as somebody kept them."""

import base64
import binascii
from collections.abc import Sequence

from events.log.checkpoints import Checkpoint
from events.log.notes import NoteKey, Unverified, WrongNote, read_note
from events.log.verdict import Earlier
from events.log.vouching import signers

PROOF = "c2sp.org/tlog-proof@v1\n"
BYTES_MAX = 131_072


class Unreadable(ValueError):
    """It is neither a checkpoint nor a receipt, or none that a known key has signed."""


def earlier_in(content: bytes, keys: Sequence[NoteKey], *, called: str) -> Earlier:
    """A checkpoint (a signed note, or its bare lines as somebody noted them) or a receipt (c2sp.org/tlog-proof).

    With keys, a note must be signed by one of them. Raises Unreadable.
    """
    if len(content) > BYTES_MAX:
        raise Unreadable("it is too long for a checkpoint or a receipt")
    try:
        text = content.decode()
        if text.startswith(PROOF):
            return _receipt(text, keys, called)
        return _checkpoint(text, keys, called)
    except (UnicodeDecodeError, WrongNote, Unverified, ValueError) as wrong:
        raise Unreadable(str(wrong)) from None


def _checkpoint(text: str, keys: Sequence[NoteKey], called: str) -> Earlier:
    if "\n\n" not in text:
        read = Checkpoint.read(text.rstrip("\n") + "\n")
        return Earlier(size=read.size, root=read.root, origin=read.origin, called=called)
    note = read_note(text)
    read = Checkpoint.read(note.text)
    if keys:
        signers(note, keys, read.origin)
    return Earlier(size=read.size, root=read.root, origin=read.origin, called=called)


def _receipt(text: str, keys: Sequence[NoteKey], called: str) -> Earlier:
    proof, _, note = text.removeprefix(PROOF).partition("\n\n")
    lines = [line for line in proof.split("\n") if not line.startswith("extra ")]
    if not lines[0].startswith("index "):
        raise Unreadable("a receipt names an index")
    checkpoint = _checkpoint(note, keys, called)
    return Earlier(
        size=checkpoint.size,
        root=checkpoint.root,
        origin=checkpoint.origin,
        called=called,
        index=int(lines[0].removeprefix("index ")),
        hashes=tuple(_hash(line) for line in lines[1:]),
    )


def _hash(line: str) -> bytes:
    try:
        return base64.b64decode(line, validate=True)
    except binascii.Error:
        raise Unreadable("a hash of the receipt is no base64") from None
