"""Described for machines: every door, event type and question (OpenAPI); what comes by itself (AsyncAPI)."""

from functools import cache
from hashlib import sha256
from typing import Any

from litestar import route
from litestar.types import ASGIApp

from services.api import asyncapi as described
from services.api.answers import ASK_AGAIN, JSON, encode, representation
from services.api.asked import Asked, query
from services.api.doors import Door, Nothing, at


@route("/openapi.json", http_method=["GET", "HEAD"], opt=at(Door(answers={JSON: dict[str, Any]})))
async def openapi(request: Asked) -> ASGIApp:
    """This description (OpenAPI 3.1)."""
    query(request, Nothing)
    text = encode(request.app.state.description)
    return representation(request, text, etag=f'"{sha256(text).hexdigest()[:32]}"', cache=ASK_AGAIN)


@cache
def _asynchronous() -> bytes:
    return encode(described.described())


@route("/asyncapi.json", http_method=["GET", "HEAD"], opt=at(Door(answers={JSON: dict[str, Any]})))
async def asyncapi(request: Asked) -> ASGIApp:
    """What comes by itself: the feed, live streams and webhooks, and every event in them (AsyncAPI 3.0)."""
    query(request, Nothing)
    text = _asynchronous()
    return representation(request, text, etag=f'"{sha256(text).hexdigest()[:32]}"', cache=ASK_AGAIN)
