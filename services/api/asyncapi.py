"""The description of what comes to others by itself (AsyncAPI 3.0): feed, live streams, webhooks; and what may be told.

Made from the vocabulary and the same shapes as the doors: an event type that is new is described by itself.
"""

from importlib.metadata import version
from typing import Any

import msgspec

from events import catalogue
from services.api.answers import CLOUDEVENTS, EVENT_STREAM
from services.api.live.projections import Shown
from services.api.openapi.events import REF, event_schemas, record_schemas
from services.api.openapi.webhooks import SIGNED, TEST_SAYS
from services.webhooks.turn import TEST_TYPE

MESSAGE = "#/components/messages/{name}"
STRUCTURED = "application/cloudevents+json"
_ORGANISATION = {"organisation": {"description": "The organisation's code (ODS), such as RWK."}}


def described() -> dict[str, Any]:
    """The AsyncAPI document."""
    types = [entry.type for entry in catalogue.catalogue()]
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "qiledger",
            "version": version("qiledger"),
            "description": "The record of an organisation's quality improvement work, as it comes to other systems.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": STRUCTURED,
        "servers": {
            "ledger": {
                "host": "{host}",
                "protocol": "https",
                "variables": {"host": {"description": "Where the ledger is reached."}},
                "security": [{"$ref": "#/components/securitySchemes/key"}],
            }
        },
        "channels": {
            "events": _channel(
                "/v1/{organisation}/events", "Where events are told, and read as a feed.", types
            ),
            "live": _channel(
                "/v1/{organisation}/live", "Records as they are kept, as server-sent events.", types
            ),
            "projections": {
                "address": "/v1/{organisation}/projections/live",
                "description": "Which projection has come to which position, as server-sent events.",
                "parameters": _ORGANISATION,
                "messages": {"shown": {"$ref": MESSAGE.format(name="projection.shown")}},
            },
            "webhook": _channel(None, "The address that a webhook was registered with.", [*types, TEST_TYPE]),
        },
        "operations": _operations(),
        "components": {
            "messages": {f"record.{each}": _record(each) for each in types}
            | {f"event.{each}": _told(each) for each in types}
            | {f"webhook.{each}": _posted(each) for each in [*types, TEST_TYPE]}
            | {"projection.shown": _shown()},
            "schemas": _schemas(),
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer", "description": "qi_live_…"}},
        },
    }


def _channel(address: str | None, description: str, types: list[str]) -> dict[str, Any]:
    kinds = {"/v1/{organisation}/events": ("event", "record"), None: ("webhook",)}.get(address, ("record",))
    messages = {f"{kind}.{type_}": kind for kind in kinds for type_ in types}
    channel: dict[str, Any] = {
        "address": address,
        "description": description,
        "messages": {name: {"$ref": MESSAGE.format(name=name)} for name in messages},
    }
    return channel if address is None else channel | {"parameters": _ORGANISATION}


def _operations() -> dict[str, Any]:
    """From where the ledger stands: it receives what is told, and sends what it keeps."""
    return {
        "tell": _operation("receive", "events", "Tell an event: POST, one or a batch of up to 1,000."),
        "read": _operation(
            "send",
            "events",
            f"Read the feed: GET with `after`, and `wait` for what comes ({CLOUDEVENTS} for CloudEvents). "
            "None is missed and none comes twice.",
        ),
        "follow": _operation(
            "send",
            "live",
            f"Follow the log ({EVENT_STREAM}). The id of each event is a cursor: send the last one as Last-Event-ID.",
        ),
        "watch": _operation("send", "projections", f"Watch the projections come on ({EVENT_STREAM})."),
        "post": _operation(
            "send",
            "webhook",
            "Each record by POST, in order, until it is answered with 2xx; signed by Standard Webhooks 1.0.",
        ),
    }


def _operation(action: str, channel: str, summary: str) -> dict[str, Any]:
    return {"action": action, "channel": {"$ref": f"#/channels/{channel}"}, "summary": summary}


def _told(type_: str) -> dict[str, Any]:
    says = TEST_SAYS if type_ == TEST_TYPE else catalogue.entry(type_).says
    return {
        "name": type_,
        "summary": says.partition("\n")[0],
        "contentType": STRUCTURED,
        "payload": {"$ref": REF.format(name=f"event.{type_}")},
    }


def _record(type_: str) -> dict[str, Any]:
    return _told(type_) | {"payload": {"$ref": REF.format(name=f"record.{type_}")}}


def _posted(type_: str) -> dict[str, Any]:
    headers = {name: {"type": "string", "description": says} for name, says in SIGNED.items()}
    return _record(type_) | {"headers": {"type": "object", "properties": headers, "required": list(headers)}}


def _shown() -> dict[str, Any]:
    return {
        "name": "projection.shown",
        "summary": "How far a projection has come.",
        "contentType": "application/json",
        "payload": {"$ref": REF.format(name="Shown")},
    }


def _schemas() -> dict[str, Any]:
    """Each event as it is told, and each record: the same with what the ledger adds."""
    schemas = event_schemas() | record_schemas()
    del schemas["event"]  # a choice of all, which the messages are already
    return schemas | {"Shown": msgspec.json.schema(Shown)["$defs"]["Shown"]}
