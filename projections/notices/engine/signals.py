"""Signals of a project's charts, as they stood before and with a record. Pure.

A signal is known again by its rule and its points: it is new if no point of it was part of a signal by the same rule,
and gone if no point of it is part of one any more.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from projections.charts.drawn import Chart, Signal
from projections.charts.series import CannotDraw
from projections.measure_charts import chart_of
from projections.measure_series import SeriesPart, ShownMeasure, ShownPart, series
from projections.notices.engine.moment import Moment

POINTS_MIN = 8  # a chart of fewer says nothing for sure


def window_of(measure: str, rule: str, first: str) -> str:
    """A signal by its measure, its rule and its first point."""
    return f"{measure}/{rule}/{first}"


def signals(drawn: Chart | None) -> set[tuple[str, str]]:
    """Every rule with every point that is part of a signal by it."""
    if drawn is None:
        return set()
    return {(signal.rule, drawn.points[n].label) for signal in drawn.signals for n in covered(signal)}


def covered(signal: Signal) -> range:
    """The points of a signal; one about a whole phase covers it."""
    return range(signal.first, signal.last + 1)


def new_signals(drawn: Chart, known: set[tuple[str, str]], changed: set[str]) -> list[Signal]:
    """Signals that a changed point is part of, and no point of which was part of a signal by the same rule.

    A new point moves the centre line, and with it what the old points say: that is nobody's news.
    """
    found = []
    for signal in drawn.signals:
        labels = {drawn.points[n].label for n in covered(signal)}
        if labels & changed and not any((signal.rule, label) in known for label in labels):
            found.append(signal)
    return found


def gone(at: Moment) -> Iterator[tuple[str, list[str]]]:
    """Signals of which nothing is left: by their measure, with the windows under which they may have been told."""
    if not at.record.stream.startswith("project/"):
        return
    for measure in changed_points(at):
        before = chart_before(at, measure)
        left = signals(chart_now(at, measure))
        for signal in before.signals if before is not None else ():
            labels = [before.points[n].label for n in covered(signal)] if before is not None else []
            if not any((signal.rule, label) in left for label in labels):
                yield measure, [window_of(measure, signal.rule, label) for label in labels]


def changed_points(at: Moment) -> dict[str, set[str]]:
    """The measures of which a point is otherwise than before the record, with the labels of such points."""
    before, after = at.rows_before(series), at.rows(series)
    changed: dict[str, set[str]] = {}
    for part in before.keys() | after.keys():
        if before.get(part) == after.get(part):
            continue
        for row in (before.get(part), after.get(part)):
            if row is not None and row.sort == "point" and row.measure is not None:
                labels = {f"{row.period}", f"{row.period} {row.subgroup}"}
                changed.setdefault(row.measure, set()).update(labels)
    return dict(sorted(changed.items()))


def chart_now(at: Moment, measure: str) -> Chart | None:
    """The chart of a measure with the record."""
    return at.derived(measure, at.rows(series), lambda rows: chart(rows, measure))


def chart_before(at: Moment, measure: str) -> Chart | None:
    """The chart of a measure without the record."""
    return at.derived(measure, at.rows_before(series), lambda rows: chart(rows, measure))


def chart(rows: Mapping[Any, SeriesPart], measure: str) -> Chart | None:
    """The chart of a measure as its page shows it; None if there is none to draw, or too little on it."""
    parts = _parts(rows, measure)
    if sum(part.sort == "point" for part in parts) < POINTS_MIN:
        return None
    try:
        return chart_of(_measure(rows, measure), parts).chart
    except CannotDraw:
        return None


def _parts(rows: Mapping[Any, SeriesPart], measure: str) -> Sequence[ShownPart]:
    """The answers that the question `series` would give, in its order."""
    mine = [
        (row.at or date.min, str(part), row)
        for part, row in rows.items()
        if (row.measure == measure and row.sort != "measure" and (row.sort != "point" or row.told > 0))
    ]
    mine.sort(key=lambda one: one[:2])
    return [_shown(part, row) for _, part, row in mine]


def _shown(part: str, row: SeriesPart) -> ShownPart:
    return ShownPart(
        sort=row.sort,
        part=part,
        period=row.period,
        at=row.at,
        subgroup=row.subgroup,
        value=row.value,
        numerator=row.numerator,
        denominator=row.denominator,
        n=row.n,
        told=row.told,
        left_out=row.left_out,
        name=row.name,
        text=row.text,
        until=row.until,
        rule_set=row.says.rule_set,
        rule=row.says.rule,
    )


def _measure(rows: Mapping[Any, SeriesPart], measure: str) -> ShownMeasure:
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
