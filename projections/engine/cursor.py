"""Cursors: where the last page ended, for the next to begin. Opaque to callers, and believed only after a check."""

import base64
from datetime import date, datetime
from typing import Annotated, Any, LiteralString, Optional

import msgspec

from projections.engine.columns import KEY_COLUMNS, STATE_COLUMNS, columns_of
from projections.engine.projection import Projection
from projections.engine.question import Question

CURSOR_MAX = 4_000  # characters

_PYTHON: dict[str, Any] = {
    "text": str,
    "bigint": Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)],
    "double precision": float,
    "boolean": bool,
    "date": date,
    "timestamptz": Annotated[datetime, msgspec.Meta(tz=True)],
}


class BadCursor(ValueError):
    """The cursor is not one that this question gave."""


class Ordering(msgspec.Struct, frozen=True):
    """One column of a question's order: its type in Postgres, and whether it descends. What is unknown comes last."""

    column: str
    type: str
    descends: bool
    known: bool  # the answer promises a value

    @property
    def beyond(self) -> LiteralString:
        """What a later value is to an earlier one."""
        return "<" if self.descends else ">"


def orderings(projection: Projection[Any], question: Question[Any, Any]) -> tuple[Ordering, ...]:
    """The order of a question, with the types of its columns. Raises TypeError for a column of unknown type."""
    assert projection.shape is not None
    types = {"organisation": "text", **KEY_COLUMNS[projection.shape], **STATE_COLUMNS}
    types |= {column.name: column.type for column in columns_of(projection.row)}
    answered = columns_of(question.answers, reserved=())
    types |= {column.name: column.type for column in answered}
    known = {column.name for column in answered if not column.nullable}
    unknown = [column for column, _ in question.ordered_by if column not in types or types[column] == "jsonb"]
    if unknown:
        raise TypeError(f"{question.name} cannot be ordered by {', '.join(unknown)}")
    return tuple(
        Ordering(column, types[column], descends, column in known) for column, descends in question.ordered_by
    )


def written(question: Question[Any, Any], values: list[Any]) -> str:
    """The cursor after a row with these values in the columns of the order."""
    line = msgspec.json.encode([question.name, list(question.order), *values])
    return base64.urlsafe_b64encode(line).decode().rstrip("=")


def read(question: Question[Any, Any], order: tuple[Ordering, ...], cursor: str) -> list[Any]:
    """The values in a cursor. Raises BadCursor for anything that this question did not give."""
    if len(cursor) > CURSOR_MAX:
        raise BadCursor("the cursor is too long")
    try:
        line = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        name, ordered_by, *values = msgspec.json.decode(line, type=list[Any])
        if name != question.name or ordered_by != list(question.order) or len(values) != len(order):
            raise BadCursor("the cursor belongs to another question")
        read_back = [
            msgspec.convert(value, Optional[_PYTHON[one.type]])  # noqa: UP045 - a type made at run time
            for value, one in zip(values, order, strict=True)
        ]
        if any(isinstance(value, str) and "\0" in value for value in read_back):
            raise BadCursor("the cursor is not one of ours")
    except BadCursor:
        raise
    except ValueError as error:  # of base64, of JSON, of types
        raise BadCursor("the cursor is not one of ours") from error
    return read_back
