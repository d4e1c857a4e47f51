"""The parameters of a projection's question, as they are asked for over HTTP: which need a day, which need a bound."""

from datetime import date
from functools import cache
from typing import Any

import msgspec

from projections.engine.question import Question
from services.api.problems import Problem, kinds

TEXT_MAX = 1_000  # characters of a parameter that sets no bound of its own
TODAY = "on"  # the parameter of a question that has to know which day it is


def needs_today(question: Question[Any, Any]) -> bool:
    """Whether a question must be told a day to judge on."""
    return any(
        field.name == TODAY and field.required and field.type is date
        for field in msgspec.structs.fields(question.asks)
    )


def check_lengths(asks: msgspec.Struct) -> None:
    """Texts that set no bound of their own have ours. Raises Problem."""
    for name, value in msgspec.structs.asdict(asks).items():
        if isinstance(value, str) and len(value) > TEXT_MAX and name in unbounded_texts(type(asks)):
            raise Problem(kinds.WRONG_PARAMETER, f"A text has at most {TEXT_MAX} characters.", field=name)


@cache
def unbounded_texts(asks: type[msgspec.Struct]) -> frozenset[str]:
    """The parameters that are texts of any length, for all that their type says."""
    (_,), components = msgspec.json.schema_components([asks])
    (schema,) = [of for of in components.values() if of.get("title") == asks.__name__]
    return frozenset(
        name for name, of in schema["properties"].items() if any(map(_unbounded, alternatives(of)))
    )


def alternatives(schema: dict[str, Any]) -> list[dict[str, Any]]:
    """The schemas of which one must fit."""
    found: list[dict[str, Any]] = schema.get("anyOf", [schema])
    return found


def _unbounded(schema: dict[str, Any]) -> bool:
    return schema.get("type") == "string" and not schema.keys() & {"maxLength", "enum", "format"}
