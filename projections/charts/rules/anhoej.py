"""The Anhøj rules: an unusually long run, or unusually few crossings (doi 10.1371/journal.pone.0113825).

With limits, also a point outside them, as in qicharts2 0.8.1. There is no trend rule, on purpose: it finds
next to nothing that these two do not. Moving ranges share their measurements, so an MR chart is only tested
against its limits.
"""

from functools import partial

from projections.charts.rules.limits_only import beyond_limits
from projections.charts.rules.patterns import Span, shifts
from projections.charts.rules.rule import Rule, RuleSet, View, by_direction
from projections.charts.rules.runs import longest_run_max, runs_about_centre


def long_run(view: View, *, floored: bool = False) -> list[Span]:
    """A run of more useful points on one side than chance explains."""
    useful = sum(1 for _, sign in view.sides_in_turn() if sign)
    if not useful:
        return []
    return shifts(
        view.sides_in_turn(), longest_run_max(useful, floored=floored) + 1, on_line="skipped", gap="skipped"
    )


def few_crossings(view: View) -> list[Span]:
    """Fewer crossings of the centre line than chance explains: a finding about the whole phase."""
    found = runs_about_centre(view.sides_in_turn())
    if found.n_crossings is None or found.n_crossings_min is None:
        return []
    few = found.n_crossings < found.n_crossings_min
    return [Span(tuple(i for i, sign in view.sides_in_turn() if sign), 0)] if few else []


def anhoej_rules(id: str, name: str, source: str, *, floored: bool = False) -> RuleSet:
    """The rule set; `floored` rounds log2 n down, so that long runs are called sooner."""
    words = by_direction("Unusually long run above", "Unusually long run below")
    few = by_direction("", "", "Unusually few crossings")
    return RuleSet(
        id=id,
        name=name,
        source=source,
        rules=(
            Rule("outside", by_direction("Above the upper limit", "Below the lower limit"), beyond_limits),
            Rule("long-run", words, partial(long_run, floored=floored)),
            Rule("few-crossings", few, few_crossings, flags_points=False),
        ),
        needs_limits=False,
        floored=floored,
    )


SOURCE = "Anhøj & Olesen 2014, doi 10.1371/journal.pone.0113825"
RULES = anhoej_rules("anhoej-1", "Anhøj rules", SOURCE)
