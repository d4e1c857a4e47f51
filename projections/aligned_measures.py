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
    known = next((one for one in measures if one.measure == event.measure), Aligned(measure=event.measure))
    value, ends = _shown(known, event), _end(event.period)
    changes: dict[str, object] = {"readings": known.readings + 1}
    if known.first_period is None or ends < _end(known.first_period):
        changes |= {"first_period": event.period, "first": value}
    if known.latest_period is None or ends >= _end(known.latest_period):
        changes |= {"latest_period": event.period, "latest": value}
    return _with(measures, event.measure, **changes)


def _with(measures: Measures, measure: str, **changes: object) -> Measures:
    """The measures with one changed, where it stands among the others; no more than MEASURES_MAX."""
    by_id = {one.measure: one for one in measures}
    if measure not in by_id and len(by_id) >= MEASURES_MAX:
        return measures
    by_id[measure] = msgspec.structs.replace(by_id.get(measure, Aligned(measure=measure)), **changes)
    return tuple(by_id.values())


def _end(period: WrittenDate) -> str:
    """The end of a period, to put days, months and years in one order: a month is after its last day."""
    return f"{period}-99-99"[:10]


def _shown(measure: Aligned, event: MeasurementRecorded) -> float | None:
    """A reading as it is shown: its value, or its ratio times what the measure says; 100 for per cent."""
    if event.value is not None or event.numerator is None or not event.denominator:
        return event.value
    times = measure.multiply if measure.multiply is not None else 100 if measure.unit == "%" else 1
    return event.numerator / event.denominator * times
