"""The C chart: how many, where there is the same opportunity every time."""

from math import sqrt

from projections.charts.averages import known, mean
from projections.charts.limits.lines import Lines, Phase, around


def count(phase: Phase) -> Lines:
    """Counts about their mean; sigma sqrt(c); the lower limit not below 0. Denominators, if any, are not
    used.
    """
    drawn = list(phase.values)
    given = phase.baseline.centre
    centre = mean(known(phase.of_basis(drawn))) if given is None else given
    sigma = None if centre is None or centre < 0 else sqrt(centre)
    return around(drawn, centre, [sigma] * len(drawn), floor=0.0)
