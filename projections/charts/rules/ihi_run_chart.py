"""The run chart rules of the Institute for Healthcare Improvement (Perla, Provost & Murray 2011, doi
10.1136/bmjqs.2009.037895).

A shift is 6 or more useful points on one side: points on the median are skipped, neither adding nor breaking.
A trend is 5 or more points all going up or all going down (points, so four moves): a repeat of the same value
is skipped. Too few or too many runs are judged by the exact runs test (`runs.run_count_limits`). An
astronomical point is a human judgement: annotate it.
"""

from projections.charts.rules.patterns import Span, shifts, trends
from projections.charts.rules.rule import Rule, RuleSet, View, by_direction
from projections.charts.rules.runs import run_count_limits, runs_about_centre


def shift(view: View) -> list[Span]:
    """6 or more useful points on one side."""
    return shifts(view.sides_in_turn(), 6, on_line="skipped", gap="skipped")


def trend(view: View) -> list[Span]:
    """5 or more points, repeats aside, all going one way."""
    return trends(view.in_turn(), 5, ties="skipped", gap="skipped")


def _runs(view: View, *, few: bool) -> list[Span]:
    found = runs_about_centre(view.sides_in_turn())
    limits = run_count_limits(found.n_useful)
    if limits is None or not (found.n_runs < limits[0] if few else found.n_runs > limits[1]):
        return []
    return [Span(tuple(i for i, sign in view.sides_in_turn() if sign), 0)]


def _too_few(view: View) -> list[Span]:
    return _runs(view, few=True)


def _too_many(view: View) -> list[Span]:
    return _runs(view, few=False)


RULES = RuleSet(
    id="ihi-run-chart-1",
    name="IHI run chart rules",
    source="Perla, Provost & Murray 2011, doi 10.1136/bmjqs.2009.037895",
    rules=(
        Rule("shift-6", by_direction("Shift of 6 or more above", "Shift of 6 or more below"), shift),
        Rule("trend-5", by_direction("Trend of 5 or more, up", "Trend of 5 or more, down"), trend),
        Rule("too-few-runs", by_direction("", "", "Too few runs"), _too_few, flags_points=False),
        Rule("too-many-runs", by_direction("", "", "Too many runs"), _too_many, flags_points=False),
    ),
    needs_limits=False,
)
