"""How a record is shown: as an item of ours, as a CloudEvent, one a line; and the cursor that leads on from it."""

import base64
import re
from collections.abc import Sequence

import msgspec

from events.log.record import PreciseTo, Record, written
from services.api.problems import Problem, kinds

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


class CloudEventItem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A record as a CloudEvent. `sequence` is its position, `recordedtime` when it was kept."""

    specversion: str
    id: str
    source: str
    type: str
    subject: str
    time: str
    datacontenttype: str
    sequence: str
    streamversion: str
    recordedtime: str
    leaf: str
    actor: str
    data: msgspec.Raw
    precision: PreciseTo | None = None


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


def cloudevent(record: Record) -> CloudEventItem:
    """The record as a CloudEvent 1.0 in structured mode."""
    return CloudEventItem(
        specversion="1.0",
        id=record.id,
        source=record.source,
        type=record.type,
        subject=record.stream,
        time=written(record.occurred_at),
        datacontenttype="application/json",
        sequence=str(record.position),
        streamversion=str(record.version),
        recordedtime=written(record.recorded_at),
        leaf=record.leaf.hex(),
        actor=record.actor,
        data=msgspec.Raw(record.body.encode()),
        precision=None if record.precise_to == "instant" else record.precise_to,
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
