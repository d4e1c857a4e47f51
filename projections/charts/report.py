"""A chart as plain data: what `qiledger chart` prints and the API answers. Keys are stable; points count from 1."""

from typing import Any

import msgspec

from projections.charts.chart_type import ABOUT
from projections.charts.drawn import Chart, DrawnPhase, DrawnPoint, LinedPoint, Signal
from projections.charts.icons import Assurance, Variation
from projections.charts.message import message, warnings
from projections.charts.rules import rule_set
from projections.charts.rules.runs import Runs


class Icon(msgspec.Struct, frozen=True, kw_only=True):
    """An icon of Making Data Count, said."""

    icon: str
    letter: str
    words: str


class ChartPhase(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of points, counted from 1, with its own lines, and why people began it."""

    phase: int
    first: int
    last: int
    reason: str
    centre: float | None
    trial_limits: bool
    runs: Runs


class ChartSignal(msgspec.Struct, frozen=True, kw_only=True, rename={"since": "from", "until": "to"}):
    """Something other than chance, by a rule of a rule set. `points` count from 1."""

    rule_set: str
    rule: str
    label: str
    direction: str | None
    phase: int
    points: list[int]
    since: str
    until: str


class ChartPoint(LinedPoint, frozen=True, kw_only=True):
    """A point with the lines at its place, and the rules that flag it."""

    special_cause_type: str
    point_type: str
    flags: list[str]


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What the chart says: limits, phases, signals and icons, by the rule set named."""

    title: str
    message: str
    chart: str
    chart_name: str
    rule_set: str
    rule_set_name: str
    improvement_direction: str
    target: float | None
    variation: Icon | None
    assurance: Icon | None
    progress_toward_target: float | None
    warnings: list[str]
    phases: list[ChartPhase]
    signals: list[ChartSignal]
    points: list[ChartPoint]


def report(chart: Chart) -> Report:
    """Limits, flags, phases, signals and icons, with the rule set that every signal was found by."""
    rules = rule_set(chart.rule_set)
    return Report(
        title=chart.series.title,
        message=message(chart),
        chart=chart.chart.value,
        chart_name=ABOUT[chart.chart].name,
        rule_set=rules.id,
        rule_set_name=rules.name,
        improvement_direction=chart.direction.value,
        target=chart.target,
        variation=icon_of(chart.variation),
        assurance=icon_of(chart.assurance),
        progress_toward_target=chart.progress,
        warnings=warnings(chart),
        phases=[_phase(phase) for phase in chart.phases],
        signals=[_signal(chart, signal) for signal in chart.signals],
        points=[_point(point) for point in chart.points],
    )


def icon_of(icon: Variation | Assurance | None) -> Icon | None:
    """The icon with its letter and words."""
    return None if icon is None else Icon(icon=icon.value, letter=icon.letter, words=icon.words)


def _phase(phase: DrawnPhase) -> ChartPhase:
    return ChartPhase(
        phase=phase.number,
        first=phase.first + 1,
        last=phase.last + 1,
        reason=phase.reason,
        centre=phase.centre,
        trial_limits=phase.trial,
        runs=phase.runs,
    )


def _signal(chart: Chart, signal: Signal) -> ChartSignal:
    return ChartSignal(
        rule_set=signal.rule_set,
        rule=signal.rule,
        label=signal.label,
        direction={1: "high", -1: "low"}.get(signal.direction),
        phase=signal.phase,
        points=[i + 1 for i in signal.points],
        since=chart.points[signal.first].label,
        until=chart.points[signal.last].label,
    )


def _point(point: DrawnPoint) -> ChartPoint:
    lined: dict[str, Any] = {name: getattr(point, name) for name in LinedPoint.__struct_fields__}
    return ChartPoint(
        **lined,
        special_cause_type=point.special_cause,
        point_type=point.type.value,
        flags=[flag.rule for flag in point.flags],
    )
