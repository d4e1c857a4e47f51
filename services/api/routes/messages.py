"""Messages: who was told what, when, by which channel, and what became of it."""

from typing import Annotated

import msgspec
from litestar import route
from litestar.types import ASGIApp
from msgspec import Meta

from events.fields import END
from events.log.keys import NOTICES_READ, NOTICES_WRITE
from events.log.read import FOR_ORGANISATION
from services import messages as told
from services.api.answers import JSON, NEVER, Answer, encode
from services.api.asked import Asked, accepted, desk_of, query
from services.api.doors import Door, Nothing, at
from services.api.problems import Problem, kinds
from services.messages import ChannelName, MessageLine, State, WholeMessage

LIMIT, LIMIT_MAX = 100, 1_000

Limit = Annotated[int, Meta(ge=1, le=LIMIT_MAX, description="How many at most.")]
MessageId = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{16,64}" + END, description="The id of a message.")]
PersonRef = Annotated[
    str, Meta(pattern=r"^person/[A-Za-z0-9_-]{1,64}" + END, description="A person, such as person/p-17.")
]


class Messages(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which messages to list."""

    state: Annotated[State | None, Meta(description="Only those that stand so.")] = None
    channel: Annotated[ChannelName | None, Meta(description="Only those that go this way.")] = None
    recipient: PersonRef | None = None
    before: MessageId | None = None
    limit: Limit = LIMIT


class MessagePage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of messages, the latest first. `next` is what to give as `before`."""

    items: list[MessageLine]
    next: str | None


@route(
    "/v1/{organisation:str}/messages",
    http_method=["GET", "HEAD"],
    opt=at(Door(scope=NOTICES_READ, query=Messages, answers={JSON: MessagePage})),
)
async def messages(request: Asked) -> ASGIApp:
    """The messages to the organisation's people, the latest first. People are named by reference."""
    asked = query(request, Messages)
    accepted(request, (JSON,))
    organisation = request.auth.organisation
    params = msgspec.structs.asdict(asked) | {"organisation": organisation}
    async with desk_of(request).pool.connection() as conn, conn.transaction():
        await conn.execute(FOR_ORGANISATION, (organisation,))
        rows = await (await conn.execute(told.LIST, params)).fetchall()
    items = [told.message_of(row) for row in rows]
    return Answer(
        encode(MessagePage(items=items, next=items[-1].id if len(items) == asked.limit else None)),
        cache=NEVER,
    )


@route(
    "/v1/{organisation:str}/messages/{message:str}",
    http_method=["GET", "HEAD"],
    opt=at(Door(scope=NOTICES_READ, answers={JSON: WholeMessage}, refuses=(404,))),
)
async def message(request: Asked) -> ASGIApp:
    """One message, the rules by which it is told, and every attempt to deliver it."""
    query(request, Nothing)
    accepted(request, (JSON,))
    return Answer(encode(await _whole(request, named(request))), cache=NEVER)


@route(
    "/v1/{organisation:str}/messages/{message:str}/retry",
    http_method=["POST"],
    opt=at(Door(scope=NOTICES_WRITE, answers={JSON: WholeMessage}, refuses=(404, 409))),
)
async def retry(request: Asked) -> ASGIApp:
    """Tries a dead message again, or one that waits for its next attempt now. It keeps its id."""
    query(request, Nothing)
    accepted(request, (JSON,))
    asked = {"organisation": request.auth.organisation, "id": named(request)}
    async with desk_of(request).pool.connection() as conn, conn.transaction():
        await conn.execute(FOR_ORGANISATION, (request.auth.organisation,))
        again = (await conn.execute(told.RETRY, asked)).rowcount == 1
    whole = await _whole(request, asked["id"])
    if not again:
        raise Problem(kinds.MESSAGE_OVER, f"It is {whole.message.state}.")
    return Answer(encode(whole), cache=NEVER)


async def _whole(request: Asked, id_: str) -> WholeMessage:
    asked = {"organisation": request.auth.organisation, "id": id_}
    async with desk_of(request).pool.connection() as conn, conn.transaction():
        await conn.execute(FOR_ORGANISATION, (request.auth.organisation,))
        row = await (await conn.execute(told.ONE, asked)).fetchone()
        rules = await (await conn.execute(told.RULES, asked)).fetchall()
        attempts = await (await conn.execute(told.ATTEMPTS, asked)).fetchall()
        arrival = await (await conn.execute(told.ARRIVAL, asked)).fetchone()
    if row is None:
        raise Problem(kinds.NO_MESSAGE)
    return WholeMessage(
        message=told.message_of(row),
        rules=[rule for (rule,) in rules],
        attempts=[told.attempt_of(attempt) for attempt in attempts],
        arrival=told.arrival_of(arrival),
    )


def named(request: Asked) -> str:
    """The id in the address. Raises Problem for what is none."""
    try:
        return msgspec.convert(request.path_params["message"], MessageId)
    except msgspec.ValidationError:
        raise Problem(kinds.NO_MESSAGE) from None
