"""Where long streams stood when they were last heard, kept in Postgres. The caller owns the transaction.

What is kept follows from the records up to its position, which never change, and from the folds, whose `revision`
changes with what they make: so it holds whoever reads it, and however far anybody has heard since. It is written by
whoever hears, with what was heard. It may be deleted at any time.
"""

import zlib
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import datetime
from functools import lru_cache
from typing import Any, TypeAlias

import msgspec
from psycopg import Connection

from projections.engine.projection import Part, Projection
from projections.engine.stream import Kept, Stream
from projections.notices.engine.recall import Stood

_KEEP = """
    INSERT INTO notices.remembered (organisation, projection, stream, revision, position, version, rows)
    VALUES (%(organisation)s, %(projection)s, %(stream)s, %(revision)s, %(position)s, %(version)s, %(rows)s)
        ON CONFLICT (organisation, projection, stream) DO UPDATE
       SET revision = excluded.revision, position = excluded.position, version = excluded.version, rows = excluded.rows
"""
_KEPT = """
    SELECT stream, position, version, rows
      FROM notices.remembered
     WHERE organisation = %(organisation)s AND projection = %(projection)s AND stream = ANY (%(streams)s)
       AND revision = %(revision)s
     ORDER BY stream
"""

_QUICK = 1  # of zlib: rows are alike, and shrink to a sixth

_encode = msgspec.msgpack.Encoder().encode
_Written: TypeAlias = list[tuple[Part, Any, datetime, int]]


def keep(
    conn: Connection[Any], organisation: str, standing: Iterable[tuple[Projection[Any], str, Stood]]
) -> None:
    """Keeps where streams stand, for the next time that they are heard of."""
    for projection, name, stood in standing:
        rows = written(projection, stood.stream)
        if rows is not None:
            asked = {"organisation": organisation, "stream": name, "rows": rows}
            at = {"position": stood.position, "version": stood.version}
            conn.execute(_KEEP, _of(projection) | asked | at)


def where_they_stood(
    conn: Connection[Any], organisation: str, projection: Projection[Any], streams: Sequence[str]
) -> dict[str, Stood]:
    """Where these streams stood, of those of which it was kept."""
    asked = _of(projection) | {"organisation": organisation, "streams": list(streams)}
    found: dict[str, Stood] = {}
    for name, position, version, rows in conn.execute(_KEPT, asked, binary=True):
        with suppress(msgspec.MsgspecError, zlib.error):  # else it is as if it had not been kept
            found[name] = Stood(position, version, read(projection, rows))
    return found


def written(projection: Projection[Any], stream: Stream) -> bytes | None:
    """The rows of a stream, None if they would not be read back as they are."""
    rows = [(part, kept.row, kept.at, kept.position) for part, kept in stream.rows.items()]
    try:
        encoded = _encode(rows)
        if _reader(projection)(encoded) != rows:
            return None
    except (msgspec.MsgspecError, OverflowError, TypeError, ValueError):
        return None
    return zlib.compress(encoded, _QUICK)


def read(projection: Projection[Any], rows: bytes) -> Stream:
    """A stream from what was written of its rows."""
    kept = _reader(projection)(zlib.decompress(rows))
    return Stream({part: Kept(row, at, position) for part, row, at, position in kept})


@lru_cache(maxsize=1_000)
def _reader(projection: Projection[Any]) -> Any:
    row: Any = projection.row
    return msgspec.msgpack.Decoder(list[tuple[Part, row | None, datetime, int]]).decode


def _of(projection: Projection[Any]) -> dict[str, Any]:
    return {"projection": projection.name, "revision": projection.revision}
