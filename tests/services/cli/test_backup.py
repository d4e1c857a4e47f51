"""A backup is brought into a new cluster: the same roots, the same rows, nobody told; a rewritten one is not served."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from projections.engine.compare import rows_kept
from projections.engine.found import found
from services.embedded import Postgres
from services.operating import make_database
from services.whole_house import write_exports
from tests.audited import Audited
from tests.events.log.sealing import as_worker
from tests.services.cli.conftest import qiledger


@pytest.fixture
def new_cluster(throwaway: Path) -> Iterator[str]:
    """A database in a cluster that knows none of our roles."""
    with Postgres(throwaway / "postgres", settings={"fsync": "off"}) as server:
        make_database(server.url(), "restored")
        yield server.url("restored")


def test_what_is_restored_into_a_new_cluster_is_the_same(
    trust: Audited, new_cluster: str, tmp_path: Path
) -> None:
    kept = tmp_path / "backup"
    made = qiledger("backup", str(kept), QILEDGER_DATABASE_URL=trust.url)
    assert made.returncode == 0, made.stderr
    with psycopg.connect(trust.url) as conn:
        (note,) = conn.execute(
            "SELECT note FROM proof.checkpoints WHERE organisation = 'RWK'"
        ).fetchone() or ("",)
    checkpoint = tmp_path / "last.checkpoint"
    checkpoint.write_text(note)
    ours = {"QILEDGER_DATABASE_URL": new_cluster, "QILEDGER_DATA_DIRECTORY": str(tmp_path / "data")}
    restored = qiledger("restore", str(kept), "--checkpoint", str(checkpoint), **ours)
    assert restored.returncode == 0, restored.stderr
    assert "held against last.checkpoint" in restored.stdout
    with as_worker(trust.url) as old, as_worker(new_cluster) as new:
        for conn in (old, new):
            conn.execute("SET timezone = 'UTC'")
        for projection in found().values():
            assert dict(rows_kept(new, projection, "RWK")) == dict(rows_kept(old, projection, "RWK"))
    with psycopg.connect(new_cluster, autocommit=True) as conn:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            conn.execute("DELETE FROM log.records")
        silent = conn.execute(
            "SELECT position FROM notices.checkpoints WHERE organisation = 'RWK'"
        ).fetchone()
        assert silent == (trust.position(),)
    audited = qiledger("audit", "RWK", QILEDGER_DATABASE_URL=new_cluster)
    assert audited.returncode == 0, audited.stdout
    again = qiledger("restore", str(kept), **ours)
    assert (again.returncode, "is not empty" in again.stderr) == (1, True)


def test_a_log_that_the_checkpoint_contradicts_is_not_to_be_served(
    trust: Audited, new_cluster: str, tmp_path: Path
) -> None:
    kept = tmp_path / "backup"
    qiledger("backup", str(kept), QILEDGER_DATABASE_URL=trust.url)
    checkpoint = tmp_path / "last.checkpoint"
    checkpoint.write_text(f"qiledger.example.org/RWK\n7\n{'A' * 43}=\n")
    ours = {"QILEDGER_DATABASE_URL": new_cluster, "QILEDGER_DATA_DIRECTORY": str(tmp_path / "data")}
    refused = qiledger("restore", str(kept), "--checkpoint", str(checkpoint), **ours)
    assert refused.returncode == 1
    assert "Do not serve this database" in refused.stderr


def test_who_has_no_server_restores_into_a_data_directory_of_a_house_to_be(
    trust: Audited, throwaway: Path, tmp_path: Path
) -> None:
    kept, home = tmp_path / "backup", {"QILEDGER_DATA_DIRECTORY": str(throwaway / "home")}
    assert qiledger("backup", str(kept), QILEDGER_DATABASE_URL=trust.url).returncode == 0
    forged = tmp_path / "forged.checkpoint"
    forged.write_text("qiledger.example.org/RWK\n1\n" + "A" * 43 + "=\n")
    contradicted = qiledger("restore", str(kept), "--checkpoint", str(forged), **home)
    assert contradicted.returncode == 1
    assert "It was taken out again" in contradicted.stderr
    restored = qiledger("restore", str(kept), **home)
    assert restored.returncode == 0, restored.stderr
    assert "Next: qiledger up" in restored.stdout
    with Postgres(throwaway / "home" / "postgres") as server:
        with psycopg.connect(server.url("qiledger")) as conn:
            found_there = conn.execute("SELECT position FROM log.heads WHERE organisation = 'RWK'").fetchone()
        assert found_there == (trust.position(),)
    again = qiledger("restore", str(kept), **home)
    assert (again.returncode, "Nothing was restored" in again.stderr) == (1, True)


def test_a_house_that_is_up_is_not_restored_into(trust: Audited, throwaway: Path, tmp_path: Path) -> None:
    kept = tmp_path / "backup"
    assert qiledger("backup", str(kept), QILEDGER_DATABASE_URL=trust.url).returncode == 0
    write_exports(throwaway / "house.env", {"QILEDGER_DATABASE_URL": trust.url})
    refused = qiledger("restore", str(kept), QILEDGER_DATA_DIRECTORY=str(throwaway))
    assert refused.returncode == 1
    assert "A house is up at" in refused.stderr
