"""A chart as plain data: what `qiledger chart` prints and what an API may answer. Keys are stable; points
count from 1.
"""

from typing import Any

from projections.charts.chart_type import ABOUT
from projections.charts.drawn import Chart, DrawnPhase, DrawnPoint, Signal
from projections.charts.message import message, warnings
from projections.charts.rules import rule_set

Row = dict[str, Any]


def report(chart: Chart) -> Row:
    """Limits, flags, phases, signals and icons, with the rule set that every signal was found by."""
    rules = rule_set(chart.rule_set)
    return {
        "title": chart.series.title,
        "message": message(chart),
        "chart": chart.chart.value,
        "chart_name": ABOUT[chart.chart].name,
        "rule_set": rules.id,
        "rule_set_name": rules.name,
        "improvement_direction": chart.direction.value,
        "target": chart.target,
        "variation": _icon(chart.variation),
        "assurance": _icon(chart.assurance),
        "progress_toward_target": chart.progress,
        "warnings": warnings(chart),
        "phases": [_phase(phase) for phase in chart.phases],
        "signals": [_signal(chart, signal) for signal in chart.signals],
        "points": [_point(number, point) for number, point in enumerate(chart.points, 1)],
    }


def _icon(icon: Any) -> Row | None:
    return None if icon is None else {"icon": icon.value, "letter": icon.letter, "words": icon.words}


def _phase(phase: DrawnPhase) -> Row:
    return {
        "phase": phase.number,
        "first": phase.first + 1,
        "last": phase.last + 1,
        "reason": phase.reason,
        "centre": phase.centre,
        "trial_limits": phase.trial,
        "runs": {name: getattr(phase.runs, name) for name in phase.runs.__struct_fields__},
    }


def _signal(chart: Chart, signal: Signal) -> Row:
    return {
        "rule_set": signal.rule_set,
        "rule": signal.rule,
        "label": signal.label,
        "direction": {1: "high", -1: "low"}.get(signal.direction),
        "phase": signal.phase,
        "points": [i + 1 for i in signal.points],
        "from": chart.points[signal.first].label,
        "to": chart.points[signal.last].label,
    }


def _point(number: int, point: DrawnPoint) -> Row:
    return {
        "point": number,
        "label": point.label,
        "value": point.value,
        "centre": point.centre,
        "lower": point.lower,
        "lower_near": point.lower_near,
        "upper_near": point.upper_near,
        "upper": point.upper,
        "phase": point.phase,
        "included": point.included,
        "in_baseline": point.in_baseline,
        "outside_limits": point.outside_limits,
        "close_to_limits": point.close_to_limits,
        "relative_to_centre": point.relative_to_centre,
        "special_cause_type": point.special_cause,
        "point_type": point.type.value,
        "flags": [flag.rule for flag in point.flags],
    }
