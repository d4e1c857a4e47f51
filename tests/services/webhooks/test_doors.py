"""The doors of webhooks: made, seen, changed, tested, replayed and removed over HTTP, with a sender at work."""

import base64
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from standardwebhooks.webhooks import Webhook

from events.log import keys
from services.webhooks.choosing import PAGE
from tests.plain_http import PLAIN
from tests.services.api.conftest import Server, new_organisation, problem
from tests.services.webhooks.conftest import Received, Receiver, Reply, Send, Trust, soon


class Office(Trust):
    """An organisation with a way in over HTTP, whose server may send to loopback."""

    def __init__(self, admin_url: str, server: Server, *scopes: str) -> None:
        self.admin_url = admin_url
        self.code = new_organisation(admin_url)
        with psycopg.connect(admin_url) as conn:
            key = keys.create(conn, self.code, "lifeqi", scopes=scopes).text
        self.http = httpx.Client(
            base_url=f"{server.url}/v1/{self.code}/",
            headers={"authorization": f"Bearer {key}"},
            timeout=30,
            verify=PLAIN,
        )

    def make(self, url: str, **wanted: Any) -> dict[str, Any]:
        answer = self.http.post("webhooks", json={"url": url, **wanted})
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        assert answer.headers["location"] == f"/v1/{self.code}/webhooks/{made['id']}"
        return made


@pytest.fixture(scope="module")
def server(module_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    served = Server(
        module_database_url, None, tmp_path_factory.mktemp("doors"), webhook_networks="127.0.0.0/8"
    )
    yield served
    served.stop()


@pytest.fixture
def fresh_database_url(module_database_url: str) -> str:
    """One for all: each test has an organisation of its own."""
    return module_database_url


@pytest.fixture
def office(module_database_url: str, server: Server) -> Iterator[Office]:
    office = Office(module_database_url, server, keys.WEBHOOKS_READ, keys.WEBHOOKS_WRITE)
    with office.http:
        yield office


def test_an_endpoint_from_its_making_to_its_end(office: Office, receiver: Receiver, sending: Send) -> None:
    office.tell("project/P-0")
    made = office.make(receiver.url, description="Our warehouse", owner="person/8Qm2", types=["project.*"])
    id_, secret = made["id"], made.pop("secret")
    assert (made["position"], made["state"], made["ordering"]) == (1, "enabled", "strict")
    assert office.http.get("webhooks").json() == {"items": [made]}
    with sending():
        office.tell("project/P-1", "project/P-2")
        soon(lambda: receiver.positions() == [2, 3], "both are sent")
        assert (
            Webhook(secret).verify(receiver.taken[0].body, receiver.taken[0].headers)["subject"]
            == "project/P-1"
        )

        rotated = office.http.post(f"webhooks/{id_}/rotate").json()
        assert len(rotated["public_keys"]) == 2
        office.tell("project/P-3")
        soon(lambda: receiver.positions() == [2, 3, 4], "it is sent")
        for either in (secret, rotated["secret"]):
            Webhook(either).verify(receiver.taken[2].body, receiver.taken[2].headers)

        assert office.http.patch(f"webhooks/{id_}", json={"state": "paused"}).json()["state"] == "paused"
        office.tell("project/P-4")
        tested = office.http.post(f"webhooks/{id_}/test?wait=20").json()
        assert (tested["attempt"]["outcome"], tested["attempt"]["status"]) == ("delivered", 200)
        assert receiver.taken[-1].event["type"] == "webhook.tested"
        assert receiver.taken[-1].id == tested["message"]
        office.http.patch(f"webhooks/{id_}", json={"state": "enabled"})
        soon(lambda: receiver.positions()[-1] == 5, "what was told meanwhile is sent")

        replayed = office.http.post(f"webhooks/{id_}/replay", json={"after": "2"})
        assert replayed.status_code == 200, replayed.text
        soon(lambda: receiver.positions()[-3:] == [3, 4, 5], "it is sent again")
        first, again = (r for r in receiver.taken if r.position == 3)
        assert first.id == again.id
        assert first.body == again.body

    log = office.http.get(f"webhooks/{id_}/deliveries?limit=2").json()
    assert [item["position"] for item in log["items"]] == [5, 4]
    more = office.http.get(f"webhooks/{id_}/deliveries?before={log['next']}&position=3").json()
    assert [(item["position"], item["outcome"], item["said"]) for item in more["items"]] == [
        (3, "delivered", "thank you"),
        (3, "delivered", "thank you"),
    ]
    stats = office.http.get(f"webhooks/{id_}/stats").json()
    assert (stats["delivered"], stats["failed"]) == (8, 0)
    assert office.http.delete(f"webhooks/{id_}").json()["id"] == id_
    problem(office.http.get(f"webhooks/{id_}"), "no-webhook", 404)


def test_what_waits_is_shown_and_can_be_passed_over(
    office: Office, receiver: Receiver, sending: Send
) -> None:
    made = office.make(receiver.url, after="0")
    receiver.answers = lambda r: (400, {}, b"what is a project?") if r.position == 1 else (200, {}, b"")
    with sending():
        office.tell("project/P-1", "project/P-2")
        soon(lambda: office.http.get(f"webhooks/{made['id']}").json()["waiting"] == 1, "the first waits")
        (waits,) = office.http.get(f"webhooks/{made['id']}/waiting").json()["items"]
        assert (waits["position"], waits["tries"], waits["stream"]) == (1, 1, None)
        problem(office.http.post(f"webhooks/{made['id']}/skip", json={"position": 2}), "not-waiting", 404)
        assert office.http.post(f"webhooks/{made['id']}/skip", json={"position": 1}).status_code == 200
        soon(lambda: receiver.positions() == [2], "the second is sent")
    given_up = office.http.get(f"webhooks/{made['id']}/deliveries?outcome=given_up").json()["items"]
    assert [item["position"] for item in given_up] == [1]


def test_a_type_that_is_asked_for_in_the_middle_of_a_backlog_is_sent_from_then_on(
    office: Office, receiver: Receiver, sending: Send
) -> None:
    """Whoever sends just then knows of the old types only: what was told since is not passed over by that."""
    made = office.make(receiver.url, types=["project.started"])
    at_it, go_on = threading.Event(), threading.Event()

    def answer(_: Received) -> Reply:
        at_it.set()
        go_on.wait(20)
        return 200, {}, b""

    receiver.answers = answer
    backlog = [f"project/P-{number}" for number in range(PAGE + 1)]
    with sending():
        office.tell(*backlog)
        assert at_it.wait(20)
        changed = office.http.patch(f"webhooks/{made['id']}", json={"types": ["project.*"]})
        assert changed.status_code == 200, changed.text
        last = office.tell("project/P-1", type_="project.paused")
        go_on.set()
        soon(lambda: receiver.positions()[-1:] == [last], "what is wanted now is sent")
    assert set(receiver.positions()) == set(range(1, last + 1))


@pytest.mark.parametrize(
    ("wanted", "slug", "status", "field"),
    [
        ({"url": "https://10.0.0.1/"}, "webhook-address", 422, "url"),
        ({"url": "https://user@example.org/"}, "webhook-address", 422, "url"),
        ({"url": "http://93.184.215.14/"}, "webhook-address", 422, "url"),
        ({"url": "https://nowhere.invalid/"}, "webhook-address", 422, "url"),
        ({"url": "https://127.0.0.1/", "types": ["cycle.testd"]}, "unknown-type", 422, "types[0]"),
        ({"url": "https://127.0.0.1/", "types": ["wheel.*"]}, "unknown-type", 422, "types[0]"),
        ({"url": "https://127.0.0.1/", "types": ["*"]}, "wrong-body", 422, "types[0]"),
        ({"url": "https://127.0.0.1/", "owner": "Dr Smith"}, "wrong-body", 422, "owner"),
        ({"url": "https://127.0.0.1/", "ordering": "none"}, "wrong-body", 422, "ordering"),
        ({"url": "https://127.0.0.1/", "secret": "mine"}, "wrong-body", 422, "secret"),
        ({}, "wrong-body", 422, "url"),
        ([], "wrong-body", 422, None),
    ],
    ids=str,
)
def test_what_cannot_be_is_said(
    office_once: Office, wanted: Any, slug: str, status: int, field: str | None
) -> None:
    said = problem(office_once.http.post("webhooks", json=wanted), slug, status)
    assert said.get("field") == field


@pytest.fixture(scope="module")
def office_once(module_database_url: str, server: Server) -> Iterator[Office]:
    office = Office(module_database_url, server, keys.WEBHOOKS_READ, keys.WEBHOOKS_WRITE)
    with office.http:
        yield office


def test_there_are_only_so_many(office_once: Office) -> None:
    for _ in range(50):
        office_once.make("https://127.0.0.1/")
    problem(office_once.http.post("webhooks", json={"url": "https://127.0.0.1/"}), "too-many-webhooks", 409)


def test_nobody_sees_or_changes_anothers(office_once: Office) -> None:
    (mine, *_) = office_once.http.get("webhooks").json()["items"] or [office_once.make("https://127.0.0.1/")]
    server_url = str(office_once.http.base_url).partition("/v1/")[0]
    other = new_organisation(office_once.admin_url)
    with psycopg.connect(office_once.admin_url) as conn:
        key = keys.create(conn, other, "x", scopes=[keys.WEBHOOKS_READ, keys.WEBHOOKS_WRITE]).text
    headers = {"authorization": f"Bearer {key}"}
    with httpx.Client(base_url=f"{server_url}/v1/{other}/", headers=headers, verify=PLAIN) as http:
        assert http.get("webhooks").json() == {"items": []}
        for method, path in (
            ("GET", ""),
            ("PATCH", ""),
            ("DELETE", ""),
            ("POST", "/rotate"),
            ("GET", "/deliveries"),
        ):
            answer = http.request(
                method, f"webhooks/{mine['id']}{path}", json={} if method == "PATCH" else None
            )
            problem(answer, "no-webhook", 404)


def test_the_api_cannot_read_a_secret_again_and_they_are_kept_encrypted(office_once: Office) -> None:
    items = office_once.http.get("webhooks").json()["items"]
    if items:
        office_once.http.delete(f"webhooks/{items[0]['id']}")
    made = office_once.make("https://127.0.0.1/")
    assert "secret" not in office_once.http.get(f"webhooks/{made['id']}").json()
    with psycopg.connect(office_once.admin_url) as conn:
        (secret,) = conn.execute(
            "SELECT secret FROM webhooks.secrets WHERE endpoint = %s", [made["id"]]
        ).fetchone() or (None,)
        assert base64.b64decode(made["secret"].removeprefix("whsec_")) not in bytes(secret)
        conn.execute("SET ROLE qiledger_api")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            conn.execute("SELECT secret FROM webhooks.secrets")


def test_without_a_master_key_no_endpoint_is_made(database_url: str, tmp_path: Path) -> None:
    server = Server(database_url, None, tmp_path, master_key="", webhook_networks="127.0.0.0/8")
    office = Office(database_url, server, keys.WEBHOOKS_WRITE)
    with office.http:
        problem(office.http.post("webhooks", json={"url": "https://127.0.0.1/"}), "no-master-key", 503)
    server.stop()
