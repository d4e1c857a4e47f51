"""What the chart of a measure says: drawn from the answers of `measure_series`, by the rules of `charts`. Pure.

The chart is the one that its measure asks for; a run chart where nothing was said, which supposes nothing of the data.
`i`, the chart also called XmR, is read by Making Data Count. A chart that needs denominators and has none, or cannot be
drawn of these data, is drawn as a run chart too, and `instead_of` says so. What is counted in `%` is shown times 100
unless its definition says otherwise, so that it can stand beside its target.

People's decisions are obeyed and never made: a baseline freezes the limits (of each phase) at as many points as it
has, and leaves out what lies before it; new phases begin where somebody said, with their reason.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from datetime import date
from typing import TypeAlias, TypeVar

import msgspec

from events.fields import first_day
from events.measures import ChartKind
from projections.charts.baseline import Baseline, Rebase
from projections.charts.chart import draw
from projections.charts.chart_type import ChartType
from projections.charts.drawn import Chart
from projections.charts.judging import Judgement, judge
from projections.charts.series import Annotation, CannotDraw, CycleMark, Series, series_of, subgroups
from projections.measure_series import SeriesPart, ShownMeasure, ShownPart
from projections.moments import last_day

CHARTS: dict[ChartKind, ChartType] = {
    "run": ChartType.RUN,
    "i": ChartType.XMR,
    "mr": ChartType.MR,
    "i_prime": ChartType.I_PRIME,
    "xbar": ChartType.XBAR,
    "s": ChartType.S,
    "p": ChartType.P,
    "p_prime": ChartType.P_PRIME,
    "u": ChartType.U,
    "u_prime": ChartType.U_PRIME,
    "c": ChartType.C,
    "g": ChartType.G,
    "t": ChartType.T,
}
AnyPart: TypeAlias = ShownPart | SeriesPart
"""What is drawn, as it is answered or as the row that it is answered from: the fields are called alike."""

M = TypeVar("M")
P = TypeVar("P", bound=AnyPart)

OF_SUBGROUPS = (ChartType.XBAR, ChartType.S)
OF_RATIOS = (ChartType.P, ChartType.P_PRIME, ChartType.U, ChartType.U_PRIME, ChartType.I_PRIME)


class MeasureChart(msgspec.Struct, frozen=True, kw_only=True):
    """The chart of a measure; and, if it is not the one that was asked for, which that was and why it is not."""

    chart: Chart
    instead_of: ChartType | None = None
    because: str | None = None


def chart_of(
    measure: ShownMeasure,
    parts: Sequence[ShownPart],
    *,
    kind: ChartType | None = None,
    rules: str | None = None,
) -> MeasureChart:
    """Draws a measure. `parts` are all answers to the question `series`, in their order.

    `kind` is the chart that somebody wants to see instead of the measure's own: it is drawn, or refused. `rules` is
    the id of a rule set; by default the one for the chart. Raises CannotDraw for a rule set that does not exist, or
    that needs limits where only a run chart can be drawn.
    """
    points = _points(parts)
    asked = _asked(measure, kind)
    try:
        return MeasureChart(chart=_made(draw, measure, asked, points, parts, rules))
    except CannotDraw as cannot:
        if asked in (ChartType.RUN, kind):
            raise
        drawn = _made(draw, measure, ChartType.RUN, points, parts, rules)
        return MeasureChart(chart=drawn, instead_of=asked, because=cannot.problem)


def judgement_of(measure: ShownMeasure, parts: Sequence[AnyPart]) -> Judgement:
    """What the chart that `chart_of` draws of the same says, without a picture. Raises CannotDraw where that does."""
    points = _points(parts)
    asked = _asked(measure, None)
    try:
        return _made(judge, measure, asked, points, parts, None)
    except CannotDraw:
        if asked is ChartType.RUN:
            raise
        return _made(judge, measure, ChartType.RUN, points, parts, None)


def _points(parts: Sequence[P]) -> list[P]:
    """The points in the order of their periods, and of their subgroups in each: by number, where they are numbered."""
    points = [part for part in parts if part.sort == "point"]
    return sorted(points, key=_place) if any(point.subgroup for point in points) else points


def _place(point: AnyPart) -> tuple[date, str, bool, int, str]:
    subgroup = point.subgroup or ""
    numbered = subgroup.isascii() and subgroup.isdecimal()
    return point.at or date.min, point.period or "", not numbered, int(subgroup) if numbered else 0, subgroup


def _asked(measure: ShownMeasure, kind: ChartType | None) -> ChartType:
    return kind or (CHARTS[measure.chart] if measure.chart is not None else ChartType.RUN)


def _made(
    make: Callable[..., M],
    measure: ShownMeasure,
    kind: ChartType,
    points: Sequence[AnyPart],
    parts: Sequence[AnyPart],
    rules: str | None,
) -> M:
    """What `draw` or `judge` makes of a measure."""
    if kind in OF_RATIOS and not all(point.denominator for point in points):
        raise CannotDraw("Not every point has a denominator", "Tell a numerator and a denominator for each")
    multiply = measure.multiply or (100.0 if measure.unit == "%" and _are_shares(points) else 1.0)
    beside = len(parts) > len(points)  # most charts have points alone, of which nobody has to know the day
    starts = _starts(kind, points) if beside else []
    series = _plain(measure, kind, points, multiply)
    if beside:
        series = msgspec.structs.replace(
            series, annotations=_notes(parts, starts), cycles=_cycles(parts, starts)
        )
    return make(
        series,
        chart=kind,
        rules=rules,
        baseline=_decided(points if kind not in OF_SUBGROUPS else [], parts, starts),
        direction=measure.direction or "neutral",
        target=measure.target,
        multiply=multiply if kind in OF_RATIOS else 1.0,
    )


def _are_shares(points: Sequence[AnyPart]) -> bool:
    """Whether values are worked out here, from numerators and denominators; told values are in the unit already."""
    return any(point.denominator is not None for point in points)


def _plain(measure: ShownMeasure, kind: ChartType, points: Sequence[AnyPart], multiply: float) -> Series:
    title, unit = measure.name or measure.measure, measure.unit or ""
    if kind in OF_SUBGROUPS:
        values = [None if p.left_out is not None else _value(p, multiply) for p in points]
        grouped = subgroups([p.period for p in points], values)
        return msgspec.structs.replace(grouped, title=title, unit=unit)
    labels = [f"{p.period} {p.subgroup}" if p.subgroup else str(p.period) for p in points]
    if kind in OF_RATIOS:
        numerators = [p.numerator for p in points]
        return series_of(numerators, [p.denominator for p in points], labels=labels, title=title, unit=unit)
    return series_of([_value(p, multiply) for p in points], labels=labels, title=title, unit=unit)


def _value(point: AnyPart, multiply: float) -> float | None:
    """The value as told; or the numerator over the denominator, in the unit shown."""
    if point.value is not None or point.numerator is None or not point.denominator:
        return point.value
    return point.numerator / point.denominator * multiply


def _starts(kind: ChartType, points: Sequence[AnyPart]) -> list[date]:
    """The first day of each point drawn, in their order."""
    days = [first_day(point.period) for point in points if point.period]
    return list(dict.fromkeys(days)) if kind in OF_SUBGROUPS else days


def _notes(parts: Sequence[AnyPart], starts: list[date]) -> tuple[Annotation, ...]:
    """Notes stand at the point whose period they fall into, or the last one before them."""
    notes = (part for part in parts if part.sort == "note" and part.period)
    placed = ((bisect_right(starts, last_day(note.period or "")) - 1, note) for note in notes)
    return tuple(Annotation(max(at, 0), note.text or "") for at, note in placed if starts)


def _cycles(parts: Sequence[AnyPart], starts: list[date]) -> tuple[CycleMark, ...]:
    """Cycles stand at the first point from their day on, where their change could first be felt."""
    cycles = (part for part in parts if part.sort == "cycle" and part.at)
    placed = ((bisect_left(starts, cycle.at), cycle) for cycle in cycles if cycle.at)
    return tuple(
        CycleMark(at, cycle.name or "", cycle.text or "") for at, cycle in placed if at < len(starts)
    )


def _decided(points: Sequence[AnyPart], parts: Sequence[AnyPart], starts: list[date]) -> Baseline:
    """What people decided about the lines. A baseline holds for the phase it lies in, until the next one begins."""
    phases = ((bisect_left(starts, part.at), part) for part in parts if part.sort == "phase" and part.at)
    rebases = tuple(Rebase(at, part.text or "") for at, part in phases if 0 < at < len(starts))
    exclude = {at for at, point in enumerate(points) if point.left_out is not None}
    baseline = next((part for part in parts if part.sort == "baseline" and part.until), None)
    if baseline is None:
        return Baseline(rebases=rebases, exclude=frozenset(exclude))
    begins = bisect_left(starts, first_day(baseline.period)) if baseline.period else 0
    ends = bisect_right(starts, last_day(baseline.until or ""))
    lines_from = (begins, ends) if ends > begins else None
    return Baseline(rebases=rebases, exclude=frozenset(exclude), lines_from=lines_from)
