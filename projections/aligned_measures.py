"""The measures of one project, as they are laid beside those of others: their names, and first and latest values.

Readings are kept as they were told: data may come before the definition that says how they are shown.
"""

import msgspec

from events.fields import Direction, WrittenDate
from events.measures import MeasureDefined, MeasureKind, MeasurementRecorded, MeasureRetired

MEASURES_MAX = 100  # of one project
PERIODS_MAX = 60  # of one measure, by which a reading told again is known; those told longest ago are let go


class Reading(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was measured in a period, as it was told."""

    period: WrittenDate
    value: float | None = None
    numerator: float | None = None
    denominator: float | None = None


class Aligned(msgspec.Struct, frozen=True, kw_only=True):
    """A measure of a project: what it is called, and its first and latest values as they are shown."""

    measure: str
    name: str | None = None
    kind: MeasureKind | None = None
    unit: str | None = None
    direction: Direction | None = None
    target: float | None = None
    multiply: float | None = None
    retired: bool = False
    readings: int = 0  # periods that something was measured in
    periods: tuple[str, ...] = ()  # of those, the ones told last
    first: Reading | None = None
    latest: Reading | None = None


Measures = tuple[Aligned, ...]


def with_definition(measures: Measures, event: MeasureDefined) -> Measures:
    """With a measure defined, or defined anew: it is told in full."""
    return _with(
        measures,
        event.measure,
        name=event.name,
        kind=event.kind,
        unit=event.unit,
        direction=event.direction,
        target=event.target,
        multiply=event.multiply,
        retired=False,
    )


def with_end(measures: Measures, event: MeasureRetired) -> Measures:
    """With a measure that is no longer collected."""
    return _with(measures, event.measure, retired=True)


def with_reading(measures: Measures, event: MeasurementRecorded) -> Measures:
    """With one more reading. Data may come in any order: the first and the latest period are what counts.

    Of the same period the reading told last holds, and is not counted again.
    """
    known = _known(measures, event.measure)
    before = known or Aligned(measure=event.measure)
    ends = _end(event.period)
    reading = Reading(
        period=event.period, value=event.value, numerator=event.numerator, denominator=event.denominator
    )
    after = before if event.period in before.periods else _with_period(before, event.period)
    if before.first is None or ends <= _end(before.first.period):
        after = msgspec.structs.replace(after, first=reading)
    if before.latest is None or ends >= _end(before.latest.period):
        after = msgspec.structs.replace(after, latest=reading)
    return _instead(measures, known, after)


def _with_period(measure: Aligned, period: WrittenDate) -> Aligned:
    periods = (*measure.periods, period)[-PERIODS_MAX:]
    return msgspec.structs.replace(measure, readings=measure.readings + 1, periods=periods)


def _with(measures: Measures, measure: str, **changes: object) -> Measures:
    """The measures with one changed."""
    known = _known(measures, measure)
    new = msgspec.structs.replace(known or Aligned(measure=measure), **changes)
    return _instead(measures, known, new)


def _known(measures: Measures, measure: str) -> Aligned | None:
    for one in measures:
        if one.measure == measure:
            return one
    return None


def _instead(measures: Measures, known: Aligned | None, new: Aligned) -> Measures:
    """With `new` where `known` stands among the others, or after them; no more than MEASURES_MAX."""
    if known is None:
        return measures if len(measures) >= MEASURES_MAX else (*measures, new)
    return tuple([new if one is known else one for one in measures])


def _end(period: WrittenDate) -> str:
    """The end of a period, to put days, months and years in one order: a month is after its last day."""
    return f"{period}-99-99"[:10]
