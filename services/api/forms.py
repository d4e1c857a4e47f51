"""What a value has to look like, in words for whoever sent another: patterns are for machines."""

import re
from ast import literal_eval
from collections.abc import Iterator
from functools import cache
from typing import Any

import msgspec

from events.vocabulary import vocabulary

_PATTERN = re.compile(r"Expected `str` matching regex (.*)", re.DOTALL)
_PLAIN = {
    "Invalid RFC3339 encoded date": "Expected a day, such as 2024-03-31",
    "Invalid RFC3339 encoded datetime": "Expected an instant, such as 2024-03-31T09:30:00Z",
}
_ID = r"[A-Za-z0-9][A-Za-z0-9._~-]{0,63}"


def in_words(complaint: str, *kinds: Any) -> str:
    """What msgspec complains of, for people: instead of a pattern what it stands for, by the types of events and
    by `kinds`.
    """
    if found := _PATTERN.fullmatch(complaint):
        pattern = literal_eval(found[1])
        said = _forms(*kinds).get(pattern)
        return complaint if said is None else f"Expected {said[0].lower()}{said[1:].rstrip('.')}"
    return _PLAIN.get(complaint, complaint)


@cache
def _forms(*kinds: Any) -> dict[str, str]:
    """What each pattern stands for. Where several fields share one, what they have in common."""
    _, parts = msgspec.json.schema_components([*vocabulary().values(), *kinds])
    told: dict[str, set[str]] = {}
    for pattern, description in _described(parts):
        told.setdefault(pattern, set()).add(description)
    return {pattern: _common(pattern, several) for pattern, several in told.items()}


def _described(part: Any) -> Iterator[tuple[str, str]]:
    if isinstance(part, dict):
        if isinstance(part.get("pattern"), str) and isinstance(part.get("description"), str):
            yield part["pattern"], part["description"]
        for inner in part.values():
            yield from _described(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from _described(inner)


def _common(pattern: str, descriptions: set[str]) -> str:
    if len(descriptions) == 1:
        return next(iter(descriptions))
    if _ID in pattern:
        return "An id of 1 to 64 letters, digits and . _ ~ -, the first a letter or digit."
    if pattern.startswith("^[a-z]"):
        return "A name of small letters, digits and _, the first a letter, of 64 characters at most."
    if r"\d{4}" in pattern:
        return "A day, month, year or instant, such as 2022-05-20, 2022-05, 2022 or 2022-05-20T09:30:00Z."
    return "One line of text, without control characters."
