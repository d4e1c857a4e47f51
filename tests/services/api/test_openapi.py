"""The description of the API: whole, well formed, and true of the examples in it."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from events.streams import OperationsEvent
from events.vocabulary import vocabulary
from projections.engine.found import found
from services.webhooks.turn import TEST_TYPE
from tests.plain_http import PLAIN
from tests.services.api.conftest import STRUCTURED, Door, MakeKey, Server
from tests.services.api.test_keys_at_the_door import DOORS

OFFICIAL = Path(__file__).parent / "openapi" / "3.1.json"


@pytest.fixture(scope="module")
def described(server: Server) -> dict[str, Any]:
    import httpx

    answer = httpx.get(f"{server.url}/openapi.json", timeout=20, verify=PLAIN)
    assert answer.headers["content-type"] == "application/json"
    document: dict[str, Any] = answer.json()
    return document


def test_every_door_is_described_with_its_scope(described: dict[str, Any]) -> None:
    assert described["openapi"] == "3.1.0"
    for method, path, scope in DOORS:
        if method != "HEAD":
            said = described["paths"][path.replace(":str}", "}").replace(":path}", "}")][method.lower()]
            assert said.get("x-scope") == scope, path
            assert said["summary"], path
            assert bool(said["security"]) is (scope is not None)


def test_every_question_is_described(described: dict[str, Any]) -> None:
    for projection in found().values():
        for question in projection.questions.values():
            path = f"/v1/{{organisation}}/projections/{projection.name}/{question.name}"
            said = described["paths"][path]["get"]
            names = {parameter["name"] for parameter in said["parameters"]}
            assert names >= {"organisation", "limit", "at_least", *question.asks.__struct_encode_fields__}


def test_every_reference_leads_somewhere(described: dict[str, Any]) -> None:
    for ref in sorted(references(described)):
        at: Any = described
        assert ref.startswith("#/"), ref
        for part in ref[2:].split("/"):
            at = at[part]


def references(value: Any) -> set[str]:
    if isinstance(value, dict):
        own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
        return own.union(*(references(inner) for inner in value.values()))
    return set().union(*(references(inner) for inner in value)) if isinstance(value, list) else set()


def test_every_schema_is_a_schema(described: dict[str, Any]) -> None:
    for schema in described["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


def test_it_is_as_the_official_schema_wants_it(described: dict[str, Any]) -> None:
    official = Draft202012Validator(json.loads(OFFICIAL.read_text()))
    assert [fault.message[:200] for fault in official.iter_errors(described)] == []
    small = {"openapi": described["openapi"], "info": described["info"]}
    assert official.is_valid(small | {"webhooks": {TEST_TYPE: described["webhooks"][TEST_TYPE]}})
    assert not official.is_valid(small | {"webhooks": {TEST_TYPE: {"post": {"responses": {"2xx": {}}}}}})


def test_every_event_type_is_described_as_it_comes_to_a_webhook(described: dict[str, Any]) -> None:
    assert set(described["webhooks"]) == {*vocabulary(), TEST_TYPE}
    for type_, item in described["webhooks"].items():
        (content,) = item["post"]["requestBody"]["content"].values()
        assert content["schema"]["$ref"].endswith(f"/record.{type_}")


def test_operations_have_names_of_their_own(described: dict[str, Any]) -> None:
    every = {**described["paths"], **described["webhooks"]}
    names = [said["operationId"] for path in every.values() for said in path.values()]
    assert len(names) == len(set(names))


@pytest.fixture(scope="module")
def registry(described: dict[str, Any]) -> Registry[Any]:
    whole = Resource.from_contents({"$schema": described["jsonSchemaDialect"], **described})
    return Registry().with_resource("urn:described", whole)


@pytest.mark.parametrize("tag", vocabulary())
def test_the_example_of_every_event_type_fits_its_schema(
    described: dict[str, Any], registry: Registry[Any], tag: str
) -> None:
    (example,) = described["components"]["schemas"][f"event.{tag}"]["examples"]
    schema = {"$ref": f"urn:described#/components/schemas/event.{tag}"}
    Draft202012Validator(schema, registry=registry).validate(example)


def test_the_example_of_every_event_type_is_taken_as_it_stands(
    described: dict[str, Any], server: Server, organisation: str, make_key: MakeKey
) -> None:
    door = Door(server.url, organisation, make_key(client="examples", sources=["*"]))
    with door.http:
        for tag, kind in vocabulary().items():
            if kind.stream == OperationsEvent.stream:
                continue  # the ledger tells these, and no client
            (example,) = described["components"]["schemas"][f"event.{tag}"]["examples"]
            answer = door.http.post(
                f"{door.events}?dry_run=1", content=json.dumps(example), headers={"content-type": STRUCTURED}
            )
            assert answer.status_code == 200, (tag, answer.text)
