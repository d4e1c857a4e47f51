"""What a value has to look like, in words for whoever sent another: patterns are for machines."""

import re
from ast import literal_eval
from collections.abc import Iterator
from difflib import get_close_matches
from functools import cache
from typing import Any

import msgspec
from msgspec import inspect as shapes

from events.vocabulary import vocabulary

_PATTERN = re.compile(r"Expected `str` matching regex (.*)", re.DOTALL)
_BOUND = re.compile(r"Expected `(int|float)` (<=|>=) (\S+)")
_UNKNOWN = re.compile(r"unknown field `([^`]*)`")
_STEP = re.compile(r"\.(\w+)|(\[[^\]]*\])")
_PLAIN = {
    "Invalid RFC3339 encoded date": "Expected a day, such as 2024-03-31",
    "Invalid RFC3339 encoded datetime": "Expected an instant, such as 2024-03-31T09:30:00Z",
}
_ID = r"[A-Za-z0-9][A-Za-z0-9._~-]{0,63}"


def in_words(complaint: str, kind: Any = None, place: str = "") -> str:
    """What msgspec complains of, for people: what a pattern stands for, which choices there are, which field may be
    meant. `kind` is the type that was expected, `place` where in it, such as `.team[2].role`.
    """
    if found := _PATTERN.fullmatch(complaint):
        said = _forms(kind).get(literal_eval(found[1]))
        return complaint if said is None else f"Expected {said[0].lower()}{said[1:].rstrip('.')}"
    if found := _BOUND.fullmatch(complaint):
        number = "a whole number" if found[1] == "int" else "a number"
        return f"Expected {number}, {found[3]} at {'most' if found[2] == '<=' else 'least'}"
    if kind is not None and complaint.startswith("Invalid enum value"):
        choices = _choices(_at(kind, place))
        return f"{complaint}; it may be {', '.join(choices)}" if choices else complaint
    if kind is not None and (found := _UNKNOWN.search(complaint)):
        near = get_close_matches(found[1], _fields(_at(kind, place)), n=1)
        return f"{complaint}; is `{near[0]}` meant?" if near else complaint
    return _PLAIN.get(complaint, complaint)


def _at(kind: Any, place: str) -> shapes.Type | None:
    """The type at a place within a type; None where there may be several."""
    shape: shapes.Type | None = _bare(shapes.type_info(kind))
    for name, index in _STEP.findall(place):
        match shape:
            case shapes.StructType(fields=fields) if not index:
                shape = next((_bare(field.type) for field in fields if field.encode_name == name), None)
            case shapes.VarTupleType(item_type=item) | shapes.ListType(item_type=item) if index:
                shape = _bare(item)
            case _:
                return None
    return shape


def _bare(shape: shapes.Type) -> shapes.Type | None:
    """The type without its bounds, and without None."""
    if isinstance(shape, shapes.Metadata):
        return _bare(shape.type)
    if isinstance(shape, shapes.UnionType):
        some = [one for one in shape.types if not isinstance(one, shapes.NoneType)]
        return _bare(some[0]) if len(some) == 1 else shape
    return shape


def _choices(shape: shapes.Type | None) -> list[str]:
    match shape:
        case shapes.LiteralType(values=values):
            return sorted(str(value) for value in values if value != "")
        case shapes.EnumType(cls=choices):
            return sorted(str(one.value) for one in choices)
        case shapes.UnionType(types=several):
            return sorted({choice for one in several for choice in _choices(_bare(one))})
    return []


def _fields(shape: shapes.Type | None) -> list[str]:
    return [field.encode_name for field in shape.fields] if isinstance(shape, shapes.StructType) else []


@cache
def _forms(kind: Any) -> dict[str, str]:
    """What each pattern stands for, of the types of events and of `kind`. Where several fields share one, what they
    have in common.
    """
    _, parts = msgspec.json.schema_components([*vocabulary().values(), *([] if kind is None else [kind])])
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
    if "(T[0-9]{2}" in pattern:
        return "A day, month, year or instant, such as 2022-05-20, 2022-05, 2022 or 2022-05-20T09:30:00Z."
    return "One line of text, without control characters."
