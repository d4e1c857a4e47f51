"""Exports by HTTP: streamed, verified with no database, put on record before they begin."""

import contextlib
import json
import socket
from collections.abc import Iterator
from pathlib import Path

import psycopg

from events.log import keys
from events.log.verifying import verify_file
from services.api.routes.exporting import OF_ONE_MAX
from tests.patience import wait_until
from tests.services.api.conftest import Door, MakeKey, Server, event, new_organisation, problem


def test_an_export_by_http_holds_and_is_on_record(door: Door, database_url: str, tmp_path: Path) -> None:
    for n in range(5):
        door.tell(event(f"e{n}"))
    answer = door.get(f"/v1/{door.organisation}/export?purpose=Annual%20audit&projections=true")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-disposition"] == f'attachment; filename="{door.organisation}-1-5.ndjson"'
    file = tmp_path / "export.ndjson"
    file.write_bytes(answer.content)
    verdict = verify_file(file, unsigned=True)
    assert (verdict.findings, verdict.records) == ([], 5)
    with psycopg.connect(database_url) as conn:
        told = conn.execute(
            "SELECT body::json ->> 'purpose', actor FROM log.records WHERE organisation = %s AND type = 'export.taken'",
            (f"{door.organisation}.operations",),
        ).fetchall()
    assert told == [("Annual audit", "client/lifeqi")]


def test_a_part_is_taken_with_from_and_to(door: Door, tmp_path: Path) -> None:
    for n in range(5):
        door.tell(event(f"e{n}"))
    file = tmp_path / "part.ndjson"
    file.write_bytes(door.get(f"/v1/{door.organisation}/export?from=2&to=4").content)
    verdict = verify_file(file, unsigned=True)
    assert (verdict.findings, verdict.first, verdict.last) == ([], 2, 4)
    problem(door.get(f"/v1/{door.organisation}/export?to=6"), "wrong-parameter", 400)
    problem(door.get(f"/v1/{door.organisation}/export?from=0"), "wrong-parameter", 400)


def test_who_has_no_key_takes_nothing(stranger: Door) -> None:
    problem(stranger.get(f"/v1/{stranger.organisation}/export"), "no-key", 401)


def test_readers_who_take_nothing_cost_little_and_keep_no_other_organisation_waiting(
    server: Server, door: Door, database_url: str
) -> None:
    """What a reader has not taken is read from the log only once he does, however large each record is."""
    tell_large(
        database_url, door.organisation, records=900
    )  # more than may be kept for a reader who takes nothing
    with contextlib.ExitStack() as stack:
        before = megabytes_at_most(server)
        for _ in range(OF_ONE_MAX):
            stack.enter_context(begun(server, door))
        problem(door.get(f"/v1/{door.organisation}/export"), "exports-crowded", 503)
        assert "retry-after" in door.get(f"/v1/{door.organisation}/export").headers
        other = other_door(server, database_url)
        with other.http:
            other.tell(event())
            answer = other.get(f"/v1/{other.organisation}/export")
            assert (answer.status_code, len(answer.text.splitlines())) == (200, 4)
    wait_until(lambda: taken_whole(door), within_s=60, what="those who hung up make room")
    assert megabytes_at_most(server) - before < 200


def test_an_export_lasts_no_longer_than_the_right_to_it(
    server: Server, door: Door, database_url: str
) -> None:
    tell_large(database_url, door.organisation, records=300)
    with begun(server, door) as reader, psycopg.connect(database_url) as conn:
        assert door.key is not None
        keys.revoke(conn, door.organisation, door.key[8:16])
        conn.commit()
        wait_until(
            lambda: door.get(door.events).status_code == 401, within_s=6, what="the key is let in no more"
        )
        taken = b"".join(iter(lambda: reader.recv(1_048_576), b""))
    assert b'"export":"seal"' not in taken
    broken = [line for line in server.log() if line["event"] == "an export broke off"]
    (said,) = [line for line in broken if line["organisation"] == door.organisation]
    assert said["reason"] == "This API key was revoked."


def tell_large(database_url: str, organisation: str, *, records: int) -> None:
    """So many records, each nearly as large as it may be."""
    large = json.dumps({"text": "x" * 60_000})
    with psycopg.connect(database_url) as conn:
        for first in range(0, records, 50):
            batch = json.dumps([told(f"e{n}", large) for n in range(first, min(first + 50, records))])
            conn.execute("SELECT count(*) FROM log.append(%s, %s::jsonb)", [organisation, batch])


def told(id_: str, body: str) -> dict[str, str]:
    return {
        "stream": f"project/{id_}",
        "source": "/tests",
        "id": id_,
        "type": "project.started",
        "occurred_at": "2024-05-20T09:30:00+00:00",
        "precise_to": "instant",
        "actor": "client/tests",
        "body": body,
    }


@contextlib.contextmanager
def begun(server: Server, door: Door) -> Iterator[socket.socket]:
    """An export whose reader has read its beginning, and reads no more."""
    with socket.socket() as reader:
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        reader.connect(("127.0.0.1", server.port))
        asked = f"GET /v1/{door.organisation}/export HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {door.key}\r\n\r\n"
        reader.sendall(asked.encode())
        assert reader.recv(12) == b"HTTP/1.1 200"
        yield reader


def other_door(server: Server, database_url: str) -> Door:
    """Another organisation's."""
    code = new_organisation(database_url)
    with psycopg.connect(database_url) as conn:
        key = keys.create(conn, code, "lifeqi", scopes=[keys.WRITE, keys.READ], sources=["/lifeqi"]).text
    return Door(server.url, code, key)


def taken_whole(door: Door) -> bool:
    answer = door.get(f"/v1/{door.organisation}/export?from=890")
    return answer.status_code == 200 and b'"export":"seal"' in answer.content


def megabytes_at_most(server: Server) -> float:
    """The most memory that a process of the server has had."""
    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split()
    peaks = [
        int(line.split()[1]) / 1_024
        for child in children
        for line in Path(f"/proc/{child}/status").read_text().splitlines()
        if line.startswith("VmHWM")
    ]
    return max(peaks)


def test_an_export_that_cannot_begin_takes_no_place(
    database_url: str, organisation: str, make_key: MakeKey, tmp_path: Path
) -> None:
    room = tmp_path / "room"
    room.mkdir()
    server = Server(database_url, None, tmp_path, temporary=room)
    try:
        with Door(server.url, organisation, make_key()).http as http:
            address = f"/v1/{organisation}/export"
            assert http.get(address).status_code == 200
            room.rename(tmp_path / "elsewhere")
            for _ in range(OF_ONE_MAX + 1):
                problem(http.get(address), "internal", 500)
            (tmp_path / "elsewhere").rename(room)
            assert http.get(address).status_code == 200
    finally:
        server.stop()
