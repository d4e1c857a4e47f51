"""P and P′ charts: how many of how many."""

from math import sqrt

from projections.charts.limits.laney import beyond_counting, widened
from projections.charts.limits.lines import Column, Lines, Phase, around, pooled, ratios, sizes_of_drawn


def proportion(phase: Phase) -> Lines:
    """Proportions about sum x / sum n; sigma sqrt(p (1 - p) / n); clipped to 0..1."""
    drawn, centre, sigma = _binomial(phase)
    return around(drawn, centre, sigma, floor=0.0, ceiling=1.0)


def proportion_prime(phase: Phase) -> Lines:
    """The P chart with Laney's correction, for denominators so large that P limits flag almost all."""
    drawn, centre, sigma = _binomial(phase)
    corrected = widened(sigma, beyond_counting(phase, drawn, centre, sigma))
    return around(drawn, centre, corrected, floor=0.0, ceiling=1.0)


def _binomial(phase: Phase) -> tuple[Column, float | None, Column]:
    drawn = ratios(phase)
    sizes = sizes_of_drawn(phase, drawn)
    p = pooled(phase, drawn) if phase.baseline.centre is None else phase.baseline.centre
    sigma: Column = [None if p is None or not size else sqrt(max(p * (1 - p), 0.0) / size) for size in sizes]
    return drawn, p, sigma
