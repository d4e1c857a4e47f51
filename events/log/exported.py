"""What an export is made of: one file of lines that anybody can read, and that says itself whether it is whole.

    {"export":"head", …}          whose log, which positions, why and when it was taken
    {"organisation":"RWK", …}     every record as its canonical line: SHA-256 of a zero byte and the line is its leaf
    {"export":"leaves", …}        the leaf of each record again, 256 a line: so a record that was damaged is named
    {"export":"rows", …}          if asked for: a projection, and how many of its rows follow
    {"export":"row", …}           one row, as readers were shown it
    {"export":"seal", …}          how many records, their root, and the signed checkpoint that has them

Every line that is no record ends with the SHA-256 of what stands before it on that line, so that a flipped bit is found
and the line named. That guards against damage; against people who can reckon guards the checkpoint's signature.
"""

from hashlib import sha256
from typing import Any, TypeAlias

import msgspec

from events.log.lines import NotCanonical

FORMAT = 1
LEAVES_A_LINE = 256
LINE_BYTES_MAX = 1_048_576
RECORD = b'{"organisation":'
PIECE = b'{"export":'


class _Piece(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="export"):
    """A line that is no record."""


class Head(_Piece, frozen=True, kw_only=True, tag="head"):
    """The first line: positions `first` to `last` of a log, and the compact tree of those before `first`."""

    format: int
    organisation: str
    first: int
    last: int
    before: tuple[bytes, ...]
    purpose: str
    taken_for: str
    made_at: str
    made_by: str

    @property
    def records(self) -> int:
        """How many records follow."""
        return self.last - self.first + 1


class Leaves(_Piece, frozen=True, kw_only=True, tag="leaves"):
    """The leaf hashes from a position on, one after another."""

    first: int
    hashes: bytes


class Rows(_Piece, frozen=True, kw_only=True, tag="rows"):
    """Which rows follow: those of a projection that reflects the log up to a position."""

    projection: str
    revision: int
    position: int
    rows: int


class Row(_Piece, frozen=True, kw_only=True, tag="row"):
    """One row by its key."""

    projection: str
    key: str
    row: msgspec.Raw


class Seal(_Piece, frozen=True, kw_only=True, tag="seal"):
    """The last line. `consistency` proves that the checkpoint's tree begins with the tree up to `last`."""

    records: int
    root: bytes
    checkpoint: str | None
    consistency: tuple[bytes, ...]
    keys: tuple[str, ...]


Piece: TypeAlias = Head | Leaves | Rows | Row | Seal

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Piece).decode
_DIGEST = b',"sha256":"%s"}'
_DIGEST_BYTES = len(_DIGEST % (b"0" * 64))


def written(piece: Piece) -> bytes:
    """The whole line of a piece, with its end."""
    text = _encode(piece)
    return text[:-1] + _DIGEST % sha256(text).hexdigest().encode() + b"\n"


def read_piece(line: bytes) -> Any:
    """The piece on a line without its end. Raises NotCanonical."""
    text, digest = line[:-_DIGEST_BYTES] + b"}", line[-_DIGEST_BYTES:]
    if digest != _DIGEST % sha256(text).hexdigest().encode():
        raise NotCanonical("it is damaged: it does not fit the hash at its end")
    try:
        piece: Piece = _decode(text)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise NotCanonical("it is none of the lines of an export") from None
    if _encode(piece) != text:
        raise NotCanonical("it is not written as lines of an export are")
    return piece
