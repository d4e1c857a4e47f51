"""Reading the log: the feed, one record, one stream.

A page that can never change again (it is full, or has looked as far as one page looks, and the log goes on behind it)
may be kept for ever by whoever read it. A page at the end of the log must be asked for again.
"""

import time
from collections.abc import Mapping, Sequence
from typing import Annotated
from urllib.parse import urlencode

import msgspec
from litestar import route
from litestar.types import ASGIApp
from msgspec import Meta

from events.fields import END
from events.log.keys import AUDIT, PEOPLE_READ, READ
from events.log.read import Page, record_at, records_after, stream_records
from events.log.record import Record
from services.api import kept
from services.api.admission import VERSION_MAX
from services.api.answers import (
    ASK_AGAIN,
    CLOUDEVENTS,
    FOREVER,
    JSON,
    NDJSON,
    NEVER,
    Answer,
    encode,
    etag_of,
    named,
    representation,
)
from services.api.asked import Asked, accepted, desk_of, query
from services.api.desk import WAITING_MAX
from services.api.doors import Door, at
from services.api.problems import Problem, kinds
from services.api.unheard import no_record
from services.cloud_event import CloudEventItem

FORMS = (JSON, NDJSON, CLOUDEVENTS)
LIMIT, LIMIT_MAX = 100, 1_000
WAIT_S_MAX = 30
LOOK_AGAIN_S = 1.0  # a ring may be lost: nobody waits longer for what is there

Limit = Annotated[int, Meta(ge=1, le=LIMIT_MAX, description="How many at most.")]
StreamName = Annotated[
    str,
    Meta(
        pattern=r"^[a-z][a-z0-9_-]{0,31}/([A-Za-z0-9][A-Za-z0-9._~-]{0,63})?" + END,
        description="One stream, such as project/P-17, or a kind of streams, such as project/",
    ),
]

TypeNames = Annotated[
    str,
    Meta(
        pattern=r"^[a-z0-9_.]{1,128}(,[a-z0-9_.]{1,128}){0,19}" + END,
        description="Event types, with commas between.",
    ),
]


Clear = Annotated[
    bool,
    Meta(
        description="With persons' words in clear, for a key with people:read. Such data no longer give the leaf; "
        "without it they are the bytes that were kept."
    ),
]


class Shown(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a record is shown."""

    words: Clear = False


class Feed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which records to read."""

    after: Annotated[
        str, Meta(max_length=40, description="A cursor from `next`, or a position; 0 is the beginning.")
    ] = "0"
    limit: Limit = LIMIT
    type: TypeNames | None = None
    stream: StreamName | None = None
    wait: Annotated[
        float,
        Meta(ge=0, le=WAIT_S_MAX, description="Seconds to wait for the next record if there is none yet."),
    ] = 0.0
    words: Clear = False


class FeedPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of the feed. `next` is where to read on; `head` is how far the log is known to have come, at least."""

    items: list[kept.Item]
    next: str
    head: int
    caught_up: bool


class StreamQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which part of a stream to read."""

    after: Annotated[int, Meta(ge=0, le=VERSION_MAX, description="The version to read on after.")] = 0
    limit: Limit = LIMIT
    words: Clear = False


class StreamPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of one stream. `version` is that of its last item; `next` reads on, if there may be more."""

    stream: str
    version: int
    items: list[kept.Item]
    next: int | None


@route(
    "/v1/{organisation:str}/events",
    http_method=["GET", "HEAD"],
    opt=at(
        Door(
            scope=READ,
            query=Feed,
            answers={JSON: FeedPage, NDJSON: kept.Item, CLOUDEVENTS: list[CloudEventItem]},
        )
    ),
)
async def feed(request: Asked) -> ASGIApp:
    """The records in the order in which they were kept, page by page.

    Give `next` of one page as `after` of the next. With `wait`, a page at the end of the log waits for what comes.
    """
    return await show_feed(request)


async def show_feed(request: Asked) -> ASGIApp:
    """A page of the log that the key reads."""
    asked = query(request, Feed)
    form = accepted(request, FORMS)
    after = kept.position_of(asked.after)
    types = None if asked.type is None else sorted(set(asked.type.split(",")))
    page = await _page(request, asked, after, types)
    records = await as_shown(request, page.records, clear=asked.words)
    closed = not page.caught_up
    following = kept.cursor(page.scanned)
    headers = {
        "link": f'<{_following(request, asked, following)}>; rel="next"',
        "qiledger-head": str(page.head),
        "qiledger-next": following,
    }
    if form == NDJSON:
        text = kept.lines(records)
    elif form == CLOUDEVENTS:
        text = kept.cloudevents(records)
    else:
        shown = FeedPage(
            items=[kept.item(record) for record in records],
            next=following,
            head=page.scanned if closed else page.head,  # on a page for ever, what will be true for ever
            caught_up=page.caught_up,
        )
        text = encode(shown)
    etag = etag_of(text + following.encode())
    if asked.words:
        return Answer(text, form, cache=NEVER, headers=headers)
    cache = FOREVER if closed else ASK_AGAIN
    return representation(request, text, form, etag=etag, cache=cache, headers=headers)


async def as_shown(request: Asked, records: Sequence[Record], *, clear: bool) -> Sequence[Record]:
    """The records as this key is shown them; where an auditor reads or somebody reads words, that is on record.

    Raises Problem for a key that may not read words in clear.
    """
    if clear and PEOPLE_READ not in request.auth.scopes:
        raise Problem(kinds.MISSING_SCOPE, field="words", scope=PEOPLE_READ)
    desk, persons = desk_of(request), set[str]()
    if clear:
        records, persons = await desk.words.opened(request.auth.organisation, records)
    if persons or AUDIT in request.auth.scopes:
        positions = [record.position for record in records]
        times = int(AUDIT not in request.auth.scopes)  # an auditor's reads are counted at the door
        desk.journal.read(request.auth, named(request), positions, persons, times=times)
    return records


async def _page(request: Asked, asked: Feed, after: int, types: list[str] | None) -> Page:
    """The page after a position; at the end of the log, the first that is not empty within `wait` seconds."""
    desk, organisation = desk_of(request), request.auth.organisation
    until = time.monotonic() + asked.wait
    waits = False
    try:
        while True:
            async with desk.pool.connection() as conn:
                page = await records_after(
                    conn, organisation, after, limit=asked.limit, types=types, stream=asked.stream
                )
            left = until - time.monotonic()
            if page.records or not page.caught_up or left <= 0 or desk.stopping.is_set():
                return page
            if not waits:
                if desk.waiting >= WAITING_MAX:
                    return page
                desk.waiting += 1
                waits = True
            await desk.news(
                organisation, after=max(page.scanned, page.head), within_s=min(left, LOOK_AGAIN_S)
            )
    finally:
        desk.waiting -= waits


def _following(request: Asked, asked: Feed, following: str) -> str:
    """The address of the next page."""
    more: Mapping[str, str | int | float | None] = {
        "after": following,
        "limit": asked.limit if asked.limit != LIMIT else None,
        "type": asked.type,
        "stream": asked.stream,
        "wait": f"{asked.wait:g}" if asked.wait else None,
        "words": "1" if asked.words else None,
    }
    words = urlencode({name: value for name, value in more.items() if value is not None}, safe="/,")
    return f"/v1/{request.auth.organisation}/events?{words}"


@route(
    "/v1/{organisation:str}/events/{position:str}",
    http_method=["GET", "HEAD"],
    opt=at(Door(scope=READ, query=Shown, answers={JSON: kept.Item}, refuses=(404,))),
)
async def one(request: Asked) -> ASGIApp:
    """The record at a position. It never changes."""
    shown = query(request, Shown)
    accepted(request, (JSON,))
    position = kept.place_of(request.path_params["position"])
    async with desk_of(request).pool.connection() as conn:
        record = await record_at(conn, request.auth.organisation, position)
    if record is None:
        raise Problem(kinds.NO_RECORD)
    (record,) = await as_shown(request, [record], clear=shown.words)
    text = encode(kept.item(record))
    if shown.words:
        return Answer(text, cache=NEVER)
    return representation(request, text, etag=f'"{record.leaf.hex()}"', cache=FOREVER)


@route(
    "/v1/{organisation:str}/streams/{kind:str}/{subject:str}",
    http_method=["GET", "HEAD"],
    opt=at(
        Door(
            scope=READ,
            query=StreamQuery,
            answers={JSON: StreamPage, NDJSON: kept.Item, CLOUDEVENTS: list[CloudEventItem]},
            refuses=(404,),
        )
    ),
)
async def stream(request: Asked) -> ASGIApp:
    """What happened to one thing, in order. Its ETag is the version: send it as If-Match to tell what comes next."""
    asked = query(request, StreamQuery)
    form = accepted(request, FORMS)
    name = f"{request.path_params['kind']}/{request.path_params['subject']}"
    if "\x00" in name or len(name) > 200:
        raise Problem(kinds.NO_RECORD)
    async with desk_of(request).pool.connection() as conn:
        records = await stream_records(
            conn, request.auth.organisation, name, after_version=asked.after, limit=asked.limit
        )
    if not records and asked.after == 0:
        raise await no_record(request, name)
    records = list(await as_shown(request, records, clear=asked.words))
    version = records[-1].version if records else asked.after
    full = len(records) == asked.limit
    text = _stream_text(name, records, version, form, full=full)
    etag = f'"{version}"' if form == JSON else f'"{version}.{form.partition("+")[0].rpartition("-")[2]}"'
    address = f"/v1/{request.auth.organisation}/streams/{name}?after={version}&limit={asked.limit}"
    headers = {"link": f'<{address}{"&words=1" if asked.words else ""}>; rel="next"'} if full else {}
    if asked.words:
        return Answer(text, form, cache=NEVER, headers=headers)
    return representation(request, text, form, etag=etag, cache=ASK_AGAIN, headers=headers)


def _stream_text(name: str, records: list[Record], version: int, form: str, *, full: bool) -> bytes:
    if form == NDJSON:
        return kept.lines(records)
    if form == CLOUDEVENTS:
        return kept.cloudevents(records)
    items = [kept.item(record) for record in records]
    return encode(StreamPage(stream=name, version=version, items=items, next=version if full else None))
