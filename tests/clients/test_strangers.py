"""Whoever else may answer at the ledger's address, a proxy say: what it says is never taken for the ledger's word."""

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from qiledger_client import AsyncClient, Client, LedgerError, NotAllowed, Outbox, Unfit, Unreachable
from qiledger_client.answers import Page
from qiledger_client.flows import ASK_AGAIN_S, PAUSE_MAX_S, Ledger, Reply, idle_s
from qiledger_client.listening import Listening
from qiledger_client.problems import problem_in
from tests.clients.conftest import SOURCE
from tests.clients.test_outbox import kept, outbox, started
from tests.services.api.conftest import Server

__all__ = ["outbox"]

STREAM = {"content-type": "text/event-stream"}
OPENING = b"retry: 1\nid: c1\n: live\n\n"


def answered_by(answer: Callable[[httpx.Request], httpx.Response], tries: int = 1) -> Client:
    network = httpx.MockTransport(answer)
    return Client("http://ledger", "RWK", key="k", source=SOURCE, tries=tries, transport=network)


def always(status: int, body: bytes, headers: dict[str, str] | None = None) -> Client:
    return answered_by(lambda _: httpx.Response(status, content=body, headers=headers))


ASKED: dict[str, Callable[[Client], Any]] = {
    "tell": lambda client: client.tell(started("P-1")),
    "tell_many": lambda client: client.tell_many([started("P-1")]),
    "page": lambda client: client.page(),
    "stream": lambda client: client.stream("project/P-1"),
    "ask": lambda client: client.ask("projects", "one", project="P-1"),
    "live": lambda client: next(client.live()),
}
NO_ANSWERS = [b"", b"<html>Sign in</html>", b"[]", b'{"items": 1}', b"[{}]", b"null", b"\xff", b"[" * 100_000]


@pytest.mark.parametrize("asked", ASKED)
@pytest.mark.parametrize("body", NO_ANSWERS, ids=lambda body: repr(body[:16]))
def test_what_is_no_answer_of_the_ledger_is_said_to_be_none(asked: str, body: bytes):
    with always(200, body) as client, pytest.raises(LedgerError, match=r"answer"):
        ASKED[asked](client)


def test_an_answer_that_cannot_be_unpacked_is_no_answer():
    with always(200, b"nonsense", {"content-encoding": "gzip"}) as client, pytest.raises(Unreachable):
        client.page()


def test_a_refusal_may_hold_anything():
    refused = problem_in(
        "http://ledger", 422, b'{"title": 1, "detail": ["a"], "field": {"b": 2}, "type": null}'
    )
    assert isinstance(refused, Unfit)
    assert str(refused).startswith('1 ["a"] Field: {"b": 2}.')
    assert isinstance(problem_in("http://ledger", 403, b"<html>"), NotAllowed)


def test_a_key_out_of_a_file_is_good_with_the_end_of_its_line(server: Server, organisation: str, key: str):
    with Client(server.url, organisation, key=f"{key}\n") as client:
        assert client.page().head == 0


@pytest.mark.parametrize("key", ["qi_live_a\nqi_live_b", "qi_live_\x01", "qi_live_é", "qi live"])
def test_what_can_be_no_key_is_refused_and_not_shown(key: str):
    with pytest.raises(ValueError, match="copy it again") as refused:
        Client("http://ledger", "RWK", key=key)
    assert "live" not in str(refused.value)


def test_an_organisation_is_a_word_of_the_address_and_no_way_to_another():
    asked: list[httpx.URL] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url)
        return httpx.Response(404)

    network = httpx.MockTransport(answer)
    with (
        Client("http://ledger", "RWK/../X?a=", key="k", transport=network) as client,
        pytest.raises(LedgerError),
    ):
        client.page()
    assert asked[0].raw_path.startswith(b"/v1/RWK%2F..%2FX%3Fa%3D/events?")


def test_a_stream_that_ends_without_a_word_is_no_ledger_for_long():
    asked = itertools.count(1)

    def answer(_: httpx.Request) -> httpx.Response:
        next(asked)
        return httpx.Response(200, headers=STREAM)

    with answered_by(answer, tries=2) as client, pytest.raises(Unreachable, match="it ended"):
        next(client.live())
    assert next(asked) == 3


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        (httpx.Response(401), NotAllowed),
        (httpx.Response(200, content=b"<html>Sign in</html>"), LedgerError),
        (httpx.Response(200, headers=STREAM), Unreachable),
    ],
    ids=["no key", "no stream", "no word"],
)
async def test_the_other_client_takes_them_for_the_ledgers_word_no_more(
    answer: httpx.Response, failure: type[LedgerError]
):
    network = httpx.MockTransport(lambda _: answer)
    async with AsyncClient("http://ledger", "RWK", key="k", tries=1, transport=network) as client:
        with pytest.raises(failure):
            await anext(client.live())


def test_a_stream_that_breaks_after_a_word_is_asked_again_also_by_one_who_tries_once():
    answers: Iterator[httpx.Response] = iter(
        [httpx.Response(200, headers=STREAM, content=OPENING), httpx.Response(401)]
    )
    asked: list[str | None] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.headers.get("last-event-id"))
        return next(answers)

    with answered_by(answer) as client, pytest.raises(NotAllowed):
        next(client.live())
    assert asked == [None, "c1"]


def test_a_listener_who_is_asked_to_wait_waits_and_never_for_ever():
    listening = Listening(Ledger(base="x", organisation="RWK"), None)
    for asked_for, waits in (("10", 10.0), ("99999", PAUSE_MAX_S), ("²", None)):
        listening.request()
        listening.refused(Reply(status=429, headers={"retry-after": asked_for}, body=b""))
        assert listening.pause_s() == waits or (waits is None and listening.pause_s() < 10)


def test_what_no_listener_can_use_is_passed_over():
    listening = Listening(Ledger(base="x", organisation="RWK"), None)
    listening.request()
    for said in (
        b"retry: -1",
        b"retry: \xc2\xb2",
        b"retry: " + b"9" * 400,
        b"id: c1",
        b"id: \xff",
        b"id: a\x00",
    ):
        assert list(listening.hear(said + b"\n\n")) == []
    assert list(listening.hear(b"".join(b"field-%d: x\n" % n for n in range(1_000)))) == []
    assert listening.pause_s() <= PAUSE_MAX_S
    assert listening.request().headers["last-event-id"] == "c1"
    assert len(listening._fields) == 0


def test_one_who_follows_does_not_ask_in_circles_where_he_is_answered_without_waiting(ledger: Client):
    nothing = ledger.page()
    ledger.tell(started("P-1"))
    something = ledger.page()
    assert (idle_s(nothing, 0.25), idle_s(nothing, 25.0)) == (ASK_AGAIN_S - 0.25, 0.0)
    assert idle_s(something, 0.0) == 0.0
    assert idle_s(Page(records=[], next="c", head=9, caught_up=False), 0.0) == 0.0


class Narrow(httpx.BaseTransport):
    """A proxy before the ledger that lets no more than so many bytes through at once."""

    def __init__(self, bytes_max: int) -> None:
        self._real = httpx.HTTPTransport()
        self._bytes_max = bytes_max

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if len(request.read()) > self._bytes_max:
            return httpx.Response(413, content=b"<html>Request Entity Too Large</html>")
        return self._real.handle_request(request)

    def close(self) -> None:
        self._real.close()


def test_what_a_proxy_does_not_let_through_waits_and_the_rest_is_told(
    server: Server, organisation: str, key: str, ledger: Client, outbox: Outbox
):
    for n in range(9):
        outbox.put(started(f"P-{n}", title="x" * (3_000 if n == 4 else 20)))
    network = Narrow(bytes_max=1_000)
    with (
        Client(server.url, organisation, key=key, source=SOURCE, transport=network) as client,
        pytest.raises(Unfit) as refused,
    ):
        outbox.flush(client)
    assert "P-4-started" in refused.value.__notes__[0]
    assert kept(ledger) == [f"P-{n}-started" for n in range(9) if n != 4]
    assert [waits.event["id"] for waits in outbox.waiting()] == ["P-4-started"]
    assert outbox.set_aside() == []
