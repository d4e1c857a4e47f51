"""Live streams: records as they are kept, each once, whoever is cut off; with and without the doorbell."""

import contextlib
import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from events.log import keys
from projections.engine.advance import advance
from services.api.live.records import Wanted
from tests.patience import wait_until
from tests.plain_http import PLAIN
from tests.roles import as_role
from tests.services.api.conftest import Door, MakeKey, Server, event, new_organisation, problem

SOON_S = 60.0  # moments, on a machine that does other things too
LONG = {"course": "icp", "person": "person/8Qm2", "reason": "x" * 4_000}


class Told:
    """One server-sent event."""

    def __init__(self, fields: dict[str, str]) -> None:
        self.kind = fields.get("event", "")
        self.id = fields.get("id", "")
        self.data: Any = json.loads(fields["data"]) if "data" in fields else None


class Listener(threading.Thread):
    """A client of a stream, which goes on where it was when it is cut off, as a browser does."""

    def __init__(self, url: str, key: str, last: str | None = None) -> None:
        super().__init__(daemon=True)
        self.url = url
        self.told: list[Told] = []
        self.last = last
        self.connections = 0
        self.over = threading.Event()
        self._headers = {"authorization": f"Bearer {key}", "accept": "text/event-stream"}

    def run(self) -> None:
        while not self.over.is_set():
            with contextlib.suppress(httpx.TransportError):
                self._listen()
            self.over.wait(0.3)

    def _listen(self) -> None:
        headers = self._headers | ({"last-event-id": self.last} if self.last else {})
        with httpx.stream(
            "GET", self.url, headers=headers, timeout=httpx.Timeout(5, read=30), verify=PLAIN
        ) as answer:
            if answer.status_code != 200:
                return
            self.connections += 1
            for told in events_of(answer.iter_lines()):
                self.last = told.id or self.last
                if told.data is not None:
                    self.told.append(told)
                if self.over.is_set():
                    return

    def positions(self) -> list[int]:
        return [int(told.data["sequence"]) for told in list(self.told)]


def events_of(lines: Iterator[str]) -> Iterator[Told]:
    fields: dict[str, str] = {}
    for line in lines:
        if line.startswith(":"):
            continue
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
        elif fields:
            yield Told(fields)
            fields = {}


@contextlib.contextmanager
def listening(
    door: Door, query: str = "", *, path: str = "live", last: str | None = None
) -> Iterator[Listener]:
    """A listener that is connected."""
    url = f"{str(door.http.base_url).rstrip('/')}/v1/{door.organisation}/{path}{query}"
    listener = Listener(url, str(door.key), last)
    listener.start()
    try:
        wait_until(lambda: listener.connections, within_s=SOON_S, what="it is connected")
        yield listener
    finally:
        listener.over.set()


def test_a_record_is_told_as_it_is_kept(door: Door) -> None:
    door.tell(event("before"))
    with listening(door) as listener:
        receipts = [door.tell(event(f"e-{n}")).json() for n in range(5)]
        wait_until(lambda: len(listener.told) == 5, within_s=SOON_S, what="all are told")
    assert listener.positions() == [receipt["position"] for receipt in receipts]
    first = listener.told[0]
    assert first.kind == "record"
    assert (first.data["id"], first.data["specversion"]) == ("e-0", "1.0")
    page = door.get(f"{door.events}?after={first.id}", accept="application/json").json()
    assert [item["id"] for item in page["items"]] == ["e-1", "e-2", "e-3", "e-4"], (
        "its id is a cursor of the feed"
    )


def test_who_was_cut_off_goes_on_where_he_was(door: Door) -> None:
    door.tell_all([event(f"e-{n}") for n in range(450)])
    with listening(door, "?after=0") as listener:
        wait_until(lambda: len(listener.told) == 450, within_s=SOON_S, what="all are told")
    assert listener.positions() == list(range(1, 451))
    with listening(door, "?after=0", last=listener.told[99].id) as again:
        wait_until(lambda: len(again.told) == 350, within_s=SOON_S, what="the rest is told")
    assert again.positions() == list(range(101, 451))


def test_who_is_cut_off_before_anything_was_told_misses_nothing(door: Door) -> None:
    door.tell(event("before"))
    path = f"/v1/{door.organisation}/live"
    with door.http.stream("GET", path) as answer:
        begins = next(events_of(answer.iter_lines()))
    door.tell(event("meanwhile"))
    with door.http.stream("GET", path, headers={"last-event-id": begins.id}) as answer:
        door.tell(event("later"))
        told = next(told for told in events_of(answer.iter_lines()) if told.data is not None)
    assert told.data["id"] == "meanwhile"


def test_only_what_is_wanted_is_told_and_the_place_moves_on(door: Door) -> None:
    with listening(door, "?type=training.withdrawn&stream=cohort/C-1") as listener:
        door.tell_all([event("e-1"), event("e-2", subject="cohort/C-2"), event("e-3")])
        wait_until(lambda: len(listener.told) == 2, within_s=SOON_S, what="both are told")
    assert [told.data["id"] for told in listener.told] == ["e-1", "e-3"]


@pytest.mark.parametrize(
    ("wanted", "fits"),
    [
        (Wanted(None, None), True),
        (Wanted(frozenset({"cycle.tested"}), None), True),
        (Wanted(frozenset({"cycle.planned"}), None), False),
        (Wanted(None, "project/"), True),
        (Wanted(None, "project/P-1"), True),
        (Wanted(None, "project/P-11"), False),
        (Wanted(None, "forum/"), False),
        (Wanted(frozenset({"cycle.tested"}), "forum/"), False),
    ],
    ids=str,
)
def test_what_fits_a_wish(wanted: Wanted, fits: bool) -> None:
    assert wanted.fits("cycle.tested", "project/P-1") is fits


def test_without_the_doorbell_records_are_told_all_the_same(
    server: Server, database_url: str, organisation: str, make_key: MakeKey, tmp_path: Path
) -> None:
    deaf = Server(database_url, None, tmp_path)
    key = make_key()
    try:
        here, there = Door(deaf.url, organisation, key), Door(server.url, organisation, key)
        with here.http, there.http, listening(here) as listener:
            there.tell(event("e-1"))
            wait_until(
                lambda: listener.told, within_s=SOON_S, what="what was told to another process is told"
            )
    finally:
        deaf.stop()


def test_nothing_is_lost_or_doubled_over_restarts_under_load(
    database_url: str, redis_url: str, organisation: str, make_key: MakeKey, tmp_path: Path
) -> None:
    """Streams of a server that is stopped and started again at the same port, while another takes events."""
    server, other = Server(database_url, redis_url, tmp_path), Server(database_url, redis_url, tmp_path)
    door = Door(other.url, organisation, make_key())
    here = Door(server.url, organisation, str(door.key))
    over = threading.Event()
    told: list[int] = []

    def tell_on() -> None:
        while not over.is_set():
            told.append(door.tell(event(f"e-{len(told)}")).json()["position"])
            over.wait(0.02)

    teller = threading.Thread(target=tell_on, daemon=True)
    with here.http, door.http, contextlib.ExitStack() as stack:
        listeners = [stack.enter_context(listening(here, "?after=0")) for _ in range(3)]
        teller.start()
        wait_until(
            lambda: all(len(one.told) > 20 for one in listeners), within_s=SOON_S, what="they are told"
        )
        server.stop()
        assert server.process.returncode == 0
        server.start()
        wait_until(
            lambda: all(one.connections > 1 for one in listeners), within_s=SOON_S, what="they came back"
        )
        over.set()
        teller.join(SOON_S)
        wait_until(
            lambda: all(len(listener.told) >= len(told) for listener in listeners),
            within_s=SOON_S,
            what="everything is told",
        )
    for listener in listeners:
        assert listener.positions() == list(range(1, len(told) + 1))
        assert listener.connections >= 2
    server.stop()
    other.stop()


def test_a_reader_who_takes_nothing_is_no_burden_and_a_reader_who_does_is_told(
    door: Door, server: Server
) -> None:
    door.tell_all([event(f"e-{n}", data=LONG) for n in range(200)])
    with socket.create_connection(("127.0.0.1", server.port)) as lazy:
        lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        lazy.sendall(
            f"GET /v1/{door.organisation}/live?after=0 HTTP/1.1\r\nhost: x\r\n"
            f"authorization: Bearer {door.key}\r\n\r\n".encode()
        )
        with listening(door, "?after=0") as listener:
            wait_until(lambda: len(listener.told) == 200, within_s=SOON_S, what="the other is told")


def test_how_projections_come_on_is_told(database_url: str, door: Door) -> None:
    door.tell(event("e-1"))
    with psycopg.connect(as_role(database_url, "qiledger_worker"), autocommit=True) as conn:
        conn.execute("SET timezone = 'UTC'")
        advance(conn, door.organisation, deadline=float("inf"))
        with listening(door, path="projections/live") as listener:
            wait_until(
                lambda: shown(listener).get("training_pathway") == 1, within_s=SOON_S, what="how it stands"
            )
            door.tell(event("e-2"))
            advance(conn, door.organisation, deadline=float("inf"))
            wait_until(lambda: set(shown(listener).values()) == {2}, within_s=SOON_S, what="what has changed")
    assert {told.kind for told in listener.told} == {"projection"}


def shown(listener: Listener) -> dict[str, int]:
    return {told.data["projection"]: told.data["position"] for told in list(listener.told)}


def test_a_head_of_a_stream_has_no_body(door: Door) -> None:
    answer = door.http.head(f"/v1/{door.organisation}/live")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-type"] == "text/event-stream"
    assert answer.headers["cache-control"] == "no-store"


def test_what_cannot_be_is_said(door: Door, make_key: MakeKey) -> None:
    path = f"/v1/{door.organisation}/live"
    problem(door.get(path, accept="application/json"), "not-acceptable", 406)
    problem(door.get(f"{path}?after=nonsense"), "wrong-parameter", 400)
    problem(door.get(path, last_event_id="nonsense"), "wrong-parameter", 400)
    problem(door.get(f"{path}?limit=1"), "wrong-parameter", 400)
    assert door.http.options(path).headers["allow"] == "GET, HEAD, OPTIONS"


def test_an_organisation_without_a_log_has_no_stream(server: Server, database_url: str) -> None:
    code = new_organisation(database_url)
    with psycopg.connect(database_url) as conn:
        key = keys.create(conn, code, "x", scopes=[keys.READ]).text
    with httpx.stream(
        "GET",
        f"{server.url}/v1/{code}/live",
        headers={"authorization": f"Bearer {key}"},
        timeout=10,
        verify=PLAIN,
    ) as answer:
        assert answer.status_code == 200
        assert next(iter(answer.iter_lines())).startswith("retry: ")
