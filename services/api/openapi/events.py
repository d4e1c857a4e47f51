"""Every event type in the description: as it is told, with an example of the whole, and as it is kept."""

from typing import Any

import msgspec

from events import catalogue
from events.streams import OperationsEvent
from services.api.cloudevents import CloudEvent
from services.cloud_event import CloudEventItem
from services.webhooks.turn import TEST_TYPE

REF = "#/components/schemas/{name}"


def event_schemas() -> dict[str, Any]:
    """A schema for the envelope, one for the whole of each event, one for the data of each type."""
    schemas: dict[str, Any] = {}
    envelope = msgspec.json.schema(CloudEvent)["$defs"]["CloudEvent"]
    attributes = {
        n: of for n, of in envelope["properties"].items() if n not in ("data", "data_base64", "type")
    }
    required = sorted({"data", *envelope["required"]})
    for entry in catalogue.catalogue():
        data = dict(entry.schema)
        parts = data.pop("$defs", {})
        schemas[f"data.{entry.type}"] = _renamed(data, entry.type)
        for name, part in parts.items():
            schemas[f"part.{entry.type}.{name}"] = _renamed(part, entry.type)
        schemas[f"event.{entry.type}"] = {
            "type": "object",
            "description": entry.says,
            "properties": attributes
            | {"type": {"const": entry.type}, "data": {"$ref": REF.format(name=f"data.{entry.type}")}},
            "required": required,
            "examples": [_example(entry)],
        }
    told = [entry.type for entry in catalogue.catalogue() if entry.stream != OperationsEvent.stream]
    mapping = {type_: REF.format(name=f"event.{type_}") for type_ in told}
    schemas["event"] = {
        "description": "A CloudEvent 1.0 whose subject is the stream.",
        "oneOf": [{"$ref": ref} for ref in mapping.values()],
        "discriminator": {"propertyName": "type", "mapping": mapping},
    }
    return schemas


def record_schemas() -> dict[str, Any]:
    """A schema for what every record has, and one for the record of each type: as it was told, with what was added."""
    kept = msgspec.json.schema(CloudEventItem)["$defs"]["CloudEventItem"]
    attributes = {name: of for name, of in kept["properties"].items() if name not in ("type", "data")}
    schemas: dict[str, Any] = {
        "record": {
            "type": "object",
            "description": kept["description"],
            "properties": attributes,
            "required": kept["required"],
        },
        f"record.{TEST_TYPE}": _record(TEST_TYPE, "A test of a webhook.", {"type": "object"}),
    }
    for entry in catalogue.catalogue():
        schemas[f"record.{entry.type}"] = _record(
            entry.type, entry.says, {"$ref": REF.format(name=f"data.{entry.type}")}
        )
    return schemas


def _record(type_: str, says: str, data: dict[str, Any]) -> dict[str, Any]:
    return {
        "description": says,
        "allOf": [{"$ref": REF.format(name="record")}],
        "properties": {"type": {"const": type_}, "data": data},
    }


def _renamed(schema: Any, type_: str) -> Any:
    """The schema with its references led to where its parts are kept here."""
    if isinstance(schema, dict):
        return {
            name: REF.format(name=f"part.{type_}.{value.rpartition('/')[2]}")
            if name == "$ref"
            else _renamed(value, type_)
            for name, value in schema.items()
            if name != "$schema"
        }
    return [_renamed(each, type_) for each in schema] if isinstance(schema, list) else schema


def _example(entry: catalogue.CatalogueEntry) -> dict[str, Any]:
    kind = "project" if entry.stream == "*" else entry.stream
    return {
        "specversion": "1.0",
        "id": "2024-05-20-0001",
        "source": "/lifeqi",
        "type": entry.type,
        "subject": f"{kind}/P-17",
        "time": "2024-05-20T09:30:00Z",
        "data": entry.example,
    }
