"""A restore that is interrupted leaves nothing that is served: it is taken out again, or refused in words."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from events.log import half_restored
from services.backups import DUMP
from services.embedded import Postgres
from services.operating import make_database
from tests.audited import Audited
from tests.patience import ENDS_WITHIN_S, wait_until
from tests.services.cli.conftest import qiledger


@pytest.fixture
def kept(trust: Audited, tmp_path: Path) -> Path:
    """A backup."""
    made = qiledger("backup", str(tmp_path / "backup"), QILEDGER_DATABASE_URL=trust.url)
    assert made.returncode == 0, made.stderr
    return tmp_path / "backup"


@pytest.fixture
def home(throwaway: Path) -> dict[str, str]:
    """Where a house is to be."""
    return {"QILEDGER_DATA_DIRECTORY": str(throwaway / "home")}


@contextlib.contextmanager
def interrupted(
    kept: Path, how: signal.Signals, *, while_it_reads: str = "ledger", **env: str
) -> Iterator["subprocess.CompletedProcess[str]"]:
    """A restore that is ended while it reads a pipe: before its rows are brought (dump), or when all are (ledger)."""
    ledger = kept.parent / "ledger"
    pipe = ledger if while_it_reads == "ledger" else kept / DUMP
    if pipe.exists():
        pipe.rename(kept.parent / "aside")
    os.mkfifo(pipe)
    bare = {name: value for name, value in os.environ.items() if not name.startswith("QILEDGER_")}
    command = [sys.executable, "-m", "services.cli", "restore", str(kept)]
    env = bare | env | {"QILEDGER_ERASURE_LEDGER": str(ledger)}
    said = kept.parent / "said"
    with said.open("w") as out, subprocess.Popen(command, env=env, stdout=out, stderr=out) as process:
        opened: list[int] = []

        def reads() -> bool:
            assert process.poll() is None, said.read_text()
            with contextlib.suppress(OSError):  # nobody reads yet
                opened.append(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK))
            return bool(opened)

        wait_until(reads, within_s=60, what=f"the restore reads {pipe}")
        process.send_signal(how)
        status = process.wait(ENDS_WITHIN_S)
        os.close(opened[0])
    pipe.unlink()
    if (aside := kept.parent / "aside").exists():
        aside.rename(pipe)
    yield subprocess.CompletedProcess(command, status, said.read_text())


def is_empty(home: dict[str, str]) -> bool:
    """Whether nothing is in the database of a house to be, not even the mark of a restore."""
    with (
        Postgres(Path(home["QILEDGER_DATA_DIRECTORY"]) / "postgres") as server,
        psycopg.connect(server.url("qiledger")) as conn,
    ):
        marked = half_restored.is_marked(conn)
        return not marked and conn.execute("SELECT to_regnamespace('log') IS NULL").fetchone() == (True,)


@pytest.mark.parametrize("reading", ["dump", "ledger"])
def test_who_interrupts_a_restore_finds_nothing_of_it(kept: Path, home: dict[str, str], reading: str) -> None:
    with interrupted(kept, signal.SIGINT, while_it_reads=reading, **home) as ended:
        assert (ended.returncode, "It was taken out again" in ended.stdout) == (1, True), ended.stdout
    assert is_empty(home)


def test_a_restore_that_was_killed_is_not_served_and_can_be_begun_anew(
    kept: Path, home: dict[str, str]
) -> None:
    with interrupted(kept, signal.SIGKILL, **home) as ended:
        assert ended.returncode == -signal.SIGKILL
    refused = qiledger("up", "--port", "0", **home)
    assert refused.returncode == 1, refused.stdout
    assert "a restore into this database was not finished" in refused.stderr
    assert "Run `qiledger restore` again" in refused.stderr
    anew = qiledger("restore", str(kept), **home)
    assert anew.returncode == 0, anew.stderr
    again = qiledger("restore", str(kept), **home)
    assert (again.returncode, "is not empty" in again.stderr) == (1, True), again.stderr
    assert not is_empty(home)


def test_a_database_of_others_is_closed_until_its_restore_is_finished(kept: Path, throwaway: Path) -> None:
    with Postgres(throwaway / "postgres", settings={"fsync": "off"}) as server:
        make_database(server.url(), "restored")
        place = {"QILEDGER_DATABASE_URL": server.url("restored")}
        with interrupted(kept, signal.SIGINT, **place) as ended:
            assert (ended.returncode, "Do not serve this database" in ended.stdout) == (1, True), ended.stdout
        with psycopg.connect(server.url("restored")) as conn:
            assert not conn.execute(
                "SELECT has_database_privilege('qiledger_worker', 'restored', 'CONNECT')"
            ).fetchone()[0]
        examined = qiledger("doctor", **place)
        assert "a restore into this database was not finished" in " ".join(examined.stdout.split())
        migrated = qiledger("migrate", **place)
        assert (migrated.returncode, "was not finished" in migrated.stderr) == (1, True)
        anew = qiledger("restore", str(kept), **place)
        assert (anew.returncode, "not finished" in anew.stderr) == (1, True)


def test_half_a_backup_leaves_the_database_as_empty_as_it_was(kept: Path, throwaway: Path) -> None:
    whole = (kept / DUMP).read_bytes()
    with Postgres(throwaway / "postgres", settings={"fsync": "off"}) as server:
        make_database(server.url(), "restored")
        place = {"QILEDGER_DATABASE_URL": server.url("restored")}
        for half in (whole[: len(whole) * 3 // 4], whole[:3], b""):
            (kept / DUMP).write_bytes(half)
            refused = qiledger("restore", str(kept), **place)
            assert (refused.returncode, "Nothing was restored: pg_restore" in refused.stderr) == (1, True)
        (kept / DUMP).write_bytes(whole)
        assert qiledger("restore", str(kept), **place).returncode == 0
