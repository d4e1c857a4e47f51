"""Whoever reads in the database itself, by command, is on record with it, and hears so."""

import msgspec
import psycopg
import pytest
from psycopg import sql

from events.operations import RecordsRead
from events.vocabulary import canonical_body, read_body
from tests.audited import Audited
from tests.events.log.conftest import as_role
from tests.services.cli.conftest import qiledger

READ = """
    SELECT body, actor
      FROM log.records
     WHERE organisation = 'RWK.operations' AND type = 'records.read'
     ORDER BY position DESC
     LIMIT 1
"""


def last_read(url: str) -> tuple[str, str]:
    with psycopg.connect(url) as conn:
        row = conn.execute(READ).fetchone()
    assert row is not None
    return row[0], row[1]


@pytest.mark.parametrize(
    ("words", "door"),
    [
        (("why", "RWK", "project/S-1", "--json"), "qiledger why"),
        (("replay", "RWK", "--projection", "projects", "--json"), "qiledger replay"),
        (("audit", "RWK", "--json"), "qiledger audit"),
    ],
)
def test_a_read_by_command_is_on_record_before_anything_is_shown(
    trust: Audited, words: tuple[str, ...], door: str
) -> None:
    done = qiledger(*words, QILEDGER_DATABASE_URL=trust.url)
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith("That you read this is on record in RWK.operations.")
    body, actor = last_read(trust.url)
    (read,) = msgspec.json.decode(body)["reads"]
    assert (read["door"], read["times"], read["first"]) == (door, 1, 1)
    assert 1 <= read["last"] <= trust.position()
    assert actor == f"client/{read['client']}"
    told = read_body("records.read", body)
    assert isinstance(told, RecordsRead)
    assert canonical_body(told).decode() == body, "written as every event is"


def test_the_log_of_operations_is_read_on_record_too(trust: Audited) -> None:
    qiledger("why", "RWK", "project/S-1", QILEDGER_DATABASE_URL=trust.url)
    asked = ("why", "RWK.operations", "operations/records", "--json")
    done = qiledger(*asked, QILEDGER_DATABASE_URL=trust.url)
    assert done.returncode == 0, done.stderr
    assert "on record in RWK.operations." in done.stderr
    steps = msgspec.json.decode(done.stdout)["steps"]
    body, _ = last_read(trust.url)
    assert msgspec.json.decode(body)["reads"][0]["last"] == steps[-1]["position"]


def test_the_role_of_auditors_notes_reads_and_can_write_nothing_else(trust: Audited) -> None:
    with psycopg.connect(as_role(trust.url, "qiledger_auditor"), autocommit=True) as conn:
        conn.execute("SET default_transaction_read_only = off")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            conn.execute("SELECT * FROM log.append('RWK.operations', '[]'::jsonb)")
        conn.execute("SELECT log.note_read('RWK', %s, -5, NULL)", ('a "quoted"\ndoor' + "x" * 400,))
    body, _ = last_read(trust.url)
    (read,) = msgspec.json.decode(body)["reads"]
    assert read["door"].startswith('a "quoted" doorxxx')
    assert (len(read["door"]), read["first"], "last" in read) == (300, 0, False)
    told = read_body("records.read", body)
    assert canonical_body(told).decode() == body


@pytest.mark.parametrize(
    ("role", "noted"), [("_prüfer", "pr-fer"), ("Ärzte", "rzte"), ("__", "unnamed"), ("x" * 63, "x" * 60)]
)
def test_whatever_a_role_is_called_its_reads_are_noted_in_words_that_can_be_read(
    trust: Audited, role: str, noted: str
) -> None:
    named = sql.Identifier(role)
    with psycopg.connect(trust.url, autocommit=True) as conn:
        conn.execute(sql.SQL("CREATE ROLE {} IN ROLE qiledger_auditor").format(named))
        try:
            conn.execute(sql.SQL("SET SESSION AUTHORIZATION {}").format(named))
            conn.execute("SELECT log.note_read('RWK', '', 1, 1)")
        finally:
            conn.execute("RESET SESSION AUTHORIZATION")
            conn.execute(sql.SQL("DROP ROLE {}").format(named))
    body, actor = last_read(trust.url)
    told = read_body("records.read", body)
    assert isinstance(told, RecordsRead)
    assert (told.reads[0].client, actor) == (noted, f"client/{noted}")


def test_off_the_record_nothing_is_noted(trust: Audited) -> None:
    qiledger("why", "RWK", "project/S-1", QILEDGER_DATABASE_URL=trust.url)
    before = last_read(trust.url)
    done = qiledger("why", "RWK", "project/S-1", "--off-the-record", QILEDGER_DATABASE_URL=trust.url)
    assert done.returncode == 0, done.stderr
    assert "on record in" not in done.stderr
    assert last_read(trust.url) == before


@pytest.mark.parametrize("role", ["qiledger_api", "qiledger_worker", "qiledger_report"])
def test_no_other_role_notes_reads(trust: Audited, role: str) -> None:
    with psycopg.connect(as_role(trust.url, role), autocommit=True) as conn:
        conn.execute("SET default_transaction_read_only = off")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            conn.execute("SELECT log.note_read('RWK', 'x', 1, 1)")
