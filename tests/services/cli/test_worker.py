"""`qiledger worker` keeps projections fresh, and ends when it is told to."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psycopg

from projections.engine.advance import behind
from services.operating import WORKER, narrowed
from tests.patience import ENDS_WITHIN_S, wait_until
from tests.services.cli.conftest import Ledgers, qiledger
from tests.services.cli.test_import import FILE


def test_a_worker_brings_every_projection_to_the_head(ledgers: Ledgers, redis_url: str, tmp_path: Path):
    env = {f"QILEDGER_API_KEY_{code}": key for code, key in ledgers.keys.items()}
    assert qiledger("import", FILE, "--quiet", QILEDGER_URL=ledgers.url, **env).returncode == 0
    worker_url = narrowed(ledgers.database_url, WORKER)
    said = tmp_path / "said.txt"
    bare = {name: value for name, value in os.environ.items() if not name.startswith("QILEDGER_")}
    with psycopg.connect(worker_url, autocommit=True) as conn, said.open("wb") as out:
        assert behind(conn)
        worker = subprocess.Popen(
            [sys.executable, "-m", "services.cli", "worker", "--fresh", "1", "--long", "1"],
            env=bare | {"QILEDGER_DATABASE_URL": worker_url, "QILEDGER_REDIS_URL": redis_url},
            stdout=out,
            stderr=out,
        )
        try:
            wait_until(lambda: not behind(conn), within_s=60, what="all projections have come to the heads")
        finally:
            worker.send_signal(signal.SIGTERM)
            status = worker.wait(ENDS_WITHIN_S)
    assert status == 0, said.read_text()


def test_a_worker_that_is_told_of_no_servers_says_what_to_set():
    alone = qiledger("worker")
    assert alone.returncode == 1
    assert "QILEDGER_REDIS_URL" in alone.stderr
