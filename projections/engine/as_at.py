"""As at: what the projections would have shown of a past moment, by business time, by recorded time, or by both.

An as-at build is made by folding exactly the records that happened, or were kept, by then; the same questions are asked
of it. There is one for each past that was asked for: whoever asks the same uses it again, after what was told since of
that time has been folded into it too. An organisation may have AS_AT_MAX of them; the oldest go first.

What a crash leaves behind: an unfinished build, which nobody is shown; the next who asks for it goes on with it.
"""

from datetime import datetime
from typing import Any

from psycopg import Connection

from projections.engine.builds import (
    Build,
    begin,
    drop,
    finish,
    make,
    one_at_a_time,
    pictures_beyond,
)
from projections.engine.feed import feed
from projections.engine.filling import filled
from projections.engine.projection import Projection
from projections.engine.reading import for_organisation, head, position_as_known
from projections.engine.tables import Tables
from projections.engine.unchanged import copy_unchanged

AS_AT_MAX = 50  # pictures of the past of one organisation

_SAME = """
    SELECT b.projection, b.build, b.revision, b.kind, b.finished_at IS NOT NULL, c.position
      FROM projections.builds AS b
      JOIN projections.checkpoints AS c USING (organisation, projection, build)
     WHERE b.organisation = %(organisation)s AND b.projection = %(projection)s AND b.revision = %(revision)s
       AND b.kind = 'as_at'
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

    Needs a connection as `feed` does. Raises Held if somebody else is making it. It is left for others who ask the
    same; `drop_retired` drops old ones.
    """
    with conn.transaction():
        for_organisation(conn, organisation)
        one_at_a_time(conn)
        until = head(conn, organisation)
        if recorded_until is not None:
            until = position_as_known(conn, organisation, recorded_until)
        asked = {
            "organisation": organisation,
            "projection": projection.name,
            "revision": projection.revision,
            "occurred_until": occurred_until,
            "recorded_until": recorded_until,
        }
        row = conn.execute(_SAME, asked).fetchone()
        if row is None:
            build, finished, position = _begun(conn, projection, asked), False, 0
        else:
            build, finished, position = Build(*row[:4]), row[4], row[5]
    if finished and position >= until:
        return build
    for old in pictures_beyond(conn, organisation, kept=AS_AT_MAX):
        drop(conn, old)
    if not finished:
        copy_unchanged(conn, projection, organisation, build, until=until, occurred_until=occurred_until)
        filled(conn, projection, organisation, build=build, until=until, occurred_until=occurred_until)
    feed(conn, projection, organisation, build=build, until=until, occurred_until=occurred_until)
    if not finished:
        with conn.transaction():
            Tables(projection, build.build).index(conn)
            Tables(projection, build.build).analyse(conn)
            finish(conn, build)
    return build


def _begun(conn: Connection[Any], projection: Projection[Any], asked: dict[str, Any]) -> Build:
    build = make(
        conn,
        projection,
        kind="as_at",
        organisation=asked["organisation"],
        occurred_until=asked["occurred_until"],
        recorded_until=asked["recorded_until"],
    )
    begin(conn, asked["organisation"], build)
    return build
