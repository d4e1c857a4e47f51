"""Builds: made, found, shown to readers, retired and dropped. Each function is a transaction of its own."""

from datetime import datetime
from typing import Any, Literal, TypeAlias

import msgspec
from psycopg import Connection, errors, sql

from projections.engine.projection import Projection
from projections.engine.tables import Tables, schema_of

Kind: TypeAlias = Literal["live", "rebuild", "as_at"]

GRACE_S = 60.0  # a retired build is dropped after it: a reader may just have looked up its name
AS_AT_KEPT_S = 86_400.0

_ONE_AT_A_TIME = "LOCK TABLE projections.builds IN SHARE ROW EXCLUSIVE MODE"
_MAKE = """
    INSERT INTO projections.builds (projection, build, revision, kind, organisation, occurred_until, recorded_until)
    SELECT %(projection)s, coalesce(max(build), 0) + 1, %(revision)s, %(kind)s, %(organisation)s,
           %(occurred_until)s, %(recorded_until)s
      FROM projections.builds
     WHERE projection = %(projection)s
    RETURNING projection, build, revision, kind
"""
_ACTIVE = """
    SELECT b.projection, b.build, b.revision, b.kind
      FROM projections.active AS a
      JOIN projections.builds AS b USING (projection, build)
     WHERE a.organisation = %(organisation)s AND a.projection = %(projection)s
"""
_IS_BEING_FILLED = """
    SELECT filling_to
      FROM projections.checkpoints
     WHERE organisation = %(organisation)s AND projection = %(projection)s AND build = %(build)s
       AND filling_to IS NOT NULL
"""
_NEWEST_LIKE = """
    SELECT projection, build, revision, kind
      FROM projections.builds
     WHERE projection = %(projection)s AND revision = %(revision)s AND kind <> 'as_at' AND retired_at IS NULL
       AND build > %(after)s
     ORDER BY build DESC
     LIMIT 1
"""
_SHOW = """
    INSERT INTO projections.active (organisation, projection, build)
    VALUES (%(organisation)s, %(projection)s, %(build)s)
        ON CONFLICT (organisation, projection) DO UPDATE SET build = excluded.build
"""
_RETIRE = """
    UPDATE projections.builds AS b
       SET retired_at = clock_timestamp()
     WHERE projection = %(projection)s AND kind <> 'as_at' AND retired_at IS NULL
       AND build < (SELECT max(build) FROM projections.active WHERE projection = %(projection)s)
       AND NOT EXISTS (SELECT FROM projections.active AS a WHERE a.projection = b.projection AND a.build = b.build)
"""
_TO_DROP = """
    SELECT projection, build, revision, kind
      FROM projections.builds
     WHERE retired_at < clock_timestamp() - make_interval(secs => %(retired_for_s)s)
        OR (kind = 'as_at' AND made_at < clock_timestamp() - make_interval(secs => %(as_at_for_s)s))
     ORDER BY projection, build
     LIMIT 1000
"""
_DROP = """
    WITH places AS (DELETE FROM projections.checkpoints WHERE projection = %(projection)s AND build = %(build)s),
         waiting AS (DELETE FROM projections.parked WHERE projection = %(projection)s AND build = %(build)s),
         long AS (DELETE FROM projections.long_streams WHERE projection = %(projection)s AND build = %(build)s),
         stood AS (DELETE FROM projections.waypoints WHERE projection = %(projection)s AND build = %(build)s)
    DELETE FROM projections.builds WHERE projection = %(projection)s AND build = %(build)s
"""
_PICTURES_BEYOND = """
    SELECT projection, build, revision, kind
      FROM projections.builds
     WHERE kind = 'as_at' AND organisation = %(organisation)s
     ORDER BY made_at DESC, projection, build
    OFFSET %(kept)s
     LIMIT 1000
"""
_FINISH = """
    UPDATE projections.builds SET finished_at = clock_timestamp()
     WHERE projection = %(projection)s AND build = %(build)s
"""
_BEGIN = """
    INSERT INTO projections.checkpoints (organisation, projection, build)
    VALUES (%(organisation)s, %(projection)s, %(build)s)
        ON CONFLICT (organisation, projection, build) DO NOTHING
"""


class Build(msgspec.Struct, frozen=True):
    """One build of a projection."""

    projection: str
    build: int
    revision: int
    kind: Kind

    @property
    def schema(self) -> str:
        return schema_of(self.projection, self.build)


def active_build(conn: Connection[Any], projection: Projection[Any], organisation: str) -> Build | None:
    """The build that readers of this organisation are shown, if there is one yet."""
    asked = {"organisation": organisation, "projection": projection.name}
    row = conn.execute(_ACTIVE, asked).fetchone()
    return None if row is None else Build(*row)


def ensure(conn: Connection[Any], projection: Projection[Any], organisation: str) -> Build:
    """The build that readers are shown, made empty if there was none. It may be of another revision: see `outdated`."""
    build = active_build(conn, projection, organisation)
    if build is not None:
        return build
    with conn.transaction():
        conn.execute(_ONE_AT_A_TIME)
        build = active_build(conn, projection, organisation) or _newest(conn, projection, after=0)
        if build is None or _is_being_filled(conn, organisation, build):
            build = make(conn, projection, kind="live")
            Tables(projection, build.build).index(conn)
        begin(conn, organisation, build)
        show(conn, organisation, build)
    return build


def _is_being_filled(conn: Connection[Any], organisation: str, build: Build) -> bool:
    """Whether a rebuild has begun to fill it: it can be neither shown nor fed before that is done."""
    return conn.execute(_IS_BEING_FILLED, _names(organisation, build)).fetchone() is not None


def outdated(projection: Projection[Any], build: Build) -> bool:
    """Whether the code makes other rows than this build holds, and a rebuild is due."""
    return build.revision < projection.revision


def unfinished(conn: Connection[Any], projection: Projection[Any], organisation: str) -> Build:
    """The build to go on with beside the one that readers are shown: begun by somebody, or made now."""
    with conn.transaction():
        conn.execute(_ONE_AT_A_TIME)
        shown = active_build(conn, projection, organisation)
        build = _newest(conn, projection, after=0 if shown is None else shown.build)
        build = build or make(conn, projection, kind="rebuild")
        begin(conn, organisation, build)
    return build


def one_at_a_time(conn: Connection[Any]) -> None:
    """Until the end of the caller's transaction nobody else makes a build: look, then make."""
    conn.execute(_ONE_AT_A_TIME)


def pictures_beyond(conn: Connection[Any], organisation: str, *, kept: int) -> list[Build]:
    """The pictures of an organisation's past beyond the newest `kept`."""
    asked = {"organisation": organisation, "kept": kept}
    return [Build(*row) for row in conn.execute(_PICTURES_BEYOND, asked)]


def make(
    conn: Connection[Any],
    projection: Projection[Any],
    *,
    kind: Kind,
    organisation: str | None = None,
    occurred_until: datetime | None = None,
    recorded_until: datetime | None = None,
) -> Build:
    """Makes a new, empty build, in the caller's transaction."""
    conn.execute(_ONE_AT_A_TIME)
    row = conn.execute(
        _MAKE,
        {
            "projection": projection.name,
            "revision": projection.revision,
            "kind": kind,
            "organisation": organisation,
            "occurred_until": occurred_until,
            "recorded_until": recorded_until,
        },
    ).fetchone()
    assert row is not None
    build = Build(*row)
    conn.execute("SELECT projections.make_schema(%s, %s)", (build.projection, build.build))
    conn.execute(Tables(projection, build.build).make())
    return build


def begin(conn: Connection[Any], organisation: str, build: Build) -> None:
    """Gives the organisation a checkpoint in this build, if it has none."""
    conn.execute(_BEGIN, _names(organisation, build))


def finish(conn: Connection[Any], build: Build) -> None:
    """Notes that a picture of the past is complete, in the caller's transaction."""
    conn.execute(_FINISH, {"projection": build.projection, "build": build.build})


def show(conn: Connection[Any], organisation: str, build: Build) -> None:
    """From the commit on, readers are shown this build."""
    conn.execute(_SHOW, _names(organisation, build))


def retire_unused(conn: Connection[Any], projection: Projection[Any]) -> None:
    """Notes which builds no reader is shown any more and none will be, in the caller's transaction."""
    conn.execute(_RETIRE, {"projection": projection.name})


def drop_retired(
    conn: Connection[Any], *, retired_for_s: float = GRACE_S, as_at_for_s: float = AS_AT_KEPT_S
) -> list[Build]:
    """Drops the builds that were retired, and the pictures of the past that were made, longer ago than that."""
    asked = {"retired_for_s": retired_for_s, "as_at_for_s": as_at_for_s}
    return [build for row in conn.execute(_TO_DROP, asked).fetchall() if drop(conn, build := Build(*row))]


def drop(conn: Connection[Any], build: Build) -> bool:
    """Drops a build that nobody is shown, unless somebody is reading it just now. Says whether it did."""
    try:
        with conn.transaction():
            conn.execute("SET LOCAL lock_timeout = '1s'")
            conn.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(build.schema)))
            conn.execute(_DROP, {"projection": build.projection, "build": build.build})
    except errors.LockNotAvailable:
        return False
    return True


def _newest(conn: Connection[Any], projection: Projection[Any], *, after: int) -> Build | None:
    asked = {"projection": projection.name, "revision": projection.revision, "after": after}
    row = conn.execute(_NEWEST_LIKE, asked).fetchone()
    return None if row is None else Build(*row)


def _names(organisation: str, build: Build) -> dict[str, Any]:
    return {"organisation": organisation, "projection": build.projection, "build": build.build}
