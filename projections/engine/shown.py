"""What readers are shown of every projection, at one moment: for exports and audits. Changes nothing, locks nothing.

The caller's transaction is a snapshot (`ONE_SNAPSHOT`): each projection stands at a position of its own in it, and its
rows are exactly those of that position.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
from psycopg import Connection

from projections.engine.builds import Build, active_build
from projections.engine.compare import rows_kept
from projections.engine.projection import Projection
from projections.engine.reading import for_organisation

ONE_SNAPSHOT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"

_POSITION = """
    SELECT position
      FROM projections.checkpoints
     WHERE organisation = %(organisation)s AND projection = %(projection)s AND build = %(build)s
"""

_encode = msgspec.json.Encoder().encode


class Shown(msgspec.Struct, frozen=True):
    """A projection as readers are shown it: which build, reflecting which position."""

    projection: Projection[Any]
    build: Build
    position: int

    @property
    def readable(self) -> bool:
        """Whether this code makes rows of the same revision, so that they can be compared."""
        return self.build.revision == self.projection.revision


def shown(conn: Connection[Any], organisation: str, projections: Iterable[Projection[Any]]) -> list[Shown]:
    """Those of the projections that an organisation has rows of."""
    for_organisation(conn, organisation)
    found = []
    for projection in projections:
        build = active_build(conn, projection, organisation)
        if build is None:
            continue
        asked = {"organisation": organisation, "projection": projection.name, "build": build.build}
        row = conn.execute(_POSITION, asked).fetchone()
        found.append(Shown(projection, build, 0 if row is None else int(row[0])))
    return found


def rows_shown(conn: Connection[Any], organisation: str, one: Shown) -> Iterator[tuple[str, bytes]]:
    """The rows of a projection by their keys, as JSON."""
    for key, row in rows_kept(conn, one.projection, organisation, build=one.build):
        yield key, _encode(msgspec.structs.asdict(row))
