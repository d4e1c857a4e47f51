"""The eight rules of Nelson 1984 (doi 10.1080/00224065.1984.11978921): powerful, and quick to alarm when all
are used.
"""

from projections.charts.rules.limits_only import beyond_limits
from projections.charts.rules.patterns import (
    Span,
    alternations,
    shifts,
    so_many_of,
    stretches_where,
    trends,
)
from projections.charts.rules.provost_murray import inner_third
from projections.charts.rules.rule import Rule, RuleSet, View, by_direction


def _shift(view: View) -> list[Span]:
    return shifts(view.sides_in_turn(), 9)


def _trend(view: View) -> list[Span]:
    return trends(view.in_turn(), 6)


def _alternating(view: View) -> list[Span]:
    return alternations(view.in_turn(), 14)


def two_of_three(view: View) -> list[Span]:
    """2 of 3 beyond two sigma on one side."""
    return so_many_of(view.beyond(view.lines.lower_near, view.lines.upper_near), 2, 3)


def four_of_five(view: View) -> list[Span]:
    """4 of 5 beyond one sigma on one side."""
    return so_many_of(view.beyond(view.at(-1), view.at(1)), 4, 5)


def _none_within_one_sigma(view: View) -> list[Span]:
    beyond = view.beyond(view.at(-1), view.at(1))
    return stretches_where(((i, sign is not None and abs(sign) == 2) for i, sign in beyond), 8)


RULES = RuleSet(
    id="nelson-1",
    name="Nelson rules",
    source="Nelson 1984, doi 10.1080/00224065.1984.11978921",
    rules=(
        Rule("outside", by_direction("Above the upper limit", "Below the lower limit"), beyond_limits),
        Rule("shift-9", by_direction("9 or more above", "9 or more below"), _shift),
        Rule("trend-6", by_direction("6 or more rising", "6 or more falling"), _trend),
        Rule("alternating-14", by_direction("", "", "14 or more up and down in turn"), _alternating),
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
        Rule("inner-third-15", by_direction("", "", "15 or more within 1 sigma"), inner_third),
        Rule(
            "outer-8", by_direction("", "", "8 or more beyond 1 sigma, either side"), _none_within_one_sigma
        ),
    ),
)
