"""The measures that a project still collects, and how far the data of each go."""

from calendar import monthrange
from datetime import date, timedelta
from typing import TypeAlias

import msgspec
from psycopg import sql

from events.fields import first_day
from events.log.record import Record
from events.measures import Interval, MeasureDefined, MeasurementRecorded, MeasureRetired
from events.vocabulary import Event
from projections.endings import Endings, has_ended
from projections.moments import last_day, last_day_of

MEASURES_MAX = 60  # that a row remembers; those told of last
NAME_MAX = 80  # characters of a name

DAYS: dict[Interval, int] = {
    "daily": 1,
    "weekly": 7,
    "fortnightly": 14,
    "monthly": 31,
    "quarterly": 92,
    "yearly": 366,
}
"""How long an interval is at most; what is measured irregularly is never overdue."""
DAYS_OF_INTERVAL = sql.SQL(" ").join(
    sql.SQL("WHEN {} THEN {}").format(sql.Literal(interval), sql.Literal(days))
    for interval, days in DAYS.items()
)
"""The same, of a CASE in SQL."""
_MONTHS: dict[Interval, int] = {"monthly": 1, "quarterly": 3, "yearly": 12}


class MeasureInHand(msgspec.Struct, frozen=True, kw_only=True):
    """A measure that is collected."""

    measure: str
    name: str | None = None
    interval: Interval | None = None
    defined: date | None = None
    data_until: date | None = None  # the last day that any data are of


Measures: TypeAlias = tuple[MeasureInHand, ...]


def measures_after(measures: Measures, event: Event, record: Record, retired: Endings) -> Measures:
    """What is collected after a measure was defined, revised, retired or measured.

    `retired` are those of which it is known only to the day, month or year when they were.
    """
    if isinstance(event, MeasureDefined):
        over = has_ended(retired, f"measure/{event.measure}", record)
        return measures if over else _with(measures, _defined(measures, event, record))
    if isinstance(event, MeasureRetired):
        return tuple(one for one in measures if one.measure != event.measure)
    return _measured(measures, event) if isinstance(event, MeasurementRecorded) else measures


def end_of_period(event: MeasurementRecorded, interval: Interval | None) -> date:
    """The last day that a measurement is of. Of a period, only its first day or month may be told."""
    written = last_day(event.until or event.period)
    if event.until is not None or interval is None:
        return written
    first = first_day(event.period)
    if interval in _MONTHS:
        return max(written, _months_on(first, _MONTHS[interval]) - timedelta(days=1))
    return max(written, first + timedelta(days=DAYS.get(interval, 1) - 1))


def _defined(measures: Measures, event: MeasureDefined, record: Record) -> MeasureInHand:
    known = _known(measures, event.measure) or MeasureInHand(measure=event.measure)
    interval = event.interval or known.interval
    return msgspec.structs.replace(
        known, name=event.name[:NAME_MAX], interval=interval, defined=last_day_of(record)
    )


def _measured(measures: Measures, event: MeasurementRecorded) -> Measures:
    """Data may come in any order; the latest day that they are of counts. A measure nobody defined has no interval."""
    known = _known(measures, event.measure)
    if known is None:
        return measures
    until = end_of_period(event, known.interval)
    if known.data_until is not None and until <= known.data_until:
        return measures
    return _with(measures, msgspec.structs.replace(known, data_until=until))


def _known(measures: Measures, measure: str) -> MeasureInHand | None:
    for one in measures:
        if one.measure == measure:
            return one
    return None


def _with(measures: Measures, new: MeasureInHand) -> Measures:
    others = [one for one in measures if one.measure != new.measure]
    return (*others, new)[-MEASURES_MAX:]


def _months_on(first: date, months: int) -> date:
    """The same day of a later month, or its last."""
    years, month = divmod(first.month - 1 + months, 12)
    year, month = first.year + years, month + 1
    return date(year, month, min(first.day, monthrange(year, month)[1]))
