"""Answers to reference cases, in the very shape of each collection's `expected`, so that anyone can compare
them.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from projections.charts.averages import known
from projections.charts.drawn import Chart
from projections.charts.reference import question
from projections.charts.reference_series import Words
from projections.charts.rules.powerbi_spc import (
    astronomical_flags,
    shift_flags,
    trend_flags,
    two_in_three_flags,
)
from projections.charts.series import CannotDraw
from projections.charts.sustained import sustained_medians


def answer(case: Words, *, chart: str | None = None, rules: str | None = None) -> Any:
    """What we say to a case. `chart` and `rules` go before what the case says; a flag case has its own rule."""
    words: Mapping[str, Any] = case.get("input", case)
    if "rule" in case:
        return _flags(str(case["rule"]), words)
    drawn = question(case, chart=chart, rules=rules).drawn()
    if "rebase_dates" in words or "screen_outliers" in words:
        return _making_data_count(drawn)
    if "frozen_median" in words:
        return _ihi(drawn)
    if "decimals" in case:
        return _powerbi_limits(drawn)
    if "check" in case:
        return _spot_checks(drawn)
    return _shewhart(drawn)


def medians(groups: Sequence[Words], options: Words) -> list[dict[str, Any]]:
    """The medians of several series, in the shape of the re-basing cases."""
    return [
        {
            "grp": group["group"],
            "median": found.median,
            "start_date": group["dates"][found.first],
            "end_date": group["dates"][found.last],
            "extend_to": group["dates"][found.extends_to],
            "run_type": found.kind,
        }
        for group in groups
        for found in sustained_medians(group["values"], **options)
    ]


def _flags(rule: str, words: Words) -> list[str]:
    values = words["val"]
    match rule:
        case "shift":
            return shift_flags(values, words["targets"], words["n"])
        case "trend":
            return trend_flags(values, words["n"])
        case "twoInThree":
            whole = bool(words.get("highlight_series"))
            return two_in_three_flags(values, words["ll95"], words["ul95"], whole_window=whole)
        case "astronomical":
            return astronomical_flags(values, words["ll99"], words["ul99"])
    raise CannotDraw(f"There is no rule {rule!r}", "Choose shift, trend, twoInThree or astronomical")


def _making_data_count(chart: Chart) -> dict[str, Any]:
    short = {phase.number: phase.trial for phase in chart.phases}
    columns: dict[str, list[Any]] = {
        "date": [p.label for p in chart.points],
        "value": [p.value for p in chart.points],
        "rebase_group": [p.phase for p in chart.points],
        "mean": [p.centre for p in chart.points],
        "lpl": [p.lower for p in chart.points],
        "upl": [p.upper for p in chart.points],
        "outside_limits": [p.outside_limits for p in chart.points],
        "relative_to_mean": [p.relative_to_centre for p in chart.points],
        "close_to_limits": [p.close_to_limits for p in chart.points],
        "special_cause_type": [p.special_cause for p in chart.points],
        "point_type": [p.type.value for p in chart.points],
        "short_group_warning": [short[p.phase] for p in chart.points],
    }
    icon, assured = chart.variation, chart.assurance
    return {"points": columns, "variation_icon": icon and icon.value, "assurance": assured and assured.value}


def _shewhart(chart: Chart) -> dict[str, Any]:
    parts = [
        number for number, phase in enumerate(chart.phases, 1) for _ in range(phase.first, phase.last + 1)
    ]
    columns: dict[str, list[Any]] = {
        "index": list(range(1, len(chart.points) + 1)),
        "part": parts,
        "include": [p.included for p in chart.points],
        "baseline": [p.in_baseline for p in chart.points],
        "y": [p.value for p in chart.points],
        "cl": [p.centre for p in chart.points],
        "lcl": [p.lower for p in chart.points],
        "lcl_2sd": [p.lower_near for p in chart.points],
        "ucl_2sd": [p.upper_near for p in chart.points],
        "ucl": [p.upper for p in chart.points],
        "sigma_signal": [bool(p.outside_limits) for p in chart.points],
    }
    runs = [
        {
            "part": number,
            "n_obs": phase.runs.n_obs,
            "n_useful": phase.runs.n_useful,
            "longest_run": phase.runs.longest_run,
            "longest_run_max": phase.runs.longest_run_max,
            "n_crossings": phase.runs.n_crossings,
            "n_crossings_min": phase.runs.n_crossings_min,
            "runs_signal": phase.runs.runs_signal,
        }
        for number, phase in enumerate(chart.phases, 1)
    ]
    return {"points": columns, "runs": runs}


def _ihi(chart: Chart) -> dict[str, Any]:
    values = [p.value for p in chart.points]
    shifts = [
        {
            "from": signal.first,
            "to": signal.last,
            "length": len(signal.points),
            "side": "above" if signal.direction > 0 else "below",
        }
        for signal in chart.signals
        if signal.rule == "shift-6"
    ]
    trends = [
        {
            "from": signal.first,
            "to": signal.last,
            "distinct_points": 1
            + sum(a != b for a, b in pairwise(known([values[i] for i in signal.points]))),
            "direction": "up" if signal.direction > 0 else "down",
        }
        for signal in chart.signals
        if signal.rule == "trend-5"
    ]
    phase = chart.phases[0] if chart.phases else None
    return {
        "median": phase and phase.centre,
        "n_useful": phase.runs.n_useful if phase else 0,
        "runs": phase.runs.n_runs if phase else 0,
        "shifts": shifts,
        "trends": trends,
    }


def _powerbi_limits(chart: Chart) -> dict[str, Any]:
    return {
        "ul99": [p.upper for p in chart.points],
        "ul95": [p.upper_near for p in chart.points],
        "ll95": [p.lower_near for p in chart.points],
        "ll99": [p.lower for p in chart.points],
    }


def _spot_checks(chart: Chart) -> dict[str, Any]:
    """Of the first point and the first phase, as clinical-qikit's checks are. Its crossings threshold is one
    less.
    """
    first, runs = chart.points[0], chart.phases[0].runs
    crossings = runs.n_crossings_min
    return {
        "cl": first.centre,
        "ucl": first.upper,
        "lcl": first.lower,
        "signals": bool(chart.signals),
        "sigma_signal": any(p.outside_limits and p.flags for p in chart.points),
        "runs_signal": any(phase.runs.runs_signal for phase in chart.phases),
        "shift_signal": any(signal.rule.startswith("shift") for signal in chart.signals),
        "longest_run": runs.longest_run,
        "run_threshold": runs.longest_run_max,
        "crossings_threshold": None if crossings is None else crossings - 1,
        "n_useful": runs.n_useful,
    }
