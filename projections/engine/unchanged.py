"""Beginning a picture of the past with what readers are shown of streams that have not changed since.

A row is about one stream, so a stream whose records all belong in the picture has there the rows that readers are shown
now. Those are copied, which is many times quicker than folding them. Only streams with a record that is too late for
the picture, or that readers are not shown yet, or that wait for something, are folded again from their own records.

What a crash leaves behind: nothing; the copies, the folded rows and the checkpoint are one transaction.
"""

from datetime import datetime
from typing import Any

from psycopg import Connection, sql

from projections.engine.builds import Build, active_build
from projections.engine.checkpoint import claimed, move
from projections.engine.feed import Feeder
from projections.engine.projection import Projection
from projections.engine.reading import Reader, for_organisation
from projections.engine.tables import Tables

FOLDED_MAX = 100_000  # records: where more would have to be folded, filling does it in steps (`filling.py`)

_PLACE = """
    SELECT position
      FROM projections.checkpoints
     WHERE organisation = %(organisation)s AND projection = %(projection)s AND build = %(build)s
"""
_WAITING = """
    SELECT DISTINCT key
      FROM {live}
     WHERE organisation = %(organisation)s AND (again OR parked > 0)
     ORDER BY key
"""

# Streams with a record that is in the picture and not among what readers are shown, or the other way round: with how
# many of their records belong in the picture.
_CHANGED = """
    SELECT stream, count(*) FILTER (WHERE position <= %(until)s AND occurred_at <= %(occurred_until)s)
      FROM log.records
     WHERE organisation = %(organisation)s AND position <= greatest(%(shown)s, %(until)s)
       AND type <> ALL (%(passed_over)s::text[])
       AND (%(kinds)s::text[] IS NULL OR split_part(stream, '/', 1) = ANY (%(kinds)s))
     GROUP BY stream
    HAVING bool_or(position > least(%(shown)s, %(until)s) OR occurred_at > %(occurred_until)s)
        OR stream = ANY (%(waiting)s)
     ORDER BY stream
"""
_COPY = """
    INSERT INTO {picture} (organisation, {columns})
    SELECT organisation, {columns}
      FROM {live}
     WHERE organisation = %(organisation)s AND key <> ALL (%(changed)s::text[])
"""


def copy_unchanged(
    conn: Connection[Any],
    projection: Projection[Any],
    organisation: str,
    build: Build,
    *,
    until: int,
    occurred_until: datetime | None,
) -> None:
    """Brings an empty picture to `until` by copying what it can, and folding the rest.

    Leaves it empty where readers are shown rows of another revision or none, or where too much would have to be
    folded. Raises Held and Fenced.
    """
    with claimed(conn, organisation, build) as claim, conn.transaction():
        conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        for_organisation(conn, organisation)
        live = active_build(conn, projection, organisation)
        begun = claim.position > 0 or claim.filling_to is not None
        if begun or live is None or live.revision != projection.revision:
            return
        asked: dict[str, Any] = {
            "organisation": organisation,
            "projection": projection.name,
            "build": live.build,
            "until": until,
            "occurred_until": occurred_until or "infinity",
            "passed_over": sorted(projection.passed_over),
            "kinds": None if projection.streams is None else sorted(projection.streams),
        }
        place = conn.execute(_PLACE, asked).fetchone()
        shown, picture = Tables(projection, live.build), Tables(projection, build.build)
        asked["shown"] = 0 if place is None else place[0]
        waiting = conn.execute(sql.SQL(_WAITING).format(live=shown.rows), asked).fetchall()
        asked["waiting"] = [key for (key,) in waiting]
        changed = dict(conn.execute(_CHANGED, asked).fetchall())
        if sum(changed.values()) > FOLDED_MAX:
            return
        columns = sql.SQL(", ").join(map(sql.Identifier, picture.written))
        copying = sql.SQL(_COPY).format(live=shown.rows, picture=picture.rows, columns=columns)
        conn.execute(copying, asked | {"changed": list(changed)})
        move(conn, claim, until)
        reader = Reader(projection, organisation=organisation, occurred_until=occurred_until)
        folded = [name for name, belonging in changed.items() if belonging]
        for _ in Feeder(projection, build, claim, reader).fold_again(conn, folded, until=until):
            pass  # written by now
