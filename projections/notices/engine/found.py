"""Which rules there are: every one declared at the top of a file in `projections/notices/`. Nothing lists them."""

import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache

from projections import notices
from projections.notices.engine.rule import Rule


@cache
def found_rules() -> Mapping[str, Rule]:
    """Every rule by its name, in the order of the names. Raises ValueError for a name used twice."""
    by_name: dict[str, Rule] = {}
    for module in pkgutil.iter_modules(notices.__path__, f"{notices.__name__}."):
        if module.ispkg:
            continue
        for thing in vars(importlib.import_module(module.name)).values():
            if isinstance(thing, Rule) and by_name.setdefault(thing.name, thing) is not thing:
                raise ValueError(f"two rules are called {thing.name}")
    return dict(sorted(by_name.items()))
