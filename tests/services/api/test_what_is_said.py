"""What the API says of itself in its log: enough to find a refusal again, and never what somebody told."""

import json

import psycopg
import pytest

from events.log import keys
from services.logs import _one_line
from tests.services.api.conftest import STRUCTURED, Door, Server, event, problem

HOSTILE = 'x\r\n{"level":"critical"}\x1b[2J\u2028\u0085\0'


def test_whatever_is_sent_a_refusal_is_one_line(server: Server, door: Door) -> None:
    before = len(server.log())
    fields = ("id", "source", "type", "subject", "time", "specversion", "precision", "actor")
    for field in fields:
        answer = door.tell(event(**{field: HOSTILE}))
        assert answer.status_code in (400, 403, 422), field
    door.tell(event(data={HOSTILE: HOSTILE}))
    door.tell(event(data={"course": "icp", "person": "person/8Qm2", "reason": HOSTILE}))
    door.get(f"{door.events}?{'%0d%0a%1b' * 5}=1")
    door.get("/%0d%0alevel:critical")
    said = [
        line for line in server.log()[before:] if line["event"] == "refused"
    ]  # each line is JSON, or this fails
    assert len(said) == len(fields) + 4
    assert all(line["level"] == "info" for line in said)
    assert "critical" not in json.dumps(said)


def test_a_refusal_says_who_and_what_and_nothing_that_was_sent(server: Server, door: Door) -> None:
    answer = door.tell(event(type="no.such", data={"secret": "words of a person"}))
    number = answer.headers["x-request-id"]
    (line,) = [line for line in server.log() if line.get("request") == number]
    assert {name: line[name] for name in ("problem", "status", "method", "door", "organisation", "client")} == {
        "problem": "unknown-type", "status": 422, "method": "POST", "door": "/v1/{organisation}/events",
        "organisation": door.organisation, "client": "lifeqi",
    }  # fmt: skip
    assert "no.such" not in json.dumps(line)
    assert "words" not in json.dumps(line)


def test_a_mistake_of_ours_is_logged_whole_under_the_number_by_which_it_is_told_and_told_as_little(
    fresh_database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Nobody foresees that the log's own function is missing; the traceback must not carry keys or words."""
    with psycopg.connect(fresh_database_url) as conn:
        conn.execute("SELECT log.open('RWK', 'East London')")
        key = keys.create(conn, "RWK", "lifeqi", scopes=[keys.WRITE], sources=["*"]).text
        conn.execute("ALTER FUNCTION log.append_plain RENAME TO gone")
    server = Server(fresh_database_url, None, tmp_path_factory.mktemp("broken"))
    door = Door(server.url, "RWK", key)
    with door.http:
        telling = event(data={"course": "icp", "person": "person/8Qm2", "reason": "words of a person"})
        answer = door.tell(telling)
        (line,) = door.bring([telling, telling, telling])
    server.stop()
    document = problem(answer, "internal", 500)
    assert document.keys() == {"type", "title", "status", "instance"}
    assert (line["status"], line["line"], line["problem"].keys()) == (500, 1, document.keys())
    said = server.said.read_text()
    for told in (document, line["problem"]):
        (failure,) = [
            line
            for line in server.log()
            if f"urn:uuid:{line.get('request')}" == told["instance"] and line["level"] == "error"
        ]
        assert "UndefinedFunction" in json.dumps(failure["exception"])
    for secret in (key, key[17:], "words of a person", "person/8Qm2"):
        assert secret not in said


def test_keys_are_nowhere_in_the_log(server: Server, door: Door) -> None:
    assert door.key is not None
    door.get(f"{door.events}?key={door.key}")
    door.get(f"/{door.key}")
    door.post(door.key.encode(), STRUCTURED)
    assert door.key[17:] not in server.said.read_text()


def test_for_people_too_a_line_stays_a_line() -> None:
    line = _one_line(
        None,
        "info",
        {"event": HOSTILE, "level": "info", "client": HOSTILE, "timestamp": "2026-01-01T10:00:00Z"},
    )
    assert line.isprintable()
