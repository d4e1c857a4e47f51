"""The description of the API (OpenAPI 3.1), made from the doors themselves: what they carry is what is described."""

import inspect
import re
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from typing import Any

import msgspec
from litestar import Litestar
from litestar.handlers import HTTPRouteHandler

from events import catalogue
from projections.engine.found import found
from services.api.answers import CLOUDEVENTS, JSON, NDJSON, PROBLEM
from services.api.doors import Door
from services.api.openapi.events import REF, event_schemas, record_schemas
from services.api.openapi.questions import described_question, parameters_of, query_parameters
from services.api.openapi.webhooks import described_webhooks, signed_parameters

PROBLEM_ANSWER = {"$ref": "#/components/responses/problem"}
ASKING = "/v1/{organisation}/projections/{name}/{question}"
ORGANISATION = "The organisation's code (ODS), such as RWK."


class ProblemDocument(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A problem (RFC 9457): `type` is the address of a page with its cause and cure. Some kinds have more members."""

    type: str
    title: str
    status: int
    instance: str
    detail: str | None = None
    field: str | None = None


def described(app: Litestar) -> dict[str, Any]:
    """The OpenAPI document of an app whose doors carry a `Door`."""
    doors = list(_doors(app))
    questions = [(p, q) for p in found().values() for q in p.questions.values()]
    shapes = [shape for _, _, _, door in doors for shape in door.answers.values()]
    shapes += [door.body for _, _, _, door in doors if door.body is not None]
    shapes += [ProblemDocument, *(question.answers for _, question in questions)]
    schemas, components = msgspec.json.schema_components(shapes, ref_template=REF)
    of_shape = {id(shape): schema for shape, schema in zip(shapes, schemas, strict=True)}
    paths: dict[str, dict[str, Any]] = {}
    for path, method, handler, door in doors:
        paths.setdefault(path, {})[method] = _operation(path, handler, door, of_shape)
    asking = next(door for path, _, _, door in doors if path == ASKING)
    for projection, question in questions:
        path = ASKING.replace("{name}", projection.name).replace("{question}", question.name)
        paths[path] = {
            "get": described_question(
                projection,
                question,
                row=of_shape[id(question.answers)],
                scope=asking.scope,
                parameters=[
                    *_path_parameters(path),
                    *parameters_of(question),
                    *query_parameters(asking.query),
                ],
                problem=PROBLEM_ANSWER,
            )
        }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "qiledger",
            "version": version("qiledger"),
            "summary": "The record of an organisation's quality improvement work.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "jsonSchemaDialect": catalogue.DIALECT,
        "paths": paths,
        "webhooks": described_webhooks(),
        "components": {
            "schemas": components | event_schemas() | record_schemas(),
            "parameters": signed_parameters(),
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer", "description": "qi_live_…"}},
            "responses": {
                "problem": _response("A problem.", {PROBLEM: {"$ref": REF.format(name="ProblemDocument")}})
            },
        },
    }


def _doors(app: Litestar) -> Iterable[tuple[str, str, HTTPRouteHandler, Door]]:
    """Every door that carries a description: its path as OpenAPI writes it, its method in lower case."""
    hung = [
        (re.sub(r"\{(\w+):\w+\}", r"{\1}", route.path), method.lower(), handler, handler.opt["door"])
        for route in app.routes
        for handler in getattr(route, "route_handlers", ())
        if "door" in handler.opt
        for method in handler.http_methods
        if method != "HEAD"
    ]
    return sorted(hung, key=lambda door: door[:2])


def _operation(
    path: str, handler: HTTPRouteHandler, door: Door, of_shape: Mapping[int, Any]
) -> dict[str, Any]:
    """What is said of one method of one path."""
    says = inspect.cleandoc(handler.fn.__doc__ or "")
    summary, _, description = says.partition("\n\n")
    answers = {form: of_shape[id(shape)] for form, shape in door.answers.items()}
    refuses = {401, 403} if door.scope else set()
    refuses |= set(door.refuses) | {400, 500} | ({503} if door.scope else set())
    said: dict[str, Any] = {
        "operationId": handler.handler_name,
        "summary": " ".join(summary.split()),
        "description": description,
        "parameters": [*_path_parameters(path), *query_parameters(door.query)],
        "responses": {str(door.status): _response("As asked.", answers)}
        | {str(status): PROBLEM_ANSWER for status in sorted(refuses)},
        "security": [{"key": []}] if door.scope else [],
    }
    if door.scope:
        said["x-scope"] = door.scope
    if door.body is not None:
        said["requestBody"] = {"required": True, "content": {JSON: {"schema": of_shape[id(door.body)]}}}
    elif door.takes:
        said["requestBody"] = {"required": True, "content": {form: _body(form) for form in door.takes}}
    return said


def _path_parameters(path: str) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        | ({"description": ORGANISATION} if name == "organisation" else {})
        for name in re.findall(r"\{(\w+)\}", path)
    ]


def _body(form: str) -> dict[str, Any]:
    if form == CLOUDEVENTS:
        return {"schema": {"type": "array", "maxItems": 1000, "items": {"$ref": REF.format(name="event")}}}
    if form == NDJSON:
        return {"schema": {"description": "One event in structured mode a line.", "type": "string"}}
    if form == JSON:
        return {
            "schema": {"description": "The data of an event in binary mode; its attributes are ce- headers."}
        }
    return {"schema": {"$ref": REF.format(name="event")}}


def _response(description: str, answers: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "description": description,
        "content": {form: {"schema": schema} for form, schema in answers.items()},
    }
