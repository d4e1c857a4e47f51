"""An event on its way to the API: as a CloudEvent for the wire, or as a submission where there is no wire."""

from datetime import UTC, datetime

import msgspec

from events.fields import first_day
from events.log.record import PreciseTo, Submission
from events.vocabulary import Event, canonical_body, checked, tag_of
from services.importing.reading import Wire


class Telling(msgspec.Struct, frozen=True, kw_only=True):
    """An event, with whom it is told of, by which source, under which id, and when it happened."""

    organisation: str
    source: str
    id: str
    stream: str
    occurred_at: datetime
    precise_to: PreciseTo = "instant"
    event: Event

    @property
    def type(self) -> str:
        """The name of the event's type."""
        return tag_of(type(self.event))

    def cloud_event(self) -> bytes:
        """One line of NDJSON: the event in CloudEvents' JSON format. A day, month or year says so in `precision`."""
        return _encode(
            _Envelope(
                id=self.id,
                source=self.source,
                type=self.type,
                subject=self.stream,
                time=self.occurred_at.astimezone(UTC).strftime(
                    _INSTANT if self.precise_to == "instant" else _DAY
                ),
                precision=None if self.precise_to == "instant" else self.precise_to,
                data=msgspec.Raw(canonical_body(self.event)),
            )
        )

    def wire(self) -> Wire:
        """The event with its line, ready to be sent."""
        return Wire(self.id, self.type, self.stream, self.cloud_event())

    def submission(self, *, actor: str) -> Submission:
        """The event as the door hands it to the log: read back, as a whole number in code may be none in the type."""
        return Submission(
            stream=self.stream,
            source=self.source,
            id=self.id,
            type=self.type,
            occurred_at=self.occurred_at,
            precise_to=self.precise_to,
            actor=actor,
            body=canonical_body(checked(self.event)).decode(),
        )

    def check(self) -> None:
        """Raises msgspec.ValidationError for an event whose type does not allow what it says.

        A struct made in code is not checked by making it; reading its bytes back is what the door does too.
        """
        checked(self.event)


class _Envelope(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    specversion: str = msgspec.field(default_factory=lambda: "1.0")  # a default that is never left out
    id: str
    source: str
    type: str
    subject: str
    time: str
    precision: PreciseTo | None = None
    data: msgspec.Raw


_INSTANT = "%Y-%m-%dT%H:%M:%S.%fZ"
_DAY = "%Y-%m-%dT00:00:00Z"
_encode = msgspec.json.Encoder().encode


def start_of(written: str) -> datetime:
    """The instant at which a written day, month or year begins, in UTC."""
    day = first_day(written)
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
