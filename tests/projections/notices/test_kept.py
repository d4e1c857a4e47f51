"""What the database itself promises of notices and messages."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from tests.projections.engine.telling import Connection, as_role, open_log

NOTICE = """
    INSERT INTO notices.notices (organisation, id, rule, subject, "window", recipient, urgency, title, why, link,
                                 made_at)
    VALUES (%(organisation)s, %(id)s, 'a_rule', 'project/P-1', '', 'person/a', 'at_once', 'T', 'W', '/', now())
"""
MESSAGE = """
    INSERT INTO notices.messages (organisation, id, recipient, channel, kind, due_at)
    VALUES (%(organisation)s, %(id)s, 'person/a', 'email', 'notice', now())
"""
CHECKPOINT = """
    INSERT INTO notices.checkpoints (organisation, position, looked_at)
    VALUES (%(organisation)s, 0, '2020-01-01Z')
"""
RULE = """
    INSERT INTO notices.rules (organisation, rule, since, position)
    VALUES (%(organisation)s, 'a_rule', '2020-01-01Z', 0)
"""


@pytest.fixture
def conn(database_url: str) -> Iterator[Connection]:
    with psycopg.connect(as_role(database_url, "qiledger_worker")) as conn:
        yield conn


def told(conn: Connection, organisation: str, *statements: str, **more: Any) -> None:
    conn.execute("SELECT set_config('qiledger.organisation', %s, true)", (organisation,))
    for statement in statements:
        conn.execute(statement, {"organisation": organisation, "id": "0123456789abcdef"} | more)


def test_a_notice_is_made_once_for_each_rule_subject_window_and_recipient(
    database_url: str, conn: Connection
) -> None:
    organisation = open_log(database_url)
    told(conn, organisation, NOTICE)
    with pytest.raises(psycopg.errors.UniqueViolation, match="notices_once"):
        told(conn, organisation, NOTICE, id="fedcba9876543210")


def test_an_organisation_never_sees_what_another_was_told(database_url: str, conn: Connection) -> None:
    one, other = open_log(database_url), open_log(database_url)
    told(conn, one, NOTICE, MESSAGE)
    conn.commit()
    for role in ("qiledger_api", "qiledger_worker", "qiledger_auditor"):
        with psycopg.connect(as_role(database_url, role)) as reader:
            told(reader, other)
            assert reader.execute("SELECT id FROM notices.notices").fetchall() == []
            told(reader, one)
            assert reader.execute("SELECT id FROM notices.notices").fetchall() != []


def test_silence_until_now_counts_everything_as_told(database_url: str, conn: Connection) -> None:
    organisation = open_log(database_url)
    told(conn, organisation, CHECKPOINT, RULE, NOTICE, MESSAGE)
    conn.execute("SELECT notices.be_silent_until_now(%s)", (organisation,))
    told(conn, organisation)
    waiting = conn.execute("SELECT state FROM notices.messages WHERE organisation = %s", (organisation,))
    assert waiting.fetchall() == [("withdrawn",)]
    assert conn.execute("SELECT undecided FROM notices.notices").fetchall() == [(False,)]
    since = conn.execute("SELECT since > now() - interval '1 hour' FROM notices.rules").fetchall()
    recently = "looked_at > now() - interval '1 hour'"
    where = "WHERE organisation = %s"
    looked = conn.execute(f"SELECT {recently} FROM notices.checkpoints {where}", (organisation,)).fetchone()
    assert (since, looked) == ([(True,)], (True,))


@pytest.mark.parametrize("role", ["qiledger_report", "qiledger_api", "qiledger_auditor"])
def test_only_workers_make_notices_and_messages(database_url: str, role: str) -> None:
    for statement in (NOTICE, MESSAGE):
        with (
            psycopg.connect(as_role(database_url, role)) as conn,
            pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.ReadOnlySqlTransaction)),
        ):
            told(conn, "RWK", statement)
