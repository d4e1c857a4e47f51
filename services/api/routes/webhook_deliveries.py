"""What is sent to an endpoint: sent again, passed over, tried out, and how each attempt went."""

import asyncio
import time
from typing import Annotated, Literal

import msgspec
from litestar import post, route
from litestar.types import ASGIApp
from msgspec import Meta

from events.log.keys import WEBHOOKS_READ, WEBHOOKS_WRITE
from services.api import kept
from services.api.answers import JSON, Answer, encode
from services.api.asked import Asked, accepted, desk_of, query
from services.api.doors import Door, Nothing, at
from services.api.endpoints import After, Webhook, book_of, id_of, shown
from services.api.given import given
from services.api.problems import Problem, kinds
from services.webhooks.shown import LAST, Attempted, Day, Standing

TEST_LOOK_EVERY_S = 0.1
TEST_WAIT_S_MAX = 20.0
LIMIT, LIMIT_MAX = 100, 1_000


class Replay(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """From where to send again: what follows `after`."""

    after: After


class Skip(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which record is passed over: one that the endpoint has not taken."""

    position: Annotated[int, Meta(ge=1, le=kept.POSITION_MAX)]


class Deliveries(msgspec.Struct, frozen=True, kw_only=True):
    """Attempts, the latest first. `next` reads on, if there may be more."""

    items: list[Attempted]
    next: int | None


class WaitingRecords(msgspec.Struct, frozen=True, kw_only=True):
    """Records that were not taken yet, and when they are tried again."""

    items: list[Standing]


class TestAsked(msgspec.Struct, frozen=True, kw_only=True):
    """A test event: what came of it, or nothing if it was not sent within the time."""

    message: str
    attempt: Attempted | None


class DeliveriesQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which attempts to read."""

    before: Annotated[int, Meta(ge=1, le=LAST, description="`next` of a page, to read on.")] = LAST
    limit: Annotated[int, Meta(ge=1, le=LIMIT_MAX, description="How many at most.")] = LIMIT
    position: Annotated[int, Meta(ge=1, le=kept.POSITION_MAX, description="Only of this record.")] | None = (
        None
    )
    outcome: Annotated[
        Literal["delivered", "failed", "throttled", "gone", "unreachable", "forbidden", "given_up"] | None,
        Meta(description="Only attempts that ended so."),
    ] = None


class TestQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long to wait for a test to be sent."""

    wait: Annotated[
        float, Meta(ge=0, le=TEST_WAIT_S_MAX, description="Seconds to wait for what comes of it.")
    ] = 10.0


@post(
    "/v1/{organisation:str}/webhooks/{webhook:str}/replay",
    status_code=200,
    opt=at(
        Door(scope=WEBHOOKS_WRITE, body=Replay, answers={JSON: Webhook}, refuses=(404, 409, 413, 415, 422))
    ),
)
async def replay_webhook(request: Asked) -> ASGIApp:
    """Send again what follows a position, in order, each under the webhook-id that it had."""
    query(request, Nothing)
    after = kept.position_of((await given(request, Replay)).after)
    async with book_of(request) as book:
        replayed = await book.replay(id_of(request), after=after)
    return Answer(encode(shown(replayed)))


@post(
    "/v1/{organisation:str}/webhooks/{webhook:str}/skip",
    status_code=200,
    opt=at(Door(scope=WEBHOOKS_WRITE, body=Skip, answers={JSON: Webhook}, refuses=(404, 413, 415, 422))),
)
async def skip_in_webhook(request: Asked) -> ASGIApp:
    """Pass over one record that the endpoint does not take, so that those behind it go on. The delivery log says so."""
    query(request, Nothing)
    position = (await given(request, Skip)).position
    async with book_of(request) as book:
        if not await book.give_up(id_of(request), position):
            raise Problem(kinds.NOT_WAITING, field="position")
        seen = await book.one(id_of(request))
    return Answer(encode(shown(seen)))


@post(
    "/v1/{organisation:str}/webhooks/{webhook:str}/test",
    status_code=200,
    opt=at(Door(scope=WEBHOOKS_WRITE, query=TestQuery, answers={JSON: TestAsked}, refuses=(404, 409))),
)
async def test_webhook(request: Asked) -> ASGIApp:
    """Send a test event now, also to an endpoint that is paused or fails, and see what comes of it."""
    asked = query(request, TestQuery)
    id_, until = id_of(request), time.monotonic() + asked.wait
    async with book_of(request) as book:
        message = await book.ask_test(id_)
    if message is None:
        raise Problem(kinds.TOO_MANY_WEBHOOKS)
    attempt = None
    while attempt is None and time.monotonic() < until and not desk_of(request).stopping.is_set():
        await asyncio.sleep(TEST_LOOK_EVERY_S)
        async with book_of(request) as book:
            attempt = next(iter(await book.attempts(id_, limit=1, message=message)), None)
    return Answer(encode(TestAsked(message=message, attempt=attempt)), status=202 if attempt is None else 200)


@route(
    "/v1/{organisation:str}/webhooks/{webhook:str}/deliveries",
    http_method=["GET", "HEAD"],
    opt=at(Door(scope=WEBHOOKS_READ, query=DeliveriesQuery, answers={JSON: Deliveries}, refuses=(404,))),
)
async def webhook_deliveries(request: Asked) -> ASGIApp:
    """The delivery log: every attempt of the last 30 days, with what was answered."""
    asked = query(request, DeliveriesQuery)
    accepted(request, (JSON,))
    async with book_of(request) as book:
        found = await book.attempts(
            id_of(request),
            limit=asked.limit,
            before=asked.before,
            position=asked.position,
            outcome=asked.outcome,
        )
    following = found[-1].number if len(found) == asked.limit else None
    return Answer(encode(Deliveries(items=found, next=following)))


@route(
    "/v1/{organisation:str}/webhooks/{webhook:str}/waiting",
    http_method=["GET", "HEAD"],
    opt=at(Door(scope=WEBHOOKS_READ, answers={JSON: WaitingRecords}, refuses=(404,))),
)
async def webhook_waiting(request: Asked) -> ASGIApp:
    """The records that were not taken yet, and when each is tried again."""
    query(request, Nothing)
    accepted(request, (JSON,))
    async with book_of(request) as book:
        return Answer(encode(WaitingRecords(items=await book.waiting(id_of(request)))))


@route(
    "/v1/{organisation:str}/webhooks/{webhook:str}/stats",
    http_method=["GET", "HEAD"],
    opt=at(Door(scope=WEBHOOKS_READ, answers={JSON: Day}, refuses=(404,))),
)
async def webhook_stats(request: Asked) -> ASGIApp:
    """How the last 24 hours of an endpoint went."""
    query(request, Nothing)
    accepted(request, (JSON,))
    async with book_of(request) as book:
        return Answer(encode(await book.day(id_of(request))))
