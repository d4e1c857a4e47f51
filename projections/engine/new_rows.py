"""Rows of streams that have none yet: turned into JSON some at a time, and written as they are.

What the engine keeps beside a row and the row itself go as two arrays side by side, so that each is turned into JSON
by one call, and the check that a row can be read back costs no further one.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from functools import lru_cache
from itertools import islice
from typing import Any

import msgspec
from psycopg import Connection, sql

from projections.engine.projection import THE_ROW, Part, Projection, Shape
from projections.engine.stream import Kept, Stream
from projections.engine.tables import Tables

ROWS_MAX = 1_000  # turned into JSON, checked and written together

_ADD = """
    INSERT INTO {rows} (organisation, {names})
    SELECT %(organisation)s, {values}
      FROM ROWS FROM ({sets}) AS written
"""

_encode = msgspec.json.Encoder().encode


class NewRows(msgspec.Struct, frozen=True, gc=False):
    """Some rows as they will be written, and how many they are."""

    states: bytes
    rows: bytes
    count: int


class _OfRow(msgspec.Struct, omit_defaults=True, gc=False):
    key: str
    folded_at: datetime | None = None
    folded_position: int | None = None
    part: Part | None = None
    parked: int = 0
    again: bool = False
    withheld: bool = False


class _OfLine(msgspec.Struct, omit_defaults=True, gc=False):
    key: str
    folded_at: datetime | None
    position: int
    parked: int = 0
    again: bool = False
    withheld: bool = False


class _Withheld(msgspec.Struct):
    """Every column is empty."""


_WITHHELD = _Withheld()


def new_rows(projection: Projection[Any], streams: Mapping[str, Stream]) -> list[NewRows] | None:
    """The rows of streams that have none yet, or None if one of them could not be read back."""
    rows, made = _all(projection.shape or "rows", streams), []
    while some := list(islice(rows, ROWS_MAX)):
        written = _written(projection, [row for _, row in some])
        if written is None:
            return None
        made.append(NewRows(_encode([state for state, _ in some]), written, len(some)))
    return made


def add(conn: Connection[Any], tables: Tables, organisation: str, rows: Iterable[NewRows]) -> None:
    """Writes them. The caller owns the transaction, and has said for which organisation."""
    statement = _adding(tables)
    for some in rows:
        asked = {"organisation": organisation, "states": some.states.decode(), "rows": some.rows.decode()}
        conn.execute(statement, asked)


@lru_cache(maxsize=1_000)
def _adding(tables: Tables) -> bytes:
    theirs = {column.name: column.type for column in tables.columns}
    ours = {name: kind for name, kind in tables.written.items() if name not in theirs}
    names = sql.SQL(", ").join(map(sql.Identifier, [*ours, *theirs]))
    arrays = {"states": ours, "rows": theirs}
    sets = [_recordset(array, columns) for array, columns in arrays.items() if columns]
    values = sql.SQL(", ").join(tables.values[name] for name in [*ours, *theirs])
    adding = sql.SQL(_ADD).format(rows=tables.rows, names=names, values=values, sets=sql.SQL(", ").join(sets))
    return adding.as_bytes()


def _recordset(array: str, columns: Mapping[str, str]) -> sql.Composed:
    typed = [sql.SQL("{} " + kind).format(sql.Identifier(name)) for name, kind in columns.items()]
    made_of = sql.SQL("json_to_recordset({}::json) AS ({})")
    return made_of.format(sql.Placeholder(array), sql.SQL(", ").join(typed))


def _written(projection: Projection[Any], rows: list[Any]) -> bytes | None:
    shown = [row for row in rows if row is not None]
    written = projection.written(shown)
    if written is None or len(shown) == len(rows):
        return written
    return _encode([_WITHHELD if row is None else row for row in rows])


def _all(shape: Shape, streams: Mapping[str, Stream]) -> Iterator[tuple[Any, Any]]:
    """What the engine keeps beside each row, and the row."""
    state_of = _STATES[shape]
    for name, stream in streams.items():
        parked, again = stream.parked.records if stream.parked else 0, stream.again
        for part, kept in stream.rows.items():
            yield state_of(name, part, kept, parked, again), kept.row
        if again if shape != "rows" else not stream.rows:
            yield _of_nobody(shape, name, parked, again), None


def _of_row(name: str, _: Part, kept: Kept, parked: int, again: bool) -> _OfRow:
    return _OfRow(name, kept.at, kept.position, None, parked, again, kept.row is None)


def _of_part(name: str, part: Part, kept: Kept, parked: int, again: bool) -> _OfRow:
    return _OfRow(name, kept.at, kept.position, part, parked, again, kept.row is None)


def _of_line(name: str, part: Part, kept: Kept, parked: int, again: bool) -> _OfLine:
    return _OfLine(name, kept.at, int(part), parked, again, kept.row is None)


_STATES: dict[Shape, Any] = {"rows": _of_row, "parts": _of_part, "lines": _of_line}


def _of_nobody(shape: Shape, name: str, parked: int, again: bool) -> Any:
    """What is known of the stream itself."""
    if shape == "lines":
        return _OfLine(name, None, 0, parked, again, withheld=True)
    return _OfRow(name, None, None, THE_ROW, parked, again, withheld=True)
