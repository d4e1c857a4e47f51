"""The four zone rules of the Western Electric Statistical Quality Control Handbook (1956)."""

from projections.charts.rules.limits_only import beyond_limits
from projections.charts.rules.nelson import four_of_five, two_of_three
from projections.charts.rules.patterns import Span, shifts
from projections.charts.rules.rule import Rule, RuleSet, View, by_direction


def _shift(view: View) -> list[Span]:
    return shifts(view.sides_in_turn(), 8)


RULES = RuleSet(
    id="western-electric-1",
    name="Western Electric zone rules",
    source="Western Electric, Statistical Quality Control Handbook, 1956",
    rules=(
        Rule("outside", by_direction("Above the upper limit", "Below the lower limit"), beyond_limits),
        Rule(
            "two-in-three",
            by_direction("2 of 3 beyond 2 sigma, above", "2 of 3 beyond 2 sigma, below"),
            two_of_three,
        ),
        Rule(
            "four-in-five",
            by_direction("4 of 5 beyond 1 sigma, above", "4 of 5 beyond 1 sigma, below"),
            four_of_five,
        ),
        Rule("shift-8", by_direction("8 or more above", "8 or more below"), _shift),
    ),
)
