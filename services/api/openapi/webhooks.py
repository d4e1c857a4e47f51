"""What comes to a webhook, in the description: a request for each event type, and the one that only tests."""

from typing import Any

from events import catalogue
from services.api.openapi.events import REF
from services.webhooks.turn import MEDIA_TYPE, TEST_TYPE

SIGNED = {
    "webhook-id": "The same at every attempt: who has seen it has the record.",
    "webhook-timestamp": "When it was sent, in seconds since 1970.",
    "webhook-signature": "v1 (HMAC-SHA256) and v1a (Ed25519) signatures by Standard Webhooks 1.0, with spaces between.",
}
# What an answer means to the sender (services/webhooks/retrying.py).
ANSWERS = {
    "2XX": "Taken: what follows is sent.",
    "410": "Never again: the endpoint is disabled at once, and its owner told.",
    "429": "Later: the endpoint is left in peace until the next try. `Retry-After` says when.",
    "503": "Later: the endpoint is left in peace until the next try. `Retry-After` says when.",
    "default": "Not taken: the same is sent again, with more and more time between.",
}
TEST_SAYS = "A test that was asked for. It looks like a record and is none."
PARAMETER = "#/components/parameters/{name}"


def described_webhooks() -> dict[str, Any]:
    """Every webhook by the type of what it carries."""
    posted = {entry.type: entry.says for entry in catalogue.catalogue()}
    return {type_: _posted(type_, says) for type_, says in posted.items()} | {
        TEST_TYPE: _posted(TEST_TYPE, TEST_SAYS)
    }


def signed_parameters() -> dict[str, Any]:
    """The headers that come with each of them, as components."""
    return {
        name: {
            "name": name,
            "in": "header",
            "required": True,
            "description": says,
            "schema": {"type": "string"},
        }
        for name, says in SIGNED.items()
    }


def _posted(type_: str, says: str) -> dict[str, Any]:
    return {
        "post": {
            "operationId": f"posted_{type_.replace('.', '_')}",
            "summary": says.partition("\n")[0],
            "parameters": [{"$ref": PARAMETER.format(name=name)} for name in SIGNED],
            "requestBody": {
                "required": True,
                "content": {MEDIA_TYPE: {"schema": {"$ref": REF.format(name=f"record.{type_}")}}},
            },
            "responses": {status: {"description": meaning} for status, meaning in ANSWERS.items()},
            "security": [],
        }
    }
