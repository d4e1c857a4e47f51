"""Webhooks: where the records of an organisation are sent, and how that goes."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Annotated, Literal

import msgspec
from litestar import delete, patch, post, route
from litestar.types import ASGIApp
from msgspec import Meta

from events.fields import END
from events.log.keys import WEBHOOKS_READ, WEBHOOKS_WRITE
from events.privacy.custody import NoMasterKey
from events.vocabulary import UnknownType, vocabulary
from services.api import kept
from services.api.answers import JSON, NEVER, Answer, encode
from services.api.asked import Asked, accepted, desk_of, query
from services.api.doors import Door, Nothing, at
from services.api.given import given
from services.api.problems import Problem, kinds
from services.webhooks.addresses import WrongAddress
from services.webhooks.book import (
    LAST,
    Attempted,
    Book,
    CannotReplay,
    Change,
    Day,
    NoEndpoint,
    Seen,
    Standing,
    TooMany,
    Wish,
    new_id,
)
from services.webhooks.keeping import Sealed, seal
from services.webhooks.signing import SigningSecret, new_secret, public_text

RESOLVED_WITHIN_S = 5.0
TEST_LOOK_EVERY_S = 0.1
TEST_WAIT_S_MAX = 20.0
LIMIT, LIMIT_MAX = 100, 1_000

Url = Annotated[str, Meta(min_length=9, max_length=2_000, description="Where to: https://host/path.")]
Description = Annotated[
    str,
    Meta(max_length=500, pattern=r"^[^\x00-\x1f\x7f]*" + END, description="What it is for, in your words."),
]
Owner = Annotated[
    str,
    Meta(
        pattern=r"^person/[A-Za-z0-9_-]{1,64}" + END,
        description="Who hears when it is disabled: an opaque reference to a person.",
    ),
]
Wanted = Annotated[
    str,
    Meta(
        pattern=r"^[a-z][a-z0-9_]{0,63}(\.[a-z0-9_]{1,64}){0,4}(\.\*)?" + END,
        max_length=128,
        description="An event type, or the beginning of some: cycle.tested, cycle.*",
    ),
]
Wants = Annotated[list[Wanted], Meta(max_length=50, description="Which event types; none is all.")]
State = Literal["enabled", "paused"]
After = Annotated[str, Meta(max_length=40, description="A cursor, or a position; 0 is the beginning.")]


class NewWebhook(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An endpoint that is wanted. Without `after` it is sent what is told from now on."""

    url: Url
    description: Description = ""
    owner: Owner | None = None
    types: Wants = []
    ordering: Annotated[
        Literal["strict", "stream"],
        Meta(
            description="strict: each record waits until the one before is taken. stream: it waits only for those of "
            "its own stream."
        ),
    ] = "strict"
    after: After | None = None


class WebhookChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be otherwise. `state: paused` holds everything back, `state: enabled` lets it go on where it stood."""

    url: Url | None = None
    description: Description | None = None
    owner: Owner | None = None
    types: Wants | None = None
    state: State | None = None


class Replay(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """From where to send again: what follows `after`."""

    after: After


class Skip(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which record is passed over: one that the endpoint has not taken."""

    position: Annotated[int, Meta(ge=1, le=kept.POSITION_MAX)]


class Webhook(msgspec.Struct, frozen=True, kw_only=True):
    """An endpoint and how it stands. Everything up to `position` was taken, or is not wanted, or is `waiting`."""

    id: str
    url: str
    description: str
    owner: str | None
    types: list[str]
    ordering: str
    state: str
    reason: str | None
    client: str
    made: datetime
    changed: datetime
    position: int
    head: int
    waiting: int
    failures: int
    failing_since: datetime | None
    quiet_until: datetime | None
    public_keys: list[str]


class WebhookMade(Webhook, frozen=True, kw_only=True):
    """An endpoint with its signing secret, which is shown this once."""

    secret: str


class Webhooks(msgspec.Struct, frozen=True, kw_only=True):
    """Every endpoint of an organisation."""

    items: list[Webhook]


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


@contextlib.asynccontextmanager
async def _book(request: Asked) -> AsyncIterator[Book]:
    """The organisation's endpoints, in one transaction. What is not there is a problem."""
    try:
        async with desk_of(request).pool.connection() as conn, conn.transaction():
            yield await Book(conn, request.auth.organisation).open()
    except NoEndpoint:
        raise Problem(kinds.NO_WEBHOOK) from None
    except TooMany:
        raise Problem(kinds.TOO_MANY_WEBHOOKS) from None
    except CannotReplay:
        raise Problem(kinds.CANNOT_REPLAY, field="after") from None


@route(
    "/v1/{organisation:str}/webhooks",
    http_method=["GET", "HEAD"],
    opt=at(Door(scope=WEBHOOKS_READ, answers={JSON: Webhooks})),
)
async def webhooks(request: Asked) -> ASGIApp:
    """Every endpoint, and how it stands."""
    query(request, Nothing)
    accepted(request, (JSON,))
    async with _book(request) as book:
        found = await book.listed()
    return Answer(encode(Webhooks(items=[_shown(one) for one in found])), cache=NEVER)


@post(
    "/v1/{organisation:str}/webhooks",
    opt=at(
        Door(
            scope=WEBHOOKS_WRITE,
            body=NewWebhook,
            answers={JSON: WebhookMade},
            status=201,
            refuses=(404, 409, 413, 415, 422),
        )
    ),
)
async def make_webhook(request: Asked) -> ASGIApp:
    """Have records sent to an address. The answer shows the signing secret, once."""
    query(request, Nothing)
    wanted = await given(request, NewWebhook)
    _check_types(wanted.types)
    after = None if wanted.after is None else kept.position_of(wanted.after)
    await _check_address(request, wanted.url)
    id_, secret = new_id(), new_secret()
    sealed = await _sealed(request, secret, id_)
    wish = Wish(
        url=wanted.url,
        description=wanted.description,
        owner=wanted.owner,
        types=wanted.types,
        ordering=wanted.ordering,
        client=request.auth.client,
    )
    async with _book(request) as book:
        head = await book.head()
        position = head if after is None else min(after, head)
        made = await book.make(id_, wish, sealed, secret.public_key, position=position)
    location = f"/v1/{request.auth.organisation}/webhooks/{id_}"
    return Answer(encode(_with_secret(made, secret)), status=201, headers={"location": location})


@route(
    "/v1/{organisation:str}/webhooks/{webhook:str}",
    http_method=["GET", "HEAD"],
    opt=at(Door(scope=WEBHOOKS_READ, answers={JSON: Webhook}, refuses=(404,))),
)
async def webhook(request: Asked) -> ASGIApp:
    """One endpoint, and how it stands."""
    query(request, Nothing)
    accepted(request, (JSON,))
    async with _book(request) as book:
        found = await book.one(_named(request))
    return Answer(encode(_shown(found)), cache=NEVER)


@patch(
    "/v1/{organisation:str}/webhooks/{webhook:str}",
    opt=at(
        Door(
            scope=WEBHOOKS_WRITE,
            body=WebhookChange,
            answers={JSON: Webhook},
            refuses=(404, 413, 415, 422),
        )
    ),
)
async def change_webhook(request: Asked) -> ASGIApp:
    """Change an endpoint; pause it, or let it go on. Nothing that was told meanwhile is left out."""
    query(request, Nothing)
    wanted = await given(request, WebhookChange)
    if wanted.types is not None:
        _check_types(wanted.types)
    if wanted.url is not None:
        await _check_address(request, wanted.url)
    change = Change(
        url=wanted.url,
        description=wanted.description,
        owner=wanted.owner,
        types=wanted.types,
        state=wanted.state,
    )
    async with _book(request) as book:
        changed = await book.change(_named(request), change)
    return Answer(encode(_shown(changed)))


@delete(
    "/v1/{organisation:str}/webhooks/{webhook:str}",
    status_code=200,
    opt=at(Door(scope=WEBHOOKS_WRITE, answers={JSON: Webhook}, refuses=(404,))),
)
async def remove_webhook(request: Asked) -> ASGIApp:
    """Remove an endpoint, with its secrets and its delivery log. The answer is what it was."""
    query(request, Nothing)
    async with _book(request) as book:
        was = await book.one(_named(request))
        await book.remove(was.id)
    return Answer(encode(_shown(was)))


@post(
    "/v1/{organisation:str}/webhooks/{webhook:str}/rotate",
    opt=at(Door(scope=WEBHOOKS_WRITE, answers={JSON: WebhookMade}, status=201, refuses=(404,))),
)
async def rotate_webhook(request: Asked) -> ASGIApp:
    """A new signing secret, shown once. For a day the one before signs too, so that receivers can change over."""
    query(request, Nothing)
    secret = new_secret()
    sealed = await _sealed(request, secret, _named(request))
    async with _book(request) as book:
        rotated = await book.rotate(_named(request), sealed, secret.public_key)
    return Answer(encode(_with_secret(rotated, secret)), status=201)


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
    async with _book(request) as book:
        replayed = await book.replay(_named(request), after=after)
    return Answer(encode(_shown(replayed)))


@post(
    "/v1/{organisation:str}/webhooks/{webhook:str}/skip",
    status_code=200,
    opt=at(Door(scope=WEBHOOKS_WRITE, body=Skip, answers={JSON: Webhook}, refuses=(404, 413, 415, 422))),
)
async def skip_in_webhook(request: Asked) -> ASGIApp:
    """Pass over one record that the endpoint does not take, so that those behind it go on. The delivery log says so."""
    query(request, Nothing)
    position = (await given(request, Skip)).position
    async with _book(request) as book:
        if not await book.give_up(_named(request), position):
            raise Problem(kinds.NOT_WAITING, field="position")
        seen = await book.one(_named(request))
    return Answer(encode(_shown(seen)))


@post(
    "/v1/{organisation:str}/webhooks/{webhook:str}/test",
    status_code=200,
    opt=at(Door(scope=WEBHOOKS_WRITE, query=TestQuery, answers={JSON: TestAsked}, refuses=(404, 409))),
)
async def test_webhook(request: Asked) -> ASGIApp:
    """Send a test event now, also to an endpoint that is paused or fails, and see what comes of it."""
    asked = query(request, TestQuery)
    id_, until = _named(request), time.monotonic() + asked.wait
    async with _book(request) as book:
        message = await book.ask_test(id_)
    if message is None:
        raise Problem(kinds.TOO_MANY_WEBHOOKS)
    attempt = None
    while attempt is None and time.monotonic() < until and not desk_of(request).stopping.is_set():
        await asyncio.sleep(TEST_LOOK_EVERY_S)
        async with _book(request) as book:
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
    async with _book(request) as book:
        found = await book.attempts(
            _named(request),
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
    async with _book(request) as book:
        return Answer(encode(WaitingRecords(items=await book.waiting(_named(request)))))


@route(
    "/v1/{organisation:str}/webhooks/{webhook:str}/stats",
    http_method=["GET", "HEAD"],
    opt=at(Door(scope=WEBHOOKS_READ, answers={JSON: Day}, refuses=(404,))),
)
async def webhook_stats(request: Asked) -> ASGIApp:
    """How the last 24 hours of an endpoint went."""
    query(request, Nothing)
    accepted(request, (JSON,))
    async with _book(request) as book:
        return Answer(encode(await book.day(_named(request))))


def _named(request: Asked) -> str:
    """The endpoint in the address. Raises Problem for what cannot be one."""
    text: str = request.path_params["webhook"]
    if not (len(text) == 19 and text.isascii() and text.startswith("we_") and text[3:].isalnum()):
        raise Problem(kinds.NO_WEBHOOK)
    return text


def _check_types(wanted: Sequence[str]) -> None:
    """Raises Problem for a type that nobody tells: it would be waited for in vain."""
    known = vocabulary()
    for index, type_ in enumerate(wanted):
        if type_.endswith(".*"):
            if not any(tag.startswith(type_[:-1]) for tag in known):
                raise Problem(
                    kinds.UNKNOWN_TYPE, "No event type begins so.", field=f"types[{index}]", near=[]
                )
        elif type_ not in known:
            raise Problem(kinds.UNKNOWN_TYPE, field=f"types[{index}]", near=UnknownType(type_).near)


async def _check_address(request: Asked, url: str) -> None:
    """Raises Problem unless we would send there now."""
    try:
        async with asyncio.timeout(RESOLVED_WITHIN_S):
            await asyncio.to_thread(desk_of(request).guard.check, url)
    except WrongAddress as wrong:
        raise Problem(kinds.WEBHOOK_ADDRESS, str(wrong), field="url") from None
    except TimeoutError:
        detail = "The host of this URL cannot be found."
        raise Problem(kinds.WEBHOOK_ADDRESS, detail, field="url") from None


async def _sealed(request: Asked, secret: SigningSecret, id_: str) -> Sealed:
    """The secret as it is kept. Raises Problem without a master key."""
    custodian = desk_of(request).custodian
    if custodian is None:
        raise Problem(kinds.NO_MASTER_KEY)
    try:
        return await asyncio.to_thread(seal, custodian, secret, request.auth.organisation, id_)
    except NoMasterKey:
        raise Problem(kinds.NO_MASTER_KEY) from None


def _with_secret(seen: Seen, secret: SigningSecret) -> WebhookMade:
    return WebhookMade(**msgspec.structs.asdict(_shown(seen)), secret=secret.text)


def _shown(seen: Seen) -> Webhook:
    return Webhook(
        id=seen.id,
        url=seen.url,
        description=seen.description,
        owner=seen.owner,
        types=seen.types,
        ordering=seen.ordering,
        state=seen.state,
        reason=seen.reason,
        client=seen.client,
        made=seen.made_at,
        changed=seen.changed_at,
        position=seen.position,
        head=seen.head,
        waiting=seen.waiting,
        failures=seen.failures,
        failing_since=seen.failing_since,
        quiet_until=seen.quiet_until,
        public_keys=[public_text(bytes(key)) for key in seen.public_keys],
    )
