"""Every door with every kind of key; found from the app itself, so that a new door is tried unasked."""

import contextlib
import json
from datetime import UTC, datetime, timedelta

import httpx
import psycopg
import pytest

from events.log import keys
from events.log.keys import (
    ADMIN,
    ASK,
    NOTICES_READ,
    NOTICES_WRITE,
    OPERATIONS,
    PEOPLE_READ,
    PEOPLE_WRITE,
    READ,
    WEBHOOKS_READ,
    WEBHOOKS_WRITE,
    WRITE,
)
from services.api.app import create_app
from services.api.doors import Door as Description
from services.settings import Settings
from tests.patience import wait_until
from tests.plain_http import PLAIN
from tests.services.api.conftest import Door, MakeKey, Server, event, new_organisation, problem

SCOPES = {
    WRITE,
    READ,
    ASK,
    ADMIN,
    NOTICES_READ,
    NOTICES_WRITE,
    OPERATIONS,
    PEOPLE_READ,
    PEOPLE_WRITE,
    WEBHOOKS_READ,
    WEBHOOKS_WRITE,
}


def doors() -> list[tuple[str, str, str | None]]:
    """Every door of the app: method, address, scope."""
    app = create_app(Settings(database_url="postgresql://nowhere/nothing"))
    found = [
        (method, route.path, description.scope)
        for route in app.routes
        for handler in getattr(route, "route_handlers", ())
        if isinstance(description := handler.opt.get("door"), Description)
        for method in handler.http_methods
    ]
    return sorted(found)


DOORS = doors()
KEPT = [door for door in DOORS if door[2] is not None]
OPEN = [door for door in DOORS if door[2] is None]


def address_of(path: str, organisation: str) -> str:
    """An address that a door with this path has, whether or not there is anything behind it."""
    address = (
        path.replace("{organisation:str}", organisation)
        .replace("{position:str}", "1")
        .replace("{kind:str}", "cohort")
        .replace("{subject:str}", "C-1")
        .replace("{person:str}", "8Qm2")
        .replace("{name:str}", "projects")
        .replace("{project:str}", "P-1")
        .replace("{measure:str}", "M-1")
        .replace("{question:str}", "one")
        .replace("{type:str}", "cycle.tested")
        .replace("{slug:str}", "conflict")
        .replace("{level:str}/{place:path}", "0/000")
        .replace("{token:str}", "none-of-ours")
        .replace("{webhook:str}", "we_0123456789abcdef")
        .replace("{message:str}", "m_0123456789abcdef")
    )
    assert "{" not in address, f"say what {path} stands for"
    return address


def knock(server: Server, method: str, path: str, organisation: str, key: str | None) -> httpx.Response:
    address = address_of(path, organisation)
    body = json.dumps(event()) if method == "POST" else None
    kind = "application/x-ndjson" if path.endswith("import") else "application/cloudevents+json"
    headers = {"content-type": kind} | ({} if key is None else {"authorization": f"Bearer {key}"})
    with httpx.stream(
        method, f"{server.url}{address}", content=body, headers=headers, timeout=20, verify=PLAIN
    ) as answer:
        if answer.headers.get("content-type") == "text/event-stream" and method != "HEAD":
            answer._content = next(answer.iter_raw())  # it has no end
        else:
            answer.read()
    return answer


def refused(answer: httpx.Response, slug: str, status: int) -> None:
    """To HEAD a refusal comes without its document."""
    if answer.request.method == "HEAD":
        assert answer.status_code == status
    else:
        problem(answer, slug, status)
    assert ("www-authenticate" in answer.headers) == (status == 401)


@pytest.mark.parametrize(("method", "path", "scope"), OPEN)
def test_an_open_door_needs_no_key(server: Server, method: str, path: str, scope: None) -> None:
    expected = 404 if "{token:str}" in path else 200  # a signed link stands in for a key
    assert knock(server, method, path, "RWK", None).status_code == expected


def test_a_key_that_comes_without_its_word_is_told_of_it(door: Door) -> None:
    key = door.http.headers["authorization"].removeprefix("Bearer ")
    for header in (key, f"Token {key}", "Bearer"):
        told = problem(door.http.get(door.events, headers={"authorization": header}), "no-key", 401)
        assert "`Bearer`, a space and the key" in told["detail"]
        assert key not in str(told)


@pytest.mark.parametrize(("method", "path", "scope"), KEPT)
def test_a_door_lets_in_those_with_its_scope_and_nobody_else(
    server: Server,
    organisation: str,
    make_key: MakeKey,
    database_url: str,
    method: str,
    path: str,
    scope: str,
) -> None:
    other = new_organisation(database_url)
    mine = make_key(scopes=[scope])
    everything_else = make_key(client="else", scopes=sorted(SCOPES - {scope}))
    elsewhere = make_key(client="elsewhere", organisation=other, scopes=sorted(SCOPES))
    expired = make_key(
        client="expired", scopes=[scope], life=timedelta(days=1), now=datetime.now(UTC) - timedelta(days=2)
    )
    revoked = make_key(client="revoked", scopes=[scope])
    with psycopg.connect(database_url) as conn:
        keys.revoke(conn, organisation, revoked[8:16])

    assert knock(server, method, path, organisation, mine).status_code not in (401, 403)
    refused(knock(server, method, path, organisation, None), "no-key", 401)
    refused(knock(server, method, path, organisation, "qi_live_x"), "unknown-key", 401)
    refused(
        knock(server, method, path, organisation, mine[:-1] + ("A" if mine[-1] != "A" else "B")),
        "unknown-key",
        401,
    )
    refused(knock(server, method, path, organisation, expired), "expired-key", 401)
    refused(knock(server, method, path, organisation, revoked), "revoked-key", 401)
    refused(knock(server, method, path, organisation, everything_else), "missing-scope", 403)
    refused(knock(server, method, path, organisation, elsewhere), "wrong-organisation", 403)
    refused(knock(server, method, path, "ZZ9", mine), "wrong-organisation", 403)
    with psycopg.connect(database_url) as conn:
        (theirs,) = (
            conn.execute("SELECT position FROM log.heads WHERE organisation = %s", (other,)).fetchone() or ()
        )
    assert theirs == 0


@pytest.mark.parametrize(
    "authorization",
    ["", "Bearer", "Basic dXNlcjpwYXNz", "Bearer a b", "Token x", "Bearer \xff" + "x" * 59, "qi_live_x"],
)
def test_an_authorization_that_is_no_key_is_refused(stranger: Door, authorization: str) -> None:
    answer = stranger.http.get(stranger.events, headers=[(b"authorization", authorization.encode("latin-1"))])
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Bearer realm="qiledger"'
    assert answer.headers["content-type"] == "application/problem+json"


def test_two_keys_at_once_are_one_too_many(door: Door) -> None:
    answer = door.http.get(door.events, headers=[("authorization", "Bearer x")])
    assert answer.status_code == 401  # httpx replaces its own: one header
    twice = [("authorization", f"Bearer {door.key}"), ("authorization", f"Bearer {door.key}")]
    problem(
        httpx.get(f"{door.http.base_url}{door.events}", headers=twice, verify=PLAIN), "malformed-header", 400
    )


def test_a_revoked_key_is_let_in_for_a_few_seconds_at_most(door: Door, database_url: str) -> None:
    assert door.get(door.events).status_code == 200
    assert door.key is not None
    with psycopg.connect(database_url) as conn:
        keys.revoke(conn, door.organisation, door.key[8:16])
    wait_until(
        lambda: door.get(door.events).status_code == 401, within_s=6, what="the revoked key is refused"
    )


def test_a_key_is_changed_for_the_next_without_a_pause(
    server: Server, door: Door, organisation: str, database_url: str
) -> None:
    assert door.key is not None
    with psycopg.connect(database_url) as conn:
        successor = keys.rotate(conn, organisation, door.key[8:16])
    with contextlib.closing(Door(server.url, organisation, successor.text).http) as http:
        for n in range(5):
            assert door.tell(event(f"old{n}")).status_code == 201
            assert http.get(door.events).status_code == 200


def test_a_busy_key_is_looked_up_once_in_a_while(door: Door, database_url: str) -> None:
    """The database is not asked for each request."""

    def look_ups() -> int:
        with psycopg.connect(database_url) as conn:
            conn.execute("SELECT pg_stat_force_next_flush()")
            row = conn.execute(
                "SELECT idx_scan FROM pg_stat_user_indexes WHERE indexrelname = 'keys_by_id'"
            ).fetchone()
            scans = conn.execute("SELECT seq_scan FROM pg_stat_user_tables WHERE relname = 'keys'").fetchone()
            assert row is not None
            assert scans is not None
            return int(row[0]) + int(scans[0])

    door.get(door.events)
    before = look_ups()
    for _ in range(200):
        assert door.get(door.events).status_code == 200
    assert look_ups() - before < 50


def test_the_last_use_of_a_key_is_written_down(server: Server, door: Door, database_url: str) -> None:
    assert door.get(door.events).status_code == 200

    def noted() -> bool:
        with psycopg.connect(database_url) as conn:
            return all(key.last_used_at is not None for key in keys.listed(conn, door.organisation))

    wait_until(noted, within_s=15, what="the use is noted")
