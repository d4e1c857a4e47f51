"""As at: what the projections would have shown of a past moment, by business time, by recorded time, or by both.

An as-at build is made by folding exactly the records that happened, or were kept, by then; the same questions are asked
of it. Answers about the past do not change, so a build is used again; it is dropped after a while.
"""

from datetime import datetime
from typing import Any

from psycopg import Connection

from projections.engine.builds import Build, begin, finish, make
from projections.engine.feed import feed, fold_again
from projections.engine.projection import Projection
from projections.engine.reading import for_organisation, head, position_as_known
from projections.engine.tables import Tables

_SAME = """
    SELECT b.projection, b.build, b.revision, b.kind
      FROM projections.builds AS b
      JOIN projections.checkpoints AS c USING (organisation, projection, build)
     WHERE b.organisation = %(organisation)s AND b.projection = %(projection)s AND b.revision = %(revision)s
       AND b.kind = 'as_at' AND b.finished_at IS NOT NULL AND c.position = %(until)s
       AND b.occurred_until IS NOT DISTINCT FROM %(occurred_until)s
       AND b.recorded_until IS NOT DISTINCT FROM %(recorded_until)s
     ORDER BY b.build DESC
     LIMIT 1
"""


def as_at(
    conn: Connection[Any],
    projection: Projection[Any],
    organisation: str,
    *,
    occurred_until: datetime | None = None,
    recorded_until: datetime | None = None,
) -> Build:
    """A build of what had happened by `occurred_until`, as known by `recorded_until`. Give it to `answer` as its build.

    Needs a connection as `feed` does. It is left for others who ask the same; `drop_retired` drops old ones.
    """
    with conn.transaction():
        for_organisation(conn, organisation)
        until = head(conn, organisation)
        if recorded_until is not None:
            until = position_as_known(conn, organisation, recorded_until)
        asked = {
            "organisation": organisation,
            "projection": projection.name,
            "revision": projection.revision,
            "occurred_until": occurred_until,
            "recorded_until": recorded_until,
            "until": until,
        }
        row = conn.execute(_SAME, asked).fetchone()
        if row is not None:
            return Build(*row)
        build = make(
            conn,
            projection,
            kind="as_at",
            organisation=organisation,
            occurred_until=occurred_until,
            recorded_until=recorded_until,
        )
        begin(conn, organisation, build)
    feed(
        conn,
        projection,
        organisation,
        build=build,
        until=until,
        occurred_until=occurred_until,
        defers=True,
    )
    fold_again(conn, projection, organisation, build, which="deferred", occurred_until=occurred_until)
    with conn.transaction():
        Tables(projection, build.build).index(conn)
        Tables(projection, build.build).analyse(conn)
        finish(conn, build)
    return build
