"""Keeping the projections of organisations fresh: what is behind, and feeding it."""

import time
from collections.abc import Iterable
from typing import Any

import msgspec
import structlog
from psycopg import Connection

from projections.engine.builds import active_build, ensure, outdated
from projections.engine.checkpoint import Fenced, Held
from projections.engine.feed import feed
from projections.engine.found import found
from projections.engine.projection import Projection
from projections.engine.reading import for_organisation, head
from projections.engine.together import feed_together

LAGS_MAX = 100_000  # told of at once
AGAIN_MAX = 1_000  # times that a projection is fed before others get their turn

log = structlog.get_logger(__name__)

_BEHIND = """
    SELECT h.organisation, p.projection, coalesce(c.position, 0), h.position
      FROM log.organisations AS h
     CROSS JOIN unnest(%(projections)s::text[], %(revisions)s::bigint[]) AS p (projection, revision)
      LEFT JOIN projections.active AS a ON a.organisation = h.organisation AND a.projection = p.projection
      LEFT JOIN projections.checkpoints AS c
             ON c.organisation = h.organisation AND c.projection = p.projection AND c.build = a.build
      LEFT JOIN projections.builds AS b ON b.projection = p.projection AND b.build = a.build
     WHERE coalesce(c.position, 0) < h.position AND coalesce(b.revision, p.revision) = p.revision
     ORDER BY h.organisation, p.projection
     LIMIT %(limit)s
"""


class Lag(msgspec.Struct, frozen=True):
    """A projection that is behind the log of an organisation."""

    organisation: str
    projection: str
    position: int
    head: int


def behind(conn: Connection[Any], *, projections: Iterable[Projection[Any]] | None = None) -> list[Lag]:
    """Everything that could be fed and is behind, across organisations, for one who acts as the workers' role."""
    asked_for = list(found().values() if projections is None else projections)
    asked = {
        "projections": [projection.name for projection in asked_for],
        "revisions": [projection.revision for projection in asked_for],
        "limit": LAGS_MAX,
    }
    return [Lag(*row) for row in conn.execute(_BEHIND, asked)]


def rebuilds_due(conn: Connection[Any], organisation: str) -> list[Projection[Any]]:
    """The projections whose readers are shown rows of an older revision than the code's."""
    due = []
    for projection in found().values():
        build = active_build(conn, projection, organisation)
        if build is not None and outdated(projection, build):
            due.append(projection)
    return due


def advance(
    conn: Connection[Any],
    organisation: str,
    *,
    deadline: float,
    projections: Iterable[Projection[Any]] | None = None,
) -> bool:
    """Feeds every projection of an organisation until it is caught up or the deadline (of `time.monotonic()`) is over.

    A projection that fails does not stop the others; it is logged, and tried again at the next wake-up. Returns False
    if time ran out before all was done. Whoever holds a projection meanwhile looks at the head again after letting
    go of it, and so does this: no wake-up is lost.
    """
    asked_for = list(found().values() if projections is None else projections)
    try:
        fresh = feed_together(conn, organisation, asked_for)
    except Exception:  # nothing was written; each is fed by itself now, and the one at fault says so
        if conn.closed:
            raise
        fresh = set()
    on_time = True
    for projection in asked_for:
        if projection.name in fresh:
            continue
        try:
            on_time = _fed(conn, projection, organisation, deadline) and on_time
        except Held:
            continue  # who holds it sees our news
        except Fenced:
            log.warning("a projection was taken over", projection=projection.name, organisation=organisation)
        except Exception:
            if conn.closed:
                raise
            log.exception("a projection cannot be fed", projection=projection.name, organisation=organisation)
    return on_time


def _fed(conn: Connection[Any], projection: Projection[Any], organisation: str, deadline: float) -> bool:
    """Feeds one projection. Returns False if time ran out."""
    build = ensure(conn, projection, organisation)
    if build.revision != projection.revision:
        return True  # to be rebuilt, or the code is the older: readers stay where they are
    for _ in range(AGAIN_MAX):
        come = feed(conn, projection, organisation, build=build, deadline=deadline)
        with conn.transaction():
            for_organisation(conn, organisation)
            if come.position >= head(conn, organisation):
                return True
        if time.monotonic() >= deadline:
            return False
    return False
