"""G and T charts: how many cases, or how much time, lie between one rare event and the next."""

from bisect import bisect_left
from collections.abc import Sequence
from math import isclose, sqrt

import msgspec

from projections.charts.averages import known, mean, median
from projections.charts.baseline import Baseline
from projections.charts.limits.individuals import individuals
from projections.charts.limits.lines import Column, Lines, Phase, around

GEOMETRIC_MEDIAN = 0.693
"""ln 2: the median of a geometric count in terms of its mean (Provost & Murray 2011, p. 228)."""

POWER = 3.6
"""Times between events raised to 1 / 3.6 are nearly normal (Nelson 1994)."""


def cases_between(phase: Phase) -> Lines:
    """Limits from the mean g: sigma sqrt(g (g + 1)), the lower 0; the line drawn is the median of the counts.

    As qicharts2 and PowerBI-SPC do; clinical-qikit calculates the limits from the median too
    (`Baseline.g_from_median`). Where the mean is given, the line drawn is 0.693 x that mean.
    """
    drawn = list(phase.values)
    basis = known(phase.of_basis(drawn))
    given = phase.baseline.centre
    middle = median(basis) if phase.baseline.g_from_median else mean(basis)
    g = middle if given is None else given
    sigma = None if g is None or g < 0 else sqrt(g * (g + 1))
    lines = around(drawn, g, [sigma] * len(drawn), floor=0.0)
    lines.centre = [median(basis) if given is None else GEOMETRIC_MEDIAN * given] * len(drawn)
    return lines


def time_between(phase: Phase) -> Lines:
    """An I chart of y^(1/3.6), raised back to the power 3.6. A line below 0 before is none after.

    The lower limit is then 0: no time is less. A given centre is in the units drawn.
    """
    roots: Column = [None if y is None or y < 0 else y ** (1 / POWER) for y in phase.values]
    given = phase.baseline.centre
    lines = individuals(
        Phase(
            values=roots,
            denominators=None,
            spreads=None,
            basis=phase.basis,
            baseline=phase.baseline if given is None else _rooted(phase, given),
        )
    )
    none: Column = [None] * len(roots)
    values = sorted(known(phase.values))
    centre, lower, near_lower, near_upper, upper = (
        _raised(line, values)
        for line in (lines.centre, lines.lower, lines.lower_near, lines.upper_near, lines.upper)
    )
    lower = [y or 0.0 for y in lower]
    return Lines(list(phase.values), centre, lower, near_lower, near_upper, upper, none)


def _rooted(phase: Phase, centre: float) -> Baseline:
    return msgspec.structs.replace(phase.baseline, centre=max(centre, 0.0) ** (1 / POWER))


def _raised(line: Column, values: Sequence[float]) -> Column:
    """A line of the roots among the values. What rounding moved off a value is put back on it, so that a point
    on the line is found to lie on it.
    """
    raised = {y: None if y is None or y < 0 else _on_a_value(y**POWER, values) for y in set(line)}
    return [raised[y] for y in line]


def _on_a_value(y: float, values: Sequence[float]) -> float:
    at = bisect_left(values, y)
    return next((value for value in values[max(at - 1, 0) : at + 1] if isclose(value, y, rel_tol=1e-12)), y)
