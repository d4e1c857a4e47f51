"""Finding a picture of the past that somebody has made, for those who may not make one (the API). Async, like asking.

A picture of what had happened by a moment grows on, as more is told of that time; one of what was *known* by a moment
that has passed never changes again. Neither is looked at before it holds every record that belongs in it.
"""

from datetime import datetime
from typing import Any

import msgspec
from psycopg import AsyncConnection

from projections.engine.builds import Build
from projections.engine.projection import Projection

LOOKED_AT_MAX = 20_000  # records since the picture was made: beyond that it is brought up to the head instead
SURELY_COMMITTED_S = 600.0  # a record stamped so long ago is committed or lost: an append has a time limit

_FOR = "SELECT set_config('qiledger.organisation', %s, true), set_config('TimeZone', 'UTC', true)"
_SETTLED = """
    SELECT recorded_at > %(recorded_until)s
           OR %(recorded_until)s < clock_timestamp() - make_interval(secs => %(surely_s)s)
      FROM log.heads
     WHERE organisation = %(organisation)s
"""
_PICTURES = """
    SELECT b.build, b.revision, b.kind, c.position, h.position
      FROM log.heads AS h
      JOIN projections.builds AS b ON b.organisation = h.organisation
      JOIN projections.checkpoints AS c
             ON c.organisation = b.organisation AND c.projection = b.projection AND c.build = b.build
     WHERE h.organisation = %(organisation)s
       AND b.projection = %(projection)s AND b.revision = %(revision)s
       AND b.kind = 'as_at' AND b.finished_at IS NOT NULL
       AND b.occurred_until IS NOT DISTINCT FROM %(occurred_until)s
       AND b.recorded_until IS NOT DISTINCT FROM %(recorded_until)s
     ORDER BY b.build DESC
     LIMIT 1
"""
_MORE_WAS_KNOWN = """
    SELECT FROM log.records
     WHERE organisation = %(organisation)s AND position = %(position)s + 1 AND recorded_at <= %(recorded_until)s
"""
_MORE_HAS_HAPPENED = """
    SELECT FROM log.records
     WHERE organisation = %(organisation)s AND position > %(position)s AND position <= %(head)s
       AND occurred_at <= %(occurred_until)s AND type <> ALL (%(passed_over)s::text[])
     ORDER BY position
     LIMIT 1
"""


class Past(msgspec.Struct, frozen=True):
    """A past: what had happened by a moment, as it was known by another; None for any moment."""

    occurred_until: datetime | None = None
    recorded_until: datetime | None = None


class Picture(msgspec.Struct, frozen=True):
    """A build to be asked. Every record up to `position` that belongs in it is in it."""

    build: Build
    position: int


async def is_settled(conn: AsyncConnection[Any], organisation: str, recorded_until: datetime) -> bool:
    """Whether nothing more can be kept that would count as known by that moment."""
    async with conn.transaction():
        await conn.execute(_FOR, (organisation,))
        asked = {
            "organisation": organisation,
            "recorded_until": recorded_until,
            "surely_s": SURELY_COMMITTED_S,
        }
        row = await (await conn.execute(_SETTLED, asked)).fetchone()
    return row is not None and bool(row[0])


async def picture_of(
    conn: AsyncConnection[Any], projection: Projection[Any], organisation: str, past: Past
) -> Picture | None:
    """The picture of that past, if there is one and nothing is missing from it."""
    asked = msgspec.structs.asdict(past) | {
        "organisation": organisation,
        "projection": projection.name,
        "revision": projection.revision,
    }
    async with conn.transaction():
        await conn.execute(_FOR, (organisation,))
        row = await (await conn.execute(_PICTURES, asked)).fetchone()
        if row is None:
            return None
        number, revision, kind, position, head = row
        build = Build(projection.name, number, revision, kind)
        asked |= {"position": position, "head": head, "passed_over": sorted(projection.passed_over)}
        if past.recorded_until is not None:
            more = await (await conn.execute(_MORE_WAS_KNOWN, asked)).fetchone()
            return None if more is not None else Picture(build, position)
        if head - position > LOOKED_AT_MAX:
            return None
        more = await (await conn.execute(_MORE_HAS_HAPPENED, asked)).fetchone()
        return None if more is not None else Picture(build, head)
