"""The Anhøj rules as clinical-qikit 0.5.0 reads them: log2 n is rounded down, so long runs are called sooner.

Here so that its results can be matched. The paper, qicharts2 and our default (`anhoej-1`) round to the
nearest.
"""

from projections.charts.rules.anhoej import few_crossings, long_run
from projections.charts.rules.limits_only import beyond_limits
from projections.charts.rules.patterns import Span
from projections.charts.rules.rule import Rule, RuleSet, View, by_direction


def _long_run(view: View) -> list[Span]:
    return long_run(view, floored=True)


RULES = RuleSet(
    id="anhoej-floored-1",
    name="Anhøj rules, log2 rounded down",
    source="clinical-qikit 0.5.0, after Anhøj & Olesen 2014, doi 10.1371/journal.pone.0113825",
    rules=(
        Rule("outside", by_direction("Above the upper limit", "Below the lower limit"), beyond_limits),
        Rule("long-run", by_direction("Unusually long run above", "Unusually long run below"), _long_run),
        Rule(
            "few-crossings",
            by_direction("", "", "Unusually few crossings"),
            few_crossings,
            flags_points=False,
        ),
    ),
    needs_limits=False,
)
