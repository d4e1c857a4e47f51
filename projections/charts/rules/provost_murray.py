"""The control chart rules for improvement work of Provost & Murray (The Health Care Data Guide, 2011).

A point outside; 8 in a row on one side (points on the centre line neither add nor break); 6 in a trend (ties
likewise); 2 of 3 in the outer third or beyond, on one side; 15 in a row in the inner third.
"""

from projections.charts.rules.limits_only import beyond_limits
from projections.charts.rules.patterns import Span, shifts, so_many_of, stretches_where, trends
from projections.charts.rules.rule import Rule, RuleSet, View, by_direction


def _trend(view: View) -> list[Span]:
    return trends(view.in_turn(), 6, ties="skipped")


def _outer_third(view: View) -> list[Span]:
    return so_many_of(view.beyond(view.lines.lower_near, view.lines.upper_near), 2, 3)


def _shift(view: View) -> list[Span]:
    return shifts(view.sides_in_turn(), 8, on_line="skipped")


def inner_third(view: View) -> list[Span]:
    """15 or more in a row within one sigma: too quiet, often a wrong sigma or two processes mixed."""
    beyond = view.beyond(view.at(-1), view.at(1))
    has_sigma = view.lines.sigma
    return stretches_where(
        ((i, sign is not None and abs(sign) < 2 and has_sigma[i] is not None) for i, sign in beyond), 15
    )


RULES = RuleSet(
    id="provost-murray-1",
    name="Provost & Murray, control charts",
    source="Provost & Murray 2011, The Health Care Data Guide, ISBN 978-0-470-90258-5",
    rules=(
        Rule("outside", by_direction("Above the upper limit", "Below the lower limit"), beyond_limits),
        Rule("trend-6", by_direction("Trend of 6 or more, up", "Trend of 6 or more, down"), _trend),
        Rule(
            "two-in-three",
            by_direction("2 of 3 near the upper limit", "2 of 3 near the lower limit"),
            _outer_third,
        ),
        Rule("shift-8", by_direction("Shift of 8 or more above", "Shift of 8 or more below"), _shift),
        Rule("inner-third-15", by_direction("", "", "15 or more in the inner third"), inner_third),
    ),
)
