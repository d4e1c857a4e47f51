"""Nothing of one organisation is visible to another: the database sees to it, whatever a query forgets."""

import psycopg
import pytest
from psycopg import sql
from psycopg_pool import AsyncConnectionPool

from events.log.append import Appender
from events.log.read import record_at, records_after, stream_records
from tests.events.log.conftest import Tell

READERS = ("qiledger_api", "qiledger_worker", "qiledger_report", "qiledger_auditor")


@pytest.fixture
async def two(appender: Appender, organisation: str, database_url: str, tell: Tell) -> tuple[str, str]:
    """Two organisations that tell of the same stream under the same ids."""
    other = f"{organisation[:-1]}X"
    with psycopg.connect(database_url, autocommit=True) as conn:
        conn.execute("SELECT log.open(%s, 'Another trust')", (other,))
    events = [tell(), tell()]
    await appender.append(organisation, events)
    await appender.append(other, events[:1])
    return organisation, other


@pytest.mark.parametrize("role", READERS)
async def test_a_forgotten_where_shows_ones_own_records_only(
    two: tuple[str, str], database_url: str, role: str
):
    with psycopg.connect(database_url) as conn:
        conn.execute(sql.SQL("SET SESSION AUTHORIZATION {}").format(sql.Identifier(role)))
        conn.execute("SELECT set_config('qiledger.organisation', %s, true)", (two[1],))
        assert conn.execute("SELECT DISTINCT organisation FROM log.records").fetchall() == [(two[1],)]
        assert conn.execute("SELECT DISTINCT organisation FROM log.events").fetchall() == [(two[1],)]
        assert conn.execute("SELECT DISTINCT organisation FROM log.canonical_records").fetchall() == [
            (two[1],)
        ]


@pytest.mark.parametrize("role", READERS)
async def test_a_reader_who_does_not_say_for_whom_sees_nothing(
    two: tuple[str, str], database_url: str, role: str
):
    with psycopg.connect(database_url) as conn:
        conn.execute(sql.SQL("SET SESSION AUTHORIZATION {}").format(sql.Identifier(role)))
        assert conn.execute("SELECT count(*) FROM log.records").fetchone() == (0,)


async def test_workers_see_how_far_every_log_has_come_and_others_their_own(
    two: tuple[str, str], database_url: str
):
    heads = "SELECT organisation, position FROM log.heads WHERE organisation = ANY (%s) ORDER BY position"
    with psycopg.connect(database_url) as conn:
        conn.execute("SET SESSION AUTHORIZATION qiledger_worker")
        assert conn.execute(heads, (list(two),)).fetchall() == [(two[1], 1), (two[0], 2)]
        conn.rollback()
        conn.execute("SET SESSION AUTHORIZATION qiledger_api")
        conn.execute("SELECT set_config('qiledger.organisation', %s, true)", (two[0],))
        assert conn.execute(heads, (list(two),)).fetchall() == [(two[0], 2)]


async def test_each_reading_function_reads_one_log(two: tuple[str, str], pool: AsyncConnectionPool):
    async with pool.connection() as conn:
        page = await records_after(conn, two[1], 0, limit=10)
        assert [(r.organisation, r.position) for r in page.records] == [(two[1], 1)]
        assert await record_at(conn, two[1], 2) is None
        assert len(await stream_records(conn, two[0], "project/P-17", limit=10)) == 2
