"""Messages under fire: nothing untold, and nothing told twice but what was sent and could not be noted."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
import redis

from events.privacy.custody import KeysInHand, entrust, new_master_key
from services.channels.notify import Notify
from services.channels.outcome import Channel, Sent
from services.channels.smtp import Smtp, way_of
from services.worker.duty import Connection
from tests.failures.dying_deliverer import STEPS
from tests.patience import wait_until
from tests.roles import as_role
from tests.services.channels.http_server import KEY, TEMPLATE, NotifyServer
from tests.services.channels.mail_server import Mailbox, Scripted
from tests.services.worker.messages import Peer, Telling, deliver

MASTER_KEY = new_master_key()
FROM = "QI team <qi@trust.test>"


@pytest.fixture(scope="module", autouse=True)
def _master_key() -> Iterator[None]:
    entrust(KeysInHand(MASTER_KEY))
    yield
    entrust(None)


@pytest.fixture
def worker_url(database_url: str) -> str:
    return as_role(database_url, "qiledger_worker")


@pytest.fixture
def conn(worker_url: str) -> Iterator[Connection]:
    with psycopg.connect(worker_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def telling(database_url: str) -> Telling:
    told = Telling(database_url)
    told.knows()
    told.now = datetime.now(UTC) - timedelta(hours=1)  # due by the database's clock too
    return told


def smtp(port: int) -> Smtp:
    return Smtp(way_of(f"smtp://127.0.0.1:{port}?tls=none"), FROM)


def run(conn: Connection, telling: Telling, channel: Any, **how: Any) -> None:
    deliver(conn, telling, channel, **how)


def started(*command: str, worker_url: str, **settings: str) -> "subprocess.Popen[bytes]":
    env = {name: value for name, value in os.environ.items() if not name.startswith("QILEDGER_")}
    env |= {
        "QILEDGER_DATABASE_URL": worker_url,
        "QILEDGER_MASTER_KEY": MASTER_KEY,
        "QILEDGER_MAIL_FROM": FROM,
    }
    env |= {f"QILEDGER_{name.upper()}": value for name, value in settings.items()}
    return subprocess.Popen([sys.executable, "-m", *command], env=env)


@pytest.mark.parametrize("channel", ["email", "notify"])
@pytest.mark.parametrize("step", STEPS)
def test_one_who_is_killed_at_any_step_leaves_nothing_untold(
    conn: Connection, telling: Telling, worker_url: str, step: str, channel: str
) -> None:
    """By mail a message may come twice if nobody could note that it was sent; of Notify it can be asked."""
    id_ = telling.plans(channel)
    with Mailbox() as mailbox, NotifyServer() as notify:
        settings = {"smtp_url": f"smtp://127.0.0.1:{mailbox.port}?tls=none"}
        settings |= {"notify_key": KEY, "notify_template": TEMPLATE, "notify_url": notify.url}
        dying = started(
            "tests.failures.dying_deliverer", step, telling.code, worker_url=worker_url, **settings
        )
        assert dying.wait(100) == -signal.SIGKILL
        telling.lease_is_over()
        way: Channel = smtp(mailbox.port) if channel == "email" else Notify(KEY, TEMPLATE, notify.url)
        run(conn, telling, way, now=None)
        mails = [mail["Message-ID"] for mail in mailbox.box.mails] + [
            one["reference"] for one in notify.taken
        ]
    assert telling.state(id_) == "sent"
    in_doubt = step in ("after sending", "while noting")
    assert len(mails) == (2 if in_doubt and channel == "email" else 1)
    assert set(mails) == {f"<{id_}@trust.test>" if channel == "email" else id_}
    before = {"before it is written down": [], "after noting": []}.get(step, ["unknown"])
    assert telling.attempts(id_) == [*before, "sent"]


def test_a_receiver_that_is_down_for_a_day_gets_everything_once(conn: Connection, telling: Telling) -> None:
    ids = [telling.plans() for _ in range(4)]
    with Scripted({}) as gone:
        port = gone.port
    for _ in range(48):
        run(conn, telling, smtp(port))
        telling.later(minutes=30)
    assert {telling.state(id_) for id_ in ids} == {"waiting"}
    with Mailbox() as back:
        run(conn, telling, smtp(back.port))
    assert {telling.state(id_) for id_ in ids} == {"sent"}
    assert sorted(mail["Message-ID"] for mail in back.box.mails) == sorted(
        f"<{id_}@trust.test>" for id_ in ids
    )


def test_a_receiver_that_takes_and_does_not_say_so_gets_the_same_message_id(
    conn: Connection, telling: Telling
) -> None:
    id_ = telling.plans()
    with Scripted({}, hangs_up_at=".") as lying:
        run(conn, telling, smtp(lying.port))
        assert lying.taken == 1
    run(conn, telling, Peer())
    assert telling.attempts(id_) == ["unknown"], "not before its time"
    telling.later(minutes=11)
    with Mailbox() as honest:
        run(conn, telling, smtp(honest.port))
    assert [mail["Message-ID"] for mail in honest.box.mails] == [f"<{id_}@trust.test>"]
    assert telling.attempts(id_) == ["unknown", "sent"]


def test_a_database_that_goes_away_between_sending_and_noting_is_waited_for(
    conn: Connection, telling: Telling, worker_url: str
) -> None:
    id_ = telling.plans()

    class Cutting(Peer):
        def send(self, letter: Any, to: str) -> Sent:
            telling.does(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE %s <> '' AND application_name = 'cut'"
            )
            return Sent("x")

    names = iter(["cut"])

    def connect() -> Connection:
        name = next(names, "another")
        return psycopg.connect(worker_url, autocommit=True, application_name=name)

    with pytest.raises(psycopg.OperationalError):
        run(conn, telling, Cutting(), connect=connect)
    assert telling.state(id_) == "sent"
    assert telling.attempts(id_) == ["sent"]


def test_a_worker_that_is_told_to_stop_ends_soon_though_a_server_hangs(
    telling: Telling, worker_url: str, redis_url: str
) -> None:
    """And one that is killed leaves the message to the next, whatever Redis has forgotten."""
    id_ = telling.plans()
    with Scripted({}, silent_at=".") as hanging:
        settings = {"smtp_url": f"smtp://127.0.0.1:{hanging.port}?tls=none", "redis_url": redis_url}
        worker = started("services.worker", "queue", "deliver", worker_url=worker_url, **settings)
        sweep = started("services.worker", "sweep", worker_url=worker_url, **settings)
        try:
            wait_until(lambda: hanging.taken, within_s=90, what="the message is under way")
            sweep.kill()
            began = time.monotonic()
            worker.send_signal(signal.SIGTERM)
            worker.wait(60)
            assert time.monotonic() - began < 30
        finally:
            worker.kill()
            sweep.kill()
            worker.wait(30)
            sweep.wait(30)
    with redis.Redis.from_url(redis_url) as bell:
        bell.flushdb()
    telling.lease_is_over()
    telling.does("UPDATE notices.messages SET try_at = NULL WHERE organisation = %s")
    telling.does("UPDATE notices.channels SET rests_until = NULL WHERE organisation = %s")
    with Mailbox() as mailbox:
        settings = {"smtp_url": f"smtp://127.0.0.1:{mailbox.port}?tls=none", "redis_url": redis_url}
        again = started("services.worker", "sweep", worker_url=worker_url, **settings)
        try:
            wait_until(lambda: telling.state(id_) == "sent", within_s=90, what="the message is sent")
        finally:
            again.kill()
            again.wait(30)
    assert [mail["Message-ID"] for mail in mailbox.box.mails] == [f"<{id_}@trust.test>"]
    assert telling.attempts(id_) == ["unknown", "sent"]


def test_two_at_once_tell_nobody_twice(telling: Telling, worker_url: str) -> None:
    ids = [telling.plans(due_at=telling.now - timedelta(seconds=n)) for n in range(40)]
    with Mailbox() as mailbox:
        settings = {"smtp_url": f"smtp://127.0.0.1:{mailbox.port}?tls=none&rate=60000"}
        pair = [
            started(
                "tests.failures.dying_deliverer", "never", telling.code, worker_url=worker_url, **settings
            )
            for _ in range(2)
        ]
        assert [one.wait(100) for one in pair] == [0, 0]
        told = sorted(mail["Message-ID"] for mail in mailbox.box.mails)
    assert told == sorted(f"<{id_}@trust.test>" for id_ in ids)
