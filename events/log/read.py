"""Reading the log: keyset pages in the order of positions. No position is ever skipped, so a page is the truth.

The SQL serves both colours: the API runs it through the async functions here, the engine in its own loops. Every
reader first says for which organisation it reads (`FOR_ORGANISATION`); else row-level security shows nothing.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, LiteralString

import msgspec
import psycopg

from events.log.outcomes import UnknownOrganisation
from events.log.record import Record

SCANNED_MAX = 20_000  # positions that one filtered page looks at before it answers with what it has
PAGE_BYTES_MAX = 8 * 1024 * 1024  # of bodies in a page, and one record more
FEW = 128  # records, which are no more bytes than that, however large each is

FOR_ORGANISATION = "SELECT set_config('qiledger.organisation', %s, true)"

HEAD = """
    SELECT position, nullif(recorded_at, '-infinity') AS recorded_at
      FROM log.heads
     WHERE organisation = %(organisation)s
"""

PAGE = """
    SELECT organisation, position, stream, version, source, id, type,
           occurred_at, precise_to, recorded_at, actor, body, leaf
      FROM log.records
     WHERE organisation = %(organisation)s AND position > %(after)s AND position <= %(until)s
     ORDER BY position
     LIMIT %(limit)s
"""

FILTERED_PAGE = """
    SELECT organisation, position, stream, version, source, id, type,
           occurred_at, precise_to, recorded_at, actor, body, leaf
      FROM log.records
     WHERE organisation = %(organisation)s AND position > %(after)s AND position <= %(until)s
       AND (%(types)s::text[] IS NULL OR type = ANY (%(types)s))
       AND (%(stream)s::text IS NULL OR stream = %(stream)s OR starts_with(stream, %(kind)s))
     ORDER BY position
     LIMIT %(limit)s
"""

# A page bounded in bytes too: the records before which there is still room.
_FITTING = """
    SELECT organisation, position, stream, version, source, id, type,
           occurred_at, precise_to, recorded_at, actor, body, leaf
      FROM (SELECT page.*, sum(octet_length(body)) OVER (ORDER BY position) AS bytes
              FROM ({page}) AS page) AS page
     WHERE bytes - octet_length(body) < %(bytes)s
     ORDER BY position
"""
FITTING_PAGE = _FITTING.format(page=PAGE)
FITTING_FILTERED_PAGE = _FITTING.format(page=FILTERED_PAGE)

ONE = """
    SELECT organisation, position, stream, version, source, id, type,
           occurred_at, precise_to, recorded_at, actor, body, leaf
      FROM log.records
     WHERE organisation = %(organisation)s AND position = %(position)s
"""

STREAM = """
    SELECT organisation, position, stream, version, source, id, type,
           occurred_at, precise_to, recorded_at, actor, body, leaf
      FROM log.records
     WHERE organisation = %(organisation)s AND stream = %(stream)s AND version > %(after)s
     ORDER BY version
     LIMIT %(limit)s
"""


class Head(msgspec.Struct, frozen=True):
    """How far a log has come."""

    position: int
    recorded_at: datetime | None


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """Records after a position. `scanned` is how far was looked: the position to go on from."""

    records: list[Record]
    scanned: int
    head: int

    @property
    def caught_up(self) -> bool:
        """Nothing was left to read when this page was read."""
        return self.scanned >= self.head


def record_of(row: Sequence[Any]) -> Record:
    """The record in a row of the columns above."""
    return Record(*row)


async def head(conn: psycopg.AsyncConnection[Any], organisation: str) -> Head:
    """How far the log has come. Raises UnknownOrganisation."""
    async with conn.transaction():
        return await _head(conn, organisation)


async def _head(conn: psycopg.AsyncConnection[Any], organisation: str) -> Head:
    async with conn.pipeline():
        await conn.execute(FOR_ORGANISATION, (organisation,))
        cursor = await conn.execute(HEAD, {"organisation": organisation}, binary=True)
    row = await cursor.fetchone()
    if row is None:
        raise UnknownOrganisation(organisation)
    return Head(*row)


async def opened(conn: psycopg.AsyncConnection[Any], organisations: Sequence[str]) -> set[str]:
    """Those of the organisations that have a log, in one round trip."""
    async with conn.transaction(), conn.pipeline():
        asked = []
        for organisation in organisations:
            await conn.execute(FOR_ORGANISATION, (organisation,))
            asked.append(await conn.execute(HEAD, {"organisation": organisation}, binary=True))
    return {
        organisation
        for organisation, cursor in zip(organisations, asked, strict=True)
        if await cursor.fetchone() is not None
    }


async def records_after(
    conn: psycopg.AsyncConnection[Any],
    organisation: str,
    after: int,
    *,
    limit: int,
    types: Sequence[str] | None = None,
    stream: str | None = None,
) -> Page:
    """At most `limit` records after position `after`, in order, and fewer if they are more than PAGE_BYTES_MAX.

    `types` keeps those event types; `stream` keeps one stream (`project/P-17`) or a kind of stream (`project/`).
    With a filter at most SCANNED_MAX positions are looked at, so a page may be empty and yet not the end.
    """
    async with conn.transaction():
        at = await _head(conn, organisation)
        filtered = types is not None or stream is not None
        # There are no gaps: a page that is not filtered ends `limit` positions on, whatever the planner makes of it.
        until = min(at.position, after + (SCANNED_MAX if filtered else limit))
        asked = {"organisation": organisation, "after": after, "until": until, "limit": limit}
        asked |= {"bytes": PAGE_BYTES_MAX}
        if filtered:
            kind = stream if stream is not None and stream.endswith("/") else None
            asked |= {"types": None if types is None else list(types), "stream": stream, "kind": kind}
        cursor = await conn.execute(_page(filtered=filtered, few=limit <= FEW), asked, binary=True)
        records = [record_of(row) for row in await cursor.fetchall()]
    is_full = len(records) == limit or (limit > FEW and _fill_a_page(records))
    scanned = records[-1].position if is_full else max(after, until)
    return Page(records=records, scanned=scanned, head=at.position)


def _page(*, filtered: bool, few: bool) -> LiteralString:
    if few:
        return FILTERED_PAGE if filtered else PAGE
    return FITTING_FILTERED_PAGE if filtered else FITTING_PAGE


def _fill_a_page(records: Sequence[Record]) -> bool:
    return sum([len(record.body.encode()) for record in records]) >= PAGE_BYTES_MAX


async def record_at(conn: psycopg.AsyncConnection[Any], organisation: str, position: int) -> Record | None:
    """The record at a position, or None for a position not yet reached."""
    async with conn.transaction(), conn.pipeline():
        await conn.execute(FOR_ORGANISATION, (organisation,))
        cursor = await conn.execute(ONE, {"organisation": organisation, "position": position}, binary=True)
        row = await cursor.fetchone()
    return None if row is None else record_of(row)


async def stream_records(
    conn: psycopg.AsyncConnection[Any], organisation: str, stream: str, *, after_version: int = 0, limit: int
) -> list[Record]:
    """At most `limit` records of one stream after a version, in order of versions."""
    asked = {"organisation": organisation, "stream": stream, "after": after_version, "limit": limit}
    async with conn.transaction(), conn.pipeline():
        await conn.execute(FOR_ORGANISATION, (organisation,))
        cursor = await conn.execute(STREAM, asked, binary=True)
        rows = await cursor.fetchall()
    return [record_of(row) for row in rows]
