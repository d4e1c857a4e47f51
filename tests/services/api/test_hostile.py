"""Bodies, headers and bytes that nobody should send: each is refused with a reason, and the server stands."""

import base64
import contextlib
import json
import random
import select
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any, TypeAlias

import msgspec
import psycopg
import pytest

from events.log import keys
from tests.patience import wait_until
from tests.services.api.conftest import BATCH, STRUCTURED, Door, Server, event, new_organisation, problem

EVENT = json.dumps(event()).encode()
DATA = event()["data"]
SEED = 20261123
FUZZED = 600
HANGS_WITHIN_S = 90

Ended: TypeAlias = tuple[bytes, float]  # what was answered, and after how many seconds


def said(**changes: Any) -> bytes:
    return json.dumps(event(**changes)).encode()


def raw(old: bytes, new: bytes) -> bytes:
    """The plain event with some of its bytes replaced."""
    assert old in EVENT
    return EVENT.replace(old, new, 1)


def nested(depth: int) -> bytes:
    return raw(b'"data": {', b'"data": {"x": ' + b'{"x": ' * depth + b"1" + b"}" * depth + b", ")


BODIES: dict[str, tuple[bytes, int, str]] = {
    "nothing": (b"", 400, "malformed-json"),
    "blanks": (b" \n\t ", 400, "malformed-json"),
    "half an event": (EVENT[:-20], 400, "malformed-json"),
    "two events": (EVENT + EVENT, 400, "malformed-json"),
    "a byte order mark": (b"\xef\xbb\xbf" + EVENT, 400, "malformed-json"),
    "UTF-16": (EVENT.decode().encode("utf-16"), 400, "malformed-json"),
    "UTF-7 brackets": (b"+AHs-", 400, "malformed-json"),
    "a byte that is not UTF-8": (raw(b"icp", b"i\xffp"), 400, "malformed-json"),
    "an overlong slash": (raw(b"icp", b"i\xc0\xafp"), 400, "malformed-json"),
    "an encoded surrogate": (raw(b"icp", b"i\xed\xa0\x80p"), 400, "malformed-json"),
    "a lone surrogate": (raw(b"icp", b"\\ud800"), 400, "malformed-json"),
    "a raw line end in a string": (raw(b"icp", b"i\np"), 400, "malformed-json"),
    "a raw NUL in a string": (raw(b"icp", b"i\0p"), 400, "malformed-json"),
    "NaN": (raw(b'"icp"', b"NaN"), 400, "malformed-json"),
    "Infinity": (raw(b'"icp"', b"-Infinity"), 400, "malformed-json"),
    "a number beyond numbers": (raw(b'"icp"', b"1e999"), 400, "malformed-json"),
    "a comment": (b"/* */" + EVENT, 400, "malformed-json"),
    "a trailing comma": (raw(b'"}}', b'",}}'), 400, "malformed-json"),
    "single quotes": (EVENT.replace(b'"', b"'"), 400, "malformed-json"),
    "a list": (b"[" + EVENT + b"]", 400, "malformed-event"),
    "a text": (b'"cycle.tested"', 400, "malformed-event"),
    "a number": (b"7", 400, "malformed-event"),
    "null": (b"null", 400, "malformed-event"),
    "an empty object": (b"{}", 400, "malformed-event"),
    "70,000 brackets": (b"[" * 70_000, 400, "too-deep"),
    "10,000 nested objects": (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, 400, "too-deep"),
    "nested 65 deep": (nested(65), 400, "too-deep"),
    "nested 40 deep": (nested(40), 422, "wrong-data"),
    "the same key twice": (raw(b'"id": "e1"', b'"id": "e1", "id": "e2"'), 400, "duplicate-key"),
    "the same key twice, once escaped": (raw(b'"id": "e1"', b'"id": "e1", "\\u0069d": "e2"'), 400, "duplicate-key"),
    "the same key twice in the data": (
        raw(b'"course": "icp"', b'"course": "icp", "course": "x"'), 400, "duplicate-key"),
    "the same key twice behind quotes": (
        raw(b'"course": "icp"', b'"course": "\\\\\\"icp\\\\", "course": "x\\""'), 400, "duplicate-key"),
    "no specversion": (said(specversion=...), 400, "malformed-event"),
    "an older CloudEvents": (said(specversion="0.3"), 400, "malformed-event"),
    "a later CloudEvents": (said(specversion="2.0"), 400, "malformed-event"),
    "specversion as a number": (raw(b'"1.0"', b"1.0"), 400, "malformed-event"),
    "no id": (said(id=...), 400, "malformed-event"),
    "an empty id": (said(id=""), 400, "malformed-event"),
    "a blank id": (said(id="  "), 400, "malformed-event"),
    "id null": (said(id=None), 400, "malformed-event"),
    "a number for an id": (said(id=7), 400, "malformed-event"),
    "a long id": (said(id="x" * 257), 400, "malformed-event"),
    "an id with NUL": (said(id="a\0b"), 400, "malformed-event"),
    "an id with an escape": (said(id="a\x1b[31m"), 400, "malformed-event"),
    "an id with a line end": (said(id="a\nb"), 400, "malformed-event"),
    "an id that turns the text": (said(id="a\u202eb"), 400, "malformed-event"),
    "no source": (said(source=...), 400, "malformed-event"),
    "an empty source": (said(source=""), 400, "malformed-event"),
    "a source with a blank": (said(source="/life qi"), 400, "malformed-event"),
    "a source with quotes": (said(source='/lifeqi"'), 400, "malformed-event"),
    "a source with a bad percent": (said(source="/lifeqi%zz"), 400, "malformed-event"),
    "a source not in ASCII": (said(source="/lifeqi/é"), 400, "malformed-event"),
    "a source of somebody else": (said(source="/datix"), 403, "foreign-source"),
    "a source that climbs": (said(source="/lifeqi2/../lifeqi"), 403, "foreign-source"),
    "no type": (said(type=...), 400, "malformed-event"),
    "an unknown type": (said(type="no.such"), 422, "unknown-type"),
    "a type with NUL": (said(type="cycle.tested\0"), 422, "unknown-type"),
    "no subject": (said(subject=...), 400, "malformed-event"),
    "a subject without a kind": (said(subject="C-1"), 400, "malformed-event"),
    "a subject that climbs": (said(subject="cohort/../x"), 400, "malformed-event"),
    "a subject with too long an id": (said(subject="cohort/" + "x" * 65), 400, "malformed-event"),
    "a subject with a line end": (said(subject="cohort/C-1\n"), 400, "malformed-event"),
    "no time": (said(time=...), 400, "malformed-event"),
    "yesterday": (said(time="yesterday"), 400, "malformed-event"),
    "a time without an offset": (said(time="2024-05-20T09:30:00"), 400, "malformed-event"),
    "a date for a time": (said(time="2024-05-20"), 400, "malformed-event"),
    "the 30th of February": (said(time="2024-02-30T00:00:00Z"), 400, "malformed-event"),
    "a number for a time": (said(time=1716200000), 400, "malformed-event"),
    "the year 0": (said(time="0000-01-01T00:00:00Z"), 400, "malformed-event"),
    "before time, by its offset": (said(time="0001-01-01T00:00:00+23:59"), 400, "malformed-event"),
    "after time, by its offset": (said(time="9999-12-31T23:59:59-23:59"), 400, "malformed-event"),
    "a time that has not come": (said(time="2100-01-01T00:00:00Z"), 422, "out-of-time"),
    "a precision that is none": (said(precision="hour"), 400, "malformed-event"),
    "an expected version below 0": (said(expectedversion=-1), 400, "malformed-event"),
    "an expected version of 30 digits": (
        raw(b'"id"', b'"expectedversion": ' + b"9" * 30 + b', "id"'), 400, "malformed-event"),
    "an expected version of 400 digits": (said(expectedversion="9" * 400), 400, "malformed-event"),
    "an expected version of another script": (said(expectedversion="١"), 400, "malformed-event"),
    "an extension that is an object": (said(custom={"a": 1}), 400, "malformed-event"),
    "an extension in capitals": (said(Custom="x"), 400, "malformed-event"),
    "data and data_base64": (said(data_base64="e30="), 400, "malformed-event"),
    "base64 that is none": (said(data=..., data_base64="!!!"), 400, "malformed-event"),
    "base64 of no JSON": (said(data=..., data_base64="/////w=="), 400, "malformed-json"),
    "base64 of a duplicate key": (
        said(data=..., data_base64=base64.b64encode(b'{"course":"a","course":"b"}').decode()), 400, "duplicate-key"),
    "a relative schema": (said(dataschema="schemas/x"), 400, "malformed-event"),
    "XML data": (said(datacontenttype="application/xml"), 415, "wrong-media-type"),
    "UTF-16 data": (said(datacontenttype="application/json; charset=utf-16"), 415, "wrong-media-type"),
    "no data for a type that needs them": (said(data=...), 422, "wrong-data"),
    "data null": (said(data=None), 422, "wrong-data"),
    "data as a text": (said(data="{}"), 422, "wrong-data"),
    "data as a list": (said(data=[]), 422, "wrong-data"),
    "an unknown field": (said(data=DATA | {"x": 1}), 422, "wrong-data"),
    "a field called type": (said(data={"type": "x", "course": "icp", "person": "person/8Qm2"}), 422, "wrong-data"),
    "a field of the wrong kind": (said(data={"course": 7, "person": "person/8Qm2"}), 422, "wrong-data"),
    "a person by name": (said(data={"course": "icp", "person": "Dr Example"}), 422, "wrong-data"),
    "5,000 digits": (raw(b'"icp"', b"9" * 5_000), 400, "malformed-json"),
    "NUL in the data": (said(data=DATA | {"reason": "a\0b"}), 400, "control-character"),
    "an escape in the data": (
        said(data=DATA | {"reason": "\x1b[2J"}), 400, "control-character"),
    "too long a text": (said(data=DATA | {"reason": "x" * 60_000}), 422, "wrong-data"),
    "4,000 keys": (said(data={f"k{n}": n for n in range(4_000)}), 422, "wrong-data"),
    "a megabyte": (said(data={"reason": "x" * 1_000_000}), 413, "too-large"),
}  # fmt: skip


def is_one_json_text(body: bytes) -> bool:
    """Whether a list of such bodies is JSON, so that each of them stands for itself."""
    try:
        return len(body) < 500_000 and bool(msgspec.json.decode(body.decode(), type=msgspec.Raw))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False


@pytest.mark.parametrize("name", BODIES)
def test_a_body_that_cannot_be_kept_is_refused_with_the_reason(door: Door, name: str) -> None:
    body, status, slug = BODIES[name]
    problem(door.post(body, STRUCTURED), slug, status)
    assert door.get(door.events).json()["head"] == 0


SPOIL_THEMSELVES = [name for name, (body, _, _) in BODIES.items() if is_one_json_text(body)]


def test_what_spoils_a_whole_batch_is_what_is_no_single_json_text() -> None:
    assert {BODIES[name][2] for name in BODIES.keys() - SPOIL_THEMSELVES} == {
        "malformed-json",
        "too-deep",
        "too-large",
    }
    assert len(SPOIL_THEMSELVES) > len(BODIES) / 2


@pytest.mark.parametrize("name", SPOIL_THEMSELVES)
def test_in_a_batch_the_same_body_spoils_only_itself(door: Door, name: str) -> None:
    body, status, _ = BODIES[name]
    answer = door.post(b"[" + said(id="before") + b"," + body + b"," + said(id="after") + b"]", BATCH)
    assert [one["status"] for one in answer.json()] == [201, status, 201], answer.text


HEADERS: dict[str, tuple[dict[str, str], int, str]] = {
    "no media type": ({"content-type": ""}, 415, "wrong-media-type"),
    "plain JSON": ({"content-type": "application/json"}, 415, "wrong-media-type"),
    "XML": ({"content-type": "application/cloudevents+xml"}, 415, "wrong-media-type"),
    "a form": ({"content-type": "application/x-www-form-urlencoded"}, 415, "wrong-media-type"),
    "msgpack": ({"content-type": "application/msgpack"}, 415, "wrong-media-type"),
    "another charset": ({"content-type": f"{STRUCTURED}; charset=utf-16"}, 415, "wrong-media-type"),
    "compressed": ({"content-type": STRUCTURED, "content-encoding": "gzip"}, 415, "wrong-media-type"),
    "nonsense": ({"content-type": "///"}, 415, "wrong-media-type"),
    "a charset in pieces": (
        {"content-type": f"{STRUCTURED}; charset*=utf-8; charset*0=x"},
        415,
        "wrong-media-type",
    ),
    "a charset whose piece has a number of 5,000 digits": (
        {"content-type": f"{STRUCTURED}; charset*{'9' * 5_000}=utf-8"},
        415,
        "wrong-media-type",
    ),
    "a charset and another": (
        {"content-type": f"{STRUCTURED}; charset=utf-8;charset=utf-16"},
        415,
        "wrong-media-type",
    ),
    "a media type with 60,000 parameters": (
        {"content-type": STRUCTURED + ";" * 60_000},
        415,
        "wrong-media-type",
    ),
}


@pytest.mark.parametrize("name", HEADERS)
def test_a_kind_of_body_that_cannot_be_read_is_refused(door: Door, name: str) -> None:
    headers, status, slug = HEADERS[name]
    problem(door.http.post(door.events, content=EVENT, headers=headers), slug, status)


@pytest.mark.parametrize(
    "said",
    ["charset=utf-8", 'charset="UTF-8"', "Charset = utf8 ; x=y", 'x="y";charset=us-ascii', "charsets=utf-16"],
)
def test_a_charset_that_is_utf_8_may_be_named(door: Door, said: str) -> None:
    assert door.post(EVENT, f"{STRUCTURED}; {said}").status_code == 201


def test_a_whole_event_that_is_sent_as_plain_json_is_told_how_it_is_sent(door: Door) -> None:
    plain = problem(door.post(EVENT, "application/json"), "wrong-media-type", 415)
    assert "a whole event is application/cloudevents+json" in plain["detail"]
    form = problem(door.post(EVENT, "application/x-www-form-urlencoded"), "wrong-media-type", 415)
    assert form["detail"].startswith("An event is application/cloudevents+json")


def binary(**changes: str) -> list[tuple[str, str]]:
    attributes = {name: value for name, value in (event() | changes).items() if name != "data"}
    return [(f"ce-{name}", value) for name, value in attributes.items()] + [
        ("content-type", "application/json")
    ]


@pytest.mark.parametrize(
    ("headers", "status", "slug"),
    [
        (binary(id="%ff"), 400, "malformed-header"),
        ([*binary(), ("ce-id", "e2")], 400, "malformed-header"),
        ([*binary(), ("ce-data", "{}")], 400, "malformed-header"),
        ([*binary(), ("ce-datacontenttype", "application/json")], 400, "malformed-header"),
        (binary(id="%00"), 400, "malformed-event"),
        (binary(id="%0a"), 400, "malformed-event"),
        (binary(specversion="3"), 400, "malformed-event"),
        ([("ce-id", "e1"), ("content-type", "application/json")], 400, "malformed-event"),
        ([*binary(), ("ce-UPPER", "x")], 201, ""),
        ([*binary(), ("ce-no-dashes", "x")], 400, "malformed-event"),
        ([*binary()[:-1], ("content-type", "text/plain")], 415, "wrong-media-type"),
    ],
)  # fmt: skip
def test_attributes_in_headers_are_held_to_the_same_rules(
    door: Door, headers: list[tuple[str, str]], status: int, slug: str
) -> None:
    answer = door.http.post(door.events, content=json.dumps(event()["data"]), headers=headers)
    assert answer.status_code == status, answer.text
    if slug:
        problem(answer, slug)


@pytest.mark.parametrize(
    ("path", "slug"),
    [
        ("/nothing", "not-found"), ("/v1", "not-found"), ("/v1/RWK", "not-found"), ("/v2/RWK/events", "not-found"),
        ("/v1/RWK/streams/cohort", "not-found"), ("/problems/none", "not-found"),
        ("/..%2f..%2fetc/passwd", "not-found"),
        ("/%00", "not-found"), ("/%ff%fe", "not-found"), ("/" + "x" * 5_000, "not-found"),
        ("/healthz/%0d%0aX:1", "not-found"),
    ],
)  # fmt: skip
def test_an_address_without_a_door_is_a_problem_too(stranger: Door, path: str, slug: str) -> None:
    document = problem(stranger.get(path), slug, 404)
    assert "passwd" not in json.dumps(document)


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "TRACE", "PROPFIND", "X"])
def test_a_method_without_a_door_is_a_problem_that_lists_those_there_are(door: Door, method: str) -> None:
    answer = door.http.request(method, door.events)
    if method in ("PUT", "DELETE", "PATCH"):
        assert {"GET", "HEAD", "POST"} <= set(answer.headers["allow"].split(", "))
    problem(answer, "wrong-method", 405)


def test_options_lists_the_methods(stranger: Door) -> None:
    answer = stranger.http.options("/v1/RWK/events")
    assert (answer.status_code, answer.headers["allow"]) == (204, "GET, HEAD, OPTIONS, POST")


def exchange(
    server: Server, request: bytes, *, within_s: float = 20, close: bool = True, each_second: bytes = b""
) -> bytes:
    """What the server says to these bytes until it hangs up, or until it has nothing to say."""
    answer, until = b"", time.monotonic() + within_s
    with socket.create_connection(("127.0.0.1", server.port), timeout=within_s) as connection:
        try:
            connection.sendall(request)
            if close:
                connection.shutdown(socket.SHUT_WR)
            while each_second and time.monotonic() < until and b"\r\n0\r\n" not in answer:
                if select.select([connection], [], [], 1)[0]:
                    answer += connection.recv(65_536)
                connection.sendall(each_second)
            while piece := connection.recv(65_536):
                answer += piece
        except (ConnectionResetError, BrokenPipeError):
            return answer if each_second else b"reset"
        except TimeoutError:
            return answer
    return answer


def request(door: Door, body: bytes, *headers: str, length: int | None = None) -> bytes:
    lines = [
        f"POST {door.events} HTTP/1.1", "host: x", f"authorization: Bearer {door.key}", f"content-type: {STRUCTURED}",
        *headers, *([] if length is None else [f"content-length: {length}"]), "connection: close",
    ]  # fmt: skip
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def test_a_body_over_the_limit_is_refused_whether_announced_or_not(server: Server, door: Door) -> None:
    for length in (EVENT_TOO_LARGE, 10_000_000):
        announced = exchange(server, request(door, b"x" * length, length=length), close=False)
        assert announced.startswith(b"HTTP/1.1 413 "), announced[:200]
    chunks = b"".join(b"10000\r\n" + b"x" * 65_536 + b"\r\n" for _ in range(40)) + b"0\r\n\r\n"
    streamed = exchange(server, request(door, chunks, "transfer-encoding: chunked"), close=False)
    assert streamed.startswith(b"HTTP/1.1 413 ")
    assert b"/problems/too-large" in streamed


EVENT_TOO_LARGE = 80_000


def test_a_batch_over_its_limits_is_refused(door: Door) -> None:
    problem(door.post(b"[" + b",".join([EVENT] * 8_000) + b"]", BATCH), "too-large", 413)
    problem(door.post(b"[" + b",".join([b"{}"] * 1_001) + b"]", BATCH), "too-large", 413)
    large = json.dumps(event("big", data={"reason": "x" * 70_000})).encode()
    answer = door.post(b"[" + EVENT + b"," + large + b"]", BATCH)
    assert [one["status"] for one in answer.json()] == [201, 413]


def test_a_body_that_does_not_come_is_given_up(hanging: Mapping[str, Future[Ended]]) -> None:
    answer, took_s = hanging["half a body"].result()
    assert answer.startswith(b"HTTP/1.1 408 "), answer
    assert b"/problems/too-slow" in answer
    assert 5 < took_s < HANGS_WITHIN_S


def test_half_a_head_is_given_up(hanging: Mapping[str, Future[Ended]]) -> None:
    _, took_s = hanging["half a head"].result()
    assert took_s < HANGS_WITHIN_S


@pytest.fixture(scope="module", autouse=True)
def hanging(server: Server, database_url: str) -> Iterator[Mapping[str, Future[Ended]]]:
    """Requests that do not go on, sent before the first test here: the server's patience is ten seconds for each."""
    of = new_organisation(database_url)
    with psycopg.connect(database_url) as conn:
        key = keys.create(conn, of, "slow", scopes=[keys.WRITE], sources=["/slow"]).text
    importing = (
        f"POST /v1/{of}/import?dry_run=1 HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\n"
        "content-type: application/x-ndjson\r\ncontent-length: {}\r\n\r\n"
    )
    waiting = {
        "half a body": partial(
            exchange, server, request(Door(server.url, of, key), EVENT[:50], length=len(EVENT))
        ),
        "half a head": partial(exchange, server, b"POST /v1/RWK/events HTTP/1.1\r\nhost: x\r\nx-slow: "),
        "half a line": partial(
            exchange, server, importing.format(1_000_000).encode() + b"{}\n", each_second=b" "
        ),
        "answers": partial(takes_nothing, server, importing.format(len(MUCH)).encode() + MUCH),
    }

    def end(wait: Callable[..., bytes]) -> Ended:
        began = time.monotonic()
        answer = wait(close=False, within_s=HANGS_WITHIN_S)
        return answer, time.monotonic() - began

    pool = ThreadPoolExecutor(len(waiting))
    yield {name: pool.submit(end, wait) for name, wait in waiting.items()}
    pool.shutdown(wait=False)  # whoever ran one test of these need not wait


MUCH = 1_000 * (said(source="/slow", data=DATA | {"reason": "x" * 8_000}) + b"\n")  # more than sockets hold


def takes_nothing(server: Server, request: bytes, *, close: bool, within_s: float) -> bytes:
    """Sends all and reads nothing, until the server has had enough."""
    until = time.monotonic() + within_s
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)
        connection.connect(("127.0.0.1", server.port))
        connection.sendall(request)
        while time.monotonic() < until and not broken_off(server):
            select.select([], [], [], 1)
    return b""


def broken_off(server: Server) -> list[dict[str, Any]]:
    return [line for line in server.log() if line["event"] == "an import broke off"]


def test_good_requests_are_served_while_hundreds_hang(server: Server, door: Door) -> None:
    hanging = []
    for n in range(300):
        connection = socket.create_connection(("127.0.0.1", server.port), timeout=20)
        connection.sendall(b"POST " if n % 2 else request(door, b"{", length=100))
        hanging.append(connection)
    began = time.monotonic()
    for n in range(20):
        assert door.tell(event(f"e{n}")).status_code == 201
    assert time.monotonic() - began < 10  # when those who hang are let go
    for connection in hanging:
        connection.close()


def test_more_half_sent_bodies_than_memory_is_given_are_turned_away(server: Server, door: Door) -> None:
    head = (
        f"POST {door.events} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {door.key}\r\n"
        f"content-type: {BATCH}\r\ncontent-length: 1048576\r\n\r\n"
    ).encode()
    with contextlib.ExitStack() as hanging:
        opened = []
        for _ in range(72):
            connection = socket.create_connection(("127.0.0.1", server.port), timeout=20)
            hanging.callback(connection.close)
            with contextlib.suppress(ConnectionError):
                connection.sendall(head + b" " * 1_000_000)
            opened.append(connection)
        turned_away = [
            connection for connection in select.select(opened, [], [], 5)[0] if answered_503(connection)
        ]
        assert turned_away
        assert door.tell(event()).status_code in (201, 503)
    wait_until(lambda: door.tell(event("e2")).status_code == 201, within_s=15, what="there is room again")


def answered_503(connection: socket.socket) -> bool:
    try:
        return connection.recv(65_536).startswith(b"HTTP/1.1 503 ")
    except ConnectionError:
        return False


def test_bytes_at_random_never_shake_the_server(server: Server, door: Door) -> None:
    chance, before = random.Random(SEED), len(server.log())
    whole = request(door, EVENT, length=len(EVENT))
    for number in range(FUZZED):
        mangled = bytearray(whole)
        for _ in range(chance.randint(1, 8)):
            at = chance.randrange(len(mangled))
            match chance.randrange(4):
                case 0:
                    mangled[at] = chance.randrange(256)
                case 1:
                    del mangled[at : at + chance.randint(1, 40)]
                case 2:
                    mangled[at:at] = bytes(chance.randrange(256) for _ in range(chance.randint(1, 20)))
                case 3:
                    mangled[at:at] = mangled[at : at + chance.randint(1, 200)]
            if not mangled:
                mangled = bytearray(b"x")
        answer = exchange(server, bytes(mangled), within_s=15)
        first = answer[:13]
        assert not answer.startswith(b"HTTP/1.1 5"), (SEED, number, bytes(mangled), answer)
        if first.startswith(b"HTTP/1.1 4") and b"content-length: 0" not in answer.lower():
            assert b"application/problem+json" in answer, (SEED, number, bytes(mangled), answer)
    assert door.get("/healthz").status_code == 200
    assert [line for line in server.log()[before:] if line["level"] == "error"] == []


def test_an_import_in_which_no_line_ends_is_given_up_however_it_trickles(
    hanging: Mapping[str, Future[Ended]],
) -> None:
    """The last test here: by now most of its thirty seconds have passed."""
    answer, took_s = hanging["half a line"].result()
    assert b'"line":1' in answer
    assert b'"status":408,"line":2' in answer
    assert b"/problems/too-slow" in answer
    assert took_s < HANGS_WITHIN_S


def test_whoever_takes_none_of_an_import_s_answers_is_let_go(
    server: Server, hanging: Mapping[str, Future[Ended]]
) -> None:
    _, took_s = hanging["answers"].result()
    assert 5 < took_s < HANGS_WITHIN_S
    assert [line["reason"] for line in broken_off(server)] == ["its sender takes no answers"]
