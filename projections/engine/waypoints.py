"""Waypoints: where a long stream stood after some of its records, kept while it is folded from its first one.

A late record, or one that puts right what happened lately, is then folded from the last waypoint before it. So the work
that news of a stream makes does not grow with the length of the stream (`late.py`).

A waypoint holds for the records that were known when it was made: up to `known_to`, a position of the log. Whoever uses
it looks first at what has come since.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, TypeAlias

import msgspec
from psycopg import Connection

from events.log.record import Record
from projections.engine.builds import Build
from projections.engine.projection import Part, Projection
from projections.engine.stream import Kept, Stream

EVERY = 1_000  # records of a stream between two waypoints: a shorter stream has none

Place: TypeAlias = tuple[datetime, int]  # in the business order of a stream: when, then the position

_KNOWN = """
    SELECT key, known_to
      FROM projections.long_streams
     WHERE organisation = %(organisation)s AND projection = %(projection)s AND build = %(build)s
       AND key = ANY (%(keys)s)
     ORDER BY key
"""
_KNOW = """
    INSERT INTO projections.long_streams (organisation, projection, build, key, known_to)
    VALUES (%(organisation)s, %(projection)s, %(build)s, %(key)s, %(known_to)s)
        ON CONFLICT (organisation, projection, build, key) DO UPDATE SET known_to = excluded.known_to
"""
_FORGET = """
    WITH long AS (
        DELETE FROM projections.long_streams
         WHERE organisation = %(organisation)s AND projection = %(projection)s AND build = %(build)s
           AND key = ANY (%(keys)s)
        RETURNING key)
    DELETE FROM projections.waypoints AS w
     USING long
     WHERE w.organisation = %(organisation)s AND w.projection = %(projection)s AND w.build = %(build)s
       AND w.key = long.key
"""
_FORGET_AFTER = """
    DELETE FROM projections.waypoints
     WHERE organisation = %(organisation)s AND projection = %(projection)s AND build = %(build)s AND key = %(key)s
       AND (at, position) > (%(at)s, %(position)s)
"""
_LAST_BEFORE = """
    SELECT at, position
      FROM projections.waypoints
     WHERE organisation = %(organisation)s AND projection = %(projection)s AND build = %(build)s AND key = %(key)s
       AND (at, position) < (%(at)s, %(position)s)
     ORDER BY at DESC, position DESC
     LIMIT 1
"""
_ROWS = """
    SELECT DISTINCT ON (part) part, row, folded_at, folded_position
      FROM projections.waypoints
     WHERE organisation = %(organisation)s AND projection = %(projection)s AND build = %(build)s AND key = %(key)s
       AND part = ANY (%(parts)s) AND (at, position) <= (%(at)s, %(position)s)
     ORDER BY part, at DESC, position DESC
"""
_NOTE = """
    INSERT INTO projections.waypoints
           (organisation, projection, build, key, part, at, position, row, folded_at, folded_position)
    SELECT %(organisation)s, %(projection)s, %(build)s, %(key)s, part, %(at)s, %(position)s,
           row, folded_at, folded_position
      FROM json_to_recordset(%(rows)s::json)
           AS noted (part text, row text, folded_at timestamptz, folded_position bigint)
"""

_encode = msgspec.json.Encoder().encode


class Waypoints:
    """The waypoints of one organisation's streams in one build. The caller owns the transactions."""

    def __init__(self, projection: Projection[Any], build: Build, organisation: str) -> None:
        self._projection = projection
        self._of: dict[str, Any] = {
            "organisation": organisation,
            "projection": build.projection,
            "build": build.build,
        }

    def known_to(self, conn: Connection[Any], names: Iterable[str]) -> dict[str, int]:
        """Which of these streams have waypoints, and up to which position these know the log."""
        return dict(conn.execute(_KNOWN, self._of | {"keys": list(names)}).fetchall())

    def know(self, conn: Connection[Any], name: str, until: int) -> None:
        """Every record up to a position has been taken into account."""
        conn.execute(_KNOW, self._of | {"key": name, "known_to": until})

    def last_before(self, conn: Connection[Any], name: str, place: Place) -> Place | None:
        """The last waypoint before a place."""
        asked = self._of | {"key": name, "at": place[0], "position": place[1]}
        return conn.execute(_LAST_BEFORE, asked, binary=True).fetchone()

    def rows(self, conn: Connection[Any], name: str, place: Place, parts: Iterable[Part]) -> dict[Part, Kept]:
        """These rows of a stream as they stood at a waypoint; those that were not there yet are left out."""
        asked = self._of | {"key": name, "at": place[0], "position": place[1], "parts": list(parts)}
        read = self._projection.read
        return {
            part: Kept(None if row is None else read(row.encode()), at, position)
            for part, row, at, position in conn.execute(_ROWS, asked, binary=True)
        }

    def forget(self, conn: Connection[Any], names: Iterable[str]) -> None:
        """These streams have none."""
        conn.execute(_FORGET, self._of | {"keys": list(names)})

    def forget_after(self, conn: Connection[Any], name: str, place: Place) -> None:
        """What comes after a place will be noted anew."""
        conn.execute(_FORGET_AFTER, self._of | {"key": name, "at": place[0], "position": place[1]})

    def noting(
        self, conn: Connection[Any], name: str, records: Iterable[Record], stream: Stream, until: int
    ) -> Iterator[Record]:
        """The same records, for one who folds each into `stream` before the next. Notes waypoints meanwhile."""
        changed: set[Part] = set()
        noted = False
        for number, record in enumerate(records, 1):
            yield record
            changed.add(stream.last)
            if number % EVERY == 0 and self._note(conn, name, record, stream, changed):
                changed.clear()
                noted = True
        if noted:
            self.know(conn, name, until)

    def _note(
        self, conn: Connection[Any], name: str, record: Record, stream: Stream, changed: set[Part]
    ) -> bool:
        """Keeps the rows that changed. False if one could not be read back: the next waypoint has them all."""
        kept = {part: stream.rows[part] for part in changed if part in stream.rows}
        shown = [one.row for one in kept.values() if one.row is not None]
        if self._projection.written(shown) is None:
            return False
        rows = [
            {
                "part": part,
                "row": None if one.row is None else _encode(one.row).decode(),
                "folded_at": one.at,
                "folded_position": one.position,
            }
            for part, one in kept.items()
        ]
        asked = self._of | {"key": name, "at": record.occurred_at, "position": record.position}
        conn.execute(_NOTE, asked | {"rows": _encode(rows).decode()})
        return True
