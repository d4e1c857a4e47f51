"""What is given up: a message that was not sent in time is told of as such, and must not go afterwards."""

import smtplib
from collections.abc import Iterator
from contextlib import closing
from queue import SimpleQueue
from typing import Any

import pytest

from services.channels.mail_line import Line
from services.channels.mail_server import Server
from services.channels.outcome import Sent, TryLater, Unknown
from services.channels.smtp import Smtp, way_of
from services.channels.within import OutOfTime, Runner, _make_calls
from tests.patience import wait_until
from tests.services.channels.conftest import a_letter
from tests.services.channels.mail_server import Scripted
from tests.services.channels.test_smtp import AT_ONCE, FROM, ONE_BY_ONE, TO, of, sent_by_another


class Hurried(Smtp):
    """Can be dropped at the moment at which it makes a connection, before anybody else sees it."""

    hurried = False

    def _unconnected(self) -> Server:
        server = super()._unconnected()
        if self.hurried:
            self.hurried = False
            self.drop()
        return server


@pytest.fixture
def server() -> Iterator[Scripted]:
    with Scripted({}) as one:
        yield one


@pytest.fixture
def channel(server: Scripted) -> Iterator[Hurried]:
    one = Hurried(way_of(f"smtp://127.0.0.1:{server.port}?tls=none"), FROM)
    yield one
    one.drop()


NEW, KEPT = ("greeting", "ehlo", "mail", "rcpt", "data"), ("noop", "mail", "rcpt", "data")


@pytest.mark.parametrize("ehlo", [ONE_BY_ONE, AT_ONCE], ids=["one by one", "at once"])
@pytest.mark.parametrize(("before", "at"), [*((0, at) for at in NEW), *((1, at) for at in KEPT)])
def test_what_is_given_up_is_not_sent_afterwards(
    server: Scripted, channel: Smtp, before: int, at: str, ehlo: bytes
) -> None:
    """Also where the server would take it over another connection; and the next letter goes its way."""
    server.answers["ehlo"] = ehlo
    for _ in range(before):
        assert isinstance(channel.send(a_letter(), TO), Sent)
        of(channel).used_at -= 60 if at == "noop" else 0
    server.silent_at = at
    sending, said = sent_by_another(channel)
    wait_until(lambda: server.silences, within_s=30, what="it hangs")
    server.silent_at = ""
    channel.drop()
    sending.join(30)
    assert isinstance(said[0], TryLater)
    assert server.taken == before
    assert isinstance(channel.send(a_letter(), TO), Sent)
    assert server.taken == before + 1


def test_of_what_is_given_up_after_the_message_nobody_knows(server: Scripted, channel: Smtp) -> None:
    server.silent_at = "."
    sending, said = sent_by_another(channel)
    wait_until(lambda: server.silences, within_s=30, what="it hangs")
    server.silent_at = ""
    channel.drop()
    sending.join(30)
    assert isinstance(said[0], Unknown)
    assert server.taken == 1


def test_what_is_given_up_before_there_is_a_connection_is_not_sent_afterwards(
    server: Scripted, channel: Hurried
) -> None:
    channel.hurried = True
    assert isinstance(channel.send(a_letter(), TO), TryLater)
    assert (server.connections, server.taken) == (0, 0)
    assert isinstance(channel.send(a_letter(), TO), Sent)


def test_whoever_was_given_up_has_no_part_in_the_connection_of_the_next() -> None:
    line, ours, theirs = Line(), Server("mail.test"), Server("mail.test")
    before = line.turn()
    line.drop()
    assert line.keep(theirs, line.turn())
    assert line.kept(before) is None
    assert not line.keep(ours, before)
    line.end(ours)
    assert line.kept(line.turn()) is theirs


def test_a_connection_is_shut_at_once_and_closed_by_whoever_speaks(server: Scripted) -> None:
    """The number of a closed file may be another's at the next moment."""
    one: Any = Server("127.0.0.1", timeout=30)
    with one.spoken_to():
        one.connect("127.0.0.1", server.port)
        one.let_go()
        assert one.sock.fileno() >= 0
        assert one.sock.recv(100) == b""
        with pytest.raises(smtplib.SMTPServerDisconnected):
            one.noop()
    assert one.sock is None


def test_a_connection_that_nobody_speaks_over_is_closed_at_once(server: Scripted) -> None:
    one = Server("127.0.0.1", timeout=30)
    with closing(one):
        one.connect("127.0.0.1", server.port)
        one.let_go()
        assert one.sock is None


def test_a_call_that_had_not_begun_in_time_is_never_made() -> None:
    """Its thread was held up, and comes to it when nobody waits any more."""
    made = list[str]()
    runner = Runner()
    runner._calls = held_up = SimpleQueue()
    with pytest.raises(OutOfTime):
        runner.within(0, lambda: made.append("it was made"))
    _make_calls(held_up)
    assert made == []
