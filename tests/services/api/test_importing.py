"""Bringing a history: line by line, however long, as often as it takes."""

import http.client
import json
import socket

import httpx

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
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    connection.putrequest("POST", f"/v1/{door.organisation}/import")
    connection.putheader("authorization", f"Bearer {door.key}")
    connection.putheader("content-type", "application/x-ndjson")
    connection.putheader("transfer-encoding", "chunked")
    connection.endheaders()
    chunk = json.dumps(event("first")).encode() + b"\n"
    connection.send(b"%x\r\n%s\r\n" % (len(chunk), chunk))
    assert connection.sock is not None
    seen = b""
    while b'"id":"first"' not in seen:
        seen += connection.sock.recv(65_536)
    chunk = json.dumps(event("second")).encode() + b"\n"
    connection.send(b"%x\r\n%s\r\n0\r\n\r\n" % (len(chunk), chunk))
    while b'"id":"second"' not in seen:
        seen += connection.sock.recv(65_536)
    connection.close()


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
