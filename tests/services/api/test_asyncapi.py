"""What comes by itself is described as the official schema wants it, and truly."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from jsonschema import Draft7Validator, Draft202012Validator
from referencing import Registry, Resource

from events import catalogue
from events.vocabulary import vocabulary
from tests.plain_http import PLAIN
from tests.services.api.conftest import Door, Server, event
from tests.services.api.test_openapi import references

OFFICIAL = Path(__file__).parent / "asyncapi" / "3.0.0.json"


@pytest.fixture(scope="module")
def described(server: Server) -> dict[str, Any]:
    answer = httpx.get(f"{server.url}/asyncapi.json", timeout=20, verify=PLAIN)
    assert answer.headers["content-type"] == "application/json"
    document: dict[str, Any] = answer.json()
    return document


def test_it_is_as_the_official_schema_wants_it(described: dict[str, Any]):
    official = json.loads(OFFICIAL.read_text())
    faults = [fault.message[:200] for fault in Draft7Validator(official).iter_errors(described)]
    assert faults == []


def test_a_wrong_document_would_be_seen(described: dict[str, Any]):
    wrong = described | {
        "operations": {"tell": {"action": "shout", "channel": {"$ref": "#/channels/events"}}}
    }
    assert not Draft7Validator(json.loads(OFFICIAL.read_text())).is_valid(wrong)


def test_every_reference_leads_somewhere(described: dict[str, Any]):
    for ref in sorted(references(described)):
        at: Any = described
        for part in ref.removeprefix("#/").split("/"):
            at = at[part]


def test_every_event_type_is_a_message_of_feed_stream_and_webhook(described: dict[str, Any]):
    for name, kind in (("events", "record"), ("live", "record"), ("webhook", "webhook"), ("events", "event")):
        messages = described["channels"][name]["messages"]
        assert {f"{kind}.{tag}" for tag in vocabulary()} <= set(messages)


def test_its_addresses_are_doors(described: dict[str, Any], server: Server):
    doors = httpx.get(f"{server.url}/openapi.json", timeout=20, verify=PLAIN).json()["paths"]
    addresses = [channel["address"] for channel in described["channels"].values()]
    assert set(addresses) - {None} <= set(doors)


def test_a_record_from_the_feed_fits_its_message(described: dict[str, Any], door: Door):
    door.tell(event("e1", precision="month"))
    (given,) = door.get(door.events, accept="application/cloudevents-batch+json").json()
    whole = Resource.from_contents({"$schema": catalogue.DIALECT, **described})
    registry: Registry[Any] = Registry().with_resource("urn:described", whole)
    schema = {"$ref": f"urn:described#/components/schemas/record.{given['type']}"}
    Draft202012Validator(schema, registry=registry).validate(given)
    with pytest.raises(Exception, match="leaf"):
        Draft202012Validator(schema, registry=registry).validate(
            {name: value for name, value in given.items() if name != "leaf"}
        )
