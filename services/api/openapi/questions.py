"""Every question of every projection in the description: its parameters with their bounds, and what it answers."""

from collections.abc import Sequence
from typing import Any

import msgspec

from events.catalogue import field_docs
from projections.engine.projection import Projection
from projections.engine.question import Question
from services.api.answers import JSON
from services.api.openapi.events import REF
from services.api.question_parameters import (
    TEXT_MAX,
    TODAY,
    alternatives,
    needs_today,
    unbounded_texts,
)

# What a parameter means wherever it is taken, unless the question says it in its own words.
EVERYWHERE = {
    "area": "A strategy area, such as `population_health`.",
    "by": "What to count by.",
    "coach_projects": "From how many open projects on a coach has too many.",
    "course": "Id of a training programme, such as `pocket_qi` or `ilp`.",
    "data_days": "After how many days without a data point one is missed.",
    "directorate": "Id of a directorate: its stream without `directorate/`.",
    "forum": "Id of a QI Forum: its stream without `forum/`.",
    "improving_score": "From which progress score on a project shows improvement.",
    "kind": "Only of this kind.",
    "measure": "Id of a measure within its project.",
    "on": "The day to judge on.",
    "paused_days": "After how many days a pause is long.",
    "person": "An opaque reference to a person: `person/…`.",
    "programme": "Id of a programme or collaborative: its stream without `programme/`.",
    "project": "Id of a project: its stream without `project/`.",
    "reader": "Who is to read it: what is shown to fewer than these is left out.",
    "reason": "Only for this reason.",
    "role": "Which role.",
    "role_days": "After how many days without a sponsor or coach one is missed.",
    "rule": "Id of a rule.",
    "score_days": "After how many days a progress score is old.",
    "silent_days": "After how many days without a sign of life a project is silent.",
    "since": "The first day.",
    "source": "The `source` of a system that tells events.",
    "sponsor_days": "After how many days without a word to the sponsor one is missed.",
    "stale_after_days": "After how many days without a sign of life a project is stale.",
    "state": "Projects in this state.",
    "stuck_at_most": "The progress score at which, and below which, a project can be stuck.",
    "stuck_days": "After how many days at one progress score a project is stuck.",
    "stuck_for_months": "After how many months at one progress score a project is stuck.",
    "stuck_score": "The progress score at which a project can be stuck.",
    "team": "A team, as it was named.",
    "title": "A title, in the words of whoever proposes it.",
    "tool": "A QI tool or method, such as `PDSA`.",
    "until": "The last day.",
    "waiting_only": "Only what still waits for an answer.",
    "without_big_i": "Only projects without service users or carers as full members.",
}
TODAY_SAYS = "Today in London, or the day asked of by `as_at` or `as_known`, if it is left out."


def described_question(
    projection: Projection[Any],
    question: Question[Any, Any],
    *,
    row: Any,
    scope: str | None,
    parameters: Sequence[dict[str, Any]],
    problem: dict[str, Any],
) -> dict[str, Any]:
    """One question of one projection: its own parameters beside those of every question."""
    page = {
        "allOf": [
            {"$ref": REF.format(name="AnswerPage")},
            {"type": "object", "properties": {"rows": {"type": "array", "items": row}}},
        ]
    }
    summary, _, description = question.doc.partition("\n\n")
    text = {"schema": {"type": "string"}}
    content = {JSON: {"schema": page}, "text/csv": text, "text/html": text}
    return {
        "operationId": f"{projection.name}.{question.name}",
        "summary": " ".join(summary.split()) or f"{question.name} of {projection.name}",
        "description": description or projection.doc,
        "parameters": list(parameters),
        "responses": {"200": {"description": "As asked.", "content": content}}
        | {str(status): problem for status in (400, 401, 403, 404, 500, 503)},
        "security": [{"key": []}],
        "x-scope": scope,
    }


def parameters_of(question: Question[Any, Any]) -> list[dict[str, Any]]:
    """The question's own parameters, each with its words and its bound."""
    asks: type[msgspec.Struct] = question.asks
    said, unbounded = field_docs(asks), unbounded_texts(asks)
    found = query_parameters(asks)
    for parameter in found:
        name = parameter["name"]
        words = said.get(name)
        described = f"{words[:1].upper()}{words[1:].rstrip('.')}." if words else None
        parameter["description"] = described or parameter.get("description") or EVERYWHERE.get(name, "")
        if name in unbounded:
            parameter["schema"] = _bounded(parameter["schema"])
        if name == TODAY and needs_today(question):
            parameter["required"] = False
            parameter["description"] = f"{parameter['description']} {TODAY_SAYS}"
    return found


def _bounded(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of a text, with the bound that the door sets."""
    if "anyOf" in schema:
        return schema | {"anyOf": [_bounded(of) for of in alternatives(schema)]}
    return schema | {"maxLength": TEXT_MAX} if schema.get("type") == "string" else schema


def query_parameters(query: type[msgspec.Struct]) -> list[dict[str, Any]]:
    """The fields of a query, as OpenAPI lists parameters."""
    (_,), components = msgspec.json.schema_components([query])
    (schema,) = [component for component in components.values() if component.get("title") == query.__name__]
    required = schema.get("required", [])
    return [
        {"name": name, "in": "query", "required": name in required, "schema": of}
        | ({"description": said} if (said := _description(of)) else {})
        for name, of in schema["properties"].items()
    ]


def _description(schema: dict[str, Any]) -> str | None:
    """What a parameter's type says of itself; of several, the first that says something."""
    if "description" in schema:
        return str(schema["description"])
    return next((said for of in schema.get("anyOf", ()) if (said := _description(of))), None)
