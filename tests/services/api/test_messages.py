"""Messages at the door: who was told what, trying again, and a person's inbox."""

from collections.abc import Iterator
from datetime import UTC, datetime

import psycopg
import pytest

from events.log.keys import NOTICES_READ, NOTICES_WRITE
from services.channels.outcome import Refused
from tests.roles import as_role
from tests.services.api.conftest import Door, MakeKey, Server, problem
from tests.services.worker.messages import Peer, Telling, deliver, with_master_key


@pytest.fixture(scope="module", autouse=True)
def _master_key() -> Iterator[None]:
    take_away = with_master_key()
    yield
    take_away()


@pytest.fixture
def telling(database_url: str) -> Telling:
    told = Telling(database_url)
    told.knows()
    told.now = datetime.now(UTC)
    return told


@pytest.fixture
def told_door(server: Server, telling: Telling, make_key: MakeKey) -> Iterator[Door]:
    key = make_key(organisation=telling.code, scopes=[NOTICES_READ, NOTICES_WRITE], sources=[])
    opened = Door(server.url, telling.code, key)
    with opened.http:
        yield opened


def delivered(database_url: str, telling: Telling, *peers: Peer) -> None:
    url = as_role(database_url, "qiledger_worker")
    with psycopg.connect(url, autocommit=True) as conn:
        deliver(conn, telling, *peers)


def test_a_message_is_listed_and_shown_with_its_attempts(
    told_door: Door, telling: Telling, database_url: str
) -> None:
    ids = [telling.plans("email"), telling.plans("inbox")]
    delivered(database_url, telling, Peer("email", Refused("550 no such user")))
    listed = told_door.get(f"/v1/{telling.code}/messages").json()
    assert {item["id"]: item["state"] for item in listed["items"]} == {ids[0]: "dead", ids[1]: "sent"}
    dead = told_door.get(f"/v1/{telling.code}/messages?state=dead&channel=email&recipient=person/p-1").json()
    assert [item["id"] for item in dead["items"]] == [ids[0]]
    whole = told_door.get(f"/v1/{telling.code}/messages/{ids[0]}").json()
    assert whole["message"]["reason"] == "550 no such user"
    assert [attempt["outcome"] for attempt in whole["attempts"]] == ["refused"]
    assert "nhs.test" not in str(whole)


def test_pages_follow_each_other(told_door: Door, telling: Telling) -> None:
    ids = {telling.plans() for _ in range(5)}
    seen: list[str] = []
    following = f"/v1/{telling.code}/messages?limit=2"
    for _ in range(3):
        page = told_door.get(following).json()
        seen += [item["id"] for item in page["items"]]
        following = f"/v1/{telling.code}/messages?limit=2&before={page['next']}"
    assert page["next"] is None
    assert set(seen) == ids
    assert len(seen) == 5


def test_a_dead_message_is_tried_again_under_the_same_id(
    told_door: Door, telling: Telling, database_url: str
) -> None:
    id_ = telling.plans()
    delivered(database_url, telling, Peer("email", Refused("550 no")))
    answer = told_door.http.post(f"/v1/{telling.code}/messages/{id_}/retry")
    assert answer.json()["message"]["state"] == "waiting"
    telling.later(minutes=5)
    peer = Peer()
    delivered(database_url, telling, peer)
    assert [letter.id for letter in peer.letters] == [id_]
    assert telling.attempts(id_) == ["refused", "sent"]
    problem(told_door.http.post(f"/v1/{telling.code}/messages/{id_}/retry"), "message-over", 409)


def test_a_message_that_is_none_is_not_found(told_door: Door, telling: Telling) -> None:
    for name in ("m_0123456789abcdef", "x", "%00", "a" * 300):
        problem(told_door.get(f"/v1/{telling.code}/messages/{name}"), "no-message", 404)
        problem(told_door.http.post(f"/v1/{telling.code}/messages/{name}/retry"), "no-message", 404)
    problem(told_door.get(f"/v1/{telling.code}/messages?state=lost"), "wrong-parameter", 400)


def test_an_inbox_is_read_and_marked(told_door: Door, telling: Telling, database_url: str) -> None:
    first, second = telling.plans("inbox"), telling.plans("inbox")
    telling.plans("inbox", person="person/p-2")
    telling.knows("person/p-2")
    delivered(database_url, telling)
    path = f"/v1/{telling.code}/inbox/p-1"
    page = told_door.get(path).json()
    assert page["unread"] == 2
    assert {item["id"] for item in page["items"]} == {first, second}
    marked = told_door.http.put(f"{path}/{first}/read").json()
    assert marked["read"] is not None
    assert told_door.http.put(f"{path}/{first}/read").json() == marked
    assert [item["id"] for item in told_door.get(f"{path}?unread=true").json()["items"]] == [second]
    assert told_door.http.delete(f"{path}/{first}/read").json()["read"] is None
    problem(told_door.http.put(f"/v1/{telling.code}/inbox/p-3/{first}/read"), "no-message", 404)
    assert told_door.get(f"/v1/{telling.code}/inbox/nobody").json()["items"] == []


def test_one_organisation_sees_nothing_of_anothers_messages(
    told_door: Door, telling: Telling, database_url: str
) -> None:
    other = Telling(database_url)
    other.knows()
    other.now = datetime.now(UTC)
    message, inboxed = other.plans(), other.plans("inbox")
    delivered(database_url, other, Peer("email", Refused("550 no")))
    assert told_door.get(f"/v1/{telling.code}/messages").json()["items"] == []
    assert told_door.get(f"/v1/{telling.code}/inbox/p-1").json()["items"] == []
    problem(told_door.get(f"/v1/{telling.code}/messages/{message}"), "no-message", 404)
    problem(told_door.http.post(f"/v1/{telling.code}/messages/{message}/retry"), "no-message", 404)
    problem(told_door.http.put(f"/v1/{telling.code}/inbox/p-1/{inboxed}/read"), "no-message", 404)
    assert other.state(message) == "dead"
