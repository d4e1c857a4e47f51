"""Which projections there are: every one declared at the top of a file in `projections/`. Nothing lists them."""

import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache
from typing import Any

import projections
from projections.engine.projection import Projection


@cache
def found() -> Mapping[str, Projection[Any]]:
    """Every projection by its name, in the order of the names. Raises ValueError for a name used twice."""
    by_name: dict[str, Projection[Any]] = {}
    for module in pkgutil.iter_modules(projections.__path__, "projections."):
        if module.ispkg:
            continue
        for thing in vars(importlib.import_module(module.name)).values():
            if isinstance(thing, Projection) and by_name.setdefault(thing.name, thing) is not thing:
                raise ValueError(f"two projections are called {thing.name}")
    return dict(sorted(by_name.items()))
