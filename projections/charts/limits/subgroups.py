"""Xbar and S charts: the means and the standard deviations of subgroups."""

from collections.abc import Sequence
from functools import lru_cache
from math import exp, fsum, lgamma, sqrt

from projections.charts.averages import known, mean, weighted_mean
from projections.charts.limits.lines import Column, Lines, Phase, around
from projections.charts.series import CannotDraw


def subgroup_mean(phase: Phase) -> Lines:
    """Means about their weighted mean; limits A3 x the average standard deviation, A3 = 3 / (c4 sqrt n).

    A subgroup of one has no limits. Montgomery, Introduction to SQC, 6.29 to 6.31.
    """
    sizes, drawn = phase.sizes(), list(phase.values)
    spread = average_spread(phase)
    centre = phase.baseline.centre
    if centre is None:
        basis = [
            (m, n)
            for m, n in zip(phase.of_basis(drawn), phase.of_basis(sizes), strict=True)
            if m is not None and n
        ]
        centre = weighted_mean(basis)
    sigma: Column = [
        None if spread is None or not _several(n) else spread / (c4(n) * sqrt(n)) for n in map(_size, sizes)
    ]
    return around(drawn, centre, sigma)


def subgroup_spread(phase: Phase) -> Lines:
    """Standard deviations about their average s; limits B3 s and B4 s, with B = max(0, 1 -/+ 3 c5 / c4)."""
    sizes, drawn = phase.sizes(), list(_spreads(phase))
    given = phase.baseline.centre
    centre = average_spread(phase) if given is None else given
    sigma: Column = [
        None if centre is None or not _several(n) else centre * sqrt(1 - c4(n) ** 2) / c4(n)
        for n in map(_size, sizes)
    ]
    return around(drawn, centre, sigma, floor=0.0)


def average_spread(phase: Phase) -> float | None:
    """The mean of the standard deviations where all subgroups have one size, else the pooled one."""
    if phase.baseline.spread is not None:
        return phase.baseline.spread
    sizes, spreads = phase.sizes(), _spreads(phase)
    basis = [
        (s, n)
        for s, n in zip(phase.of_basis(spreads), phase.of_basis(sizes), strict=True)
        if s is not None and n
    ]
    if len(set(known(sizes))) <= 1:
        return mean([s for s, _ in basis])
    freedom = fsum([n - 1 for _, n in basis])
    return sqrt(fsum([(n - 1) * s * s for s, n in basis]) / freedom) if freedom > 0 else None


@lru_cache(maxsize=4096)
def c4(n: float) -> float:
    """The mean standard deviation of n normal values, in terms of the true one. Needs n > 1."""
    return sqrt(2 / (n - 1)) * exp(lgamma(n / 2) - lgamma((n - 1) / 2))


def _spreads(phase: Phase) -> Sequence[float | None]:
    if phase.spreads is None:
        raise CannotDraw(
            "This chart needs the standard deviation of each subgroup",
            "Give the measurements of each subgroup",
        )
    return phase.spreads


def _size(n: float | None) -> float:
    return n or 0.0


def _several(n: float) -> bool:
    return n > 1
