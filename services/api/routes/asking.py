"""Asking projections: every question of every projection, as it declares itself. Nothing here knows one by name."""

import asyncio
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

import msgspec
import psycopg
from litestar import route
from litestar.types import ASGIApp
from msgspec import UNSET, Meta, UnsetType

from events.fields import Audience
from events.log.keys import ASK, ASK_OF_PEOPLE
from events.log.read import head
from projections.engine.ask import ROWS_MAX, Answer, NotYetBuilt, answer, reached
from projections.engine.cursor import CURSOR_MAX, BadCursor
from projections.engine.found import found
from projections.engine.projection import Projection
from projections.engine.question import Question
from services.api.answer_page import STYLE, STYLED, Shown, body_of, contents_of, title_of
from services.api.answers import ASK_AGAIN, CSV, HTML, JSON, encode, etag_of, representation
from services.api.asked import Asked, accepted, as_asked, desk_of, parameters, query
from services.api.desk import Desk
from services.api.doors import Door, Nothing, at
from services.api.pages import page_text
from services.api.problems import Problem, kinds
from services.api.question_parameters import TODAY, check_lengths, needs_today
from services.api.tables import as_csv
from services.api.unheard import Unheard, in_headers, things_asked_for, unheard_now
from services.api.when import Source, When, cached, reflected, source, today

LIMIT = 100
FORMS = {"json": JSON, "csv": "text/csv", "html": "text/html"}
NEAR_MAX, NEAR_LETTERS_MAX = 5, 1_000


class Reading(When, frozen=True, forbid_unknown_fields=True):
    """How an answer is wanted; beside it stand the question's own parameters."""

    limit: Annotated[int, Meta(ge=1, le=ROWS_MAX, description="How many rows at most.")] = LIMIT
    cursor: Annotated[str, Meta(max_length=CURSOR_MAX, description="`next` of the page before.")] = ""
    format: Annotated[
        Literal["json", "csv", "html", ""],
        Meta(description="csv, html or json, where an Accept header is hard to set."),
    ] = ""


class QuestionLine(msgspec.Struct, frozen=True, kw_only=True):
    """A question that may be asked."""

    question: str
    says: str
    address: str
    parameters: list[str]
    needs: list[str]
    """Those of the parameters that have to be given."""


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
    unheard_of: list[Unheard] | UnsetType = UNSET
    """Of an answer without rows: what was asked for of which nothing is known, with the names most like it."""


@route(
    "/v1/{organisation:str}/projections",
    http_method=["GET", "HEAD"],
    opt=at(Door(scope=ASK, answers={JSON: Projections, "text/html": str})),
)
async def projections(request: Asked) -> ASGIApp:
    """The projections, how far each has come, and what it can be asked."""
    query(request, Nothing)
    form = accepted(request, (JSON, "text/html"))
    organisation = request.auth.organisation
    async with desk_of(request).pool.connection() as conn:
        log_head = (await head(conn, organisation)).position
        lines = [
            _line(projection, organisation, await reached(conn, organisation, projection))
            for projection in found().values()
        ]
    text = encode(Projections(head=log_head, items=lines))
    if form == JSON:
        return representation(request, text, etag=etag_of(text), cache=ASK_AGAIN)
    contents = contents_of(msgspec.json.decode(text))
    text = page_text(f"What may be asked of {organisation}", contents, STYLE)
    return representation(request, text, HTML, etag=etag_of(text), cache=ASK_AGAIN, headers=STYLED)


@route(
    "/v1/{organisation:str}/projections/{name:str}/{question:str}",
    http_method=["GET", "HEAD"],
    opt=at(
        Door(
            scope=ASK,
            query=Reading,
            answers={JSON: AnswerPage, "text/csv": str, "text/html": str},
            refuses=(404, 503),
        )
    ),
)
async def ask(request: Asked) -> ASGIApp:
    """Ask a projection. The question's own parameters stand beside these.

    The answer says which position of the log it reflects. With `at_least`, the position of a receipt, it waits until
    what was told there is in it. With `as_at` or `as_known` it is answered of the past, exactly as just the records of
    that time make it; that may take a moment the first time. Where a question takes `on`, the day to judge on, that is
    today in London, or the day asked of, unless it is given.
    """
    projection, question = _asked_for(request)
    if question.of_persons:
        _may_ask_of_people(request)
    organisation = request.auth.organisation
    given = parameters(request)
    ours = Reading.__struct_encode_fields__
    how = as_asked({name: value for name, value in given.items() if name in ours}, Reading)
    if needs_today(question) and TODAY not in given:
        given[TODAY] = today(how, datetime.now(UTC)).isoformat()
    asks = as_asked({name: value for name, value in given.items() if name not in ours}, question.asks, ours)
    check_lengths(asks)
    if question.asked_of_a_person(asks):
        _may_ask_of_people(request)
    form = FORMS[how.format] if how.format else accepted(request, tuple(FORMS.values()))
    moment = await source(desk_of(request), projection, organisation, how)
    answered = await _answer(desk_of(request), projection, question, organisation, asks, how, moment)
    headers = {
        "qiledger-position": str(answered.position),
        "qiledger-parked": str(answered.parked),
    }
    if answered.next_cursor is not None:
        following = urlencode(given | {"cursor": answered.next_cursor})
        headers["link"] = f'<{_address(organisation, projection, question)}?{following}>; rel="next"'
    unknown = await _unknown(request, asks, how, answered)
    cache = cached(moment, answered.parked) if unknown is UNSET else ASK_AGAIN
    if form == "text/csv":
        headers["content-disposition"] = f'attachment; filename="{projection.name}-{question.name}.csv"'
        headers |= in_headers(unknown)
        text = as_csv(question.answers.__struct_encode_fields__, answered.rows)
        told = [answered.position, answered.parked, answered.next_cursor, in_headers(unknown)]
        return representation(
            request, text, CSV, etag=etag_of(text + encode(told)), cache=cache, headers=headers
        )
    page = _page(question, answered, unknown)
    if form == JSON:
        text = encode(page)
        return representation(request, text, etag=etag_of(text), cache=cache, headers=headers)
    address = _address(organisation, projection, question)
    text = await asyncio.to_thread(
        _to_read, page, question, address=address, organisation=organisation, asked=given
    )
    return representation(request, text, HTML, etag=etag_of(text), cache=cache, headers=headers | STYLED)


def _asked_for(request: Asked) -> tuple[Projection[Any], Question[Any, Any]]:
    name, asked = request.path_params["name"], request.path_params["question"]
    projection = found().get(name)
    question = projection.questions.get(asked) if projection else None
    if projection is None or question is None:
        raise Problem(kinds.NO_PROJECTION, near=_near(name, asked))
    return projection, question


def _may_ask_of_people(request: Asked) -> None:
    """Raises Problem."""
    if ASK_OF_PEOPLE not in request.auth.scopes:
        raise Problem(kinds.MISSING_SCOPE, "This question is about single persons.", scope=ASK_OF_PEOPLE)


def _near(name: str, asked: str) -> list[str]:
    """The questions that may have been meant: all of a projection that there is, else those most like it."""
    projection = found().get(name)
    if projection is not None:
        return [f"{name}/{question}" for question in projection.questions]
    every = [f"{one.name}/{question}" for one in found().values() for question in one.questions]
    return get_close_matches(f"{name}/{asked}"[:NEAR_LETTERS_MAX], every, n=NEAR_MAX, cutoff=0.5)


async def _answer(
    desk: Desk,
    projection: Projection[Any],
    question: Question[Any, Any],
    organisation: str,
    asks: msgspec.Struct,
    how: Reading,
    moment: Source,
) -> Answer[Any]:
    """The answer of that moment. Raises Problem."""
    try:
        async with desk.pool.connection() as conn:
            answered: Answer[Any] = await answer(
                conn,
                projection,
                question,
                organisation,
                asks,
                limit=how.limit,
                cursor=how.cursor or None,
                build=moment.build,
            )
    except BadCursor as wrong:
        raise Problem(kinds.WRONG_PARAMETER, f"{wrong}.".capitalize(), field="cursor") from None
    except NotYetBuilt:
        raise Problem(kinds.NOT_BUILT if moment.build is None else kinds.PAST_NOT_READY) from None
    except psycopg.DataError:
        raise Problem(kinds.WRONG_PARAMETER, "A value is out of bounds.") from None
    return msgspec.structs.replace(answered, position=reflected(answered.position, moment, how))


async def _unknown(
    request: Asked, asks: msgspec.Struct, how: Reading, answered: Answer[Any]
) -> list[Unheard] | UnsetType:
    """Of an answer without rows, what was asked for of which nothing is known."""
    if answered.rows or how.cursor:
        return UNSET
    reader: Audience = getattr(asks, "reader", "organisation")
    return await unheard_now(request, things_asked_for(asks), reader=reader, position=answered.position)


def _page(
    question: Question[Any, Any], answered: Answer[Any], unknown: list[Unheard] | UnsetType
) -> AnswerPage:
    return AnswerPage(
        projection=answered.projection,
        question=question.name,
        revision=answered.revision,
        position=answered.position,
        parked=answered.parked,
        rows=answered.rows,
        next=answered.next_cursor,
        unheard_of=unknown,
    )


def _to_read(
    page: AnswerPage, question: Question[Any, Any], *, address: str, organisation: str, asked: dict[str, str]
) -> bytes:
    """The page for people, of the very rows of the JSON."""
    told = msgspec.json.decode(encode(page))  # as the JSON has it
    shown = Shown(
        organisation=organisation,
        address=address,
        asked={name: value for name, value in asked.items() if name != "cursor"},
        says=question.doc,
        whole=_of_one_thing(question),
        columns=question.answers.__struct_encode_fields__,
        rows=told["rows"],
        position=page.position,
        parked=page.parked,
        unheard_of=told.get("unheard_of", ()),
        next=page.next,
    )
    return page_text(title_of(shown), body_of(shown), STYLE)


def _of_one_thing(question: Question[Any, Any]) -> bool:
    """Whether a question has to be told the very thing that it is about: it has one row then, or none."""
    told = {field.encode_name for field in msgspec.structs.fields(question.asks) if field.required}
    return told.issuperset(question.order)


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
                needs=_needed(question),
            )
            for question in projection.questions.values()
        ],
    )


def _needed(question: Question[Any, Any]) -> list[str]:
    """The parameters that a question has to be given; which day it is, it is told."""
    told = {TODAY} if needs_today(question) else set()
    fields = msgspec.structs.fields(question.asks)
    return [field.encode_name for field in fields if field.required and field.encode_name not in told]


def _address(organisation: str, projection: Projection[Any], question: Question[Any, Any]) -> str:
    return f"/v1/{organisation}/projections/{projection.name}/{question.name}"
