"""An organisation moves house: its log is as it was, nobody is told, and who may not load cannot."""

from pathlib import Path

import psycopg
import pytest

from events.log.merkle import CompactRange
from events.log.verifying import verify_file
from projections.engine.compare import rows_kept
from projections.projects import projects
from tests.audited import Audited, audited, everything
from tests.conftest import Servers, cloned
from tests.events.log.conftest import as_role
from tests.events.log.sealing import as_worker
from tests.services.cli.conftest import qiledger


@pytest.fixture
def new_url(postgres_url: str, template: str, servers: Servers, worker_id: str) -> object:
    """Another installation, empty."""
    with cloned(postgres_url, template, f"qiledger_test_{servers.run}_{worker_id}_new") as url:
        yield url


def canonical_lines(url: str) -> list[tuple[bytes, str]]:
    with psycopg.connect(url) as conn:
        return conn.execute(
            "SELECT leaf, canonical FROM log.canonical_records WHERE organisation = 'RWK' ORDER BY position"
        ).fetchall()


def test_a_log_that_was_moved_is_the_same_log(fresh_database_url: str, new_url: str, tmp_path: Path) -> None:
    trust = audited(fresh_database_url)
    file, again = tmp_path / "rwk.ndjson.gz", tmp_path / "again.ndjson"
    assert qiledger("export", "RWK", "-o", str(file), QILEDGER_DATABASE_URL=trust.url).returncode == 0
    lines = [text for _, text in canonical_lines(trust.url)]

    with psycopg.connect(new_url, autocommit=True) as conn:  # interrupted after forty records
        conn.execute("SELECT log.open('RWK', 'East London')")
        conn.execute("SELECT log.load('RWK', %s::text[])", (lines[:40],))
        assert conn.execute("SELECT position FROM log.heads WHERE organisation = 'RWK'").fetchone() == (0,)
        with pytest.raises(psycopg.errors.UniqueViolation):  # nothing slips in among what is loaded
            conn.execute("SELECT * FROM log.append('RWK', %s::jsonb)", (APPENDED,))

    loaded = qiledger("load", str(file), QILEDGER_DATABASE_URL=new_url)
    assert loaded.returncode == 0, loaded.stderr
    assert canonical_lines(new_url) == canonical_lines(trust.url)

    moved = Audited(new_url)
    moved.feed()
    with as_worker(trust.url) as old, as_worker(new_url) as new:
        old.execute("SET timezone = 'UTC'")
        new.execute("SET timezone = 'UTC'")
        assert dict(rows_kept(new, projects, "RWK")) == dict(rows_kept(old, projects, "RWK"))

    with psycopg.connect(new_url) as conn:
        assert conn.execute("SELECT count(*) FROM notices.messages").fetchone() == (0,)
        assert conn.execute(
            "SELECT position FROM notices.checkpoints WHERE organisation = 'RWK'"
        ).fetchone() == (trust.position(),)
        kept = conn.execute("SELECT records, root, checkpoint FROM log.loads").fetchone()
    assert kept is not None
    assert kept[1] == CompactRange.of(leaf for leaf, _ in canonical_lines(trust.url)).root()
    assert kept[2].startswith("qiledger.example.org/RWK\n")

    moved.seal()
    assert qiledger("export", "RWK", "-o", str(again), QILEDGER_DATABASE_URL=new_url).returncode == 0
    assert verify_file(again).root == verify_file(file).root

    twice = qiledger("load", str(file), QILEDGER_DATABASE_URL=new_url)
    assert (twice.returncode, "it is not empty" in twice.stderr) == (1, True)


APPENDED = (
    '[{"stream":"project/P-1","source":"/x","id":"x","type":"cycle.tested","occurred_at":"2022-05-20T00:00:00Z",'
    '"precise_to":"day","actor":"client/x","body":"{}"}]'
)


def test_an_export_that_does_not_hold_is_not_loaded(
    new_url: str, fresh_database_url: str, tmp_path: Path
) -> None:
    trust = Audited(fresh_database_url)
    trust.tell_all(list(everything(1)))
    trust.seal()
    file = tmp_path / "rwk.ndjson"
    qiledger("export", "RWK", "-o", str(file), QILEDGER_DATABASE_URL=trust.url)
    file.write_bytes(file.read_bytes().replace(b'"actor":"client/lifeqi"', b'"actor":"client/lifeqj"', 1))
    refused = qiledger("load", str(file), "--name", "East London", QILEDGER_DATABASE_URL=new_url)
    assert (refused.returncode, "does not hold" in refused.stderr) == (1, True)


@pytest.mark.parametrize(
    "change",
    [
        ('"position":1,', '"position":2,'),
        ('"version":1,', '"version": 1,'),
        ('"occurred":"', '"occurred":"x'),
        ('"recorded":"', '"recorded":"x'),
        ('"organisation":"RWK"', '"organisation":"RV3"'),
        ('"body":{', '"body":{ '),
        ("{", ""),
    ],
)
def test_the_database_takes_no_line_that_is_not_canonical(
    fresh_database_url: str, change: tuple[str, str]
) -> None:
    with psycopg.connect(fresh_database_url, autocommit=True) as conn:
        conn.execute("SELECT log.open('RWK', 'East London')")
        line = LINE.replace(*change, 1)
        if change[1].endswith("{ "):
            conn.execute("SELECT log.load('RWK', %s::text[])", ([line],))  # a body is kept as it is written
            return
        with pytest.raises(psycopg.DataError):
            conn.execute("SELECT log.load('RWK', %s::text[])", ([line],))
        assert conn.execute("SELECT count(*) FROM log.records").fetchone() == (0,)


LINE = (
    '{"organisation":"RWK","position":1,"stream":"project/P-1","version":1,"source":"/x","id":"x",'
    '"type":"cycle.tested","occurred":"2022-05","recorded":"2022-05-20T09:30:00.000000Z","actor":"client/x","body":{}}'
)


@pytest.mark.parametrize(
    "role", ["qiledger_api", "qiledger_worker", "qiledger_report", "qiledger_auditor", "qiledger_owner"]
)
def test_nobody_of_the_house_may_load(database_url: str, role: str) -> None:
    with psycopg.connect(as_role(database_url, role), autocommit=True) as conn:
        conn.execute("SET default_transaction_read_only = off")
        for statement in (
            "SELECT log.load('RWK', '{}')",
            "SELECT log.finish_load('RWK', 0, NULL, NULL, NULL, NULL, NULL)",
            "INSERT INTO log.loads (organisation, records, root, exported_at, exported_by)"
            " VALUES ('RWK', 0, sha256(''), '', '')",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                conn.execute(statement)
