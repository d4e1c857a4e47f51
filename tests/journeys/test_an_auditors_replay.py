"""The second walk of ARCHITECTURE.md: an auditor takes the record home, proves it, folds it, and compares."""

import json
from pathlib import Path

import psycopg

from events.projects import ProjectStarted
from projections.engine.feed import feed
from projections.projects import projects
from projections.trust_scoreboard import scoreboard
from tests.audited import Audited
from tests.events.log.sealing import KEY, as_worker, tamper
from tests.services.cli.conftest import qiledger

PUBLISHED = 433  # projects active or completed, as East London published of 20 May 2022
DAY = 19  # 20 May, counted from the first of May


def test_an_auditors_replay(fresh_database_url: str, tmp_path: Path) -> None:
    trust = Audited(fresh_database_url)
    house = {"QILEDGER_DATABASE_URL": fresh_database_url}

    # Last quarter the log was sealed, and the auditor took the checkpoint away.
    trust.tell_all(
        [(f"project/P-{n}", ProjectStarted(forum="newham"), None, DAY - 5) for n in range(1, PUBLISHED)]
    )
    trust.seal()
    noted = tmp_path / "last-quarter.checkpoint"
    with psycopg.connect(fresh_database_url) as conn:
        row = conn.execute("SELECT note FROM proof.checkpoints WHERE organisation = 'RWK'").fetchone()
    assert row is not None
    noted.write_text(row[0])

    # Work went on: one more by that day, told late, and more since.
    trust.tell("project/P-433", ProjectStarted(forum="newham"), days=DAY)
    trust.tell_all(
        [(f"project/P-{n}", ProjectStarted(forum="newham"), None, DAY + 9) for n in range(434, 450)]
    )
    with as_worker(fresh_database_url) as conn:
        conn.execute("SET timezone = 'UTC'")
        for projection in (projects, scoreboard):
            feed(conn, projection, "RWK")
    trust.seal()

    # `qiledger export`, and from here on no database.
    file = tmp_path / "rwk.ndjson.gz"
    assert qiledger("export", "RWK", "-o", str(file), "--projections", **house).returncode == 0
    key = KEY.public.write()
    verified = qiledger("verify", str(file), "--replay", "--public-key", key, "--checkpoint", str(noted))
    assert verified.returncode == 0, verified.stdout
    assert "last-quarter.checkpoint: the first 432 records" in verified.stdout

    # `qiledger replay --as-at 2022-05-20`.
    asked = ("--projection", "trust_scoreboard", "--question", "counters", "--json")
    answered = qiledger("replay", str(file), "--as-at", "2022-05-20", *asked)
    assert answered.returncode == 0, answered.stderr
    assert json.loads(answered.stdout)["active_or_completed"] == PUBLISHED

    # The dashboard's rows beside it: differences none, exit status 0.
    agreed = qiledger("audit", "RWK", "--export", str(file), "--public-key", key, **house)
    assert agreed.returncode == 0, agreed.stdout
    assert "No differences" in agreed.stdout

    # And had somebody moved a start by a month, with the leaf made to fit, it would not have been nought.
    tamper(fresh_database_url, MOVED)
    assert qiledger("audit", "RWK", "--export", str(file), **house).returncode == 1


MOVED = """
    WITH moved AS (SELECT r.position, log.leaf(log.canonical(
               r.organisation, r.position, r.stream, r.version, r.source, r.id, r.type,
               log.written(r.occurred_at + interval '31 days', r.precise_to), log.written(r.recorded_at), r.actor,
               r.body)) AS leaf
          FROM log.records AS r WHERE organisation = 'RWK' AND position = 7)
    UPDATE log.records AS r SET occurred_at = r.occurred_at + interval '31 days', leaf = moved.leaf
      FROM moved WHERE r.organisation = 'RWK' AND r.position = moved.position
"""
