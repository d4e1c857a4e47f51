"""Laney's correction for large denominators (Laney 2002): how much more the ratios vary than counting alone
explains.
"""

from projections.charts.averages import average_range, moving_ranges
from projections.charts.limits.individuals import D2
from projections.charts.limits.lines import Column, Phase


def beyond_counting(phase: Phase, drawn: Column, centre: float | None, sigma: Column) -> float | None:
    """Sigma z: the mean moving range of the standardised ratios / 1.128. 1 means counting explains it all.

    Laney lets it fall below 1, so that underdispersed series get narrower limits; qicharts2 and PowerBI-SPC
    do too. clinical-qikit holds it at 1 or above: `Baseline.laney_floor`.
    """
    if centre is None:
        return None
    z: Column = []
    for i in phase.basis:
        y, s = drawn[i], sigma[i]
        z.append(None if y is None or not s else (y - centre) / s)
    average = average_range(moving_ranges(z), screening=phase.baseline.screening)
    if average is None:
        return None
    found = average / D2
    return max(found, 1.0) if phase.baseline.laney_floor else found


def widened(sigma: Column, factor: float | None) -> Column:
    """Each sigma times the factor; no limits without one."""
    return [None if s is None or factor is None else s * factor for s in sigma]
