"""What waits behind a record that could not be digested: shown to operators, and tried again after the mend."""

from datetime import datetime
from typing import Any

import msgspec
from psycopg import Connection

from projections.engine.builds import active_build
from projections.engine.checkpoint import Claim, claimed, move
from projections.engine.feed import Feeder
from projections.engine.parking import PARKED_KEYS
from projections.engine.projection import Projection
from projections.engine.reading import Reader, for_folding

_PARKED = """
    SELECT projection, build, key, position, error, records, since
      FROM projections.parked
     WHERE organisation = %(organisation)s
       AND (%(projection)s::text IS NULL OR projection = %(projection)s)
       AND (%(build)s::bigint IS NULL OR build = %(build)s)
     ORDER BY projection, build, key
     LIMIT %(limit)s
"""
_COUNT = """
    SELECT count(*)
      FROM projections.parked
     WHERE organisation = %(organisation)s AND projection = %(projection)s AND build = %(build)s
"""


AT_ONCE = 500  # streams in a transaction


class ParkedStream(msgspec.Struct, frozen=True):
    """A stream that waits behind a record which could not be digested."""

    projection: str
    build: int
    key: str
    position: int
    error: str
    records: int
    since: datetime


def parked(
    conn: Connection[Any],
    organisation: str,
    *,
    projection: str | None = None,
    build: int | None = None,
    limit: int = 1_000,
) -> list[ParkedStream]:
    """What waits, of one projection or of all."""
    asked = {"organisation": organisation, "projection": projection, "build": build, "limit": limit}
    return [ParkedStream(*row) for row in conn.execute(_PARKED, asked)]


def retry_parked(conn: Connection[Any], projection: Projection[Any], organisation: str) -> int:
    """Folds again every stream that waits, in the build that readers are shown. Returns how many still wait.

    After the code was mended, what waited is folded in order, and the stream goes on as though nothing had been.
    Needs and raises what `feed` does.
    """
    build = active_build(conn, projection, organisation)
    if build is None or build.revision != projection.revision:
        return 0  # nothing is shown yet, or all will be folded anew
    with claimed(conn, organisation, build) as claim:
        feeder, after = Feeder(projection, build, claim, Reader(projection, organisation=organisation)), ""
        while names := _try_again(conn, feeder, claim, after):
            after = names[-1]
    asked = {"organisation": organisation, "projection": build.projection, "build": build.build}
    row = conn.execute(_COUNT, asked).fetchone()
    return 0 if row is None else int(row[0])


def _try_again(conn: Connection[Any], feeder: Feeder, claim: Claim, after: str) -> list[str]:
    """Folds again the next streams that wait. Returns their keys."""
    asked = msgspec.structs.asdict(claim) | {"after": after, "limit": AT_ONCE}
    with conn.transaction():
        for_folding(conn, claim.organisation)
        names = [key for (key,) in conn.execute(PARKED_KEYS, asked)]
        if names:
            move(conn, claim, claim.position)
            feeder.write(conn, {}, set(names), until=claim.position)
    return names
