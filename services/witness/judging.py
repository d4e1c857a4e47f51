"""What a witness answers to a checkpoint that it is shown: the whole of c2sp.org/tlog-witness but the network."""

import re
from collections.abc import Callable

import msgspec
import structlog

from events.log.checkpoints import Checkpoint
from events.log.merkle import EMPTY_ROOT, HASH_BYTES, WrongProof, verify_consistency
from events.log.notes import Unverified, WrongNote, from_base64, read_note, verified
from services.witness.memory import Memory

PROOF_LINES_MAX = 63
SIZE_TYPE = "text/x.tlog.size"
TEXT = "text/plain; charset=utf-8"
_OLD = re.compile(r"old (0|[1-9][0-9]{0,18})")

log = structlog.get_logger(__name__)


class Answer(msgspec.Struct, frozen=True):
    """A status, and what goes with it."""

    status: int
    body: str = ""
    media_type: str = TEXT


class _Malformed(ValueError):
    """A submission is not of the form that it has to be."""


class Submission(msgspec.Struct, frozen=True):
    """What a witness is shown."""

    old: int
    proof: list[bytes]
    note: str


def judge(memory: Memory, body: bytes, now: Callable[[], int]) -> Answer:
    """Co-signs what a known log has only added to, and says of anything else why not.

    One at a time: what was seen last is looked up, compared and kept as one step.
    """
    try:
        shown = read(body)
        note = read_note(shown.note)
        checkpoint = Checkpoint.read(note.text)
    except (_Malformed, WrongNote) as wrong:
        return Answer(400, f"{wrong}\n")
    keys = memory.keys_of(checkpoint.origin)
    if keys is None:
        return Answer(404, "this log is not known here\n")
    try:
        signatures = verified(note, keys)
    except Unverified as wrong:
        return Answer(403, f"{wrong}\n")
    if shown.old > checkpoint.size:
        return Answer(400, "the old size is larger than the checkpoint's\n")
    refused = _compared(memory.seen(checkpoint.origin), checkpoint, shown)
    if refused is not None:
        return refused
    own = note.text + "\n" + "".join(signature.line() for signature in signatures)
    memory.note(checkpoint.origin, own)  # from here on nothing else can be co-signed at this size
    cosignature = memory.key.cosign(note.text, at=now())
    log.info("cosigned", origin=checkpoint.origin, size=checkpoint.size)
    return Answer(200, cosignature.line())


def _compared(seen: Checkpoint | None, checkpoint: Checkpoint, shown: Submission) -> Answer | None:
    """What stands against co-signing, if anything does."""
    size, root = (0, EMPTY_ROOT) if seen is None else (seen.size, seen.root)
    if shown.old != size or (checkpoint.size == size and checkpoint.root != root):
        if shown.old == size:
            log.error("a log shows two trees of one size", origin=checkpoint.origin, size=size)
        return Answer(409, f"{size}\n", SIZE_TYPE)
    wrong = _inconsistent(size, checkpoint, shown.proof, root)
    if wrong is not None:
        log.error("a log shows another history", origin=checkpoint.origin, seen=size, shown=checkpoint.size)
        return Answer(422, f"{wrong}\n")
    return None


def _inconsistent(size: int, checkpoint: Checkpoint, proof: list[bytes], root: bytes) -> str | None:
    try:
        verify_consistency(size, checkpoint.size, proof, root, checkpoint.root)
    except WrongProof as wrong:
        return str(wrong)
    return None


def read(body: bytes) -> Submission:
    """A submission: the old size, the proof, an empty line, the checkpoint."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise _Malformed("a submission is UTF-8") from None
    head, empty, note = text.partition("\n\n")
    first, *lines = head.split("\n")
    old = _OLD.fullmatch(first)
    if old is None or not empty:
        raise _Malformed("a submission begins with the old size, and has an empty line before the checkpoint")
    if len(lines) > PROOF_LINES_MAX:
        raise _Malformed(f"a proof has at most {PROOF_LINES_MAX} hashes")
    return Submission(int(old[1]), [_hash(line) for line in lines], note)


def _hash(line: str) -> bytes:
    hash_ = from_base64(line)
    if hash_ is None or len(hash_) != HASH_BYTES:
        raise _Malformed("a hash of a proof is 32 bytes in base64")
    return hash_
