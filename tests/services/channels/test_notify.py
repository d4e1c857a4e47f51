"""E-mail by GOV.UK Notify, to a server on this machine that speaks as Notify's documentation has it."""

import contextlib
import logging
import socket
import ssl
import threading
from datetime import timedelta
from pathlib import Path

import pytest

from services.channels.notify import Notify
from services.channels.outcome import NotAnswered, Refused, Sent, TryLater, Unknown, WrongWay
from tests.services.channels.conftest import a_letter
from tests.services.channels.http_server import KEY, SECRET, TEMPLATE, NotifyServer

TO = "jo.bloggs@nhs.uk"


def notify(server: NotifyServer, key: str = KEY, template: str = TEMPLATE) -> Notify:
    return Notify(key, template, server.url)


def test_a_letter_is_taken_with_its_id_as_reference() -> None:
    with NotifyServer() as server:
        channel = notify(server)
        outcome = channel.send(a_letter(unsubscribe="https://qi.test/u/abc"), TO)
        channel.drop()
    (taken,) = server.taken
    assert outcome == Sent(taken["id"])
    assert taken["reference"] == a_letter().id
    assert taken["email_address"] == TO
    assert taken["personalisation"] == {"subject": a_letter().subject, "body": a_letter().marked}
    assert taken["one_click_unsubscribe_url"] == "https://qi.test/u/abc"


def test_an_address_to_unsubscribe_at_without_tls_is_not_given_to_notify() -> None:
    with NotifyServer() as server:
        channel = notify(server)
        assert isinstance(channel.send(a_letter(unsubscribe="http://127.0.0.1/u/abc"), TO), Sent)
        channel.drop()
    assert "one_click_unsubscribe_url" not in server.taken[0]


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (
            (400, "BadRequestError", "Can't send to this recipient using a team-only API key"),
            Refused("400 BadRequestError: Can't send to this recipient using a team-only API key"),
        ),
        (
            (403, "AuthError", "Error: Your system clock must be accurate to within 30 seconds"),
            TryLater(
                "403 AuthError: Error: Your system clock must be accurate to within 30 seconds",
                everybody=True,
            ),
        ),
        (
            (429, "RateLimitError", "Exceeded rate limit"),
            TryLater("429 RateLimitError: Exceeded rate limit", after=timedelta(minutes=1), everybody=True),
        ),
        (
            (429, "TooManyRequestsError", "Exceeded send limits (50) for today"),
            TryLater(
                "429 TooManyRequestsError: Exceeded send limits (50) for today",
                after=timedelta(hours=1),
                everybody=True,
            ),
        ),
        ((500, "Exception", "Internal server error"), Unknown("500 Exception: Internal server error")),
        ((302, "Moved", "elsewhere"), TryLater("302 Moved: elsewhere", everybody=True)),
    ],
)
def test_each_answer_of_notify_has_its_meaning(answer: tuple[int, str, str], outcome: object) -> None:
    with NotifyServer() as server:
        server.answers.append(answer)
        channel = notify(server)
        if answer[0] == 302:
            assert not isinstance(channel.send(a_letter(), TO), Sent)
        else:
            assert channel.send(a_letter(), TO) == outcome
        channel.drop()


def test_an_answer_that_is_lost_is_asked_for_by_the_reference() -> None:
    with NotifyServer() as server:
        channel = notify(server)
        server.answers += ["cut", "gone"]
        assert isinstance(channel.send(a_letter(), TO), Unknown)
        assert channel.heard_of(a_letter().id) == Sent(server.taken[0]["id"])
        assert isinstance(channel.send(a_letter(id="m_another_0123456"), TO), Unknown)
        assert channel.heard_of("m_another_0123456") is None
        server.taken[0]["status"] = "permanent-failure"
        assert channel.heard_of(a_letter().id) is None
        channel.drop()


def test_a_notify_that_is_not_there_has_taken_nothing() -> None:
    with NotifyServer() as server:
        channel = notify(server)
    outcome = channel.send(a_letter(), TO)
    assert isinstance(outcome, TryLater)
    assert outcome.everybody
    with pytest.raises(NotAnswered):
        channel.heard_of(a_letter().id)


def test_a_wrong_key_is_everybodys_trouble() -> None:
    with NotifyServer() as server:
        channel = notify(server, KEY.replace("66666666", "00000000"))
        outcome = channel.send(a_letter(), TO)
        channel.drop()
    assert isinstance(outcome, TryLater)
    assert outcome.everybody


def test_neither_the_log_nor_a_reason_holds_the_address_or_the_key(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with NotifyServer() as server:
        channel = notify(server)
        outcome = channel.send(a_letter(), "jo.bloggs@nhs")
        channel.drop()
    assert isinstance(outcome, Refused)
    assert "jo.bloggs" not in outcome.reason
    assert "jo.bloggs" not in caplog.text
    assert SECRET not in caplog.text


def test_the_template_is_looked_at_before_anything_is_sent() -> None:
    with NotifyServer() as server:
        channel = notify(server)
        assert channel.reach() == server.url.removeprefix("http://")
        server.template_body = "Dear ((name))"
        with pytest.raises(NotAnswered, match="body"):
            channel.reach()
        channel.drop()


@pytest.mark.parametrize(("key", "template"), [("", TEMPLATE), ("secret", TEMPLATE), (KEY, "notice")])
def test_half_a_key_is_none(key: str, template: str) -> None:
    with pytest.raises(WrongWay) as wrong:
        Notify(key, template, "http://127.0.0.1:1")
    assert "secret" not in str(wrong.value)


def garbles(listening: socket.socket, certificate: Path, asked: list[bytes]) -> None:
    """Agrees on TLS, hears what is asked, and answers with what is no TLS; of two callers."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    for _ in range(2):
        connection, _ = listening.accept()
        with contextlib.suppress(OSError), context.wrap_socket(connection, server_side=True) as encrypted:
            asked.append(encrypted.recv(65_536))
            socket.socket.sendall(encrypted, b"HTTP/1.1 400 Bad Request\r\n\r\n")


def test_tls_that_fails_leaves_in_doubt_only_what_was_asked_before(certificate: Path) -> None:
    asked: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:
        args = (listening, certificate, asked)
        server = threading.Thread(target=garbles, args=args, daemon=True)
        server.start()
        channel = Notify(KEY, TEMPLATE, f"https://localhost:{listening.getsockname()[1]}")
        untrusted = channel.send(a_letter(), TO)
        assert asked == []
        channel._client.request_session.verify = str(certificate)
        garbled = channel.send(a_letter(), TO)
        channel.drop()
        server.join(30)
    assert len(asked) == 1
    assert (type(untrusted), type(garbled)) == (TryLater, Unknown)
