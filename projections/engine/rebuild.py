"""Rebuilding: a new build is made beside the one that readers are shown, filled, fed to the head, and shown instead.

Any number of projections are filled in one pass over the log; each is fed and shown by itself, as soon as it is there.

What a crash leaves behind: the new build, as far as it had come; the next rebuild goes on with it. Readers are shown
the old build until the commit that shows them the new one, which has come at least as far. The old one is dropped
after a grace, by the next who comes by.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from psycopg import Connection

from projections.engine.builds import Build, active_build, drop_retired, retire_unused, show, unfinished
from projections.engine.chunks import RECORDS_MAX
from projections.engine.feed import OnProgress, Progress, feed
from projections.engine.filling import filled_together
from projections.engine.projection import Projection
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
    batch_max: int = RECORDS_MAX,
    deadline: float | None = None,
    on_progress: OnProgress | None = None,
) -> Rebuilt:
    """Makes the rows of one projection anew, as `rebuild_together` does. Needs and raises what `feed` does."""
    rebuilt = rebuild_together(
        conn,
        [projection],
        organisation,
        batch_max=batch_max,
        deadline=deadline,
        on_progress=on_progress,
    )[projection.name]
    if isinstance(rebuilt, Exception):
        raise rebuilt
    return rebuilt


def rebuild_together(
    conn: Connection[Any],
    projections: Iterable[Projection[Any]],
    organisation: str,
    *,
    batch_max: int = RECORDS_MAX,
    deadline: float | None = None,
    on_progress: OnProgress | None = None,
    processes: int = 0,
) -> Mapping[str, Rebuilt | Exception]:
    """Makes the rows of an organisation anew in one pass over its log, and shows them to readers.

    Goes on where an earlier call stopped. A projection that is held, fenced or cannot be written is answered with its
    error, by its name, and does not stop the others. Needs a connection as `feed` does. `deadline` (of
    `time.monotonic()`) ends a slice of the work. Much is folded by `processes` others, if there are any to be.
    """
    drop_retired(conn)
    builds = [(projection, unfinished(conn, projection, organisation)) for projection in projections]
    how: dict[str, Any] = {"batch_max": batch_max, "deadline": deadline, "on_progress": on_progress}
    come = filled_together(conn, builds, organisation, processes=processes, **how)
    rebuilt: dict[str, Rebuilt | Exception] = {}
    for projection, build in builds:
        filled = come[projection.name]
        if isinstance(filled, Exception):
            rebuilt[projection.name] = filled
            continue
        try:
            rebuilt[projection.name] = _caught_up(conn, projection, organisation, build, filled, how)
        except Exception as failure:
            if conn.closed or conn.broken:
                raise
            rebuilt[projection.name] = failure
    return rebuilt


def _caught_up(
    conn: Connection[Any],
    projection: Projection[Any],
    organisation: str,
    build: Build,
    come: Progress,
    how: dict[str, Any],
) -> Rebuilt:
    """Feeds a filled build to the head, and shows it to readers."""
    for _ in range(CATCH_UPS_MAX):
        if not come.caught_up:
            break
        come = feed(conn, projection, organisation, build=build, **how)
        if come.caught_up and switch(conn, projection, organisation, build):
            return Rebuilt(build, come.position, come.head, done=True)
    return Rebuilt(build, come.position, come.head, done=False)


def switch(conn: Connection[Any], projection: Projection[Any], organisation: str, build: Build) -> bool:
    """Shows readers a build, in one transaction, unless that would take them back in time. Says whether it did."""
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
        show(conn, organisation, build)
        retire_unused(conn, projection)
    return True
