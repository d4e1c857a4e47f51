"""One POST to receivers that are slow, lie, hang up or never end; signatures as the official library checks them."""

import base64
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from services.webhooks.addresses import FOREIGN_PORTS, Guard
from services.webhooks.posting import SAID_BYTES_MAX, Answer, Poster, outcome_of
from services.webhooks.retrying import RETRY_AFTER_MAX_S, SCHEDULE_S, is_hopeless, retry_after_s, wait_s
from services.webhooks.signing import headers, new_secret
from tests.services.webhooks.conftest import LOOPBACK, Receiver

WITHIN_S = 1.0
LONG_S = 15.0


@contextmanager
def raw_server(talk: Callable[[socket.socket, threading.Event], None]) -> Iterator[str]:
    """A server that does with each connection as it is told."""
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        if listening.getsockname()[1] in FOREIGN_PORTS:
            pytest.skip("a port that webhooks do not use")

        def accept() -> None:
            while not over.is_set():
                try:
                    sock, _ = listening.accept()
                except OSError:
                    return
                threading.Thread(target=serve, args=(sock,), daemon=True).start()

        def serve(sock: socket.socket) -> None:
            try:
                with sock:
                    talk(sock, over)
            except OSError:
                pass

        threading.Thread(target=accept, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
        finally:
            over.set()


def post(url: str, within_s: float = WITHIN_S) -> Answer:
    return Poster(Guard(LOOPBACK), within_s=within_s).post(url, {"x": "y"}, b"{}")


def never_answers(_: socket.socket, over: threading.Event) -> None:
    over.wait(LONG_S)


def answers_a_byte_at_a_time(sock: socket.socket, over: threading.Event) -> None:
    for byte in b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 10_000:
        sock.sendall(bytes([byte]))
        if over.wait(0.05):
            return


def answers_headers_without_end(sock: socket.socket, over: threading.Event) -> None:
    sock.sendall(b"HTTP/1.1 200 OK\r\n")
    while not over.is_set():
        sock.sendall(b"x: " + b"y" * 60_000 + b"\r\n")


def answers_what_is_no_http(sock: socket.socket, _: threading.Event) -> None:
    sock.sendall(b"\x16\x03\x01\x02\x00" * 1_000)


def hangs_up(_sock: socket.socket, _: threading.Event) -> None:
    return


@pytest.mark.parametrize(
    "talk",
    [never_answers, answers_a_byte_at_a_time, answers_headers_without_end, answers_what_is_no_http, hangs_up],
    ids=lambda talk: talk.__name__,
)
def test_a_receiver_that_gives_no_answer_costs_no_more_than_its_time(
    talk: Callable[[socket.socket, threading.Event], None],
) -> None:
    with raw_server(talk) as url:
        answer = post(url)
    assert answer.outcome == "unreachable"
    assert answer.status is None
    assert answer.ms < LONG_S * 1_000
    assert "127.0.0.1" not in answer.said


def test_of_an_answer_without_end_the_beginning_is_kept_and_the_status_counts() -> None:
    def without_end(sock: socket.socket, over: threading.Event) -> None:
        sock.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n")
        while not over.is_set():
            sock.sendall(b"blah " * 1_000)

    with raw_server(without_end) as url:
        answer = post(url)
    assert (answer.outcome, answer.status) == ("delivered", 200)
    assert answer.said == ("blah " * 1_000)[:SAID_BYTES_MAX]


def test_an_answer_that_is_hung_up_on_in_its_body_counts_by_its_status() -> None:
    def in_the_middle(sock: socket.socket, _: threading.Event) -> None:
        sock.recv(10_000)
        sock.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf")

    with raw_server(in_the_middle) as url:
        assert post(url).outcome == "delivered"


def test_a_body_that_never_comes_is_not_waited_for_longer_than_the_time() -> None:
    def body_never_comes(sock: socket.socket, over: threading.Event) -> None:
        sock.sendall(b"HTTP/1.1 204 No Content\r\nx: y\r\n\r\n")
        over.wait(LONG_S)

    with raw_server(body_never_comes) as url:
        assert post(url).outcome == "delivered"


def test_what_is_answered_is_safe_to_show(receiver: Receiver) -> None:
    receiver.answers = lambda _: (500, {}, b"\x1b[2Jsorry\r\n\xff\x00")
    answer = post(receiver.url)
    assert answer.said == " [2Jsorry  \N{REPLACEMENT CHARACTER} "


def test_a_connection_is_used_again_and_one_that_the_receiver_closed_is_replaced(receiver: Receiver) -> None:
    poster = Poster(Guard(LOOPBACK), within_s=5)
    for _ in range(3):
        assert poster.post(receiver.url, {}, b"{}").outcome == "delivered"
    assert receiver.connections == 1
    receiver.answers = lambda _: (200, {"connection": "close"}, b"")
    assert poster.post(receiver.url, {}, b"{}").outcome == "delivered"
    assert poster.post(receiver.url, {}, b"{}").outcome == "delivered"
    assert receiver.connections == 2


def test_cookies_are_not_kept(receiver: Receiver) -> None:
    poster = Poster(Guard(LOOPBACK))
    receiver.answers = lambda _: (200, {"set-cookie": "a=b"}, b"")
    for _ in range(2):
        poster.post(receiver.url, {}, b"{}")
    assert "cookie" not in receiver.came[1].headers


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, "delivered"),
        (204, "delivered"),
        (299, "delivered"),
        (301, "failed"),
        (304, "failed"),
        (400, "failed"),
        (404, "failed"),
        (410, "gone"),
        (429, "throttled"),
        (500, "failed"),
        (502, "throttled"),
        (503, "throttled"),
        *((504, "throttled"), (100, "failed"), (599, "failed")),
    ],
)
def test_what_a_status_means(status: int, outcome: str) -> None:
    assert outcome_of(status) == outcome


def test_the_schedule_is_that_of_standard_webhooks_within_a_tenth() -> None:
    for tries, planned in enumerate(SCHEDULE_S, start=1):
        drawn = [wait_s(tries) for _ in range(200)]
        assert planned * 0.9 <= min(drawn) < max(drawn) <= planned * 1.1
    assert 3 * 86_400 < sum(SCHEDULE_S) < 4 * 86_400 + 43_200
    assert wait_s(500) > 20 * 3_600, "and after that once a day"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("120", 120.0),
        ("0", 0.0),
        ("9" * 400, 999_999_999_999.0),
        (None, None),
        ("soon", None),
        ("-5", None),
        ("", None),
        ("Wed, 20 May 2026 12:02:00 +99999999999999999999", None),
        *(("Wed, 20 May 2026 12:02:00 GMT", 120.0), ("Wed, 20 May 2020 12:00:00 GMT", 0.0)),
    ],
)
def test_what_a_receiver_asks_for(text: str | None, seconds: float | None) -> None:
    assert retry_after_s(text, datetime(2026, 5, 20, 12, 0, tzinfo=UTC)) == seconds


def test_what_a_receiver_asks_for_has_bounds() -> None:
    assert wait_s(1, asked_s=0.0) == 1.0
    assert wait_s(1, asked_s=1e12) == RETRY_AFTER_MAX_S


def test_an_endpoint_is_hopeless_after_days_and_tries() -> None:
    assert is_hopeless(timedelta(days=5), 10)
    assert not is_hopeless(timedelta(days=400), 9)
    assert not is_hopeless(timedelta(days=4, hours=23), 1_000)


BODY = '{"specversion":"1.0","data":{"title":"Ünïcode “quotes”"}}'.encode()


def test_the_official_library_takes_our_signatures() -> None:
    old, new = new_secret(), new_secret()
    signed = headers("RWK-1-we_x", int(time.time()), BODY, [new, old])
    for secret in (old, new):
        assert Webhook(secret.text).verify(BODY, signed)["data"]["title"] == "Ünïcode “quotes”"
    with pytest.raises(WebhookVerificationError):
        Webhook(new_secret().text).verify(BODY, signed)
    with pytest.raises(WebhookVerificationError):
        Webhook(new.text).verify(BODY + b" ", signed)


def test_the_official_library_refuses_a_delivery_that_is_sent_again_by_others_later() -> None:
    secret = new_secret()
    signed = headers("RWK-1-we_x", int(time.time()) - 600, BODY, [secret])
    with pytest.raises(WebhookVerificationError):
        Webhook(secret.text).verify(BODY, signed)


def test_the_official_library_raises_a_plain_valueerror_for_a_malformed_header() -> None:
    """The guide says so; if this fails, the library has been mended and the guide can be."""
    secret = new_secret()
    signed = headers("RWK-1-we_x", int(time.time()), BODY, [secret]) | {"webhook-signature": "nonsense"}
    with pytest.raises(ValueError, match="unpack"):
        Webhook(secret.text).verify(BODY, signed)


def test_the_asymmetric_signature_is_checked_with_the_public_key() -> None:
    secret = new_secret()
    signed = headers("RWK-1-we_x", 1_700_000_000, BODY, [secret])
    (text,) = [one for one in signed["webhook-signature"].split() if one.startswith("v1a,")]
    key = Ed25519PublicKey.from_public_bytes(secret.public_key)
    key.verify(base64.b64decode(text[4:]), b"RWK-1-we_x.1700000000." + BODY)
    with pytest.raises(InvalidSignature):
        key.verify(base64.b64decode(text[4:]), b"RWK-2-we_x.1700000000." + BODY)


def test_a_secret_says_nothing_of_itself() -> None:
    secret = new_secret()
    assert secret.text not in repr(secret)
    assert str(secret.secret) not in f"{secret} {secret!r}"
    assert len(base64.b64decode(secret.text.removeprefix("whsec_"))) == 32
