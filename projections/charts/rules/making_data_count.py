"""NHS England Making Data Count, as NHSRplotthedots 0.2.2 applies it
(github.com/nhs-r-community/NHSRplotthedots).

Outside the limits; 7 in a trend (6 strict moves, a tie breaks it); 2 of 3 beyond two thirds of the limit with
all three on that side of the mean, points outside the limit not counted; 7 on one side (a point on the mean
breaks it). A point that more than one rule flags takes the first one's label, in this order. A missing value
breaks every pattern.
"""

from projections.charts.rules.limits_only import beyond_limits
from projections.charts.rules.patterns import Span, outside, shifts, so_many_of, trends
from projections.charts.rules.rule import Rule, RuleSet, View, by_direction


def _trend(view: View) -> list[Span]:
    return trends(view.in_turn(), 7)


def _two_in_three(view: View) -> list[Span]:
    beyond_limits = {
        span.first for span in outside(view.lines.drawn, view.lines.lower, view.lines.upper, view.counted)
    }
    near = [
        (i, (sign > 0) - (sign < 0) if sign is not None and i in beyond_limits else sign)
        for i, sign in view.beyond(view.lines.lower_near, view.lines.upper_near)
    ]
    return so_many_of(near, 2, 3, same_side=True)


def _shift(view: View) -> list[Span]:
    return shifts(view.sides_in_turn(), 7)


RULES = RuleSet(
    id="making-data-count-1",
    name="NHS England Making Data Count",
    source="NHSRplotthedots 0.2.2; NHS England, Making Data Count",
    rules=(
        Rule("outside", by_direction("Above UCL", "Below LCL"), beyond_limits),
        Rule("trend-7", by_direction("7 Point Trend (Increasing)", "7 Point Trend (Decreasing)"), _trend),
        Rule("two-in-three", by_direction("2 in 3 Above CL", "2 in 3 Below CL"), _two_in_three),
        Rule("shift-7", by_direction("7 Points Above CL", "7 Points Below CL"), _shift),
    ),
)
