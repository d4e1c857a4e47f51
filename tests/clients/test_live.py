"""The client listens: each record once, in order, whatever becomes of the connection."""

import asyncio
import itertools
from collections.abc import Callable, Iterator

import httpx
import pytest

from qiledger_client import AsyncClient, Client, LedgerError, NotAllowed, Record, Unreachable
from qiledger_client.events import CycleTested, ProjectStarted
from qiledger_client.flows import Ledger
from qiledger_client.listening import Listening
from tests.clients.conftest import SOURCE
from tests.services.api.conftest import Server

SEPARATORS = "A line\u2028another\u0085one"  # what a reader of lines must not take for their end


def told(ledger: Client, number: int) -> None:
    tellings = [
        ledger.telling(ProjectStarted(title=f"Project {n}"), about=f"project/P-{n}", at="2026")
        for n in range(number)
    ]
    ledger.tell_many(tellings)


def some(records: Iterator[Record], number: int) -> list[Record]:
    return list(itertools.islice(records, number))


def test_what_is_told_before_and_after_is_heard_once_in_order(ledger: Client) -> None:
    told(ledger, 3)
    live = ledger.live(after=1)
    assert [record.position for record in some(live, 2)] == [2, 3]
    ledger.tell(ProjectStarted(title="Another"), about="project/P-9", at="2016-04")
    (heard,) = some(live, 1)
    assert heard == ledger.page(after=3).records[0]


def test_only_what_is_wanted_is_heard(ledger: Client) -> None:
    told(ledger, 3)
    ledger.tell(CycleTested(cycle="C-1", tested="x"), about="project/P-1", at="2026")
    assert [record.type for record in some(ledger.live(0, types=["cycle.tested"]), 1)] == ["cycle.tested"]
    assert [r.position for r in some(ledger.live(0, stream="project/P-1"), 2)] == [2, 4]


class Snapping(httpx.BaseTransport):
    """A network whose answers break off in the middle of a record, a little later each time."""

    def __init__(self) -> None:
        self._real = httpx.HTTPTransport()
        self.asked: list[str | None] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.headers.get("last-event-id"))
        answer = self._real.handle_request(request)
        return httpx.Response(200, headers=answer.headers, stream=_Snaps(answer, bytes_=1_500))

    def close(self) -> None:
        self._real.close()


class _Snaps(httpx.SyncByteStream):
    def __init__(self, answer: httpx.Response, bytes_: int) -> None:
        self._answer = answer
        self._left = bytes_

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._answer.iter_raw():
            yield piece[: self._left]
            self._left -= len(piece)
            if self._left <= 0:
                raise httpx.ReadError("the connection broke")

    def close(self) -> None:
        self._answer.close()


def test_a_broken_connection_is_made_anew_from_the_last_record_on(
    server: Server, organisation: str, key: str, ledger: Client
) -> None:
    told(ledger, 9)
    network = Snapping()
    with Client(server.url, organisation, key=key, source=SOURCE, transport=network) as client:
        heard = some(client.live(after=0), 9)
    assert [record.position for record in heard] == list(range(1, 10))
    assert len(network.asked) >= 3
    assert network.asked[0] is None
    assert len(set(network.asked)) == len(network.asked), "each time it went on further"


class BreaksAtOnce(httpx.BaseTransport):
    """A network whose first answer breaks behind the first piece. Something happens before the second, and after."""

    def __init__(self, happens: Callable[[], object]) -> None:
        self._real = httpx.HTTPTransport()
        self._happens = happens
        self._asked = 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self._asked += 1
        if self._asked == 1:
            answer = self._real.handle_request(request)
            return httpx.Response(200, headers=answer.headers, stream=_OnePiece(answer))
        self._happens()
        answer = self._real.handle_request(request)
        self._happens()
        return answer

    def close(self) -> None:
        self._real.close()


class _OnePiece(httpx.SyncByteStream):
    def __init__(self, answer: httpx.Response) -> None:
        self._answer = answer

    def __iter__(self) -> Iterator[bytes]:
        yield next(self._answer.iter_raw())
        raise httpx.ReadError("the connection broke")

    def close(self) -> None:
        self._answer.close()


def test_what_is_kept_after_the_first_connection_broke_before_its_first_record_is_heard(
    server: Server, organisation: str, key: str, ledger: Client
) -> None:
    told(ledger, 2)
    network = BreaksAtOnce(lambda: told(ledger, 2))
    with Client(server.url, organisation, key=key, source=SOURCE, transport=network) as client:
        heard = some(client.live(), 2)
    assert [record.position for record in heard] == [3, 4]


async def test_both_clients_hear_the_same(
    server: Server, organisation: str, key: str, ledger: Client
) -> None:
    told(ledger, 3)
    async with AsyncClient(server.url, organisation, key=key, source=SOURCE) as client:
        heard = []
        async with asyncio.timeout(60):
            async for record in client.live(0):
                heard.append(record)
                if len(heard) == 3:
                    break
    assert heard == some(ledger.live(0), 3)


def test_who_may_not_listen_is_told_so_and_a_ledger_that_stays_away_is_unreachable(
    server: Server, organisation: str
) -> None:
    with Client(server.url, organisation, key="qi_live_nonsense") as client, pytest.raises(NotAllowed):
        next(client.live())
    with Client("http://127.0.0.1:9", "RWK", key="k", tries=2) as client, pytest.raises(Unreachable):
        next(client.live())


def test_a_stream_may_be_cut_anywhere_and_says_the_same(ledger: Client) -> None:
    ledger.tell(ProjectStarted(title="A"), about="project/P-1", at="2026")
    plain = ledger.page().records[0]
    event = (
        f'{{"sequence":"1","subject":"project/P-1","streamversion":"1","source":"{plain.source}","id":"{plain.id}",'
        f'"type":"{plain.type}","time":"2026-01-01T00:00:00Z","recordedtime":"{plain.recorded}",'
        f'"actor":"{plain.actor}","leaf":"{plain.leaf}","data":{{"title":"{SEPARATORS}"}}}}'
    )
    said = (
        f"retry: 2000\n: live\n\nevent: record\r\nid: c1\ndata: {event}\n\nid: c2\n: still here\n\n".encode()
    )
    for at in range(len(said)):
        listening = Listening(Ledger(base="x", organisation="RWK"), None)
        heard = [record for piece in (said[:at], said[at:]) for record in listening.hear(piece)]
        assert [record.data["title"] for record in heard] == [SEPARATORS]
        assert listening.request().headers["last-event-id"] == "c2"


def test_nonsense_is_no_record_and_a_line_without_end_is_not_read_for_ever() -> None:
    listening = Listening(Ledger(base="x", organisation="RWK"), None)
    with pytest.raises(LedgerError, match="no answer of the ledger"):
        list(listening.hear(b"event: record\ndata: {}\n\n"))
    with pytest.raises(LedgerError, match="longer than"):
        [list(listening.hear(b"x" * 100_000)) for _ in range(20)]
