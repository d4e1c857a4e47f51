"""A record as a CloudEvent 1.0, the one form in which every door gives it: feed, stream of events, webhook."""

import msgspec

from events.log.record import PreciseTo, Record, written


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
