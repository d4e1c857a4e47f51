"""The run chart: a median, and no limits."""

from projections.charts.averages import known, median
from projections.charts.limits.lines import Lines, Phase, bare, ratios


def run(phase: Phase) -> Lines:
    """Values, or numerators over denominators, about their median (Perla, Provost & Murray 2011)."""
    drawn = ratios(phase)
    given = phase.baseline.centre
    return bare(drawn, median(known(phase.of_basis(drawn))) if given is None else given)
