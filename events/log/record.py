"""A record: an event as kept, with its place in the log; and a submission: an event on its way there."""

from datetime import UTC, datetime
from functools import lru_cache
from typing import Literal

import msgspec

from events.vocabulary import Event, read_body

PreciseTo = Literal["instant", "day", "month", "year"]


class Submission(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """An event checked at the door and not yet kept. `body` holds its canonical JSON."""

    stream: str
    source: str
    id: str
    type: str
    occurred_at: datetime
    precise_to: PreciseTo
    actor: str
    body: str
    expected: int | None = None
    """The version the stream must be at: 0 for a stream that must not exist, None for any."""


class Receipt(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What the log answers for a record it keeps. The same event told again gets the same receipt, marked so."""

    position: int
    version: int
    recorded_at: datetime
    leaf: bytes
    duplicate: bool = False


class Record(msgspec.Struct, frozen=True, gc=False):
    """An event as kept, one row of `log.records`."""

    organisation: str
    position: int
    stream: str
    version: int
    source: str
    id: str
    type: str
    occurred_at: datetime
    precise_to: PreciseTo
    recorded_at: datetime
    actor: str
    body: str
    leaf: bytes

    @property
    def subject(self) -> str:
        """What it happened to, without the kind of stream: `P-17` for `project/P-17`."""
        return self.stream.partition("/")[2]

    @property
    def occurred(self) -> str:
        """When it happened, written as exactly as it is known: an instant, day, month or year."""
        return written(self.occurred_at, self.precise_to)

    @property
    def begins_where_known(self) -> bool:
        """Whether a day, month or year stands as its beginning, as the door writes it: the hour is in no hash."""
        return self.precise_to == "instant" or _begins(self.occurred_at.astimezone(UTC), self.precise_to)

    def event(self) -> Event:
        """The event in today's words. Raises UnknownType if this code is older than the record."""
        return read_body(self.type, self.body).upcast()


def _begins(at: datetime, precise_to: PreciseTo) -> bool:
    """Whether a moment in UTC is the first of its day, month or year."""
    if at.hour or at.minute or at.second or at.microsecond:
        return False
    return precise_to == "day" or (at.day == 1 and (precise_to == "month" or at.month == 1))


_LENGTHS: dict[PreciseTo, int] = {"day": 10, "month": 7, "year": 4}


def written(moment: datetime, precise_to: PreciseTo = "instant") -> str:
    """A moment as it stands in a canonical record: UTC, and no more exact than it is known."""
    text = moment.astimezone(UTC).isoformat(timespec="microseconds")
    return f"{text[:-6]}Z" if precise_to == "instant" else text[: _LENGTHS[precise_to]]


@lru_cache(maxsize=4_096)
def moment_of(text: str) -> tuple[datetime, PreciseTo]:
    """The moment that `written` wrote, and how exactly it is known. Raises ValueError for anything else."""
    precise_to = _PRECISIONS.get(len(text))
    if precise_to is None:
        raise ValueError("no moment is written so")
    whole = text if precise_to == "instant" else f"{text}-01-01"[:10] + "T00:00:00.000000Z"
    moment = datetime.fromisoformat(whole)
    if moment.tzinfo is None or written(moment, precise_to) != text:
        raise ValueError("no moment is written so")
    return moment, precise_to


_PRECISIONS: dict[int, PreciseTo] = {27: "instant", 10: "day", 7: "month", 4: "year"}
