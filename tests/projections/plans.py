"""How the database goes about a question: the plan of a page, for tests that say what is not read."""

from collections.abc import Iterator, Sequence
from typing import Any

import psycopg
from psycopg import sql

from projections.engine.builds import active_build
from projections.engine.feed import feed
from projections.engine.paging import paged
from projections.engine.projection import Projection
from tests.projections.engine.telling import as_role


def plan(
    url: str,
    projection: Projection[Any],
    question: str,
    organisation: str,
    asked: dict[str, Any],
    *,
    after: Sequence[Any] = (),
    without: Sequence[str] = (),
) -> list[dict[str, Any]]:
    """The nodes of the plan for a page after these values of the order, carried out as the API, without some ways."""
    with psycopg.connect(as_role(url, "qiledger_worker"), autocommit=True) as worker:
        feed(worker, projection, organisation)
        build = active_build(worker, projection, organisation)
    assert build is not None
    rows = sql.Identifier(build.schema, f"{projection.name}_rows")
    with psycopg.connect(url, autocommit=True) as owner:
        owner.execute(sql.SQL("ANALYZE log.records, {}").format(rows))
    statement = paged(projection, projection.questions[question], (False,) * len(after) if after else None)
    asked = asked | {"organisation": organisation} | {f"after_{n}": value for n, value in enumerate(after)}
    with psycopg.connect(as_role(url, "qiledger_api")) as conn:
        conn.execute("SELECT set_config('qiledger.organisation', %s, true)", (organisation,))
        conn.execute("SELECT set_config('search_path', %s, true)", (build.schema,))
        for way in without:
            conn.execute("SELECT set_config(%s, 'off', true)", (way,))
        ((plans,),) = conn.execute(b"EXPLAIN (ANALYZE, FORMAT JSON) " + statement, asked).fetchall()
    return list(_nodes(plans[0]["Plan"]))


def rows_read(nodes: Sequence[dict[str, Any]]) -> dict[str, int]:
    """How many rows were looked at of each table of which any were."""
    read: dict[str, int] = {}
    for node in nodes:
        if table := node.get("Relation Name"):
            looked_at = node["Actual Rows"] + node.get("Rows Removed by Filter", 0)
            read[table] = read.get(table, 0) + round(node["Actual Loops"] * looked_at)
    return {table: rows for table, rows in read.items() if rows}


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for below in node.get("Plans", ()):
        yield from _nodes(below)
