"""The inbox: what a person is told in this house itself, read or not yet."""

from datetime import datetime
from typing import Annotated, Any

import msgspec
from litestar import route
from litestar.types import ASGIApp
from msgspec import Meta

from events.fields import END
from events.log.keys import NOTICES_READ, NOTICES_WRITE
from events.log.read import FOR_ORGANISATION
from services.api.answers import JSON, NEVER, Answer, encode
from services.api.asked import Asked, accepted, desk_of, query
from services.api.doors import Door, Nothing, at
from services.api.problems import Problem, kinds
from services.api.routes.messages import LIMIT, Limit, MessageId, named

Person = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{1,64}" + END)]

_LIST = """
    SELECT id, subject, body, came_at, read_at
      FROM notices.inbox
     WHERE organisation = %(organisation)s AND person = %(person)s
       AND (NOT %(unread)s OR read_at IS NULL)
       AND (%(before)s::text IS NULL OR (came_at, id) < (
           SELECT came_at, id
             FROM notices.inbox
            WHERE organisation = %(organisation)s AND id = %(before)s))
     ORDER BY came_at DESC, id DESC
     LIMIT %(limit)s
"""
_UNREAD = """
    SELECT count(*)
      FROM notices.inbox
     WHERE organisation = %(organisation)s AND person = %(person)s AND read_at IS NULL
"""
_MARK = """
    UPDATE notices.inbox
       SET read_at = CASE WHEN %(read)s THEN coalesce(read_at, clock_timestamp()) END
     WHERE organisation = %(organisation)s AND person = %(person)s AND id = %(id)s
    RETURNING id, subject, body, came_at, read_at
"""


class Inbox(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which of a person's messages to show."""

    unread: Annotated[bool, Meta(description="Only what was not read yet.")] = False
    before: MessageId | None = None
    limit: Limit = LIMIT


class InboxItem(msgspec.Struct, frozen=True, kw_only=True):
    """A message as the person finds it. `body` has # before headings and - before items."""

    id: str
    subject: str
    body: str
    came: datetime
    read: datetime | None


class InboxPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of the inbox, the latest first. `unread` counts all that was not read; `next` is the next `before`."""

    person: str
    unread: int
    items: list[InboxItem]
    next: str | None


@route(
    "/v1/{organisation:str}/inbox/{person:str}",
    http_method=["GET", "HEAD"],
    opt=at(Door(scope=NOTICES_READ, query=Inbox, answers={JSON: InboxPage})),
)
async def inbox(request: Asked) -> ASGIApp:
    """A person's messages, the latest first. To look does not mark anything as read."""
    asked = query(request, Inbox)
    accepted(request, (JSON,))
    whose = _whose(request)
    async with desk_of(request).pool.connection() as conn, conn.transaction():
        await conn.execute(FOR_ORGANISATION, (request.auth.organisation,))
        rows = await (await conn.execute(_LIST, msgspec.structs.asdict(asked) | whose)).fetchall()
        counted = await (await conn.execute(_UNREAD, whose)).fetchone()
    items = [_item(row) for row in rows]
    page = InboxPage(
        person=whose["person"],
        unread=counted[0] if counted else 0,
        items=items,
        next=items[-1].id if len(items) == asked.limit else None,
    )
    return Answer(encode(page), cache=NEVER)


MARK = Door(scope=NOTICES_WRITE, answers={JSON: InboxItem}, refuses=(404,))


@route("/v1/{organisation:str}/inbox/{person:str}/{message:str}/read", http_method=["PUT"], opt=at(MARK))
async def mark_read(request: Asked) -> ASGIApp:
    """Marks a message as read. The first moment of reading stays."""
    return await _marked(request, read=True)


@route(
    "/v1/{organisation:str}/inbox/{person:str}/{message:str}/read",
    http_method=["DELETE"],
    status_code=200,
    opt=at(MARK),
)
async def mark_unread(request: Asked) -> ASGIApp:
    """Marks a message as not read."""
    return await _marked(request, read=False)


async def _marked(request: Asked, *, read: bool) -> ASGIApp:
    query(request, Nothing)
    accepted(request, (JSON,))
    asked = _whose(request) | {"id": named(request), "read": read}
    async with desk_of(request).pool.connection() as conn, conn.transaction():
        await conn.execute(FOR_ORGANISATION, (request.auth.organisation,))
        row = await (await conn.execute(_MARK, asked)).fetchone()
    if row is None:
        raise Problem(kinds.NO_MESSAGE)
    return Answer(encode(_item(row)), cache=NEVER)


def _whose(request: Asked) -> dict[str, Any]:
    """The organisation and the person of the address. Raises Problem for what is no person."""
    try:
        name = msgspec.convert(request.path_params["person"], Person)
    except msgspec.ValidationError:
        raise Problem(kinds.NO_MESSAGE) from None
    return {"organisation": request.auth.organisation, "person": f"person/{name}"}


def _item(row: Any) -> InboxItem:
    return InboxItem(**dict(zip(InboxItem.__struct_fields__, row, strict=True)))
