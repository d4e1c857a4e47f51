"""Which streams stand beside a name that no stream has: in the order of names, and in other letters' case."""

from typing import Any

import psycopg

from events.log.read import FOR_ORGANISATION

# Three looks into the index of streams, however long the log is.
BESIDE = """
    (SELECT stream
       FROM log.records
      WHERE organisation = %(organisation)s AND stream > %(stream)s
      ORDER BY stream, version
      LIMIT 1)
    UNION
    (SELECT stream
       FROM log.records
      WHERE organisation = %(organisation)s AND stream < %(stream)s
      ORDER BY stream DESC, version DESC
      LIMIT 1)
    UNION
    (SELECT stream
       FROM log.records
      WHERE organisation = %(organisation)s AND version = 1
        AND stream IN (%(lower)s, %(upper)s)
      ORDER BY stream
      LIMIT 2)
    ORDER BY stream
"""


async def streams_beside(conn: psycopg.AsyncConnection[Any], organisation: str, stream: str) -> list[str]:
    """The streams just before and just after a name in the order of names, and those that differ in case alone."""
    kind, _, name = stream.partition("/")
    asked = {"organisation": organisation, "stream": stream}
    asked |= {"lower": f"{kind}/{name.lower()}", "upper": f"{kind}/{name.upper()}"}
    async with conn.transaction(), conn.pipeline():
        await conn.execute(FOR_ORGANISATION, (organisation,))
        cursor = await conn.execute(BESIDE, asked)
        return [name for (name,) in await cursor.fetchall()]
