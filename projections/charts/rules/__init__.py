"""The rule sets, one file each, found by their `RULES`. A rule set's id is stored with every signal and never
reused.
"""

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from projections.charts.rules.rule import RuleSet
from projections.charts.series import CannotDraw


@cache
def rule_sets() -> dict[str, RuleSet]:
    """Every rule set there is, by id."""
    modules = (import_module(f"{__name__}.{found.name}") for found in iter_modules(__path__))
    found = [module.RULES for module in modules if hasattr(module, "RULES")]
    return {rules.id: rules for rules in sorted(found, key=lambda rules: rules.id)}


def rule_set(name: str) -> RuleSet:
    """The rule set of that id. Raises CannotDraw, naming those there are."""
    try:
        return rule_sets()[name]
    except KeyError:
        raise CannotDraw(
            f"There is no rule set {name!r}", f"Choose one of {', '.join(rule_sets())}"
        ) from None
