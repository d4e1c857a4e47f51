"""The log as hearing recalls it: the records of streams after a version, and which streams there are of a kind."""

from collections.abc import Mapping
from typing import Any

from psycopg import Connection

from events.log.read import record_of
from events.log.record import Record
from projections.engine.projection import Projection

# One stream after the other: by its index, from the version on, however the planner values the rest.
_STREAMS = """
    SELECT r.organisation, r.position, r.stream, r.version, r.source, r.id, r.type,
           r.occurred_at, r.precise_to, r.recorded_at, r.actor, r.body, r.leaf
      FROM unnest(%(streams)s::text[], %(versions)s::bigint[]) AS asked (stream, version)
     CROSS JOIN LATERAL (
           SELECT organisation, position, stream, version, source, id, type,
                  occurred_at, precise_to, recorded_at, actor, body, leaf
             FROM log.records
            WHERE organisation = %(organisation)s AND stream = asked.stream AND version > asked.version
              AND position <= %(until)s AND type <> ALL (%(passed_over)s)
            ORDER BY version) AS r
     ORDER BY r.position
"""
_NAMES = """
    SELECT DISTINCT stream
      FROM log.records
     WHERE organisation = %(organisation)s AND starts_with(stream, %(begins)s) AND position <= %(until)s
       AND type <> ALL (%(passed_over)s)
     ORDER BY stream
"""


def told_of(
    conn: Connection[Any],
    organisation: str,
    projection: Projection[Any],
    after: Mapping[str, int],
    until: int,
) -> dict[str, list[Record]]:
    """The records of some streams that matter to a projection, of each those after a version, up to a position."""
    asked = {
        "organisation": organisation,
        "streams": list(after),
        "versions": list(after.values()),
        "until": until,
        "passed_over": sorted(projection.passed_over),
    }
    found: dict[str, list[Record]] = {}
    for row in conn.execute(_STREAMS, asked, binary=True):
        record = record_of(row)
        found.setdefault(record.stream, []).append(record)
    return found


def names_of(
    conn: Connection[Any], organisation: str, projection: Projection[Any], kind: str, until: int
) -> list[str]:
    """The streams of a kind that have records which matter to a projection, up to a position.

    Planned for this kind each time: only then does Postgres see that its streams are next to each other in the index.
    """
    asked = {"organisation": organisation, "begins": f"{kind}/", "until": until}
    found = conn.execute(_NAMES, asked | {"passed_over": sorted(projection.passed_over)}, prepare=False)
    return [stream for (stream,) in found]
