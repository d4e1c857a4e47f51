"""Telling an event, broken at each step: before the statement, before the commit, after it, before the answer.

Whatever became of the first request, sending it again makes it exactly one event.
"""

import json
import os
import signal
import socket
from urllib.parse import urlsplit

import httpx
import psycopg

from tests.failures.conftest import Meanwhile
from tests.patience import wait_until
from tests.standing_house import BATCH, STRUCTURED, Organisation, StandingHouse, children_of, event


def nothing_is_under_way(home: StandingHouse) -> bool:
    """Whether what a dead API asked for has come to its end in the database."""
    with psycopg.connect(home.ways.admin) as conn:
        active = (
            "SELECT 1 FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'SELECT item%log.append%'"
        )
        return conn.execute(active).fetchone() is None


def open_line(home: StandingHouse) -> socket.socket:
    """A bare connection to the API."""
    place = urlsplit(home.url)
    assert place.hostname is not None
    return socket.create_connection((place.hostname, place.port or 80), timeout=10)


def request_head(trust: Organisation, body: bytes) -> bytes:
    lines = [f"POST {trust.path} HTTP/1.1", "host: tests", f"authorization: Bearer {trust.key}"]
    lines += [f"content-type: {STRUCTURED}", f"content-length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode()


def assert_sent_again_it_is_one_event(home: StandingHouse, trust: Organisation, status: int) -> None:
    wait_until(home.is_ready, within_s=30, what="the API is back")
    again = trust.tell(event("e1"))
    assert (again.status_code, again.json()["position"]) == (status, 1), again.text
    assert trust.kept() == [(1, "project/e1", 1, "e1")]


def test_an_event_that_did_not_arrive_whole_is_lost_and_was_never_acknowledged(
    home: StandingHouse, trust: Organisation
) -> None:
    body = b'{"specversion":"1.0","id":"e1","source":"/tests"}'
    with open_line(home) as line:
        line.sendall(request_head(trust, body) + body[:-10])
        home.kill("api")
        assert line.recv(100) == b""
    assert trust.kept() == []
    assert_sent_again_it_is_one_event(home, trust, 201)


def test_an_api_killed_before_the_commit_leaves_a_statement_that_is_carried_through(
    home: StandingHouse, trust: Organisation, meanwhile: Meanwhile
) -> None:
    """Done, but unheard."""
    with trust.held_up():
        answer = meanwhile(lambda: trust.tell(event("e1")))
        wait_until(trust.is_waited_for, within_s=10, what="the event is on its way into the log")
        home.kill("api")
        assert isinstance(answer.exception(timeout=10), httpx.TransportError)
    wait_until(lambda: nothing_is_under_way(home), within_s=10, what="the statement has ended")
    assert len(trust.kept()) == 1
    assert_sent_again_it_is_one_event(home, trust, 200)


def test_a_caller_who_hangs_up_has_told_the_event_all_the_same(
    home: StandingHouse, trust: Organisation
) -> None:
    body = json.dumps(event("e1")).encode()
    with trust.held_up(), open_line(home) as line:
        line.sendall(request_head(trust, body) + body)
        wait_until(trust.is_waited_for, within_s=10, what="the event is on its way into the log")
    wait_until(trust.kept, within_s=10, what="the event is kept")
    assert_sent_again_it_is_one_event(home, trust, 200)


def test_a_caller_who_hangs_up_takes_nothing_from_those_whose_events_went_with_his(
    home: StandingHouse, trust: Organisation, meanwhile: Meanwhile
) -> None:
    body = json.dumps(event("gone")).encode()
    with trust.held_up(), open_line(home) as line:
        line.sendall(request_head(trust, body) + body)
        answers = [meanwhile(lambda n=n: trust.tell(event(f"e{n}"))) for n in range(8)]
        wait_until(trust.is_waited_for, within_s=10, what="they are on their way into the log")
    assert {answer.result(timeout=20).status_code for answer in answers} == {201}
    wait_until(lambda: len(trust.kept()) == 9, within_s=10, what="all are kept")


def test_a_postgres_killed_before_the_commit_has_kept_nothing_and_the_api_says_so(
    home: StandingHouse, trust: Organisation, meanwhile: Meanwhile
) -> None:
    """Lost; and 503, not an acknowledgement."""
    with trust.held_up():
        answer = meanwhile(lambda: trust.tell(event("e1")))
        wait_until(trust.is_waited_for, within_s=10, what="the event is on its way into the log")
        os.kill(home.postgres.pid, signal.SIGKILL)
        said = answer.result(timeout=20)
        assert said.status_code == 503
        assert said.headers["content-type"] == "application/problem+json"
        assert int(said.headers["retry-after"]) > 0
    wait_until(home.is_ready, within_s=30, what="the database is back")
    assert trust.kept() == []
    assert_sent_again_it_is_one_event(home, trust, 201)


def test_a_postgres_killed_again_and_again_under_many_callers_keeps_what_was_acknowledged(
    home: StandingHouse, trust: Organisation, meanwhile: Meanwhile
) -> None:
    def tell_until_acknowledged(caller: int) -> dict[str, int]:
        acknowledged: dict[str, int] = {}
        with trust.door() as door:
            for number in range(40):
                told = event(f"e{caller}-{number}", subject=f"project/{caller}")
                wait_until(
                    lambda told=told: _acknowledged(door, trust, told, acknowledged), within_s=30, what="kept"
                )
        return acknowledged

    callers = [meanwhile(lambda n=n: tell_until_acknowledged(n)) for n in range(6)]
    for fraction in (40, 120):
        wait_until(lambda least=fraction: _count(trust) >= least, within_s=30, what="some are kept")
        os.kill(home.postgres.pid, signal.SIGKILL)
        wait_until(home.is_ready, within_s=30, what="the database is back")
    acknowledged: dict[str, int] = {}
    for caller in callers:
        acknowledged |= caller.result(timeout=60)
    kept = trust.kept()
    assert {id_: position for position, _, _, id_ in kept} == acknowledged
    assert [position for position, *_ in kept] == list(range(1, 241))


def _acknowledged(
    door: httpx.Client, trust: Organisation, told: dict[str, object], into: dict[str, int]
) -> bool:
    try:
        answer = door.post(trust.path, json=told, headers={"content-type": STRUCTURED})
    except httpx.TransportError:
        return False
    if answer.status_code not in (200, 201):
        assert answer.status_code == 503, answer.text
        return False
    into[str(told["id"])] = answer.json()["position"]
    return True


def _count(trust: Organisation) -> int:
    try:
        return len(trust.kept())
    except psycopg.OperationalError:
        return 0


def test_a_batch_cut_off_before_its_answer_is_kept_as_a_whole_and_told_again_adds_nothing(
    home: StandingHouse, trust: Organisation, meanwhile: Meanwhile
) -> None:
    events = [event(f"e{n}", subject="project/P-1") for n in range(50)]

    def tell_all() -> httpx.Response:
        with trust.door() as door:
            return door.post(trust.path, json=events, headers={"content-type": BATCH})

    with trust.held_up():
        answer = meanwhile(tell_all)
        wait_until(trust.is_waited_for, within_s=10, what="the batch is on its way into the log")
        home.kill("api")
        assert isinstance(answer.exception(timeout=10), httpx.TransportError)
    wait_until(lambda: nothing_is_under_way(home) and home.is_ready(), within_s=30, what="the API is back")
    kept = trust.kept()
    assert [version for _, _, version, _ in kept] == list(range(1, 51))
    again = tell_all()
    assert again.status_code == 200
    assert [one["status"] for one in again.json()] == [200] * 50
    assert trust.kept() == kept


def test_a_server_process_that_is_killed_is_replaced_by_its_own(
    home: StandingHouse, trust: Organisation
) -> None:
    api = home.pid("api")
    before = set(children_of(api))
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: set(children_of(api)) - before and home.is_ready(), within_s=30, what="another serves")
    assert home.pid("api") == api
    assert trust.tell(event("e1")).status_code == 201
