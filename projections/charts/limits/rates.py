"""U and U′ charts: how many per how much."""

from math import sqrt

from projections.charts.limits.laney import beyond_counting, widened
from projections.charts.limits.lines import Column, Lines, Phase, around, pooled, ratios, sizes_of_drawn


def rate(phase: Phase) -> Lines:
    """Rates about sum x / sum n; sigma sqrt(u / n); the lower limit not below 0."""
    drawn, centre, sigma = _poisson(phase)
    return around(drawn, centre, sigma, floor=0.0)


def rate_prime(phase: Phase) -> Lines:
    """The U chart with Laney's correction."""
    drawn, centre, sigma = _poisson(phase)
    return around(drawn, centre, widened(sigma, beyond_counting(phase, drawn, centre, sigma)), floor=0.0)


def _poisson(phase: Phase) -> tuple[Column, float | None, Column]:
    drawn = ratios(phase)
    sizes = sizes_of_drawn(phase, drawn)
    u = pooled(phase, drawn) if phase.baseline.centre is None else phase.baseline.centre
    sigma: Column = [None if u is None or u < 0 or not size else sqrt(u / size) for size in sizes]
    return drawn, u, sigma
