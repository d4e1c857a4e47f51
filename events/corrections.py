"""How the record is put right: by telling more, never by changing what was told.

A revision names an earlier record of its own stream by the id that its sender gave it. Projections do not handle
revisions one by one: the engine folds a revised stream again, without what was retracted and with what was mended.
A revision of a revision has no effect; tell the event again under a new id instead.
"""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from events.fields import Text
from events.vocabulary import ANY_STREAM, Event, example

TellingId = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=256,
        description="The CloudEvents `id` under which the earlier event was told.",
    ),
]
TellingSource = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=256,
        description="The `source` of the earlier event, where it is not the same.",
    ),
]


class Revision(Event, frozen=True, kw_only=True):
    """Puts right one earlier event of the same stream."""

    stream = ANY_STREAM

    of: TellingId  # the id of the event that is put right
    of_source: TellingSource | None = None  # its source, if another system told it
    reason: Text | None = None  # why


@example(of="P-17-started", reason="Entered for the wrong project.")
class EventRetracted(Revision, frozen=True, tag="event.retracted"):
    """An earlier event of this stream should not have been told. It stays on record, and no longer counts."""


@example(
    of="P-17-aim",
    fields={"statement": "Length of stay under 45 days by March"},
    reason="The target was mistyped.",
)
class EventCorrected(Revision, frozen=True, kw_only=True, tag="event.corrected"):
    """Some fields of an earlier event of this stream were wrong. It counts as though told with these values."""

    fields: Annotated[
        dict[str, Any], Meta(min_length=1, max_length=50)
    ]  # the fields that were wrong, with their right values

    def mend(self, told: Event) -> Event:
        """The event `told` with the right fields. Raises msgspec.ValidationError if its type does not allow them."""
        mended = msgspec.to_builtins(told) | dict(self.fields)
        return msgspec.json.decode(msgspec.json.encode(mended), type=type(told))
