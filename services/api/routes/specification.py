"""Described for machines: every door, event type and question (OpenAPI); what comes by itself (AsyncAPI)."""

from typing import Any, Literal, Self

import msgspec
from litestar import route
from litestar.types import ASGIApp

from services.api.answers import ASK_AGAIN, JSON, encode, etag_of, representation
from services.api.asked import Asked, query
from services.api.doors import Door, Nothing, at
from services.api.made_once import MadeOnce


class Specification(msgspec.Struct, frozen=True):
    """A description, and its bytes as they are sent."""

    document: dict[str, Any]
    text: bytes
    etag: str

    @classmethod
    def of(cls, document: dict[str, Any]) -> Self:
        """The description with its bytes."""
        text = encode(document)
        return cls(document, text, etag_of(text))


@route("/openapi.json", http_method=["GET", "HEAD"], opt=at(Door(answers={JSON: dict[str, Any]})))
async def openapi(request: Asked) -> ASGIApp:
    """This description (OpenAPI 3.1)."""
    query(request, Nothing)
    return _shown(request, await specified(request, "openapi"))


@route("/asyncapi.json", http_method=["GET", "HEAD"], opt=at(Door(answers={JSON: dict[str, Any]})))
async def asyncapi(request: Asked) -> ASGIApp:
    """What comes by itself: the feed, live streams and webhooks, and every event in them (AsyncAPI 3.0)."""
    query(request, Nothing)
    return _shown(request, await specified(request, "asyncapi"))


async def specified(request: Asked, name: Literal["openapi", "asyncapi"]) -> Specification:
    """One of the descriptions, made when it is first asked for."""
    making: MadeOnce[Specification] = request.app.state[name]
    return await making.get()


def _shown(request: Asked, found: Specification) -> ASGIApp:
    return representation(request, found.text, etag=found.etag, cache=ASK_AGAIN)
