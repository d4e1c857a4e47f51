"""Late news of a stream, folded without going back to its first record.

A line depends on its own record and on what puts that right: only those lines are made anew. Where a stream makes rows,
it is folded from the last waypoint before whatever has come (`waypoints.py`). What does not fit in here (a stream that
waits or begins to wait, a row that cannot be read back, news from before every waypoint) is folded from the beginning.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from psycopg import Connection, sql

from events.log.record import Record
from projections.engine.batch import misfits
from projections.engine.builds import Build
from projections.engine.parking import PARKED_OF
from projections.engine.plain import Decoder
from projections.engine.projection import THE_ROW, Part, Projection
from projections.engine.reading import Reader
from projections.engine.rows import save
from projections.engine.stream import Amendments, Stream, amendments, fold_stream
from projections.engine.tables import Tables
from projections.engine.waypoints import Place, Waypoints

TAIL_MAX = 20_000  # records after a waypoint: more are folded from the beginning, in pages

_CLEAR_AFTER = """
    DELETE FROM {rows}
     WHERE organisation = %(organisation)s AND key = %(key)s AND (folded_at, folded_position) > (%(at)s, %(position)s)
    RETURNING {part}
"""
_CLEAR_LINES = """
    DELETE FROM {rows}
     WHERE organisation = %(organisation)s AND key = %(key)s AND position = ANY (%(positions)s)
"""


class Late:
    """Folds late news into one organisation's streams in one build."""

    def __init__(
        self, tables: Tables, build: Build, organisation: str, reader: Reader, waypoints: Waypoints
    ) -> None:
        self._projection: Projection[Any] = tables.projection
        self._tables = tables
        self._organisation = organisation
        self._reader = reader
        self._waypoints = waypoints
        self._of = {"organisation": organisation, "projection": build.projection, "build": build.build}

    def fold(self, conn: Connection[Any], again: Mapping[str, bool], *, since: int, until: int) -> set[str]:
        """Folds and writes those of these streams for which it can. Returns their names.

        `again` says of each whether its rows are marked to be folded again; `since` is the position that they reflect.
        The rows of the others may be left half done.
        """
        known = self._known_to(conn, again, since)
        if not known:
            return set()
        revisions = self._reader.revisions(conn, known, until=until)
        amended = amendments(self._projection, revisions)
        places = self._reader.places(conn, amended.put_right(), until=until)
        amended.expect(places)
        done = set()
        for name, to in known.items():
            new = self._reader.places_after(conn, name, after=to, until=until)
            news = [record for record in revisions if record.stream == name and record.position > to]
            named = amendments(self._projection, news).put_right()
            touched = [*new, *(places[told] for told in named if told in places)]
            fold = self._lines if self._tables.shape == "lines" else self._from_a_waypoint
            if 0 < len(touched) <= TAIL_MAX and fold(
                conn, name, touched, amended, again=again[name], until=until
            ):
                done.add(name)
        return done

    def _known_to(self, conn: Connection[Any], again: Mapping[str, bool], since: int) -> dict[str, int]:
        """Of the streams that do not wait: up to which position what is kept of them takes the log into account."""
        if self._tables.shape == "lines":
            known = dict.fromkeys(again, since) if since else {}  # at first, all of a stream is news
        else:
            known = self._waypoints.known_to(conn, again)
        if known:
            asked = self._of | {"keys": list(known)}
            for (parked,) in conn.execute(PARKED_OF, asked).fetchall():
                del known[parked]
        return known

    def _lines(
        self,
        conn: Connection[Any],
        name: str,
        touched: list[Place],
        amended: Amendments,
        *,
        again: bool,
        until: int,
    ) -> bool:
        """Makes anew the lines of what has come, and of what it puts right."""
        positions = [position for _, position in touched]
        records = self._reader.at(conn, name, positions, until=until)
        stream = fold_stream(self._projection, name, records, amended)
        if not self._fits(name, stream, again=again):
            return False
        asked = {"organisation": self._organisation, "key": name, "positions": positions}
        conn.execute(sql.SQL(_CLEAR_LINES).format(rows=self._tables.rows), asked)
        save(conn, self._tables, self._organisation, {name: stream})
        return True

    def _from_a_waypoint(
        self,
        conn: Connection[Any],
        name: str,
        touched: list[Place],
        amended: Amendments,
        *,
        again: bool,
        until: int,
    ) -> bool:
        """Folds a stream from the last waypoint before all that has come, and before all that it puts right."""
        waypoints = self._waypoints
        place = waypoints.last_before(conn, name, min(touched))
        if place is None:
            return False
        tail = self._reader.tail(conn, name, after=place, until=until, limit=TAIL_MAX + 1)
        parts = self._parts(tail, amended if name in amended.streams else None)
        if parts is None or len(tail) > TAIL_MAX:
            return False
        parts |= self._cleared(conn, name, place)
        stream = Stream(waypoints.rows(conn, name, place, parts))
        waypoints.forget_after(conn, name, place)
        noting = waypoints.noting(conn, name, tail, stream, until)
        fold_stream(self._projection, name, noting, amended, onto=stream)
        if not self._fits(name, stream, again=again):
            return False
        waypoints.know(conn, name, until)
        if stream.rows:  # else nothing came that is folded, and what there is stays
            save(conn, self._tables, self._organisation, {name: stream})
        return True

    def _cleared(self, conn: Connection[Any], name: str, place: Place) -> set[Part]:
        """Removes the rows that something after a place was folded into."""
        part = sql.SQL("part" if self._tables.shape == "parts" else "''")
        asked = {"organisation": self._organisation, "key": name, "at": place[0], "position": place[1]}
        clear = sql.SQL(_CLEAR_AFTER).format(rows=self._tables.rows, part=part)
        return {part for (part,) in conn.execute(clear, asked).fetchall()}

    def _parts(self, tail: Iterable[Record], amended: Amendments | None) -> set[Part] | None:
        """The rows that these records are folded into, None if one of them holds up its stream."""
        found: set[Part] = set()
        try:
            for event, record in Decoder([self._projection]).events(tail, amended):
                fold, part_of = self._projection.folds.get(type(event), (None, None))
                if fold is not None:
                    found.add(THE_ROW if part_of is None else part_of(event, record))
        except Exception:
            return None
        return found

    def _fits(self, name: str, stream: Stream, *, again: bool) -> bool:
        """Whether its other rows, which are not written, need not be marked otherwise than they are."""
        return (
            stream.parked is None and stream.again == again and not misfits(self._projection, {name: stream})
        )
