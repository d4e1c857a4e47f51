"""What no chart should be drawn of, said kindly: what is wrong, where, and what to do instead."""

from projections.charts.baseline import Baseline
from projections.charts.chart_type import ChartType
from projections.charts.series import LARGEST, CannotDraw, Series

_COUNTING = {ChartType.P, ChartType.P_PRIME, ChartType.U, ChartType.U_PRIME, ChartType.C, ChartType.G}
_PROPORTIONS = {ChartType.P, ChartType.P_PRIME}
_NEEDING_SIZES = _PROPORTIONS | {
    ChartType.U,
    ChartType.U_PRIME,
    ChartType.I_PRIME,
    ChartType.XBAR,
    ChartType.S,
}

_NEVER_BELOW_ZERO = _COUNTING | {ChartType.T, ChartType.MR, ChartType.S}

SMALLEST = 1e-100
"""A denominator closer to 0 than this makes a ratio that no number can hold."""


def refuse_misuse(series: Series, chart: ChartType) -> None:
    """Raise CannotDraw where the data do not fit the chart. Missing values are no misuse."""
    if chart in (ChartType.XBAR, ChartType.S) and series.denominators is None:
        raise CannotDraw(
            f"A chart of type {chart} needs subgroups",
            "Give the raw measurements, each with its subgroup's label",
        )
    if chart in _NEEDING_SIZES and series.denominators is None:
        raise CannotDraw(
            f"A chart of type {chart} needs denominators",
            "Give one for each point, or choose an XmR or a run chart",
        )
    if chart in (ChartType.XBAR, ChartType.S) and series.spreads is None:
        raise CannotDraw(
            f"A chart of type {chart} needs the standard deviation of each subgroup",
            "Give the raw measurements",
        )
    _refuse_sizes(series, chart)
    if chart in _COUNTING:
        _refuse_below_zero(series, chart)
    if chart in _PROPORTIONS:
        _refuse_more_than_all(series)
    if chart is ChartType.T:
        _refuse_no_time(series)
    for label, spread in zip(series.labels, series.spreads or (), strict=False):
        if spread is not None and spread < 0:
            raise CannotDraw(f"Point {label} has the standard deviation {spread}", "It cannot be below 0")


def refuse_given(baseline: Baseline, chart: ChartType) -> None:
    """Raise CannotDraw where a line that people gave cannot be one of this chart."""
    centre = baseline.centre
    for name in ("centre", "lower", "upper", "spread"):
        given = getattr(baseline, name)
        if given is not None and not abs(given) <= LARGEST:
            raise CannotDraw(f"The given {name} is {given}", "Give a number, in the units before multiplying")
    if centre is None:
        return
    if chart in _PROPORTIONS and not 0 <= centre <= 1:
        raise CannotDraw(
            f"The given centre line is {centre:g}, and a proportion lies between 0 and 1", "Give 0.45 for 45%"
        )
    if chart in _NEVER_BELOW_ZERO and centre < 0:
        raise CannotDraw(f"The given centre line is {centre:g}", f"A chart of type {chart} has none below 0")


def _refuse_sizes(series: Series, chart: ChartType) -> None:
    if chart in (ChartType.C, ChartType.G, ChartType.T):
        return  # they do not use denominators
    for label, value, size in zip(series.labels, series.values, series.denominators or (), strict=False):
        if size is not None and (size < 0 or 0 < size < SMALLEST):
            raise CannotDraw(f"Point {label} has the denominator {size:g}", "Give what it was counted out of")
        if size is not None and chart in (ChartType.XBAR, ChartType.S) and size != int(size):
            raise CannotDraw(
                f"Point {label} is of a subgroup of {size:g}",
                "Give how many measurements there were, a whole number",
            )
        if size == 0 and value:
            raise CannotDraw(
                f"Point {label} counts {value:g} out of 0",
                "Correct the denominator, or leave the point empty",
            )


def _refuse_below_zero(series: Series, chart: ChartType) -> None:
    for label, value in zip(series.labels, series.values, strict=True):
        if value is not None and value < 0:
            raise CannotDraw(
                f"Point {label} is {value:g}, and a chart of type {chart} counts",
                "Correct it, or choose an XmR chart",
            )


def _refuse_more_than_all(series: Series) -> None:
    for label, value, size in zip(series.labels, series.values, series.denominators or (), strict=False):
        if value is not None and size is not None and value > size:
            raise CannotDraw(
                f"Point {label} counts {value:g} out of {size:g}",
                "A proportion cannot pass 1: correct it, or choose a U chart for events per opportunity",
            )


def _refuse_no_time(series: Series) -> None:
    for label, value in zip(series.labels, series.values, strict=True):
        if value is not None and value <= 0:
            raise CannotDraw(
                f"Point {label} is {value:g}, and the time between two events is more than 0",
                "Record the time more finely, or choose a G or an XmR chart",
            )
