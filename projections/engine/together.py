"""Feeding what is new to all projections of an organisation in one transaction, while they are near the head.

This is how a told event is soon seen: one look at the log, one commit, whatever the number of projections. The rows of
the checkpoints are locked for the length of that transaction, so no lease is needed; moving one raises its epoch, which
fences whoever claimed it earlier. If anything at all goes wrong, nothing is written, and each projection is fed by
itself (`feed.py`), where it fails alone.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from psycopg import Connection

from events.log.read import PAGE, record_of
from events.log.record import Record
from projections.engine.builds import Build
from projections.engine.checkpoint import Claim
from projections.engine.feed import Feeder
from projections.engine.projection import Projection
from projections.engine.reading import Reader, for_folding, head

NEAR = 1_000  # records: further behind, a projection is fed by itself, reading only what it folds

_LOCK = """
    SELECT c.projection, c.build, b.revision, b.kind, c.position, c.epoch
      FROM projections.active AS a
      JOIN projections.builds AS b ON b.projection = a.projection AND b.build = a.build
      JOIN projections.checkpoints AS c
             ON c.organisation = a.organisation AND c.projection = a.projection AND c.build = a.build
     WHERE a.organisation = %(organisation)s AND c.position >= %(head)s - %(near)s
       AND (c.lease_until IS NULL OR c.lease_until < clock_timestamp())
     ORDER BY c.projection
       FOR UPDATE OF c SKIP LOCKED
"""
_MOVE = """
    UPDATE projections.checkpoints AS c
       SET position = %(to)s, epoch = c.epoch + 1
      FROM unnest(%(projections)s::text[], %(builds)s::bigint[]) AS fed (projection, build)
     WHERE c.organisation = %(organisation)s AND c.projection = fed.projection AND c.build = fed.build
"""


def feed_together(
    conn: Connection[Any], organisation: str, projections: Iterable[Projection[Any]]
) -> set[str]:
    """Brings every projection that is near the head, and that nobody holds, to the head. Returns their names.

    Needs a connection that commits by itself. Raises whatever went wrong, having written nothing.
    """
    known = {projection.name: projection for projection in projections}
    with conn.transaction():
        for_folding(conn, organisation)
        to = head(conn, organisation)
        asked = {"organisation": organisation, "head": to, "near": NEAR}
        near = [
            Feeder(
                known[name],
                Build(name, build, revision, kind),
                Claim(organisation, name, build, position, epoch),
                _reader(known[name], organisation),
            )
            for name, build, revision, kind, position, epoch in conn.execute(_LOCK, asked).fetchall()
            if name in known and revision == known[name].revision
        ]
        _feed(conn, organisation, [feeder for feeder in near if feeder.position < to], to)
    return {feeder.projection.name for feeder in near}


def _feed(conn: Connection[Any], organisation: str, feeders: list[Feeder], to: int) -> None:
    if not feeders:
        return
    records = _records(conn, organisation, min(feeder.position for feeder in feeders), to)
    for feeder in feeders:
        feeder.digest(conn, [record for record in records if record.position > feeder.position], until=to)
    fed: dict[str, Any] = {
        "projections": [feeder.projection.name for feeder in feeders],
        "builds": [feeder.build.build for feeder in feeders],
    }
    conn.execute(_MOVE, fed | {"organisation": organisation, "to": to})


def _records(conn: Connection[Any], organisation: str, after: int, until: int) -> list[Record]:
    asked = {"organisation": organisation, "after": after, "until": until, "limit": until - after}
    return [record_of(row) for row in conn.execute(PAGE, asked, binary=True)]


@lru_cache(maxsize=1_000)
def _reader(projection: Projection[Any], organisation: str) -> Reader:
    return Reader(projection, organisation=organisation)
