"""When something happened, no more exactly than it is known.

Rows say it as it was written (`2022-05-20`, `2022-05`, `2022`; of an instant, its day in UTC) and never as a made-up
first of January. Where days are reckoned with, what is known to the month may have been on its first day or its last:
totals count it from the first, and whoever asks how long ago it was is told no more than is sure.
"""

from calendar import monthrange
from datetime import UTC, date, datetime, time
from functools import lru_cache
from zoneinfo import ZoneInfo

from events.fields import DAYS_REMEMBERED, WrittenDate, first_day
from events.log.record import PreciseTo, Record

LONDON = ZoneInfo("Europe/London")  # where a person asks which day it is, and is let sleep

_LENGTH: dict[PreciseTo, int] = {"instant": 10, "day": 10, "month": 7, "year": 4}

_in_full = lru_cache(DAYS_REMEMBERED)(date.isoformat)


def as_written(record: Record) -> WrittenDate:
    """The day, month or year of a record, as far as it is known."""
    day = _in_full(record.occurred_at.date())
    return day if record.precise_to in ("instant", "day") else day[: _LENGTH[record.precise_to]]


def first_day_of(record: Record) -> date:
    """The first day on which it may have happened."""
    return record.occurred_at.date()


def last_day_of(record: Record) -> date:
    """The last day on which it may have happened."""
    first = record.occurred_at.date()
    if record.precise_to == "month":
        return _end_of_month(first)
    return first.replace(month=12, day=31) if record.precise_to == "year" else first


def last_moment_of(record: Record) -> datetime:
    """The last moment at which it may have happened: for an instant, that instant."""
    if record.precise_to == "instant":
        return record.occurred_at
    return datetime.combine(last_day_of(record), time.max, UTC)


def may_precede(record: Record, until: datetime | None) -> bool:
    """Whether a record may have come before what happened at `until` at the latest, though it is folded after it.

    What takes a right away is believed over what gives one, where it is not known which came first.
    """
    return until is not None and record.occurred_at <= until


def latest(until: datetime | None, other: datetime) -> datetime:
    """The later of two last moments, of which the first may be none."""
    return other if until is None else max(until, other)


def last_day_so_far(until: date | None, record: Record) -> date:
    """The last day on which this or what came before it may have happened; what is known less exactly may be later."""
    last = last_day_of(record)
    return last if until is None else max(until, last)


@lru_cache(DAYS_REMEMBERED)
def last_day(written: WrittenDate) -> date:
    """The day on which a written day, month or year ends."""
    first = first_day(written)
    if len(written) == _LENGTH["month"]:
        return _end_of_month(first)
    return first.replace(month=12, day=31) if len(written) == _LENGTH["year"] else first


def last_moment(written: str) -> datetime:
    """The last moment of a written day, month or year (in UTC), or the instant. Raises ValueError."""
    if "T" in written:
        instant = datetime.fromisoformat(written)
        if instant.tzinfo is None:
            raise ValueError("an instant names its zone")
        return instant.astimezone(UTC)
    if len(written) not in _LENGTH.values():
        raise ValueError("this is no day, month or year")
    date.fromisoformat(f"{written}-01-01"[:10])
    return datetime.combine(last_day(written), time.max, UTC)


def _end_of_month(day: date) -> date:
    return day.replace(day=monthrange(day.year, day.month)[1])
