"""Shewhart's own criterion: a point outside three sigma, and nothing else."""

from projections.charts.rules.patterns import Span, outside
from projections.charts.rules.rule import Rule, RuleSet, View, by_direction


def beyond_limits(view: View) -> list[Span]:
    """Each tested point strictly outside its limits."""
    return outside(view.lines.drawn, view.lines.lower, view.lines.upper, view.tested)


RULES = RuleSet(
    id="limits-only-1",
    name="Limits only",
    source="Shewhart 1931, Economic Control of Quality of Manufactured Product",
    rules=(Rule("outside", by_direction("Above the upper limit", "Below the lower limit"), beyond_limits),),
)
