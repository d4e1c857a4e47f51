"""Reading the log for folding: pages in the order of positions, streams in the order of what happened.

Sync, for feeding; `events/log/read.py` has the pages that the API gives. What a projection passes over is left out by
the database: only what it folds, what puts right, and what nobody knows comes through.
"""

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Any

import msgspec
from psycopg import Connection, Cursor, sql

from events.log.read import FOR_ORGANISATION, record_of
from events.log.record import Record
from projections.engine.projection import Projection
from projections.engine.stream import Told

RECORDS_MAX = 2_000  # on a page; the door keeps a body below 64 KiB, so a page cannot be large
CHARACTERS_MEANT = 4_000_000  # of bodies on a page: with large bodies, pages have fewer records
POSITIONS_MAX = 20_000  # looked at for one page, whatever is found, and however the planner goes about it
LOOKED_AT = 1_000  # records spread over the log, to see how much of it matters
LITTLE = 0.15  # of a log: then its records are read by position, and what is between them is left alone
FEW = 500_000  # positions that may be held in memory

_RECORD = sql.SQL("""organisation, position, stream, version, source, id, type,
           occurred_at, precise_to, recorded_at, actor, body, leaf""")
_FOR_READING = FOR_ORGANISATION + ", set_config('timezone', 'UTC', true)"
_FOR_FOLDING = _FOR_READING + ", set_config('enable_seqscan', 'off', true)"
_HEAD = "SELECT position FROM log.heads WHERE organisation = %(organisation)s"

_PAGE = """
    SELECT {record}
      FROM log.records
     WHERE organisation = %(organisation)s AND position > %(after)s AND position <= %(until)s
       AND type <> ALL ({passed_over}) AND occurred_at <= %(occurred_until)s
     ORDER BY position
     LIMIT %(limit)s
"""
_REVISIONS = """
    SELECT {record}
      FROM log.records
     WHERE organisation = %(organisation)s AND stream = ANY (%(streams)s) AND position <= %(until)s
       AND type = ANY ({revisions}) AND occurred_at <= %(occurred_until)s
     ORDER BY position
"""
_STREAMS = """
    SELECT {record}
      FROM log.records
     WHERE organisation = %(organisation)s AND stream = ANY (%(streams)s) AND position <= %(until)s
       AND type <> ALL ({passed_over}) AND occurred_at <= %(occurred_until)s
     ORDER BY stream, occurred_at, position
"""
_PLACED = """
    SELECT {record}
      FROM log.records
     WHERE organisation = %(organisation)s AND position = ANY (%(positions)s) AND position <= %(until)s
       AND type <> ALL ({passed_over}) AND occurred_at <= %(occurred_until)s
     ORDER BY stream, occurred_at, position
"""
_TAIL = """
    SELECT {record}
      FROM log.records
     WHERE organisation = %(organisation)s AND stream = %(stream)s AND position <= %(until)s
       AND (occurred_at, position) > (%(at)s, %(after)s)
       AND type <> ALL ({passed_over}) AND occurred_at <= %(occurred_until)s
     ORDER BY occurred_at, position
     LIMIT %(limit)s
"""
_AT = """
    SELECT {record}
      FROM log.records
     WHERE organisation = %(organisation)s AND position = ANY (%(positions)s) AND stream = %(stream)s
       AND position <= %(until)s AND type <> ALL ({passed_over}) AND occurred_at <= %(occurred_until)s
     ORDER BY occurred_at, position
"""
_PLACES_AFTER = """
    SELECT occurred_at, position
      FROM log.records
     WHERE organisation = %(organisation)s AND stream = %(stream)s
       AND position > %(after)s AND position <= %(until)s
       AND type <> ALL ({passed_over}) AND occurred_at <= %(occurred_until)s
     ORDER BY position
"""
_PLACES = """
    SELECT r.stream, r.source, r.id, r.occurred_at, r.position
      FROM unnest(%(sources)s::text[], %(ids)s::text[]) AS named (source, id)
      JOIN log.records AS r USING (source, id)
     WHERE r.organisation = %(organisation)s AND r.position <= %(until)s
"""
_SIZES = """
    SELECT stream, count(*), sum(octet_length(body))::bigint, {positions}
      FROM log.records
     WHERE organisation = %(organisation)s AND position <= %(until)s
       AND type <> ALL ({passed_over}) AND occurred_at <= %(occurred_until)s
     GROUP BY stream
     ORDER BY stream COLLATE "C"
"""
_MATTERS = """
    SELECT count(*)
      FROM log.records
     WHERE organisation = %(organisation)s AND position = ANY (%(positions)s)
       AND type <> ALL ({passed_over}) AND occurred_at <= %(occurred_until)s
"""
_RECORDED_AT = """
    SELECT recorded_at
      FROM log.records
     WHERE organisation = %(organisation)s AND position = %(position)s
"""


class Page(msgspec.Struct, frozen=True):
    """Records, and the position up to which there are no others."""

    records: list[Record]
    position: int


class Size(msgspec.Struct, frozen=True):
    """How long a stream is: records that matter, and the characters of their bodies (in UTF-8).

    Where little of the log matters, also the positions of those records.
    """

    stream: str
    records: int
    bytes: int
    positions: list[int] | None = None


class Reader:
    """Reads an organisation's log for a projection, or for several at once, up to what happened by `occurred_until`."""

    def __init__(
        self, *projections: Projection[Any], organisation: str, occurred_until: datetime | None = None
    ) -> None:
        ways = [way for projection in projections for way in projection.ways.items()]
        passed_over = frozenset.intersection(*(projection.passed_over for projection in projections))
        parts: dict[str, sql.Composable] = {
            "record": _RECORD,
            "passed_over": _array(passed_over),
            "revisions": _array({tag for tag, way in ways if way.revision}),
        }
        self._page = sql.SQL(_PAGE).format(**parts).as_bytes()  # composed once, run often
        self._revisions = sql.SQL(_REVISIONS).format(**parts).as_bytes()
        self._streams = sql.SQL(_STREAMS).format(**parts).as_bytes()
        self._tail = sql.SQL(_TAIL).format(**parts).as_bytes()
        self._at = sql.SQL(_AT).format(**parts).as_bytes()
        self._places_after = sql.SQL(_PLACES_AFTER).format(**parts).as_bytes()
        self._placed = sql.SQL(_PLACED).format(**parts).as_bytes()
        self._matters = sql.SQL(_MATTERS).format(**parts).as_bytes()
        self._sizes, self._sizes_and_positions = (
            sql.SQL(_SIZES).format(positions=sql.SQL(positions), **parts).as_bytes()
            for positions in ("NULL", "array_agg(position)")
        )
        self._projections = projections
        self.organisation = organisation
        self.occurred_until = occurred_until
        self._asked: dict[str, Any] = {
            "organisation": organisation,
            "occurred_until": occurred_until or "infinity",
        }
        self._limit = RECORDS_MAX

    def alone(self, projection: Projection[Any]) -> "Reader":
        """The same, for one projection."""
        return Reader(projection, organisation=self.organisation, occurred_until=self.occurred_until)

    def page(self, conn: Connection[Any], *, after: int, until: int, limit: int) -> Page:
        """The next records after a position, in order."""
        until = min(until, after + POSITIONS_MAX)
        limit = min(limit, self._limit)
        asked = self._asked | {"after": after, "until": until, "limit": limit}
        records = [record_of(row) for row in conn.execute(self._page, asked, binary=True).fetchall()]
        characters = sum([len(record.body) for record in records])
        self._limit = max(10, min(RECORDS_MAX, CHARACTERS_MEANT * max(1, len(records)) // max(1, characters)))
        return Page(records, records[-1].position if len(records) == limit else until)

    def sizes(self, conn: Connection[Any], *, until: int) -> list[Size]:
        """The streams that any of the projections follows, in byte order."""
        statement = self._sizes_and_positions if self._little_matters(conn, until) else self._sizes
        asked = conn.execute(statement, self._asked | {"until": until}, binary=True)
        sizes = (Size(*row) for row in asked.fetchall())
        return [size for size in sizes if any(each.follows(size.stream) for each in self._projections)]

    def _little_matters(self, conn: Connection[Any], until: int) -> bool:
        """Whether the log is long, and most of it is passed over: judged by some of its records."""
        spread = list(range(1, until + 1, max(1, until // LOOKED_AT)))
        if len(spread) < LOOKED_AT:
            return False
        ((found,),) = conn.execute(self._matters, self._asked | {"positions": spread}).fetchall()
        share = found / len(spread)
        return bool(share < LITTLE and share * until < FEW)

    def revisions(self, conn: Connection[Any], streams: Collection[str], *, until: int) -> list[Record]:
        """Every record of these streams that puts another right."""
        asked = self._asked | {"streams": list(streams), "until": until}
        return [record_of(row) for row in conn.execute(self._revisions, asked, binary=True).fetchall()]

    def places(
        self, conn: Connection[Any], told: Collection[Told], *, until: int
    ) -> dict[Told, tuple[datetime, int]]:
        """Those of these records that the log has, each with its place in the business order."""
        if not told:
            return {}
        named = {"sources": [source for _, source, _ in told], "ids": [id_ for _, _, id_ in told]}
        found = conn.execute(_PLACES, self._asked | named | {"until": until}, binary=True)
        return {(stream, source, id_): (at, position) for stream, source, id_, at, position in found}

    def places_after(
        self, conn: Connection[Any], stream: str, *, after: int, until: int
    ) -> list[tuple[datetime, int]]:
        """The places of what has come of a stream since a position."""
        asked = self._asked | {"stream": stream, "after": after, "until": until}
        return conn.execute(self._places_after, asked, binary=True).fetchall()

    def tail(
        self, conn: Connection[Any], stream: str, *, after: tuple[datetime, int], until: int, limit: int
    ) -> list[Record]:
        """At most `limit` records of one stream after a place, in business order."""
        asked = self._asked | {"stream": stream, "at": after[0], "after": after[1]}
        asked |= {"until": until, "limit": limit}
        return [record_of(row) for row in conn.execute(self._tail, asked, binary=True)]

    def at(
        self, conn: Connection[Any], stream: str, positions: Collection[int], *, until: int
    ) -> list[Record]:
        """The records of one stream at these positions, in business order."""
        asked = self._asked | {"stream": stream, "positions": list(positions), "until": until}
        return [record_of(row) for row in conn.execute(self._at, asked, binary=True)]

    def streams(self, conn: Connection[Any], streams: Collection[str], *, until: int) -> Iterator[Record]:
        """All records of these streams, stream by stream, in business order; never all of them in memory."""
        asked = self._asked | {"streams": list(streams), "until": until}
        with conn.cursor("streams_in_business_order") as cursor:
            cursor.itersize = RECORDS_MAX
            cursor.execute(self._streams, asked, binary=True)
            while rows := cursor.fetchmany(RECORDS_MAX):
                yield from map(record_of, rows)

    def ask(
        self,
        conn: Connection[Any],
        streams: Collection[str],
        *,
        until: int,
        positions: Collection[int] | None = None,
    ) -> Cursor[Any]:
        """Asks for all records of these streams, stream by stream, in business order; for `told`.

        Where it is known at which positions they stand (`sizes`), they are found there.
        """
        if positions is None:
            asked = self._asked | {"streams": list(streams), "until": until}
            return conn.execute(self._streams, asked, binary=True)
        asked = self._asked | {"positions": list(positions), "until": until}
        return conn.execute(self._placed, asked, binary=True)

    @staticmethod
    def told(asked: Cursor[Any]) -> list[Record]:
        """What was asked for. Outside a pipeline, or when the pipeline has ended."""
        return [record_of(row) for row in asked.fetchall()]


def for_organisation(conn: Connection[Any], organisation: str) -> None:
    """Says, for the rest of the transaction, whose records and rows are seen; and that moments are in UTC."""
    conn.execute(_FOR_READING, (organisation,))


def for_folding(conn: Connection[Any], organisation: str) -> None:
    """As `for_organisation`, and that whatever is read is looked up: a few thousand streams are little of a long log.

    The planner cannot know how few of its records they have, and would read all of it once for each chunk of them.
    """
    conn.execute(_FOR_FOLDING, (organisation,))


def head(conn: Connection[Any], organisation: str) -> int:
    """How far the log has come; 0 where there is none."""
    row = conn.execute(_HEAD, {"organisation": organisation}).fetchone()
    return 0 if row is None else int(row[0])


def position_as_known(conn: Connection[Any], organisation: str, recorded_until: datetime) -> int:
    """The last position that had been kept by a moment. Recorded times never go back, so it is found by halving."""
    known, unknown = 0, head(conn, organisation) + 1
    while unknown - known > 1:
        middle = (known + unknown) // 2
        row = conn.execute(_RECORDED_AT, {"organisation": organisation, "position": middle}).fetchone()
        if row is not None and row[0] <= recorded_until:
            known = middle
        else:
            unknown = middle
    return known


def _array(types: Any) -> sql.Composable:
    """Names of types as a constant: the planner can hash it, which it could not do with a parameter."""
    return sql.SQL("{}::text[]").format(sql.Literal(sorted(types)))
