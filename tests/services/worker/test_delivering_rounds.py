"""A slow server holds up its own messages, and no others."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from functools import partial
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
from tests.roles import as_role
from tests.services.channels.mail_server import Mailbox, Scripted
from tests.services.worker.messages import OURS, Peer, Telling, deliver, with_master_key


@pytest.fixture(autouse=True)
def _master_key() -> Iterator[None]:
    take_away = with_master_key()
    yield
    take_away()


@pytest.fixture
def connect(fresh_database_url: str) -> Callable[[], AbstractContextManager[Connection]]:
    return partial(psycopg.connect, as_role(fresh_database_url, "qiledger_worker"), autocommit=True)


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


class HangsOnce(Scripted):
    """Says nothing to the third MAIL, the second over its connection; afterwards it is as it was."""

    mails = 0

    def _say(self, connection: socket.socket, word: str) -> bool:
        self.mails += word == "mail"
        self.silent_at = "mail" if self.mails == 3 and not self.silences else ""
        return super()._say(connection, word)


def test_a_message_that_was_given_up_comes_once_when_it_is_tried_again(
    fresh_database_url: str, connect: Callable[[], AbstractContextManager[Connection]]
) -> None:
    """And not by whoever had been waited for no longer: they would find the server well again."""
    telling = telling_of(fresh_database_url)
    with HangsOnce({}) as server, connect() as conn:
        channel = smtp(server.port)
        channel.patience_s = 3.0
        ids = [telling.plans(due_at=telling.now - timedelta(minutes=n)) for n in (3, 2, 1)]
        deliver(conn, telling, channel)
        assert [telling.attempts(id_) for id_ in ids] == [["sent"], ["sent"], ["unknown"]]
        telling.later(minutes=11)
        deliver(conn, telling, channel)
        assert telling.attempts(ids[-1]) == ["unknown", "sent"]
        assert (server.silences, server.taken) == (1, 3)


class ToldLater(Peer):
    """A channel that knows later what arrived, and does not say which."""

    def __init__(self) -> None:
        super().__init__("notify")
        self.asked_for: list[str] = []

    def what_became_of(self, reference: str) -> None:
        self.asked_for.append(reference)


def test_a_round_that_did_not_ask_for_all_that_arrived_is_not_done(
    fresh_database_url: str, connect: Callable[[], AbstractContextManager[Connection]]
) -> None:
    telling, channel = telling_of(fresh_database_url), ToldLater()
    for _ in range(2):
        telling.plans("notify")
    with connect() as conn:
        assert deliver(conn, telling, channel)
        telling.later(minutes=2)
        stopped = lambda: bool(channel.asked_for)  # noqa: E731
        assert not deliver(conn, telling, channel, asks=True, stopping=stopped)
        assert len(channel.asked_for) == 1
        assert deliver(conn, telling, channel, asks=True)
        assert len(channel.asked_for) == 2


def test_a_round_that_left_messages_which_it_had_taken_up_is_not_done(
    fresh_database_url: str, connect: Callable[[], AbstractContextManager[Connection]]
) -> None:
    telling, peer = telling_of(fresh_database_url), Peer()
    for _ in range(3):
        telling.plans()
    with connect() as conn:
        assert not deliver(conn, telling, peer, stopping=lambda: bool(peer.letters))
        assert len(peer.letters) == 1
        assert deliver(conn, telling, peer)
        assert len(peer.letters) == 3
