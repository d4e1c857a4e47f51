"""A worker's room: a database and a Redis of the test's own, an organisation to tell about, processes to start."""

import json
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest
import redis

from projections.engine.advance import behind
from projections.engine.compare import rows_kept
from projections.projects import projects
from services.doorbell import connect
from services.worker.duty import Connection
from tests.patience import ENDS_WITHIN_S, gone, wait_until
from tests.roles import as_role
from tests.standing_house import children_of

Start = Callable[..., subprocess.Popen[bytes]]
_numbers = count(1)


@pytest.fixture
def worker_url(fresh_database_url: str) -> str:
    """The database, entered as the workers' role."""
    return as_role(fresh_database_url, "qiledger_worker")


@pytest.fixture
def conn(worker_url: str) -> Iterator[Connection]:
    with psycopg.connect(worker_url, autocommit=True) as connection:
        connection.execute("SET timezone = 'UTC'")
        yield connection


@pytest.fixture
def bell(redis_url: str) -> Iterator[redis.Redis]:
    """The doorbell, on an empty Redis."""
    with connect(redis_url) as connection:
        connection.flushdb()
        yield connection


class Trust:
    """One organisation: what is told of it, and which of its projects a reader is shown."""

    def __init__(self, admin_url: str, worker_url: str) -> None:
        self.code = f"W{os.getpid() % 100_000}X{next(_numbers)}"  # Redis publishes across all its databases
        self._admin_url = admin_url
        self._worker_url = worker_url
        with psycopg.connect(admin_url) as conn:
            conn.execute("SELECT log.open(%s, 'A trust')", [self.code])

    def tell(self, *names: str) -> int:
        """Projects that were started. Returns the position of the last."""
        batch = json.dumps([_started(name) for name in names])
        with psycopg.connect(self._admin_url) as conn:
            rows = conn.execute(
                "SELECT position FROM log.append(%s, %s::jsonb)", [self.code, batch]
            ).fetchall()
        return max(position for (position,) in rows)

    def shown(self) -> set[str]:
        """The projects that a reader sees now."""
        with psycopg.connect(self._worker_url, autocommit=True) as conn:
            return {key.removeprefix("project/") for key, _ in rows_kept(conn, projects, self.code)}

    def caught_up(self) -> bool:
        with psycopg.connect(self._worker_url, autocommit=True) as conn:
            return not any(lag.organisation == self.code for lag in behind(conn))


def _started(name: str) -> dict[str, Any]:
    return {
        "stream": f"project/{name}",
        "source": "/tests",
        "id": uuid.uuid4().hex,
        "type": "project.started",
        "occurred_at": datetime(2024, 5, 20, 9, 30, tzinfo=UTC).isoformat(),
        "precise_to": "instant",
        "actor": "client/tests",
        "body": '{"forum":"city-hackney"}',
    }


@pytest.fixture
def trust(fresh_database_url: str, worker_url: str) -> Trust:
    return Trust(fresh_database_url, worker_url)


@pytest.fixture
def other_trust(fresh_database_url: str, worker_url: str) -> Trust:
    return Trust(fresh_database_url, worker_url)


@pytest.fixture
def start(worker_url: str, redis_url: str, tmp_path: Path) -> Iterator[Start]:
    """Starts processes of the worker room: `start("queue", "fresh")`; what is left of them is ended after the test."""
    started: list[subprocess.Popen[bytes]] = []

    def begin(*words: str, doorbell: str | None = redis_url, **settings: str) -> subprocess.Popen[bytes]:
        env = {name: value for name, value in os.environ.items() if not name.startswith("QILEDGER_")}
        env |= {"QILEDGER_DATABASE_URL": worker_url}
        env |= {} if doorbell is None else {"QILEDGER_REDIS_URL": doorbell}
        env |= {f"QILEDGER_{name.upper()}": value for name, value in settings.items()}
        with (tmp_path / f"{'-'.join(words)}-{len(started)}.log").open("wb") as said:
            command = [sys.executable, "-m", "services.worker", *words]
            started.append(subprocess.Popen(command, env=env, stdout=said, stderr=said))
        return started[-1]

    yield begin
    horses = [horse for process in started for horse in children_of(process.pid)]
    for process in started:
        if not gone(process.pid):
            process.send_signal(signal.SIGKILL)
        process.wait(ENDS_WITHIN_S)
    wait_until(lambda: all(map(gone, horses)), within_s=ENDS_WITHIN_S, what="they write in no other's Redis")
