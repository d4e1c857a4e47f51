"""Bringing a history: line by line, however long, as often as it takes."""

import http.client
import json
import socket
from pathlib import Path
from typing import Any, Self

import httpx
import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from events.log import keys
from services.api.routes.importing import UNREAD_MAX
from tests.patience import wait_until
from tests.plain_http import PLAIN
from tests.services.api.conftest import Door, Server, event, problem

LINES_BEYOND_ALL_BUFFERS = 60_000


def test_each_line_is_answered_in_order_and_original_dates_are_kept(door: Door) -> None:
    answers = door.bring(
        [event("a", time="2014-02-28T00:00:00Z", precision="day"), b"", event("b", data={}), b"{", event("c")]
    )
    assert [(answer["line"], answer["status"]) for answer in answers] == [
        (1, 201),
        (3, 422),
        (4, 400),
        (5, 201),
    ]
    assert answers[1]["problem"]["field"] == "data.course"
    kept = door.get(door.events).json()["items"]
    assert [(item["id"], item["occurred"]) for item in kept] == [
        ("a", "2014-02-28"),
        ("c", "2024-05-20T09:30:00.000000Z"),
    ]


def test_a_history_brought_again_after_a_break_is_kept_once(door: Door) -> None:
    history = [event(f"e{n}") for n in range(30)]
    first = door.bring(history[:20])
    again = door.bring(history)
    assert [answer["status"] for answer in again] == [200] * 20 + [201] * 10
    assert [answer["receipt"] for answer in again[:20]] == [answer["receipt"] for answer in first]
    assert door.get(door.events).json()["head"] == 30


def test_a_dry_run_keeps_nothing(door: Door) -> None:
    answers = door.bring([event("a"), event("b", id=...)], "?dry_run=1")
    assert "would_keep" in answers[0]
    assert answers[1]["problem"]["field"] == "id"
    assert door.get(door.events).json()["head"] == 0


def test_a_line_that_is_too_long_is_refused_and_the_next_is_kept(door: Door) -> None:
    answers = door.bring([event("a"), b'{"x":"' + b"x" * 300_000 + b'"}', event("b")])
    assert [answer["status"] for answer in answers] == [201, 413, 201]
    assert [answer["status"] for answer in door.bring([b"y" * 300_000])] == [413]


def test_the_last_line_needs_no_line_end(door: Door) -> None:
    answer = door.http.post(
        f"/v1/{door.organisation}/import",
        content=json.dumps(event()),
        headers={"content-type": "application/x-ndjson"},
    )
    assert json.loads(answer.text)["status"] == 201


def test_answers_come_while_lines_still_go(server: Server, door: Door) -> None:
    with Importing(server, door.organisation, door.key) as importing:
        importing.send(event("first"))
        assert importing.answer()["receipt"]["id"] == "first"
        importing.send(event("second"))
        importing.end()
        assert importing.answer()["receipt"]["id"] == "second"


def test_a_sender_who_reads_nothing_until_the_end_is_not_left_standing(server: Server, door: Door) -> None:
    """A client such as httpx sends all before it reads; the answers are more than sockets hold."""
    line = json.dumps(event("x", source="")).encode() + b"\n"  # refused at the door, with a long answer
    answer = httpx.post(
        f"{server.url}/v1/{door.organisation}/import",
        content=line * LINES_BEYOND_ALL_BUFFERS,
        headers={"authorization": f"Bearer {door.key}", "content-type": "application/x-ndjson"},
        timeout=60,
        verify=PLAIN,
    )
    assert answer.text.count("\n") == LINES_BEYOND_ALL_BUFFERS
    assert len(answer.content) > 8_000_000


def test_a_sender_who_never_reads_is_stopped_and_told_from_which_line_to_send_again(
    server: Server, door: Door
) -> None:
    """Each answer says again what a large event says."""

    def is_stopped() -> bool:
        refused = [line for line in server.log() if line.get("organisation") == door.organisation]
        return [line["problem"] for line in refused] == ["not-read"]

    large = event(data={"course": "icp", "person": "person/8Qm2", "reason": "\N{MEMO}" * 8_000})
    sent = 0
    with Importing(server, door.organisation, door.key, "?dry_run=1") as importing:
        while sent < 10_000 and not is_stopped():
            importing.send(*[large] * 16)
            sent += 16
        importing.end()
        *answers, last = importing.answers()
    assert (last["status"], last["problem"]["type"]) == (408, "/problems/not-read")
    assert last["line"] == len(answers) + 1 <= sent
    assert all("would_keep" in answer for answer in answers)
    assert UNREAD_MAX / 2 < len(answers) * 32_000 < UNREAD_MAX * 2


def test_a_line_may_say_which_version_it_expects(door: Door) -> None:
    answers = door.bring(
        [event("a", expectedversion=0), event("b", expectedversion=0), event("c", expectedversion="1")]
    )
    assert [answer["status"] for answer in answers] == [201, 412, 201]
    assert (answers[1]["problem"]["expected"], answers[1]["problem"]["found"]) == (0, 1)


@pytest.mark.parametrize("name", ["if-match", "if-none-match"])
def test_a_precondition_in_a_header_is_for_one_event_and_no_history(door: Door, name: str) -> None:
    refused = door.http.post(
        f"/v1/{door.organisation}/import",
        content=json.dumps(event()),
        headers={"content-type": "application/x-ndjson", name: '"0"'},
    )
    assert problem(refused, "malformed-header", 400)["field"] == name
    assert door.get(door.events).json()["head"] == 0


def test_a_database_that_goes_away_is_away_and_the_first_line_not_answered_is_named(
    fresh_database_url: str, redis_url: str, tmp_path: Path
) -> None:
    """The second line has a person's words, so that their key is asked for before the log is."""
    with psycopg.connect(fresh_database_url) as conn:
        conn.execute("SELECT log.open('RWK', 'East London')")
        key = keys.create(conn, "RWK", "lifeqi", scopes=[keys.WRITE], sources=["*"]).text
    server = Server(fresh_database_url, redis_url, tmp_path)
    words = {"course": "icp", "person": "person/8Qm2", "reason": "words of a person"}
    try:
        with Importing(server, "RWK", key) as importing:
            importing.send(event("a"))
            assert importing.answer()["status"] == 201
            shut(fresh_database_url)
            importing.send(event("b", data=words), event("c", data=words), event("d", data=words))
            away = importing.answer()
        assert (away["line"], away["status"], away["problem"]["type"]) == (2, 503, "/problems/away")
        assert [line for line in server.log() if line["event"] == "a request failed"] == []
    finally:
        server.stop()


def test_an_import_lasts_no_longer_than_the_right_to_it(
    server: Server, door: Door, database_url: str
) -> None:
    with Importing(server, door.organisation, door.key) as importing:
        importing.send(event("e0"))
        assert importing.answer()["status"] == 201
        with psycopg.connect(database_url) as conn:
            keys.revoke(conn, door.organisation, str(door.key)[8:16])
        wait_until(
            lambda: door.get(door.events).status_code == 401, within_s=6, what="the key is let in no more"
        )
        importing.send(event("e1"), event("e2"))
        ended = importing.answer()
    assert (ended["line"], ended["problem"]["type"]) == (2, "/problems/revoked-key")
    said = [
        line for line in server.log() if f"urn:uuid:{line.get('request')}" == ended["problem"]["instance"]
    ]
    assert [(line["event"], line["problem"], line["client"]) for line in said] == [
        ("refused", "revoked-key", "lifeqi")
    ]


def shut(database_url: str) -> None:
    """Nobody gets in any more, and whoever is in is thrown out."""
    name = conninfo_to_dict(database_url)["dbname"]
    with psycopg.connect(make_conninfo(database_url, dbname="postgres"), autocommit=True) as conn:
        conn.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(sql.Identifier(str(name))))
        conn.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))


class Importing:
    """An import under way, of which each line is sent, and each answer read, when the test says so."""

    def __init__(self, server: Server, organisation: str, key: str | None, query: str = "") -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        self._connection.putrequest("POST", f"/v1/{organisation}/import{query}")
        self._connection.putheader("authorization", f"Bearer {key}")
        self._connection.putheader("content-type", "application/x-ndjson")
        self._connection.putheader("transfer-encoding", "chunked")
        self._connection.endheaders()
        self._answers: http.client.HTTPResponse | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def send(self, *events: dict[str, Any]) -> None:
        """These lines, in one piece."""
        chunk = b"".join(json.dumps(event, ensure_ascii=False).encode() + b"\n" for event in events)
        self._connection.send(b"%x\r\n%s\r\n" % (len(chunk), chunk))

    def end(self) -> None:
        self._connection.send(b"0\r\n\r\n")

    def answer(self) -> dict[str, Any]:
        """The next answer, as soon as it comes."""
        if self._answers is None:
            assert self._connection.sock is not None
            self._answers = http.client.HTTPResponse(self._connection.sock)
            self._answers.begin()
        answer: dict[str, Any] = json.loads(self._answers.readline())
        return answer

    def answers(self) -> list[dict[str, Any]]:
        """All that are left."""
        first = self.answer()
        assert self._answers is not None
        return [first, *map(json.loads, self._answers)]


def test_a_body_of_another_kind_is_refused(door: Door) -> None:
    refused = door.http.post(
        f"/v1/{door.organisation}/import", content="{}", headers={"content-type": "text/csv"}
    )
    problem(refused, "wrong-media-type", 415)


def test_a_sender_who_hangs_up_leaves_what_was_answered(server: Server, door: Door) -> None:
    line = json.dumps(event("kept")).encode() + b"\n"
    head = (
        f"POST /v1/{door.organisation}/import HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {door.key}\r\n"
        f"content-type: application/x-ndjson\r\ncontent-length: 100000\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        connection.sendall(head.encode() + line)
        seen = b""
        while b'"id":"kept"' not in seen:
            seen += connection.recv(65_536)
    assert [item["id"] for item in door.get(door.events).json()["items"]] == ["kept"]
