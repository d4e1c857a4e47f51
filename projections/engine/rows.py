"""Rows in and out of the tables of a build. The caller owns the transaction, and has said for which organisation."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from itertools import islice
from typing import Any

import msgspec
from psycopg import Connection

from projections.engine.projection import THE_ROW, Part
from projections.engine.stream import Kept, Stream
from projections.engine.tables import Tables

ROWS_MAX = 5_000  # written by one statement
SHORT = 50  # rows of a stream that are read together: to ask for one of them costs about as much

_encode = msgspec.json.Encoder().encode


def load(
    conn: Connection[Any], tables: Tables, organisation: str, names: Collection[str]
) -> dict[str, Stream]:
    """What is kept of these streams: all of them are in the answer. Of lines, only whether the stream is plain.

    Of a stream with many rows, some: it is `partial`, and `load_parts` has the others.
    """
    streams = {name: Stream() for name in names}
    if not names:
        return streams
    asked = {"organisation": organisation, "keys": list(names), "short": SHORT}
    for name, rows in _read(conn, tables, tables.load, asked, streams).items():
        streams[name].partial = tables.shape == "parts" and rows >= SHORT
    return streams


def load_parts(
    conn: Connection[Any],
    tables: Tables,
    organisation: str,
    parts: Collection[tuple[str, Part]],
    streams: Mapping[str, Stream],
) -> None:
    """Adds what is kept of these parts of streams."""
    if parts:
        keys, names = zip(*parts, strict=True)
        asked = {"organisation": organisation, "keys": list(keys), "parts": list(names)}
        _read(conn, tables, tables.load_parts, asked, streams)


def _read(
    conn: Connection[Any],
    tables: Tables,
    statement: bytes,
    asked: dict[str, Any],
    streams: Mapping[str, Stream],
) -> Counter[str]:
    """Puts what is found into the streams. Returns how many rows were found of each."""
    row_of, read = reader(tables), Counter[str]()
    for name, part, at, position, again, withheld, *values in conn.execute(statement, asked, binary=True):
        stream = streams[name]
        stream.again = stream.again or again
        if at is not None:
            stream.rows[part] = Kept(None if withheld else row_of(values), at, position, saved=True)
        read[name] += 1
    return read


def save(
    conn: Connection[Any],
    tables: Tables,
    organisation: str,
    streams: Mapping[str, Stream],
    *,
    anew: bool = False,
    new: bool = False,
) -> int:
    """Writes what is not saved of these streams. Returns how many bytes were written.

    `anew`: they have been folded again, and lose their old rows. `new`: they have none. In a pipeline of the caller's,
    where one slice is made while the one before is written, an error may show only at its end.
    """
    if anew and tables.shape != "rows":
        conn.execute(tables.clear, {"organisation": organisation, "keys": list(streams)})
        new = True
    statement, size = tables.add if new else tables.save, 0
    unsaved = (row for name, stream in streams.items() for row in _unsaved(tables, name, stream))
    while written := list(islice(unsaved, ROWS_MAX)):
        encoded = b"[" + b",".join(written) + b"]"
        size += len(encoded)
        conn.execute(statement, {"organisation": organisation, "rows": encoded.decode()})
    return size


def reader(tables: Tables) -> Any:
    """Turns the values of a row's columns, as Postgres gives them, into the row."""
    row = tables.projection.row
    names = [column.name for column in tables.columns]
    converted = [(n, column.convert) for n, column in enumerate(tables.columns) if column.convert is not None]

    def row_of(values: list[Any]) -> Any:
        for n, convert in converted:
            if values[n] is not None:
                values[n] = convert(values[n])
        return row(**dict(zip(names, values, strict=True)))

    return row_of


def _unsaved(tables: Tables, name: str, stream: Stream) -> Iterator[bytes]:
    """The rows to write of a stream, as JSON. A stream that is not plain says so even if it has no row."""
    shape, parked = tables.shape, stream.parked.records if stream.parked else 0
    for part, kept in stream.rows.items():
        if kept.saved:
            continue
        columns: dict[str, Any] = {
            "key": name,
            "folded_at": kept.at,
            "parked": parked,
            "again": stream.again,
            "withheld": kept.row is None,
        }
        if shape == "lines":
            columns["position"] = part
        else:
            columns["folded_position"] = kept.position
            columns["part"] = part
        ours = _encode(columns)
        yield ours if kept.row is None else _joined(ours, _encode(kept.row))
    if (shape == "rows" and not stream.rows) or (shape != "rows" and stream.again):
        nobody = {"key": name, "part": THE_ROW, "position": 0}
        flags = {"parked": parked, "again": stream.again, "withheld": True}
        yield _encode(nobody | flags)


def _joined(ours: bytes, theirs: bytes) -> bytes:
    """One JSON object with the members of two."""
    return ours if theirs == b"{}" else ours[:-1] + b"," + theirs[1:]
