"""Asking projections: every question of every projection, as it declares itself. Nothing here knows one by name."""

import asyncio
import csv
import io
import time
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

import msgspec
import psycopg
from litestar import route
from litestar.types import ASGIApp
from msgspec import Meta

from events.log.keys import ASK
from events.log.read import head
from projections.engine.ask import ROWS_MAX, Answer, NotYetBuilt, answer, reached
from projections.engine.cursor import CURSOR_MAX, BadCursor
from projections.engine.found import found
from projections.engine.projection import Projection
from projections.engine.question import Question
from services.api.answers import ASK_AGAIN, CSV, JSON, encode, representation
from services.api.asked import Asked, accepted, as_asked, desk_of, parameters, query
from services.api.desk import Desk
from services.api.doors import Door, Nothing, at
from services.api.problems import Problem, kinds

WAIT_S, WAIT_S_MAX = 5.0, 30.0
LOOK_FIRST_S, LOOK_MAX_S = 0.02, 0.25
LIMIT = 100
POSITION_MAX = 2**62


class Reading(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How an answer is wanted; beside it stand the question's own parameters."""

    limit: Annotated[int, Meta(ge=1, le=ROWS_MAX, description="How many rows at most.")] = LIMIT
    cursor: Annotated[str, Meta(max_length=CURSOR_MAX, description="`next` of the page before.")] = ""
    at_least: Annotated[
        int,
        Meta(ge=0, le=POSITION_MAX, description="Wait until the answer reflects this position of the log."),
    ] = 0
    wait: Annotated[float, Meta(ge=0, le=WAIT_S_MAX, description="How many seconds to wait for that.")] = (
        WAIT_S
    )
    format: Annotated[
        Literal["json", "csv", ""], Meta(description="csv or json, where an Accept header is hard to set.")
    ] = ""


class QuestionLine(msgspec.Struct, frozen=True, kw_only=True):
    """A question that may be asked."""

    question: str
    says: str
    address: str
    parameters: list[str]


class ProjectionLine(msgspec.Struct, frozen=True, kw_only=True):
    """A projection: how far it has come, and what it can be asked."""

    projection: str
    says: str
    revision: int
    position: int
    questions: list[QuestionLine]


class Projections(msgspec.Struct, frozen=True, kw_only=True):
    """Every projection, and how far the log itself has come."""

    head: int
    items: list[ProjectionLine]


class AnswerPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of an answer. `position` is the part of the log it reflects; `parked` records of it are left out."""

    projection: str
    question: str
    revision: int
    position: int
    parked: int
    rows: list[Any]
    next: str | None


@route(
    "/v1/{organisation:str}/projections",
    http_method=["GET", "HEAD"],
    opt=at(Door(scope=ASK, answers={JSON: Projections})),
)
async def projections(request: Asked) -> ASGIApp:
    """The projections, how far each has come, and what it can be asked."""
    query(request, Nothing)
    accepted(request, (JSON,))
    organisation = request.auth.organisation
    async with desk_of(request).pool.connection() as conn:
        log_head = (await head(conn, organisation)).position
        lines = [
            _line(projection, organisation, await reached(conn, organisation, projection))
            for projection in found().values()
        ]
    text = encode(Projections(head=log_head, items=lines))
    return representation(request, text, etag=_etag(text), cache=ASK_AGAIN)


@route(
    "/v1/{organisation:str}/projections/{name:str}/{question:str}",
    http_method=["GET", "HEAD"],
    opt=at(Door(scope=ASK, query=Reading, answers={JSON: AnswerPage, "text/csv": str}, refuses=(404, 503))),
)
async def ask(request: Asked) -> ASGIApp:
    """Ask a projection. The question's own parameters stand beside these.

    The answer says which position of the log it reflects. With `at_least`, the position of a receipt, it waits until
    what was told there is in it.
    """
    projection, question = _asked_for(request)
    given = parameters(request)
    ours = Reading.__struct_encode_fields__
    how = as_asked({name: value for name, value in given.items() if name in ours}, Reading)
    asks = as_asked({name: value for name, value in given.items() if name not in ours}, question.asks)
    form = _form(request, how)
    answered = await _answer(desk_of(request), projection, question, request.auth.organisation, asks, how)
    headers = {
        "qiledger-position": str(answered.position),
        "qiledger-parked": str(answered.parked),
    }
    if answered.next_cursor is not None:
        following = urlencode(given | {"cursor": answered.next_cursor})
        headers["link"] = (
            f'<{_address(request.auth.organisation, projection, question)}?{following}>; rel="next"'
        )
    if form == CSV:
        headers["content-disposition"] = f'attachment; filename="{projection.name}-{question.name}.csv"'
        text = as_csv(question.answers.__struct_encode_fields__, answered.rows)
        etag = _etag(text + encode([answered.position, answered.parked, answered.next_cursor]))
    else:
        text = _page(question, answered)
        etag = _etag(text)
    return representation(request, text, form, etag=etag, cache=ASK_AGAIN, headers=headers)


def _asked_for(request: Asked) -> tuple[Projection[Any], Question[Any, Any]]:
    projection = found().get(request.path_params["name"])
    question = projection.questions.get(request.path_params["question"]) if projection else None
    if projection is None or question is None:
        raise Problem(kinds.NO_PROJECTION)
    return projection, question


def _form(request: Asked, how: Reading) -> str:
    if how.format:
        return CSV if how.format == "csv" else JSON
    return CSV if accepted(request, (JSON, "text/csv")) == "text/csv" else JSON


async def _answer(
    desk: Desk,
    projection: Projection[Any],
    question: Question[Any, Any],
    organisation: str,
    asks: msgspec.Struct,
    how: Reading,
) -> Answer[Any]:
    """The answer, once it reflects the position that was asked for. Raises Problem."""
    await _come_to(desk, projection, organisation, how)
    try:
        async with desk.pool.connection() as conn:
            answered: Answer[Any] = await answer(
                conn, projection, question, organisation, asks, limit=how.limit, cursor=how.cursor or None
            )
    except BadCursor as wrong:
        raise Problem(kinds.WRONG_PARAMETER, f"{wrong}.".capitalize(), field="cursor") from None
    except NotYetBuilt:
        raise Problem(kinds.NOT_BUILT) from None
    except psycopg.DataError:
        raise Problem(kinds.WRONG_PARAMETER, "A value is out of bounds.") from None
    if answered.position < how.at_least:  # readers were switched to other rows in between
        raise Problem(kinds.NOT_THERE_YET, position=answered.position)
    return answered


async def _come_to(desk: Desk, projection: Projection[Any], organisation: str, how: Reading) -> None:
    """Waits until readers are shown what was asked for. Raises Problem when it takes too long."""
    if how.at_least == 0:
        return
    until = time.monotonic() + how.wait
    pause = LOOK_FIRST_S
    while True:
        async with desk.pool.connection() as conn:
            position = await reached(conn, organisation, projection)
        left = until - time.monotonic()
        if position >= how.at_least:
            return
        if left <= 0 or desk.stopping.is_set():
            raise Problem(kinds.NOT_THERE_YET, position=position)
        await asyncio.sleep(min(pause, left))
        pause = min(pause * 1.5, LOOK_MAX_S)


def _page(question: Question[Any, Any], answered: Answer[Any]) -> bytes:
    return encode(
        AnswerPage(
            projection=answered.projection,
            question=question.name,
            revision=answered.revision,
            position=answered.position,
            parked=answered.parked,
            rows=answered.rows,
            next=answered.next_cursor,
        )
    )


def as_csv(columns: Sequence[str], rows: Sequence[msgspec.Struct]) -> bytes:
    """The rows as CSV (RFC 4180). What a spreadsheet might take for a formula is made plain text by an apostrophe."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(columns)
    for row in rows:
        fields: Mapping[str, Any] = msgspec.to_builtins(row)
        writer.writerow([_cell(fields.get(column)) for column in columns])
    return text.getvalue().encode()


def _cell(value: Any) -> Any:
    if isinstance(value, str):
        return (
            f"'{value}"
            if value.lstrip(" ")[:1] in ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
            else value
        )
    if isinstance(value, dict | list):
        return encode(value).decode()
    return {True: "true", False: "false"}.get(value, value) if isinstance(value, bool) else value


def _line(projection: Projection[Any], organisation: str, position: int) -> ProjectionLine:
    return ProjectionLine(
        projection=projection.name,
        says=projection.doc,
        revision=projection.revision,
        position=position,
        questions=[
            QuestionLine(
                question=question.name,
                says=question.doc,
                address=_address(organisation, projection, question),
                parameters=list(question.asks.__struct_encode_fields__),
            )
            for question in projection.questions.values()
        ],
    )


def _address(organisation: str, projection: Projection[Any], question: Question[Any, Any]) -> str:
    return f"/v1/{organisation}/projections/{projection.name}/{question.name}"


def _etag(text: bytes) -> str:
    return f'"{sha256(text).hexdigest()[:32]}"'
