"""Messages go out by the processes of the worker room: by a woken worker, and by the sweep where there is no Redis."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from events.privacy.custody import KeysInHand, entrust, new_master_key
from tests.patience import ENDS_WITHIN_S, gone, wait_until
from tests.services.channels.mail_server import Mailbox
from tests.services.worker.messages import Telling

MASTER_KEY = new_master_key()


@pytest.fixture(autouse=True)
def _master_key() -> Iterator[None]:
    entrust(KeysInHand(MASTER_KEY))
    yield
    entrust(None)


@pytest.fixture
def telling(fresh_database_url: str) -> Telling:
    told = Telling(fresh_database_url)
    told.knows()
    told.now = datetime.now(UTC) - timedelta(hours=1)
    return told


class Room:
    """Processes of the worker room, by their words."""

    def __init__(self, worker_url: str, redis_url: str | None, port: int, directory: Path) -> None:
        self.env = {name: value for name, value in os.environ.items() if not name.startswith("QILEDGER_")}
        self.env |= {
            "QILEDGER_DATABASE_URL": worker_url,
            "QILEDGER_MASTER_KEY": MASTER_KEY,
            "QILEDGER_SMTP_URL": f"smtp://127.0.0.1:{port}?tls=none",
            "QILEDGER_MAIL_FROM": "QI team <qi@trust.test>",
        }
        self.env |= {"QILEDGER_REDIS_URL": redis_url} if redis_url else {}
        self.directory = directory
        self.processes: list[subprocess.Popen[bytes]] = []

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        with (self.directory / f"{'-'.join(words)}.log").open("wb") as said:
            command = [sys.executable, "-m", "services.worker", *words]
            self.processes.append(subprocess.Popen(command, env=self.env, stdout=said, stderr=said))
        return self.processes[-1]

    def end(self) -> None:
        for process in self.processes:
            if not gone(process.pid):
                process.send_signal(signal.SIGKILL)
            process.wait(ENDS_WITHIN_S)


@pytest.mark.parametrize("with_redis", [True, False])
def test_a_message_goes_out_with_and_without_redis(
    telling: Telling, worker_url: str, redis_url: str, tmp_path: Path, with_redis: bool
) -> None:
    with Mailbox() as server:
        room = Room(worker_url, redis_url if with_redis else None, server.port, tmp_path)
        try:
            if with_redis:
                room.start("queue", "deliver")
            room.start("sweep")
            id_ = telling.plans()
            wait_until(lambda: telling.state(id_) == "sent", within_s=90, what="the message is sent")
        finally:
            room.end()
    (mail,) = server.box.mails
    assert mail["Message-ID"] == f"<{id_}@trust.test>"
    assert mail["To"] == "jo.bloggs@nhs.test"
    for log in tmp_path.glob("*.log"):
        assert "jo.bloggs" not in log.read_text()
