"""Rebuilding: a new build is made beside the one that readers are shown, fed to the head, and shown instead.

What a crash leaves behind: the new build, as far as it had come; the next rebuild goes on with it. Readers are shown
the old build until the commit that shows them the new one, which has come at least as far. The old one is dropped
after a grace, by the next who comes by.
"""

from typing import Any

import msgspec
from psycopg import Connection

from projections.engine.builds import Build, active_build, drop_retired, retire_unused, show, unfinished
from projections.engine.feed import BATCH_MAX, OnProgress, feed, fold_again
from projections.engine.projection import Projection
from projections.engine.reading import for_organisation
from projections.engine.tables import Tables

CATCH_UPS_MAX = 100  # a log that grows faster than it is read is left to the next rebuild

_PLACES = """
    SELECT build, position
      FROM projections.checkpoints
     WHERE organisation = %(organisation)s AND projection = %(projection)s AND build = ANY (%(builds)s)
     ORDER BY build
       FOR UPDATE
"""


class Rebuilt(msgspec.Struct, frozen=True):
    """How a rebuild stands. `done` when readers are shown it; else call again to go on."""

    build: Build
    position: int
    head: int
    done: bool


def rebuild(
    conn: Connection[Any],
    projection: Projection[Any],
    organisation: str,
    *,
    batch_max: int = BATCH_MAX,
    deadline: float | None = None,
    on_progress: OnProgress | None = None,
) -> Rebuilt:
    """Makes the rows of an organisation anew and shows them to readers; goes on where an earlier call stopped.

    Needs and raises what `feed` does. `deadline` (of `time.monotonic()`) ends a slice of the work.
    """
    drop_retired(conn)
    build = unfinished(conn, projection, organisation)
    for _ in range(CATCH_UPS_MAX):
        come = feed(
            conn,
            projection,
            organisation,
            build=build,
            batch_max=batch_max,
            defers=True,
            deadline=deadline,
            on_progress=on_progress,
        )
        if not come.caught_up:
            return Rebuilt(build, come.position, come.head, done=False)
        if not fold_again(conn, projection, organisation, build, which="deferred", deadline=deadline):
            return Rebuilt(build, come.position, come.head, done=False)
        if switch(conn, projection, organisation, build):
            return Rebuilt(build, come.position, come.head, done=True)
    return Rebuilt(build, come.position, come.head, done=False)


def switch(conn: Connection[Any], projection: Projection[Any], organisation: str, build: Build) -> bool:
    """Shows readers a build, unless that would take them back in time or something is deferred. Says whether it did.

    The checkpoints are locked meanwhile, so nobody moves on or defers more between the look and the switch.
    """
    tables = Tables(projection, build.build)
    with conn.transaction():
        tables.index(conn)
        tables.analyse(conn)
    with conn.transaction():
        shown = active_build(conn, projection, organisation)
        builds = [build.build] if shown is None else [build.build, shown.build]
        asked = {"organisation": organisation, "projection": projection.name, "builds": builds}
        places = dict(conn.execute(_PLACES, asked).fetchall())
        if shown is not None and places[build.build] < places.get(shown.build, 0):
            return False
        for_organisation(conn, organisation)
        if conn.execute(tables.deferred, asked | {"after": "", "limit": 1}).fetchone() is not None:
            return False
        show(conn, organisation, build)
        retire_unused(conn, projection)
    return True
