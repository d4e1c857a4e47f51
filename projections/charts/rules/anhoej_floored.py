"""The Anhøj rules as clinical-qikit 0.5.0 reads them: log2 n is rounded down, so long runs are called sooner.

Here so that its results can be matched. The paper, qicharts2 and our default (`anhoej-1`) round to the
nearest.
"""

from projections.charts.rules.anhoej import SOURCE, anhoej_rules

RULES = anhoej_rules(
    "anhoej-floored-1",
    "Anhøj rules, log2 rounded down",
    f"clinical-qikit 0.5.0, after {SOURCE}",
    floored=True,
)
