"""Nothing of one organisation is visible to another: the database sees to it, whatever a query forgets."""

import re

import psycopg
import pytest
from psycopg import sql
from psycopg_pool import AsyncConnectionPool

from events.log.append import Appender
from events.log.read import record_at, records_after, stream_records
from projections.engine.builds import ensure
from projections.engine.found import found
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


TABLES = """
    SELECT t.oid::regclass::text, t.relrowsecurity, t.relforcerowsecurity, o.rolname, o.rolcanlogin OR o.rolsuper
      FROM pg_class AS t
      JOIN pg_roles AS o ON o.oid = t.relowner
      JOIN pg_attribute AS a ON a.attrelid = t.oid AND a.attname = 'organisation' AND NOT a.attisdropped
     WHERE t.relkind IN ('r', 'p') AND t.relpersistence <> 't'
     ORDER BY 1
     LIMIT 10000
"""
VIEWS = """
    SELECT v.oid::regclass::text, coalesce(v.reloptions, '{}')
      FROM pg_class AS v
      JOIN pg_attribute AS a ON a.attrelid = v.oid AND a.attname = 'organisation'
     WHERE v.relkind IN ('v', 'm') AND v.relnamespace <> 'information_schema'::regnamespace
     ORDER BY 1
     LIMIT 10000
"""
POLICIES = """
    SELECT schemaname || '.' || tablename, policyname, roles::text[], coalesce(qual, with_check)
      FROM pg_policies
     ORDER BY 1, 2
     LIMIT 10000
"""
UNGUARDED = {
    "access.keys": "a key is found by its id before anybody knows whose it is; the API alone reads it, and shows none",
}
GO_ROUND = {
    "qiledger_worker",
    "qiledger_appender",
}  # who works for every organisation, and says for which in each WHERE


@pytest.fixture
def whole_url(module_database_url: str) -> str:
    """A database in which every projection has its tables."""
    with psycopg.connect(module_database_url, autocommit=True) as conn:
        conn.execute("SELECT log.open('RWK', 'A trust')")
        conn.execute("SET ROLE qiledger_worker")
        for projection in found().values():
            ensure(conn, projection, "RWK")
    return module_database_url


def test_every_table_that_has_an_organisation_is_guarded_by_row(whole_url: str):
    with psycopg.connect(whole_url) as conn:
        tables = conn.execute(TABLES).fetchall()
    assert sum(re.search(r"_b\d+\.", table) is not None for table, *_ in tables) >= len(found())
    bare = {table for table, guarded, *_ in tables if not guarded}
    assert bare == set(UNGUARDED)
    for table, _, forced, owner, comes_in in tables:
        assert forced or (owner == "qiledger_owner" and not comes_in), table


def test_nobody_of_the_house_goes_round_the_guards(whole_url: str):
    """By an attribute of their role, or as somebody who owns tables whose guards do not bind their owner."""
    with psycopg.connect(whole_url) as conn:
        for role in READERS:
            bypasses, owns = conn.execute(
                "SELECT rolbypassrls OR rolsuper, pg_has_role(rolname, 'qiledger_owner', 'MEMBER')"
                "  FROM pg_roles WHERE rolname = %s",
                (role,),
            ).fetchone() or (True, True)
            assert not bypasses, role
            assert not owns, role
        for view, options in conn.execute(VIEWS).fetchall():
            assert "security_invoker=true" in options, view


def test_whoever_answers_others_says_for_which_organisation(whole_url: str):
    with psycopg.connect(whole_url) as conn:
        policies = conn.execute(POLICIES).fetchall()
    assert len(policies) > 50
    for table, name, roles, rule in policies:
        says = "organisation = " in rule and "current_setting('qiledger.organisation'" in rule
        assert says or set(roles) <= GO_ROUND, (table, name)
