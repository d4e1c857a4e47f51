"""The MR chart: how far each value lies from the one before it."""

from itertools import pairwise

from projections.charts.averages import SCREEN, known, mean
from projections.charts.limits.lines import Column, Lines, Phase, ratios


def moving_range(phase: Phase) -> Lines:
    """Ranges about their mean; upper limit 3.267 x the mean, lower 0. The first point has no range.

    Ranges are taken of all points in turn; an excluded point's own range is left out of the mean (as in
    qicharts2).
    """
    values = ratios(phase)
    drawn: Column = [None] if values else []
    for before, here in pairwise(values):
        drawn.append(None if before is None or here is None else abs(here - before))
    given = phase.baseline.centre
    centre = mean(known(phase.of_basis(drawn))) if given is None else given
    n = len(drawn)
    none: Column = [None] * n
    if centre is None:
        return Lines(drawn, none, [0.0] * n, [0.0] * n, none, none, none)
    upper, near = SCREEN * centre, (SCREEN / 3) * 2 * centre
    return Lines(
        drawn, [centre] * n, [0.0] * n, [0.0] * n, [near] * n, [upper] * n, [(upper - centre) / 3] * n
    )
