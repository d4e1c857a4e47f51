"""The published catalogue: what can be told, type by type, with schema and example. Open to all."""

from functools import cache
from typing import Any

import msgspec
from litestar import route
from litestar.types import ASGIApp

from events import catalogue
from events.catalogue import CatalogueEntry
from events.vocabulary import UnknownType
from services.api.answers import ASK_AGAIN, JSON, encode, etag_of, representation
from services.api.asked import Asked, accepted, query
from services.api.doors import Door, Nothing, at
from services.api.problems import Problem, kinds

SCHEMA = "application/schema+json"


class TypeLine(msgspec.Struct, frozen=True, kw_only=True):
    """An event type in the list of all."""

    type: str
    version: int
    stream: str
    subject: str
    says: str
    schema: str


class Schemas(msgspec.Struct, frozen=True, kw_only=True):
    """Every event type."""

    items: list[TypeLine]


@cache
def _listed() -> bytes:
    items = [
        TypeLine(
            type=entry.type,
            version=entry.version,
            stream=entry.stream,
            subject=entry.subject,
            says=entry.says,
            schema=f"/v1/schemas/{entry.type}",
        )
        for entry in catalogue.catalogue()
    ]
    return encode(Schemas(items=items))


@route("/v1/schemas", http_method=["GET", "HEAD"], opt=at(Door(answers={JSON: Schemas})))
async def schemas(request: Asked) -> ASGIApp:
    """Every event type, with what it says and where its schema is."""
    query(request, Nothing)
    accepted(request, (JSON,))
    text = _listed()
    return representation(request, text, etag=etag_of(text), cache=ASK_AGAIN)


@route(
    "/v1/schemas/{type:str}",
    http_method=["GET", "HEAD"],
    opt=at(Door(answers={JSON: CatalogueEntry, SCHEMA: dict[str, Any]}, refuses=(404,))),
)
async def schema(request: Asked) -> ASGIApp:
    """One event type: its words, fields, JSON Schema and example. As application/schema+json, the schema alone."""
    query(request, Nothing)
    form = accepted(request, (JSON, SCHEMA))
    try:
        entry = catalogue.entry(request.path_params["type"])
    except UnknownType as unknown:
        raise Problem(kinds.NO_TYPE, near=unknown.near) from None
    text = encode(entry if form == JSON else entry.schema)
    return representation(request, text, form, etag=etag_of(text), cache=ASK_AGAIN)
