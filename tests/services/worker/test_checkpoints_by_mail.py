"""Checkpoints by e-mail: each day or week once to each who is named, and what is sent is the signed checkpoint."""

from datetime import UTC, datetime
from typing import Any

import psycopg
from click.testing import CliRunner

from events.log import checkpoints
from services.auditors import Auditor, name
from services.channels.wording import Words
from services.cli import main
from services.worker.checkpoints_by_mail import due, send
from services.worker.due import DUE
from services.worker.duty import Connection
from services.worker.sweep import Sweeper
from tests.events.log.sealing import HOST, KEY, sealed_by
from tests.services.worker.conftest import Trust


def messages(url: str, trust: Trust) -> list[tuple[Any, ...]]:
    with psycopg.connect(url) as conn:
        return conn.execute(
            "SELECT recipient, channel, kind, state, facts FROM notices.messages WHERE organisation = %s"
            " ORDER BY recipient, made_at",
            (trust.code,),
        ).fetchall()


def test_who_is_named_is_sent_the_newest_checkpoint_once(
    fresh_database_url: str, conn: Connection, trust: Trust
) -> None:
    name(conn, Auditor(trust.code, "person/a", "email", "day"))
    name(conn, Auditor(trust.code, "person/b", "notify", "week"))
    assert due(conn) == {}  # nothing is sealed
    trust.tell("P-1", "P-2")
    assert sealed_by(fresh_database_url, trust.code)
    assert list(due(conn)) == [trust.code]
    assert send(conn, trust.code) == 2
    assert due(conn) == {}
    assert send(conn, trust.code) == 0
    (first, second) = messages(fresh_database_url, trust)
    assert [first[:4], second[:4]] == [
        ("person/a", "email", "checkpoint", "waiting"),
        ("person/b", "notify", "checkpoint", "waiting"),
    ]
    letter = Words("https://qi.example").letter(
        "checkpoint", first[4], id="x", at=datetime(2026, 1, 1, tzinfo=UTC)
    )
    assert letter.subject == f"Checkpoint of {trust.code} at 2 records"
    origin = f"{HOST}/{trust.code}"
    begins, ends = letter.text.index(origin), letter.text.index("\n\nTo compare")
    sent, _ = checkpoints.verify(
        checkpoints.as_pasted(letter.text[begins:ends]), [KEY.public.named(origin)], origin=origin
    )
    assert sent.size == 2


def test_the_next_comes_a_day_or_a_week_later(
    fresh_database_url: str, conn: Connection, trust: Trust
) -> None:
    name(conn, Auditor(trust.code, "person/a", "email", "day"))
    name(conn, Auditor(trust.code, "person/b", "email", "week"))
    trust.tell("P-1")
    assert sealed_by(fresh_database_url, trust.code)
    send(conn, trust.code)
    for days, told in [(1, 1), (1, 1), (5, 2)]:
        with psycopg.connect(fresh_database_url) as admin:
            admin.execute("UPDATE proof.auditors SET next_on = next_on - %s", (days,))
        assert send(conn, trust.code) == told


def test_the_sweep_sends_them_with_no_redis(fresh_database_url: str, conn: Connection, trust: Trust) -> None:
    name(conn, Auditor(trust.code, "person/a", "email", "day"))
    trust.tell("P-1")
    assert sealed_by(fresh_database_url, trust.code)
    (kind,) = [kind for kind in DUE if kind.due is due]
    Sweeper(conn, None, [kind]).sweep()
    assert len(messages(fresh_database_url, trust)) == 1


def test_operators_say_who_is_sent_checkpoints(fresh_database_url: str, trust: Trust) -> None:
    env = {"QILEDGER_DATABASE_URL": fresh_database_url}

    def asked(*words: str) -> tuple[int, str]:
        result = CliRunner().invoke(main, ["checkpoint", *words], env=env)
        return result.exit_code, result.stdout

    listed = f"{trust.code}  person/8Qm2  by email every day\n"
    assert asked(trust.code, "--mail-to", "person/8Qm2", "--every", "day") == (0, listed)
    assert asked("--mailed") == (0, listed)
    assert asked(trust.code, "--mail-to", "jo@example.org")[0] == 1
    assert asked("--mail-to", "person/8Qm2")[0] == 1
    assert asked(trust.code, "--mail-no-more", "person/8Qm2") == (0, "")
    assert asked(trust.code, "--mail-no-more", "person/8Qm2")[0] == 1
