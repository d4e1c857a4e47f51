"""The measures of one project, as they are laid beside those of others: their names, and first and latest values."""

import msgspec

from events.fields import Direction, WrittenDate
from events.measures import MeasureDefined, MeasureKind, MeasurementRecorded, MeasureRetired

MEASURES_MAX = 100  # of one project


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
    readings: int = 0
    first_period: str | None = None
    first: float | None = None
    latest_period: str | None = None
    latest: float | None = None


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
    """With one more reading. Data may come in any order: the first and the latest period are what counts."""
    known = _known(measures, event.measure)
    before = known or Aligned(measure=event.measure)
    value, ends = _shown(before, event), _end(event.period)
    changes: dict[str, object] = {"readings": before.readings + 1}
    if before.first_period is None or ends < _end(before.first_period):
        changes |= {"first_period": event.period, "first": value}
    if before.latest_period is None or ends >= _end(before.latest_period):
        changes |= {"latest_period": event.period, "latest": value}
    return _instead(measures, known, msgspec.structs.replace(before, **changes))


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


def _shown(measure: Aligned, event: MeasurementRecorded) -> float | None:
    """A reading as it is shown: its value, or its ratio times what the measure says; 100 for per cent."""
    if event.value is not None or event.numerator is None or not event.denominator:
        return event.value
    times = measure.multiply if measure.multiply is not None else 100 if measure.unit == "%" else 1
    return event.numerator / event.denominator * times
