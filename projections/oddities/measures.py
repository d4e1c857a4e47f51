"""Measures and measurements that do not fit together."""

from events.charts import BaselineSet
from events.fields import first_day
from events.log.record import Record
from events.measures import MeasurementRecorded
from projections.oddities.rule import rule
from projections.oddities.so_far import SoFar, period_of

BASELINE_MIN = 12  # points, before lines say much (Provost & Murray; NHS England)
FEW_BELOW = 5  # people or cases: a smaller number may point to one of them
COUNTS = frozenset({"c", "g", "p", "p_prime", "u", "u_prime"})  # charts of counted things


def _about(event: MeasurementRecorded) -> str:
    return f"{event.measure} {period_of(event)}"


@rule(
    "measure_not_defined",
    "Something was measured, and nobody has said what the measure is.",
    MeasurementRecorded,
    healed=lambda now, measure: now.measure(measure).defined,
)
def measure_not_defined(
    before: SoFar, after: SoFar, event: MeasurementRecorded, record: Record
) -> str | None:
    return None if after.measure(event.measure).defined else event.measure


@rule(
    "measured_twice",
    "A measure has two readings for one period; the wrong one wants a correction.",
    MeasurementRecorded,
)
def measured_twice(before: SoFar, after: SoFar, event: MeasurementRecorded, record: Record) -> str | None:
    return _about(event) if period_of(event) in before.measure(event.measure).periods else None


@rule(
    "more_than_all",
    "The numerator is greater than the denominator, and the measure is no rate.",
    MeasurementRecorded,
)
def more_than_all(before: SoFar, after: SoFar, event: MeasurementRecorded, record: Record) -> str | None:
    more = (event.numerator or 0) > (event.denominator or 0) and not after.measure(event.measure).rate
    return _about(event) if more else None


@rule(
    "period_ahead",
    "A measurement is of a period that had not begun when it was told.",
    MeasurementRecorded,
)
def period_ahead(before: SoFar, after: SoFar, event: MeasurementRecorded, record: Record) -> str | None:
    ahead = first_day(event.period) > record.recorded_at.date()
    return _about(event) if ahead else None


@rule(
    "chart_does_not_fit",
    "The measure's chart cannot show such a reading: a count below 0, a share without what it is of, no time between.",
    MeasurementRecorded,
)
def chart_does_not_fit(before: SoFar, after: SoFar, event: MeasurementRecorded, record: Record) -> str | None:
    chart = after.measure(event.measure).chart
    counted = event.value if event.numerator is None else event.numerator
    shares = chart in ("p", "p_prime", "u", "u_prime", "i_prime")
    unfit = (
        (chart in COUNTS and counted is not None and counted < 0)
        or (shares and event.denominator is None)
        or (chart == "t" and event.value is not None and event.value <= 0)
    )
    return _about(event) if unfit else None


@rule(
    "few_counted",
    "It rests on fewer than five people or cases: think of them before it is shown in public.",
    MeasurementRecorded,
)
def few_counted(before: SoFar, after: SoFar, event: MeasurementRecorded, record: Record) -> str | None:
    rests_on = event.n if event.n is not None else event.denominator
    return _about(event) if rests_on is not None and 0 < rests_on < FEW_BELOW else None


@rule(
    "baseline_short",
    "A baseline of fewer than twelve points: its lines are on trial, and move with each point.",
    BaselineSet,
)
def baseline_short(before: SoFar, after: SoFar, event: BaselineSet, record: Record) -> str | None:
    periods = [period.partition(" ")[0] for period in after.measure(event.measure).periods]
    within = [one for one in periods if (event.since or "") <= one and one[: len(event.until)] <= event.until]
    return event.measure if len(within) < BASELINE_MIN else None
