"""What can be read from the words and names in a published fact, and no more than can be read."""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from events.learning import Gathering, Honour

_GATHERINGS: tuple[tuple[str, Gathering], ...] = (
    ("learning set", "learning_set"),
    ("conference", "conference"),
    ("celebration", "celebration"),
    ("awards", "celebration"),
    ("minicourse", "workshop"),
    ("visit", "visit"),
    ("experience day", "visit"),
)
_HONOURS: tuple[tuple[str, Honour], ...] = (
    ("joint winner", "joint_winner"),
    ("runner-up", "runner_up"),
    ("highly commended", "highly_commended"),
    ("finalist", "finalist"),
    (" win ", "won"),
)
_BEFORE = re.compile(r"(?P<what>.+?)_?from(?:_(?P<unit>[a-z]+))?")
_UNITS = {"pct": "%", "weeks": "weeks", "days": "days", "hours": "hours"}
_RANGES = ("min", "max", "average", "year")


def gathering(title: str) -> Gathering | None:
    """What sort of gathering a title speaks of."""
    return next((kind for words, kind in _GATHERINGS if words in title.lower()), None)


def honour(text: str) -> Honour | None:
    """What a title and its note say came of an award."""
    return next((kind for words, kind in _HONOURS if words in f" {text.lower()} "), None)


class Change(msgspec.Struct, frozen=True):
    """A measure with one value before and one after."""

    what: str
    unit: str
    before: float
    after: float


def changes(figures: Mapping[str, Any]) -> list[Change]:
    """The measures that are given with a value before (`…_from…`) and after (`…_to…`), both of them single values."""
    found = []
    for name, before in figures.items():
        match = _BEFORE.fullmatch(name)
        if match is None or match["unit"] in _RANGES:
            continue
        after = figures.get(re.sub(r"(^|_)from(_|$)", r"\1to\2", name))
        if after is not None:
            what = match["what"].replace("_", " ")
            found.append(Change(what, _UNITS.get(match["unit"] or "", what), before, after))
    return found
