"""Which projections there are: every one declared at the top of a file in `projections/`. Nothing lists them."""

import importlib.util
import pkgutil
from collections.abc import Iterator, Mapping
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
        for projection in _declared_in(module.name):
            if by_name.setdefault(projection.name, projection) is not projection:
                raise ValueError(f"two projections are called {projection.name}")
    return dict(sorted(by_name.items()))


def called(name: str) -> Projection[Any]:
    """The projection of this name. Where its file has that name too, the others are not read. Raises KeyError."""
    file = f"projections.{name}"
    if importlib.util.find_spec(file) is not None:
        for projection in _declared_in(file):
            if projection.name == name:
                return projection
    return found()[name]


def _declared_in(module: str) -> Iterator[Projection[Any]]:
    for thing in vars(importlib.import_module(module)).values():
        if isinstance(thing, Projection):
            yield thing
