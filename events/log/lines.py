"""The canonical line of a record: the exact bytes that its leaf is made of, as they stand in an export.

`log.canonical` writes it in SQL, this file in Python; a law holds them to each other. Reading is as strict as writing:
bytes that would not be written so are refused, so there is one way to say each record and no byte that does not count.
"""

import re
from datetime import datetime

import msgspec

from events.log.record import PreciseTo, Record, moment_of, written


class Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A record as exported. `body` holds the bytes that were told, untouched."""

    organisation: str
    position: int
    stream: str
    version: int
    source: str
    id: str
    type: str
    occurred: str
    recorded: str
    actor: str
    body: msgspec.Raw


class NotCanonical(ValueError):
    """Bytes that no record is written as. `at` is the first wrong byte of the line, from 0, where that is known."""

    def __init__(self, why: str, at: int | None = None) -> None:
        self.why = why
        self.at = at
        super().__init__(why if at is None else f"{why}, at byte {at} of the line")


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Line).decode
_INSTANT = len("2022-05-20T09:30:00.000000Z")
_any = msgspec.json.Decoder().decode
_AT_BYTE = re.compile(r"\(byte (\d+)\)")


def canonical(record: Record) -> bytes:
    """The canonical line of a record, without a line end."""
    return _encode(
        Line(
            record.organisation,
            record.position,
            record.stream,
            record.version,
            record.source,
            record.id,
            record.type,
            record.occurred,
            written(record.recorded_at),
            record.actor,
            msgspec.Raw(record.body.encode()),
        )
    )


def read_line(text: bytes) -> Line:
    """The line that these bytes are, which are all of it. Raises NotCanonical."""
    try:
        text.decode()
        line = _decode(text)
    except UnicodeDecodeError as error:
        raise NotCanonical("it is not UTF-8", error.start) from None
    except msgspec.MsgspecError as error:
        said = _AT_BYTE.search(str(error))
        raise NotCanonical("it is not the JSON of a record", int(said[1]) if said else None) from None
    except RecursionError:
        raise NotCanonical("it is nested more deeply than any record") from None
    again = _encode(line)
    if again != text:
        raise NotCanonical("it is not written as records are", _first_difference(again, text))
    if line.position < 1 or line.version < 1:
        raise NotCanonical("positions and versions begin at 1")
    if not bytes(line.body).startswith(b"{"):
        raise NotCanonical("its body is no JSON object")
    return line


def is_written_as_bodies_are(body: bytes) -> bool:
    """Whether these bytes say one thing in one way: no member twice, no blank, no number or letter in another dress.

    The door lets nothing else in, and readers of JSON disagree on what else would say.
    """
    try:
        return _encode(_any(body)) == body
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False


def record_of(line: Line, leaf: bytes) -> Record:
    """The record of a line, with the leaf that was computed of it. Raises NotCanonical for a moment that is none."""
    (occurred_at, precise_to), recorded_at = moments_of(line)
    return Record(
        line.organisation,
        line.position,
        line.stream,
        line.version,
        line.source,
        line.id,
        line.type,
        occurred_at,
        precise_to,
        recorded_at,
        line.actor,
        str(line.body, "utf-8"),
        leaf,
    )


def record_read_before(text: bytes) -> Record:
    """The record of a line that was read or written here before, and no leaf: its bytes are not looked at again."""
    line = _decode(text)
    length = len(line.occurred)
    return Record(
        line.organisation,
        line.position,
        line.stream,
        line.version,
        line.source,
        line.id,
        line.type,
        datetime.fromisoformat(line.occurred) if length == _INSTANT else moment_of(line.occurred)[0],
        "instant" if length == _INSTANT else moment_of(line.occurred)[1],
        datetime.fromisoformat(line.recorded),
        line.actor,
        str(line.body, "utf-8"),
        b"",
    )


def moments_of(line: Line) -> tuple[tuple[datetime, PreciseTo], datetime]:
    """When it occurred, how exactly that is known, and when it was recorded. Raises NotCanonical."""
    try:
        occurred, (recorded_at, recorded_to) = moment_of(line.occurred), moment_of(line.recorded)
    except ValueError:
        raise NotCanonical("a moment is not written as moments are") from None
    if recorded_to != "instant":
        raise NotCanonical("when it was recorded is known to the microsecond")
    return occurred, recorded_at


def _first_difference(one: bytes, other: bytes) -> int:
    """The first byte at which two texts that are not equal differ."""
    shared = min(len(one), len(other))
    return next((at for at in range(shared) if one[at] != other[at]), shared)
