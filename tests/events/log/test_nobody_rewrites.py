"""Every way we can think of to change, remove, hide or forge what is on record, by every role: the database refuses.

A statement counts as refused when the database says that nobody may (and not, say, that there is a mistake in it), and
the log afterwards is byte for byte what it was.
"""

from collections.abc import Iterator
from typing import Any, LiteralString

import psycopg
import pytest
from psycopg import sql
from psycopg.errors import InsufficientPrivilege

from events.log.migrate import migrate

OWNER, APPENDER = "qiledger_owner", "qiledger_appender"
READERS = ("qiledger_api", "qiledger_worker", "qiledger_report", "qiledger_auditor")

EVENT = (
    '{"stream":"project/A","source":"s","id":"%s","type":"t","occurred_at":"2022-05-20T00:00:00Z",'
    '"precise_to":"day","actor":"a","body":"{}"}'
)
FORGED: LiteralString = (
    "INSERT INTO log.records (organisation, position, version, occurred_at, recorded_at, stream, source, id, type,"
    " precise_to, actor, body, leaf) VALUES ('RWK', 3, 3, now(), now(), 'project/A', 's', 'forged', 't', 'day', 'a',"
    " '{}', '\\x00')"
)

ANYBODY: dict[str, LiteralString] = {
    "update one": "UPDATE log.records SET body = '{}' WHERE position = 1",
    "update nothing": "UPDATE log.records SET body = '{}' WHERE false",
    "update through a view": "UPDATE log.canonical_records SET leaf = '\\x00'",
    "delete one": "DELETE FROM log.records WHERE position = 2",
    "delete all": "DELETE FROM log.records",
    "delete within a query": "WITH gone AS (DELETE FROM log.records RETURNING 1) SELECT count(*) FROM gone",
    "truncate": "TRUNCATE log.records",
    "truncate everything that hangs on it": "TRUNCATE log.records, log.heads CASCADE",
    "insert a forged record": FORGED,
    "insert over a record": FORGED + " ON CONFLICT (organisation, source, id) DO UPDATE SET body = 'x'",
    "merge": "MERGE INTO log.records r USING (SELECT 1) o ON position = 1 WHEN MATCHED THEN UPDATE SET body = 'x'",
    "copy in": "COPY log.records FROM STDIN",
    "copy in from a program": "COPY log.records FROM PROGRAM 'true'",
    "move the head back": "UPDATE log.heads SET position = 0",
    "remove the head": "DELETE FROM log.heads",
    "drop the table": "DROP TABLE log.records CASCADE",
    "drop the schema": "DROP SCHEMA log CASCADE",
    "drop a trigger": "DROP TRIGGER never_rewritten ON log.records",
    "switch the triggers off": "ALTER TABLE log.records DISABLE TRIGGER ALL",
    "switch one trigger off": "ALTER TABLE log.records DISABLE TRIGGER never_rewritten",
    "play replica": "SET session_replication_role = replica",
    "rewrite a column by its type": "ALTER TABLE log.loads ALTER COLUMN root TYPE bytea USING '\\x00'",
    "drop a column": "ALTER TABLE log.records DROP COLUMN actor CASCADE",
    "add a generated column": "ALTER TABLE log.records ADD COLUMN x text GENERATED ALWAYS AS ('x') STORED",
    "rename the table": "ALTER TABLE log.records RENAME TO old_records",
    "rename the schema": "ALTER SCHEMA log RENAME TO old_log",
    "move the table elsewhere": "ALTER TABLE log.records SET SCHEMA access",  # the owner's own
    "put a rule on it": "CREATE RULE silent AS ON INSERT TO log.records DO INSTEAD NOTHING",
    "put a trigger on it": "CREATE TRIGGER t BEFORE INSERT ON log.records EXECUTE FUNCTION log.refuse_rewriting()",
    "hide rows by a policy": "CREATE POLICY hide ON log.records AS RESTRICTIVE FOR SELECT USING (position > 1)",
    "drop a policy": "DROP POLICY own_organisation ON log.records",
    "switch row security off": "ALTER TABLE log.records NO FORCE ROW LEVEL SECURITY",
    "slip in a child table": "CREATE TABLE access.child () INHERITS (log.records)",
    "drop a constraint": "ALTER TABLE log.records DROP CONSTRAINT records_once",
    "replace the appender": "CREATE OR REPLACE FUNCTION log.append(text, jsonb) RETURNS void LANGUAGE sql AS 'SELECT'",
    "replace the guard": (
        "CREATE OR REPLACE FUNCTION log.refuse_rewriting() RETURNS trigger LANGUAGE plpgsql"
        " AS 'BEGIN RETURN NULL; END'"
    ),
    "drop the guard of the guards": "DROP EVENT TRIGGER qiledger_log_stands",
    "disable the guard of the guards": "ALTER EVENT TRIGGER qiledger_log_stands DISABLE",
    "become the appender": "SET ROLE qiledger_appender",
    "join the appender": "GRANT qiledger_appender TO CURRENT_USER",
    "hand the table over": "ALTER TABLE log.records OWNER TO qiledger_report",
    "drop all that is owned": "DROP OWNED BY qiledger_owner CASCADE",
    "slip in a foreign table": "CREATE FOREIGN TABLE access.f () INHERITS (log.records) SERVER nowhere",
    "edit the catalogue": "UPDATE pg_catalog.pg_class SET relname = 'x' WHERE relname = 'records'",
    "set a column loose": "ALTER TABLE log.records ALTER COLUMN version DROP NOT NULL",
    "open a log for a stranger": "SELECT log.open('ZZZ', 'A stranger')",
}


def told_twice(url: str) -> None:
    """A log with two records, in an empty database; and a server elsewhere, for those who want one."""
    migrate(url)
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute("SELECT log.open('RWK', 'A trust')")
        conn.execute("SELECT log.append('RWK', %s::jsonb)", (f"[{EVENT % 1},{EVENT % 2}]",))
        conn.execute("CREATE FOREIGN DATA WRAPPER nothing")
        conn.execute("CREATE SERVER nowhere FOREIGN DATA WRAPPER nothing")
        conn.execute("GRANT USAGE ON FOREIGN SERVER nowhere TO qiledger_owner")


@pytest.fixture(scope="module")
def log_url(postgres_url: str, servers: Any, worker_id: str) -> Iterator[str]:
    """A database of its own with two records in it: the attacks may not reach any other."""
    from tests.conftest import drop_database, in_database

    name = f"qiledger_test_{servers.run}_{worker_id}_attacked"
    with psycopg.connect(postgres_url, autocommit=True) as conn:
        conn.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    url = in_database(postgres_url, name)
    told_twice(url)
    yield url
    with psycopg.connect(postgres_url, autocommit=True) as conn:
        drop_database(conn, name)


def everything(url: str) -> list[tuple]:
    """The log as a superuser finds it, with its definition."""
    with psycopg.connect(url) as conn:
        return [
            *conn.execute("SELECT * FROM log.records ORDER BY position").fetchall(),
            *conn.execute(
                "SELECT organisation, position, name, recorded_at::text FROM log.heads ORDER BY organisation"
            ).fetchall(),
            *conn.execute(
                "SELECT tgname, tgenabled FROM pg_trigger WHERE tgrelid = 'log.records'::regclass ORDER BY 1"
            ),
            *conn.execute("SELECT polname FROM pg_policy ORDER BY 1"),
            *conn.execute("SELECT evtname, evtenabled FROM pg_event_trigger ORDER BY 1"),
        ]


def strike(conn: psycopg.Connection[Any], attack: str) -> None:
    """The attack, which has to be refused because nobody may do that."""
    with pytest.raises(InsufficientPrivilege):  # noqa: PT012 - COPY raises on leaving
        if attack == "copy in":
            with conn.cursor().copy(ANYBODY[attack]) as copy:
                copy.write_row(("RWK", 3))
        else:
            conn.execute(ANYBODY[attack])


@pytest.mark.parametrize("role", [OWNER, *READERS])
@pytest.mark.parametrize("attack", ANYBODY)
def test_history_stays(log_url: str, role: str, attack: str):
    before = everything(log_url)
    with psycopg.connect(log_url) as conn:
        conn.execute(sql.SQL("SET SESSION AUTHORIZATION {}").format(sql.Identifier(role)))
        conn.execute("SELECT set_config('qiledger.organisation', 'RWK', true)")
        strike(conn, attack)
    assert everything(log_url) == before


@pytest.mark.parametrize(
    "attack", [name for name in ANYBODY if name != "copy in"]
)  # no COPY under row security
def test_history_stays_though_the_owner_grants_himself_everything_first(log_url: str, attack: str):
    with psycopg.connect(log_url) as conn:
        conn.execute("SET SESSION AUTHORIZATION qiledger_owner")
        conn.execute("GRANT ALL ON ALL TABLES IN SCHEMA log TO qiledger_owner")
        strike(conn, attack)


MOVED: dict[str, LiteralString] = {
    "the records": "ALTER TABLE log.records SET SCHEMA access",
    "the heads": "ALTER TABLE log.heads SET SCHEMA access",
    "what was loaded": "ALTER TABLE log.loads SET SCHEMA access",
    "a view": "ALTER VIEW log.canonical_records SET SCHEMA access",
    "the refusal": "ALTER FUNCTION log.refuse_rewriting() SET SCHEMA access",
    "the other refusal": "ALTER FUNCTION log.refuse_all_but_the_appender() SET SCHEMA access",
    "the schema, by its name": "ALTER SCHEMA log RENAME TO old_log",
}


@pytest.mark.parametrize("what", MOVED)
def test_nothing_is_moved_out_of_the_log_to_be_replaced_elsewhere(log_url: str, what: str):
    """A guard's function that is moved stays the guard's function: replaced there, it would refuse nothing."""
    with psycopg.connect(log_url) as conn:
        name = sql.Identifier(conn.info.dbname)
        conn.execute(sql.SQL("GRANT CREATE ON DATABASE {} TO qiledger_owner").format(name))
        conn.execute("SET SESSION AUTHORIZATION qiledger_owner")
        with pytest.raises(
            InsufficientPrivilege, match="belongs to the log, which only a superuser may redefine"
        ):
            conn.execute(MOVED[what])


@pytest.mark.parametrize("table", ["log.records", "log.heads", "log.loads"])
@pytest.mark.parametrize(
    "slipped",
    [
        "ALTER TABLE access.parts ATTACH PARTITION {} DEFAULT",
        "ALTER TABLE {} INHERIT access.above",
        "ALTER TABLE access.below INHERIT {}",
        "CREATE TABLE access.child () INHERITS ({})",
    ],
)
def test_no_table_is_slipped_over_or_under_the_log(log_url: str, table: str, slipped: LiteralString):
    """What is told to a parent is done to its children, by the parent's own privileges, policies and triggers."""
    with psycopg.connect(log_url) as conn:
        conn.execute("SET SESSION AUTHORIZATION qiledger_owner")
        conn.execute("GRANT ALL ON ALL TABLES IN SCHEMA log TO qiledger_owner")
        for made in (
            "access.above (LIKE {})",
            "access.below (LIKE {} INCLUDING CONSTRAINTS)",
            "access.parts (LIKE {}) PARTITION BY LIST (organisation)",
        ):
            conn.execute(sql.SQL("CREATE TABLE " + made).format(sql.SQL(table)))
        with pytest.raises(
            InsufficientPrivilege, match="belongs to the log, which only a superuser may redefine"
        ):
            conn.execute(sql.SQL(slipped).format(sql.SQL(table)))


def test_what_is_not_of_the_log_its_owner_may_make_and_move(log_url: str):
    with psycopg.connect(log_url) as conn:
        conn.execute("SET SESSION AUTHORIZATION qiledger_owner")
        conn.execute("CREATE TABLE access.notes (note text)")
        conn.execute("ALTER TABLE access.notes SET SCHEMA projections")
        conn.execute("DROP TABLE projections.notes")
        conn.rollback()


@pytest.mark.parametrize(
    "attack", ["update one", "delete all", "truncate", "drop the table", "rename the schema"]
)
def test_not_even_the_appender_rewrites(log_url: str, attack: str):
    before = everything(log_url)
    with psycopg.connect(log_url) as conn:
        conn.execute("SET SESSION AUTHORIZATION qiledger_appender")
        strike(conn, attack)
    assert everything(log_url) == before


@pytest.mark.parametrize("attack", ["update one", "delete one", "truncate", "insert a forged record"])
def test_even_a_superuser_is_refused_until_he_takes_the_guards_away(log_url: str, attack: str):
    before = everything(log_url)
    with psycopg.connect(log_url) as conn:
        conn.execute("SET session_replication_role = replica")
        strike(conn, attack)
    assert everything(log_url) == before


@pytest.mark.parametrize("role", ["qiledger_worker", "qiledger_report", "qiledger_auditor"])
def test_only_the_api_appends(log_url: str, role: str):
    with psycopg.connect(log_url) as conn:
        conn.execute(sql.SQL("SET SESSION AUTHORIZATION {}").format(sql.Identifier(role)))
        with pytest.raises(InsufficientPrivilege):
            conn.execute("SELECT log.append('RWK', %s::jsonb)", (f"[{EVENT % 3}]",))


@pytest.mark.parametrize("role", READERS)
def test_readers_make_nothing_of_their_own_beside_the_log(log_url: str, role: str):
    """A temporary or public table could be taken for the real one."""
    with psycopg.connect(log_url, autocommit=True) as conn:
        conn.execute(sql.SQL("SET SESSION AUTHORIZATION {}").format(sql.Identifier(role)))
        for statement in ("CREATE TEMP TABLE records (x int)", "CREATE TABLE public.records (x int)"):
            with pytest.raises(InsufficientPrivilege):
                conn.execute(statement)
