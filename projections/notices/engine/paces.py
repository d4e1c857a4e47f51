"""When digests go out: each working day, on Mondays, on the first working day of a month; at eight in London. Pure."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Literal, TypeAlias, get_args

from projections.moments import LONDON
from projections.notices.engine.quiet_hours import when

Pace: TypeAlias = Literal["at_once", "daily", "weekly", "monthly", "never"]
Digest: TypeAlias = Literal["daily", "weekly", "monthly"]

AT = time(8)
_FROM_SOON_TO_NEVER: tuple[Pace, ...] = get_args(Pace)


def slower(one: Pace, other: Pace) -> Pace:
    """The slower of two."""
    return max(one, other, key=_FROM_SOON_TO_NEVER.index)


def last_digest(pace: Digest, now: datetime) -> datetime:
    """The latest moment, not after `now`, at which digests of this pace went out."""
    day = now.astimezone(LONDON).date()
    if when(day, AT) > now:
        day -= timedelta(days=1)
    while not is_day_of(pace, day):
        day -= timedelta(days=1)
    return when(day, AT).astimezone(UTC)


def is_day_of(pace: Digest, day: date) -> bool:
    """Whether digests of this pace go out on a day."""
    if pace == "daily":
        return day.weekday() < 5
    if pace == "weekly":
        return day.weekday() == 0
    first = day.replace(day=1)
    while first.weekday() >= 5:
        first += timedelta(days=1)
    return day == first
