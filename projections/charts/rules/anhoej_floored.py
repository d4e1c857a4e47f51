"""The Anhøj rules as clinical-qikit 0.5.0 reads them: log2 n is rounded down, so long runs are called sooner.

Here so that its results can be matched. The paper, qicharts2 and our default (`anhoej-1`) round to the
nearest.
"""

from projections.charts.rules.anhoej import SOURCE, anhoej_rules, long_run
from projections.charts.rules.patterns import Span
from projections.charts.rules.rule import View


def _long_run(view: View) -> list[Span]:
    return long_run(view, floored=True)


RULES = anhoej_rules(
    "anhoej-floored-1",
    "Anhøj rules, log2 rounded down",
    f"clinical-qikit 0.5.0, after {SOURCE}",
    long_run=_long_run,
)
