"""Individual values: XmR as Making Data Count draws it, the I chart as Montgomery does, and the I′ chart.

The two differ in one factor: 2.66 x the mean moving range, and 3 / 1.128 (= 2.6596) x. They are two chart
types here, because a chart that mixed them would agree with nobody's.
"""

from itertools import pairwise
from math import fsum, pi, sqrt

from projections.charts.averages import average_range, known, mean, moving_ranges
from projections.charts.limits.lines import Column, Lines, Phase, around, ratios, sizes_of_drawn

NHS_FACTOR = 2.66
"""Limits lie this many mean moving ranges from the mean: Making Data Count, as in NHSRplotthedots 0.2.2."""

D2 = 1.128
"""The mean moving range of two normal values in standard deviations (Montgomery, Introduction to SQC, 6.33).
"""

SCREEN_NORMALISED = 3.2665
"""Normalised ranges at or above this many times their mean are screened out: I′ in qicharts2."""


def xmr(phase: Phase) -> Lines:
    """Mean -/+ 2.66 x the mean moving range; the near lines at two thirds of that."""
    drawn = ratios(phase)
    centre, average = _centre_and_range(phase, drawn)
    return around(drawn, centre, [average] * len(drawn), three=NHS_FACTOR, two=2 * (NHS_FACTOR / 3))


def individuals(phase: Phase) -> Lines:
    """Mean -/+ 3 x the mean moving range / 1.128."""
    drawn = ratios(phase)
    centre, average = _centre_and_range(phase, drawn)
    sigma = None if average is None else average / D2
    return around(drawn, centre, [sigma] * len(drawn))


def individuals_prime(phase: Phase) -> Lines:
    """Individual ratios of unequal denominators (Taylor's normalised individuals chart, I′ in qicharts2).

    Sigma of a point is the average of sqrt(pi / 2) |dy| / sqrt(1/n + 1/n_before), times sqrt(1/n).
    """
    drawn = ratios(phase)
    sizes = sizes_of_drawn(phase, drawn)
    centre = phase.baseline.centre
    basis = [i for i in phase.basis if drawn[i] is not None]
    if centre is None:
        total = fsum(known([sizes[i] for i in basis]))
        centre = fsum(known([phase.values[i] for i in basis])) / total if total else None
    ranges = _normalised_ranges(phase, drawn)
    average = average_range(ranges, screening=phase.baseline.screening, times=SCREEN_NORMALISED)
    sigma: Column = [
        None if average is None or not size or size < 0 else average * sqrt(1 / size) for size in sizes
    ]
    return around(drawn, centre, sigma)


def _centre_and_range(phase: Phase, drawn: Column) -> tuple[float | None, float | None]:
    basis = phase.of_basis(drawn)
    given = phase.baseline.centre
    average = average_range(moving_ranges(basis), screening=phase.baseline.screening)
    return mean(known(basis)) if given is None else given, average


def _normalised_ranges(phase: Phase, drawn: Column) -> list[float]:
    sizes = phase.sizes()
    ranges = []
    for before, here in pairwise(range(len(drawn)) if phase.baseline.ranges_of_all else phase.basis):
        a, b, n, m = drawn[before], drawn[here], sizes[before], sizes[here]
        if a is not None and b is not None and n and m:
            ranges.append(sqrt(pi / 2) * abs(b - a) / sqrt(1 / n + 1 / m))
    return ranges
