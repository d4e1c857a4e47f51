"""People are looked up by reference, by those who may, and every look is on record."""

import json
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from events.log.keys import PEOPLE_READ, PEOPLE_WRITE
from events.privacy.erasing import erase
from events.privacy.ledger import Ledger
from tests.patience import wait_until
from tests.services.api.conftest import Door, MakeKey, Server, problem
from tests.services.api.test_operations import operations

AMINA = {"name": "Amina Example", "email": "amina@example.org", "phone": "+44 20 7946 0000"}


@pytest.fixture
def desk(server: Server, organisation: str, make_key: MakeKey) -> Iterator[Door]:
    opened = Door(
        server.url, organisation, make_key(client="intranet", scopes=[PEOPLE_READ, PEOPLE_WRITE], sources=[])
    )
    with opened.http:
        yield opened


def test_a_person_is_kept_found_and_forgotten_on_record(desk: Door, database_url: str) -> None:
    address = f"/v1/{desk.organisation}/people/8Qm2"
    problem(desk.get(address), "no-person", 404)
    assert desk.http.put(address, json=AMINA).json() == {"person": "person/8Qm2"}
    answer = desk.get(address)
    assert answer.json() == {"person": "person/8Qm2"} | AMINA
    assert answer.headers["cache-control"] == "no-store"
    assert desk.http.delete(address).json() == {"person": "person/8Qm2", "emptied": True}
    assert desk.http.delete(address).json() == {"person": "person/8Qm2", "emptied": False}
    problem(desk.get(address), "no-person", 404)
    told = [(type_, data["client"]) for type_, data in operations(database_url, desk.organisation)[1:]]
    wanted = ["read", "changed", "read", "emptied", "emptied", "read"]
    assert [one for one in told if one[0].startswith("contact.")] == [
        (f"contact.{what}", "intranet") for what in wanted
    ]
    assert "Amina" not in json.dumps(operations(database_url, desk.organisation))


@pytest.mark.parametrize(
    ("body", "slug"),
    [
        ({"email": "no address"}, "wrong-body"),
        ({"name": "x" * 201}, "wrong-body"),
        ({"phone": "call me"}, "wrong-body"),
        ({"nickname": "A"}, "wrong-body"),
    ],
)
def test_what_is_no_way_to_reach_somebody_is_refused(desk: Door, body: dict[str, Any], slug: str) -> None:
    problem(desk.http.put(f"/v1/{desk.organisation}/people/8Qm2", json=body), slug, 422)


def test_a_reference_is_no_name(desk: Door) -> None:
    for name in ("Amina%20Example", "amina@example.org", "x" * 65):
        problem(desk.http.put(f"/v1/{desk.organisation}/people/{name}", json=AMINA), "no-person", 404)


def test_an_erased_person_is_not_kept_again(desk: Door, database_url: str, tmp_path: Any) -> None:
    address = f"/v1/{desk.organisation}/people/8Qm2"
    desk.http.put(address, json=AMINA)
    with psycopg.connect(database_url, autocommit=True) as conn:
        certificate = erase(
            conn, Ledger(tmp_path / "l"), desk.organisation, "person/8Qm2", grounds="objection"
        )
    assert certificate.contact_emptied
    problem(desk.get(address), "no-person", 404)
    wait_until(
        lambda: desk.http.put(address, json=AMINA).status_code == 410,
        within_s=10,
        what="the key is forgotten",
    )
    problem(desk.get(address), "no-person", 404)


def test_questions_about_single_persons_are_not_for_every_key(
    server: Server, organisation: str, make_key: MakeKey
) -> None:
    asked = f"/v1/{organisation}/projections/coach_load/load"
    for scopes, status in ((["projections:read"], 403), (["audit"], 403), (["projections:read:people"], 503)):
        opened = Door(
            server.url, organisation, make_key(client=scopes[0].replace(":", "-"), scopes=scopes, sources=[])
        )
        with opened.http:
            assert opened.get(asked).status_code == status, scopes
            assert opened.get(f"/v1/{organisation}/projections").status_code == 200
