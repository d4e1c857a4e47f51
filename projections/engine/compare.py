"""Comparing: the rows that are kept with the rows that a fold gives. What an auditor does, and what the laws do."""

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

import msgspec
from psycopg import Connection

from projections.engine.builds import Build, active_build
from projections.engine.memory import key_of
from projections.engine.projection import Projection
from projections.engine.reading import for_organisation
from projections.engine.rows import reader
from projections.engine.tables import Tables

R = TypeVar("R", bound=msgspec.Struct)

PAGE = 2_000


class Difference(msgspec.Struct, frozen=True):
    """A key whose row is not the one expected; None where there is no row."""

    key: str
    kept: Any
    folded: Any


def rows_kept(
    conn: Connection[Any], projection: Projection[R], organisation: str, *, build: Build | None = None
) -> Iterator[tuple[str, R]]:
    """The rows that readers are shown, or those of a build, as of one moment; keys as `fold_in_memory` writes them."""
    with conn.transaction():
        for_organisation(conn, organisation)
        build = build or active_build(conn, projection, organisation)
        if build is None:
            return
        tables = Tables(projection, build.build)
        row_of = reader(tables)
        with conn.cursor("rows_kept") as cursor:
            cursor.itersize = PAGE
            cursor.execute(tables.everything, {"organisation": organisation}, binary=True)
            for key, part, *values in cursor:
                yield key_of(key, part), row_of(values)


def differences(kept: Mapping[str, Any], folded: Mapping[str, Any]) -> list[Difference]:
    """Where two sets of rows differ, by key."""
    keys = sorted(kept.keys() | folded.keys())
    pairs = ((key, kept.get(key), folded.get(key)) for key in keys)
    return [Difference(key, one, other) for key, one, other in pairs if one != other]
