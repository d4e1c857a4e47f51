"""The measures of an invented project: readings around a level that moves once its changes work."""

from datetime import datetime, timedelta

from events.aims import AimSet
from events.charts import BaselineSet, LimitsRecalculated
from events.measures import Interval, MeasureDefined, MeasurementCorrected, MeasurementRecorded
from services.importing.synthetic_life import ENDS, Life, day, month
from services.importing.synthetic_words import Gauge

BASELINE_WEEKS = 8
BASELINE_MONTHS = 6
WEEKLY = {"outcome": 0.3, "process": 0.2, "balancing": 0.0}
KEPT = {"outcome": 1.0, "process": 0.7, "balancing": 0.4}
MISSED = 0.03
LATE = 0.04
CORRECTED = 0.012


class Shift:
    """When a project's changes begin to show, if they do, and when its work stood still."""

    def __init__(self, works_from: datetime | None, still: tuple[datetime, datetime] | None) -> None:
        self.works_from = works_from
        self.still = still

    def level(self, gauge: Gauge, at: datetime) -> float:
        """Where the measure stands: the old level, the new one, or ten weeks on the way."""
        if self.works_from is None or at < self.works_from:
            return gauge.before
        way = min(1.0, (at - self.works_from) / timedelta(weeks=10))
        return gauge.before + (gauge.after - gauge.before) * way

    def stands_still(self, at: datetime) -> bool:
        """Whether nobody measured at that time."""
        return self.still is not None and self.still[0] <= at < self.still[1]


def measure(
    life: Life, gauges: tuple[Gauge, ...], *, started: datetime, ended: datetime, shift: Shift
) -> list[str]:
    """Defines the measures that the team keeps up, and records their readings. Their ids."""
    kept = [gauge for gauge in gauges if life.chance(KEPT[gauge.kind])]
    for number, gauge in enumerate(kept, start=1):
        weekly = life.chance(WEEKLY[gauge.kind])
        _define(life, f"M-{number}", gauge, started + life.days(3, 20), "weekly" if weekly else "monthly")
        _record(life, f"M-{number}", gauge, started=started, ended=ended, shift=shift, weekly=weekly)
    return [f"M-{number}" for number in range(1, len(kept) + 1)]


def set_aim(life: Life, gauge: Gauge, at: datetime) -> str:
    """The project's aim, on its first measure. The id of the telling."""
    by = at + timedelta(days=300)
    target = round(gauge.before + (gauge.after - gauge.before) * life.random.uniform(0.7, 1.1), 1)
    verb = "Raise" if gauge.direction == "increase" else "Lower"
    statement = f"{verb} {gauge.name.lower()} from {gauge.before:g} to {target:g} {gauge.unit} by {by:%B %Y}"
    aim = AimSet(
        statement=statement,
        measure="M-1",
        baseline=gauge.before,
        target=target,
        unit=gauge.unit,
        direction=gauge.direction,
        by=month(by),
    )
    return life.tell(aim, at)


def decide_on_limits(life: Life, *, started: datetime, shift: Shift, works: bool) -> None:
    """What the team decides about its first chart: a baseline, and new limits once the process has changed."""
    if life.chance(0.6):
        baseline = BaselineSet(
            measure="M-1", until=month(started), reason="Everything before the first test."
        )
        life.tell(baseline, started + life.days(25, 45))
    if works and shift.works_from is not None and life.chance(0.6):
        since = shift.works_from + timedelta(weeks=8)
        recalculated = LimitsRecalculated(
            measure="M-1",
            since=day(since),
            reason="The process has changed, and we know why.",
            decided_by="Team with its coach",
            rule_set="making-data-count-1",
        )
        life.tell(recalculated, since + life.days(60, 90))


def _define(life: Life, measure_id: str, gauge: Gauge, at: datetime, interval: Interval) -> None:
    share_of = gauge.name if gauge.out_of else None
    defined = MeasureDefined(
        measure=measure_id,
        name=gauge.name,
        kind=gauge.kind,
        definition=gauge.definition,
        unit=gauge.unit,
        numerator=share_of,
        denominator="All of the period" if gauge.out_of else None,
        multiply=100 if gauge.out_of else None,
        chart=gauge.chart,
        interval=interval,
        direction=gauge.direction,
        owner="Data lead",
    )
    life.tell(defined, at)


def _record(
    life: Life,
    measure_id: str,
    gauge: Gauge,
    *,
    started: datetime,
    ended: datetime,
    shift: Shift,
    weekly: bool,
) -> None:
    """One reading for each week or month. Those of before the start are told when the team has gathered them."""
    step = timedelta(days=7) if weekly else timedelta(days=30.4375)
    gathered = started + life.days(14, 40)
    at = started - step * (BASELINE_WEEKS if weekly else BASELINE_MONTHS)
    until = min(ended, ENDS)
    seen: set[str] = set()
    while at < until:
        period = day(at) if weekly else month(at)
        if period not in seen and not shift.stands_still(at) and not life.chance(MISSED):
            seen.add(period)
            _tell_reading(life, measure_id, gauge, period, at + step, shift.level(gauge, at), gathered)
        at += step


def _tell_reading(
    life: Life, measure_id: str, gauge: Gauge, period: str, at: datetime, level: float, gathered: datetime
) -> None:
    told_at = max(at + life.days(0, 2), gathered)
    late = told_at - at + (life.days(20, 90) if life.chance(LATE) else timedelta(0))
    value, out_of = reading(life, gauge, level)
    if out_of:
        recorded = MeasurementRecorded(measure=measure_id, period=period, numerator=value, denominator=out_of)
    else:
        recorded = MeasurementRecorded(measure=measure_id, period=period, value=value)
    id_ = life.tell(recorded, at, late=late)
    if life.chance(CORRECTED):
        again, _ = reading(life, gauge, level)
        right = MeasurementCorrected(
            of=id_,
            value=None if out_of else again,
            numerator=min(again, out_of) if out_of else None,
            denominator=out_of or None,
            reason="Counted again.",
        )
        life.tell(right, at + late + life.days(2, 20))


def reading(life: Life, gauge: Gauge, level: float) -> tuple[float, float]:
    """A value and what it is out of (0 if of nothing), scattered as such data scatter."""
    if gauge.out_of:
        out_of = max(4, round(life.random.gauss(gauge.out_of, gauge.out_of * 0.12)))
        part = level / 100
        count = round(life.random.gauss(out_of * part, (out_of * part * (1 - part)) ** 0.5))
        return float(min(out_of, max(0, count))), float(out_of)
    if gauge.chart == "c":
        return float(max(0, round(life.random.gauss(level, level**0.5)))), 0.0
    return round(max(0.0, life.random.gauss(level, level * 0.09)), 1), 0.0
