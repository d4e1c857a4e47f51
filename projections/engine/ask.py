"""Asking: the answer to a question, with the position it reflects, a page at a time.

The position, the rows and how many records are parked come from one snapshot, so an answer is true of one moment of the
log. Async: the API asks; this and `past.py` are the engine's only async parts.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Generic, TypeVar

import msgspec
from psycopg import AsyncConnection, errors

from projections.engine import cursor as cursors
from projections.engine.builds import Build
from projections.engine.columns import Column, columns_of
from projections.engine.cursor import orderings
from projections.engine.paging import paged
from projections.engine.projection import Projection
from projections.engine.question import Question

B = TypeVar("B", bound=msgspec.Struct)

ROWS_MAX = 1_000  # on a page

_ONE_SNAPSHOT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"
_FOR = "SELECT set_config('qiledger.organisation', %s, true), set_config('TimeZone', 'UTC', true)"
_FROM = "SELECT set_config('search_path', %s, true)"
_PLACE = """
    SELECT b.build, b.revision, b.kind, c.position,
           (SELECT coalesce(sum(p.records), 0)::bigint
              FROM projections.parked AS p
             WHERE p.organisation = c.organisation AND p.projection = c.projection AND p.build = c.build)
      FROM projections.checkpoints AS c
      JOIN projections.builds AS b USING (projection, build)
     WHERE c.organisation = %(organisation)s AND c.projection = %(projection)s
       AND c.build = coalesce(%(build)s, (
           SELECT a.build
             FROM projections.active AS a
            WHERE a.organisation = %(organisation)s AND a.projection = %(projection)s))
"""


class NotYetBuilt(LookupError):
    """There is nothing to ask yet, or only rows of an older revision that cannot answer this: it is being built."""


class Answer(msgspec.Struct, Generic[B], frozen=True, kw_only=True):
    """What a question was answered, and of which moment of the log that is true."""

    projection: str
    revision: int
    build: int
    organisation: str
    position: int  # every record up to here is in the answer, and none after
    parked: int  # records that are not, because the code could not digest them or one before them
    rows: list[B]
    next_cursor: str | None  # None on the last page


class Place(msgspec.Struct, frozen=True):
    """Where an answer is taken from."""

    build: Build
    position: int
    parked: int


class Snapshot:
    """One moment of the log, of which any number of questions may be asked of one projection."""

    def __init__(
        self, conn: AsyncConnection[Any], projection: Projection[Any], organisation: str, place: Place
    ) -> None:
        self._conn = conn
        self._projection = projection
        self._organisation = organisation
        self.place = place

    async def ask(
        self,
        question: Question[Any, B],
        params: msgspec.Struct | None = None,
        *,
        limit: int = 100,
        cursor: str | None = None,
    ) -> Answer[B]:
        """At most `limit` rows (and ROWS_MAX) after `cursor`. Raises BadCursor and NotYetBuilt."""
        limit = max(1, min(limit, ROWS_MAX))
        order = orderings(self._projection, question)
        after = None if cursor is None else cursors.read(question, order, cursor)
        asked = {} if params is None else msgspec.structs.asdict(params)
        asked |= {"organisation": self._organisation, "limit": limit + 1}
        asked |= {f"after_{n}": value for n, value in enumerate(after or ())}
        unknown = None if after is None else tuple(value is None for value in after)
        try:
            async with self._conn.pipeline():
                await self._conn.execute(_FROM, (self.place.build.schema,))
                reply = await self._conn.execute(
                    paged(self._projection, question, unknown), asked, binary=True
                )
                values = await reply.fetchall()
        except (errors.UndefinedTable, errors.UndefinedColumn) as error:
            if self.place.build.revision == self._projection.revision and self.place.build.kind != "as_at":
                raise
            raise NotYetBuilt(f"{self._projection.name} is being rebuilt") from error
        return _answer(self._projection, question, self._organisation, self.place, values, limit)

    async def beside(self, projection: Projection[Any], *, build: Build | None = None) -> "Snapshot":
        """The same moment of the database, of which to ask another projection. Raises NotYetBuilt."""
        place = await _place(self._conn, projection, self._organisation, build)
        return Snapshot(self._conn, projection, self._organisation, place)


@asynccontextmanager
async def snapshot(
    conn: AsyncConnection[Any], projection: Projection[Any], organisation: str, *, build: Build | None = None
) -> AsyncIterator[Snapshot]:
    """What readers are shown now, or an as-at `build`. A transaction of its own on `conn`. Raises NotYetBuilt."""
    async with conn.transaction():
        await conn.execute(_ONE_SNAPSHOT)
        yield Snapshot(conn, projection, organisation, await _place(conn, projection, organisation, build))


async def answer(
    conn: AsyncConnection[Any],
    projection: Projection[Any],
    question: Question[Any, B],
    organisation: str,
    params: msgspec.Struct | None = None,
    *,
    limit: int = 100,
    cursor: str | None = None,
    build: Build | None = None,
) -> Answer[B]:
    """Asks one question of a snapshot of its own. Raises BadCursor and NotYetBuilt."""
    async with snapshot(conn, projection, organisation, build=build) as moment:
        return await moment.ask(question, params, limit=limit, cursor=cursor)


async def reached(conn: AsyncConnection[Any], organisation: str, projection: Projection[Any]) -> int:
    """How far the rows that readers are shown have come; 0 if there are none yet. For those who wait for a position."""
    async with conn.transaction():
        try:
            return (await _place(conn, projection, organisation, None)).position
        except NotYetBuilt:
            return 0


async def _place(
    conn: AsyncConnection[Any], projection: Projection[Any], organisation: str, build: Build | None
) -> Place:
    async with conn.pipeline():
        await conn.execute(_FOR, (organisation,))
        asked = {"organisation": organisation, "projection": projection.name, "build": build and build.build}
        row = await (await conn.execute(_PLACE, asked)).fetchone()
    if row is None:
        raise NotYetBuilt(f"{projection.name} of {organisation} has not been built")
    number, revision, kind, position, parked = row
    return Place(Build(projection.name, number, revision, kind), position, parked)


def _answer(
    projection: Projection[Any],
    question: Question[Any, B],
    organisation: str,
    place: Place,
    values: Sequence[Sequence[Any]],
    limit: int,
) -> Answer[B]:
    columns = columns_of(question.answers, reserved=())
    page, more = values[:limit], len(values) > limit
    return Answer(
        projection=projection.name,
        revision=place.build.revision,
        build=place.build.build,
        organisation=organisation,
        position=place.position,
        parked=place.parked,
        rows=[question.answers(**_fields(columns, row)) for row in page],
        next_cursor=cursors.written(question, list(page[-1][len(columns) :])) if more else None,
    )


def _fields(columns: tuple[Column, ...], row: Sequence[Any]) -> dict[str, Any]:
    """The fields of an answer's row, made from what Postgres gave."""
    return {
        column.name: value if value is None or column.convert is None else column.convert(value)
        for column, value in zip(columns, row, strict=False)
    }
