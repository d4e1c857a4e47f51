"""A slow server holds up its own messages, and no others."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from services.channels.outcome import Channel
from services.channels.smtp import Smtp, way_of
from services.channels.wording import Words
from services.worker.delivering.messages import due_by
from services.worker.delivering.rounds import Round
from services.worker.duty import Connection
from tests.patience import wait_until
from tests.services.channels.mail_server import Mailbox, Scripted
from tests.services.worker.messages import OURS, Peer, Telling, with_master_key


@pytest.fixture(autouse=True)
def _master_key() -> Iterator[None]:
    take_away = with_master_key()
    yield
    take_away()


@pytest.fixture
def connect(fresh_database_url: str) -> Callable[[], AbstractContextManager[Connection]]:
    url = f"{fresh_database_url}{'&' if '?' in fresh_database_url else '?'}options=-crole%3Dqiledger_worker"

    @contextmanager
    def connected() -> Iterator[Connection]:
        with psycopg.connect(url, autocommit=True) as conn:
            yield conn

    return connected


def telling_of(url: str) -> Telling:
    one = Telling(url)
    one.knows()
    one.now = datetime.now(UTC) - timedelta(hours=1)
    return one


def smtp(port: int) -> Smtp:
    return Smtp(way_of(f"smtp://127.0.0.1:{port}?tls=none"), "qi@trust.test")


def test_a_server_that_says_nothing_holds_up_neither_other_channels_nor_other_organisations(
    fresh_database_url: str, connect: Callable[[], AbstractContextManager[Connection]]
) -> None:
    first, other = telling_of(fresh_database_url), telling_of(fresh_database_url)
    stuck, posted, put = first.plans("email"), other.plans("chat"), first.plans("inbox")
    stop = threading.Event()
    result: list[Any] = []
    with Scripted({}, silent_at="rcpt") as silent, connect() as conn:
        channels: dict[str, Channel] = {"email": smtp(silent.port), "chat": Peer("chat")}
        one = Round(
            conn,
            channels,
            Words(OURS),
            connect=connect,
            due=due_by,
            deadline=time.monotonic() + 0.5,  # and beyond it, as long as the server is waited for
            stopping=stop.is_set,
        )
        going = threading.Thread(target=lambda: result.append(one.go(first.code, asks=False)))
        going.start()
        try:
            wait_until(lambda: silent.connections, within_s=60, what="the server is spoken to")
            wait_until(lambda: other.state(posted) == "sent", within_s=60, what="the room has it")
            wait_until(lambda: first.state(put) == "sent", within_s=60, what="the inbox has it")
            late = other.plans("inbox")
            wait_until(lambda: other.state(late) == "sent", within_s=60, what="so has one that came later")
            assert first.state(stuck) == "waiting"
            assert going.is_alive()
        finally:
            stop.set()
            going.join(30)
    assert not going.is_alive()
    assert first.attempts(stuck) == ["unknown"]


def test_organisations_take_turns_and_a_round_ends_when_nothing_is_left(
    fresh_database_url: str, connect: Callable[[], AbstractContextManager[Connection]]
) -> None:
    tellings = [telling_of(fresh_database_url) for _ in range(3)]
    ids = [(one, one.plans("email")) for one in tellings for _ in range(4)]
    with Mailbox() as server, connect() as conn:
        one = Round(
            conn,
            {"email": smtp(server.port)},
            Words(OURS),
            connect=connect,
            due=due_by,
            deadline=time.monotonic() + 60,
        )
        assert one.go(tellings[0].code, asks=True)
    assert {telling.state(id_) for telling, id_ in ids} == {"sent"}
    assert len(server.box.mails) == len(ids)


def test_what_goes_wrong_in_a_channel_with_the_database_ends_the_round(
    fresh_database_url: str, connect: Callable[[], AbstractContextManager[Connection]]
) -> None:
    telling = telling_of(fresh_database_url)
    telling.plans("chat")

    def away() -> AbstractContextManager[Connection]:
        raise psycopg.OperationalError("the database is away")

    with connect() as conn:
        one = Round(
            conn,
            {"chat": Peer("chat")},
            Words(OURS),
            connect=away,
            due=due_by,
            deadline=time.monotonic() + 60,
        )
        with pytest.raises(psycopg.OperationalError):
            one.go(telling.code, asks=False)
