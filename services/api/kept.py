"""How a record is shown: as an item of ours, as a CloudEvent, one a line; and the cursor that leads on from it."""

import base64
import re
from collections.abc import Sequence

import msgspec

from events.log.record import PreciseTo, Record, written
from services.api.problems import Problem, kinds
from services.cloud_event import cloudevent

POSITION_MAX = 2**62
_POSITION = re.compile(r"[0-9]{1,19}")
_CURSOR = re.compile(r"c[A-Za-z0-9_-]{11}")


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """A record as it is read."""

    position: int
    stream: str
    version: int
    source: str
    id: str
    type: str
    occurred: str
    precision: PreciseTo
    recorded: str
    actor: str
    leaf: str
    data: msgspec.Raw


def item(record: Record) -> Item:
    """The record as we show it."""
    return Item(
        position=record.position,
        stream=record.stream,
        version=record.version,
        source=record.source,
        id=record.id,
        type=record.type,
        occurred=record.occurred,
        precision=record.precise_to,
        recorded=written(record.recorded_at),
        actor=record.actor,
        leaf=record.leaf.hex(),
        data=msgspec.Raw(record.body.encode()),
    )


_encode = msgspec.json.Encoder()


def lines(records: Sequence[Record]) -> bytes:
    """The records one a line."""
    return _encode.encode_lines([item(record) for record in records])


def cloudevents(records: Sequence[Record]) -> bytes:
    """The records as a CloudEvents batch."""
    return _encode.encode([cloudevent(record) for record in records])


def cursor(position: int) -> str:
    """Where to read on. To a caller it is opaque; it may come to mean more than a position."""
    return "c" + base64.urlsafe_b64encode(position.to_bytes(8, "big")).decode().rstrip("=")


def position_of(text: str) -> int:
    """The position that a cursor, or a plain number, reads on after. Raises Problem."""
    if _POSITION.fullmatch(text):
        position = int(text)
    elif _CURSOR.fullmatch(text):
        position = int.from_bytes(base64.urlsafe_b64decode(text[1:] + "="), "big")
    else:
        position = -1
    if not 0 <= position <= POSITION_MAX:
        raise Problem(kinds.WRONG_PARAMETER, "This is neither a cursor nor a position.", field="after")
    return position


def place_of(text: str) -> int:
    """The position of a single record, as an address has it. Raises Problem where there can be no such record."""
    if not (text.isascii() and text.isdigit() and len(text) < 20 and 0 < int(text) <= POSITION_MAX):
        raise Problem(kinds.NO_RECORD)
    return int(text)
