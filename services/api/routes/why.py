"""Why a row is as it is, and what happened to one thing: the records behind it, one after another."""

import asyncio
from datetime import datetime
from typing import Annotated

import msgspec
from litestar import route
from litestar.types import ASGIApp
from msgspec import Meta

from events.log.keys import READ
from events.log.read import head, stream_records
from events.log.record import Record
from projections.engine.found import found
from projections.engine.spool import stream_of
from projections.engine.why import NoSuchKey, Reasons, Step, history, why
from services.api.answers import ASK_AGAIN, JSON, encode, etag_of, representation
from services.api.asked import Asked, accepted, desk_of, query
from services.api.auditors_reads import note_positions
from services.api.doors import Door, at
from services.api.problems import Problem, kinds
from services.api.unheard import no_record
from services.api.when import Moment, moment

RECORDS_MAX = 10_000  # of one stream; whatever is longer is read as a stream
PAGE = 2_000
STEPS, STEPS_MAX = 100, 1_000


class Whose(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of which moment, and which of the steps."""

    as_at: Annotated[Moment, Meta(description="As of what had happened by then.")] | None = None
    as_known: Annotated[Moment, Meta(description="As of what had been told by then.")] | None = None
    after: Annotated[int, Meta(ge=0, le=RECORDS_MAX, description="How many steps to pass over.")] = 0
    limit: Annotated[int, Meta(ge=1, le=STEPS_MAX, description="How many steps at most.")] = STEPS


class WhyQuery(Whose, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which row, of which moment."""

    key: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=300,
            description="The row's key: project/P-17, or project/P-17/C-3 for a part.",
        ),
    ]


class WhyPage(msgspec.Struct, frozen=True, kw_only=True):
    """A row as the records up to `position` make it, and a page of the steps there."""

    projection: str
    revision: int
    position: int
    key: str
    row: msgspec.Raw
    steps: list[Step]
    next: int | None


class HistoryPage(msgspec.Struct, frozen=True, kw_only=True):
    """What happened to one thing, in the order in which it happened, up to `position`; a page of it."""

    stream: str
    position: int
    steps: list[Step]
    next: int | None


@route(
    "/v1/{organisation:str}/projections/{name:str}/why",
    http_method=["GET", "HEAD"],
    opt=at(Door(scope=READ, query=WhyQuery, answers={JSON: WhyPage}, refuses=(404,))),
)
async def why_so(request: Asked) -> ASGIApp:
    """Why a row is as it is: the records that made it, who told each, what was put right, the row before and after.

    The steps stand in the order in which things happened. With `as_at` and `as_known`, why it was as it was. That an
    auditor asked, and which records were shown, is put on record.
    """
    asked = query(request, WhyQuery)
    accepted(request, (JSON,))
    projection = found().get(request.path_params["name"])
    if projection is None:
        raise Problem(kinds.NO_PROJECTION)
    position, records = await _records(request, stream_of(asked.key), asked)
    try:
        reasons: Reasons = await asyncio.to_thread(why, projection, asked.key, records)
    except NoSuchKey as wrong:
        raise Problem(kinds.WRONG_PARAMETER, f"{wrong}.", field="key") from None
    if not reasons.steps:
        raise await no_record(request, stream_of(asked.key))
    steps, following = _page(reasons.steps, asked)
    page = WhyPage(
        projection=projection.name,
        revision=projection.revision,
        position=position,
        key=reasons.key,
        row=msgspec.Raw(encode(reasons.row)),
        steps=steps,
        next=following,
    )
    return _answer(request, encode(page))


@route(
    "/v1/{organisation:str}/streams/{kind:str}/{subject:str}/history",
    http_method=["GET", "HEAD"],
    opt=at(Door(scope=READ, query=Whose, answers={JSON: HistoryPage}, refuses=(404,))),
)
async def what_happened(request: Asked) -> ASGIApp:
    """What happened to one thing, in the order in which it happened: who told it, and what was put right since.

    That an auditor asked, and which records were shown, is put on record.
    """
    asked = query(request, Whose)
    accepted(request, (JSON,))
    name = f"{request.path_params['kind']}/{request.path_params['subject']}"
    position, records = await _records(request, name, asked)
    if not records:
        raise await no_record(request, name)
    steps, following = _page(history(records), asked)
    return _answer(request, encode(HistoryPage(stream=name, position=position, steps=steps, next=following)))


async def _records(request: Asked, stream: str, asked: Whose) -> tuple[int, list[Record]]:
    """The records of a stream that count at that moment, and the position up to which they are all there."""
    if "\x00" in stream or len(stream) > 200:
        raise Problem(kinds.NO_RECORD)
    happened = None if asked.as_at is None else moment(asked.as_at, field="as_at")
    known = None if asked.as_known is None else moment(asked.as_known, field="as_known")
    organisation, found_there = request.auth.organisation, list[Record]()
    async with desk_of(request).pool.connection() as conn:
        position = (await head(conn, organisation)).position
        while True:
            after = found_there[-1].version if found_there else 0
            page = await stream_records(conn, organisation, stream, after_version=after, limit=PAGE)
            found_there += page
            if len(page) < PAGE:
                break
            if len(found_there) >= RECORDS_MAX:
                raise Problem(kinds.TOO_LARGE, f"This stream has more than {RECORDS_MAX:,} records.")
    shown = [one for one in found_there if _counts(one, position, happened, known)]
    note_positions(request, [one.position for one in shown])
    return position, shown


def _counts(record: Record, position: int, happened: datetime | None, known: datetime | None) -> bool:
    return (
        record.position <= position
        and (happened is None or record.occurred_at <= happened)
        and (known is None or record.recorded_at <= known)
    )


def _page(steps: list[Step], asked: Whose) -> tuple[list[Step], int | None]:
    end = asked.after + asked.limit
    return steps[asked.after : end], end if end < len(steps) else None


def _answer(request: Asked, text: bytes) -> ASGIApp:
    return representation(request, text, etag=etag_of(text), cache=ASK_AGAIN)
