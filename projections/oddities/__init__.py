"""What is odd about what was told: one rule a function, in the file of its subject. `data_quality.py` shows it.

Nothing lists the rules: every `Rule` of a file in this room is found.
"""

import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache

from events.vocabulary import Event
from projections.oddities.rule import Rule


@cache
def rules() -> Mapping[str, Rule]:
    """Every rule by its id, in the order of files and of rules within them. Raises ValueError for an id used twice."""
    by_id: dict[str, Rule] = {}
    for module in pkgutil.iter_modules(__path__, f"{__name__}."):
        for thing in vars(importlib.import_module(module.name)).values():
            if isinstance(thing, Rule) and by_id.setdefault(thing.id, thing) is not thing:
                raise ValueError(f"two rules are called {thing.id}")
    return by_id


@cache
def rules_for(kind: type[Event]) -> tuple[Rule, ...]:
    """The rules that an event of this type may break."""
    return tuple(rule for rule in rules().values() if rule.concerns(kind))
