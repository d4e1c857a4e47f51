"""Which streams wait behind a record that could not be digested: noted in the transaction that writes their rows."""

from collections.abc import Collection, Mapping
from typing import Any

import msgspec
from psycopg import Connection

from projections.engine.builds import Build
from projections.engine.stream import Stream

_UNPARK = """
    DELETE FROM projections.parked
     WHERE organisation = %(organisation)s AND projection = %(projection)s AND build = %(build)s
       AND key = ANY (%(keys)s)
"""
_PARK = """
    INSERT INTO projections.parked AS known (organisation, projection, build, key, position, error, records)
    SELECT %(organisation)s, %(projection)s, %(build)s, key, position, error, records
      FROM jsonb_to_recordset(%(parked)s::jsonb) AS parked (key text, position bigint, error text, records bigint)
        ON CONFLICT (organisation, projection, build, key) DO UPDATE
       SET position = excluded.position, error = excluded.error, records = excluded.records,
           since = CASE known.position WHEN excluded.position THEN known.since ELSE excluded.since END
"""
PARKED_OF = """
    SELECT key
      FROM projections.parked
     WHERE organisation = %(organisation)s AND projection = %(projection)s AND build = %(build)s
       AND key = ANY (%(keys)s)
     ORDER BY key
"""
PARKED_KEYS = """
    SELECT key
      FROM projections.parked
     WHERE organisation = %(organisation)s AND projection = %(projection)s AND build = %(build)s AND key > %(after)s
     ORDER BY key
     LIMIT %(limit)s
"""


def park(
    conn: Connection[Any],
    organisation: str,
    build: Build,
    streams: Mapping[str, Stream],
    anew: Collection[str],
) -> None:
    """Puts on the list, and takes off it, the streams that were folded again."""
    if not anew:
        return
    asked: dict[str, Any] = {
        "organisation": organisation,
        "projection": build.projection,
        "build": build.build,
    }
    waiting = {name: parked for name in anew if (parked := streams[name].parked) is not None}
    conn.execute(_UNPARK, asked | {"keys": [name for name in anew if name not in waiting]})
    if waiting:
        listed = [{"key": name} | msgspec.structs.asdict(parked) for name, parked in waiting.items()]
        conn.execute(_PARK, asked | {"parked": msgspec.json.encode(listed).decode()})
