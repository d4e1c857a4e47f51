"""Signals of a project's charts, as they stood before and with a record. Pure.

A signal is known again by its rule and its points: it is new if no point of it was part of a signal by the same rule,
and gone if no point of it is part of one any more.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from operator import itemgetter

from projections.charts.drawn import Signal
from projections.charts.judging import Judgement
from projections.charts.series import CannotDraw
from projections.engine.projection import Part
from projections.measure_charts import judgement_of
from projections.measure_series import SeriesPart, ShownMeasure, series
from projections.notices.engine.moment import Moment
from projections.notices.engine.recall import Rows

POINTS_MIN = 8  # a chart of fewer says nothing for sure


def window_of(measure: str, rule: str, first: str) -> str:
    """A signal by its measure, its rule and its first point."""
    return f"{measure}/{rule}/{first}"


def signals(said: Judgement | None) -> set[tuple[str, str]]:
    """Every rule with every point that is part of a signal by it."""
    if said is None:
        return set()
    labels = said.series.labels
    return {(signal.rule, labels[n]) for signal in said.signals for n in covered(signal)}


def covered(signal: Signal) -> range:
    """The points of a signal; one about a whole phase covers it."""
    return range(signal.first, signal.last + 1)


def new_signals(at: Moment, measure: str, changed: set[str]) -> list[Signal]:
    """Signals that a changed point is part of, and no point of which was part of a signal by the same rule.

    A new point moves the centre line, and with it what the old points say: that is nobody's news.
    """
    said = chart_now(at, measure)
    labels = () if said is None else said.series.labels
    found = [
        (signal, points)
        for signal in (said.signals if said is not None else ())
        if not changed.isdisjoint(points := {labels[n] for n in covered(signal)})
    ]
    if not found:
        return []
    known = signals(chart_before(at, measure))
    return [signal for signal, points in found if not any((signal.rule, label) in known for label in points)]


def gone(at: Moment) -> Iterator[tuple[str, list[str]]]:
    """Signals of which nothing is left: by their measure, with the windows under which they may have been told, or with
    which those begin.
    """
    for measure in changed_points(at):
        before = chart_before(at, measure)
        if before is None or not before.signals:
            continue
        left = signals(chart_now(at, measure))
        for signal in before.signals:
            labels = [before.series.labels[n] for n in covered(signal)]
            if not any((signal.rule, label) in left for label in labels):
                yield measure, [window_of(measure, signal.rule, label) for label in labels]


def changed_points(at: Moment) -> dict[str, set[str]]:
    """The measures of which a point is otherwise than before the record, with the labels of such points."""
    if not at.record.stream.startswith("project/"):
        return {}
    before, after = at.rows_before(series), at.rows(series)
    changed: dict[str, set[str]] = {}
    for part in _differing(before, after):
        for row in (before.get(part), after.get(part)):
            if row is not None and row.sort == "point" and row.measure is not None:
                labels = {f"{row.period}", f"{row.period} {row.subgroup}"}
                changed.setdefault(row.measure, set()).update(labels)
    return dict(sorted(changed.items()))


def _differing(before: Rows, after: Rows) -> list[Part]:
    """The parts that are not alike; most are the very same row."""
    gone = [part for part in before if part not in after]
    now = [part for part, row in after.items() if (was := before.get(part)) is not row and was != row]
    return gone + now


def chart_now(at: Moment, measure: str) -> Judgement | None:
    """What the chart of a measure says with the record."""
    return at.rows(series).derived(measure, lambda rows: chart(rows, measure))


def chart_before(at: Moment, measure: str) -> Judgement | None:
    """What the chart of a measure says without the record."""
    return at.rows_before(series).derived(measure, lambda rows: chart(rows, measure))


def chart(rows: Mapping[Part, SeriesPart], measure: str) -> Judgement | None:
    """What the chart of a measure says, as its page shows it; None if there is none, or too little on it."""
    parts = _parts(rows, measure)
    if sum([part.sort == "point" for part in parts]) < POINTS_MIN:
        return None
    try:
        return judgement_of(measure_shown(rows, measure), parts)
    except CannotDraw:
        return None


def _parts(rows: Mapping[Part, SeriesPart], measure: str) -> Sequence[SeriesPart]:
    """The rows that the question `series` would answer with, in its order."""
    mine = [
        (row.at or date.min, str(part), row)
        for part, row in rows.items()
        if row.measure == measure and row.sort != "measure" and (row.sort != "point" or row.told > 0)
    ]
    mine.sort(key=itemgetter(0, 1))
    return [row for _, _, row in mine]


def measure_shown(rows: Mapping[Part, SeriesPart], measure: str) -> ShownMeasure:
    row = rows.get(f"measure/{measure}") or SeriesPart(sort="measure", measure=measure)
    return ShownMeasure(
        measure=measure,
        name=row.name,
        kind=row.says.kind,
        definition=row.says.definition,
        unit=row.says.unit,
        multiply=row.says.multiply,
        chart=row.says.chart,
        interval=row.says.interval,
        direction=row.says.direction,
        target=row.says.target,
        revisions=row.says.revisions,
        retired=row.says.retired,
        points=0,
        last_period=None,
    )
