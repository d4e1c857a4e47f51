"""Means, medians and moving ranges, to the last digit."""

from collections.abc import Sequence
from itertools import pairwise
from math import fsum, sqrt

SCREEN = 3.267
"""Moving ranges at or above this many times their mean are screened out (Nelson 1982; D4 of two points)."""


def mean(values: Sequence[float]) -> float | None:
    """The arithmetic mean, or None of nothing.

    A second pass takes back what the first division rounded away, so that the mean of equal values is that
    value and a point that lies on the mean is found to lie on it.
    """
    if not values:
        return None
    n = len(values)
    first = fsum(values) / n
    return first + fsum([value - first for value in values]) / n


def weighted_mean(values: Sequence[tuple[float, float]]) -> float | None:
    """The mean of (value, weight), or None where nothing weighs. Equal values have that value for their mean, too."""
    weight = fsum([w for _, w in values])
    if not weight:
        return None
    first = fsum([value * w for value, w in values]) / weight
    return first + fsum([(value - first) * w for value, w in values]) / weight


def median(values: Sequence[float]) -> float | None:
    """The middle value; the mean of the middle two when their number is even; None of nothing."""
    if not values:
        return None
    ordered = sorted(values)
    half, odd = divmod(len(ordered), 2)
    return ordered[half] if odd else (ordered[half - 1] + ordered[half]) / 2


def standard_deviation(values: Sequence[float]) -> float | None:
    """The sample standard deviation (divisor n - 1); None of fewer than two values."""
    centre = mean(values)
    if centre is None or len(values) < 2:
        return None
    return sqrt(fsum([(value - centre) ** 2 for value in values]) / (len(values) - 1))


def moving_ranges(values: Sequence[float | None]) -> list[float]:
    """How far each value lies from the one before it. A missing value breaks the chain: nothing spans the
    gap.
    """
    return [abs(b - a) for a, b in pairwise(values) if a is not None and b is not None]


def average_range(ranges: Sequence[float], *, screening: bool, times: float = SCREEN) -> float | None:
    """The mean of the moving ranges, screened once if asked.

    Screening drops ranges >= `times` their mean and averages again, once (Nelson 1982). None when no range is
    left: a constant series screens all of its ranges (0 is not below 0), and then there are no limits.
    """
    average = mean(ranges)
    if average is None or not screening:
        return average
    return mean([r for r in ranges if r < times * average])


def known(values: Sequence[float | None]) -> list[float]:
    """The values that are there."""
    return [value for value in values if value is not None]
