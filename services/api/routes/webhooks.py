"""Webhooks: the endpoints to which the records of an organisation are sent."""

import asyncio
from collections.abc import Sequence
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
from services.api.endpoints import After, Webhook, book_of, id_of, shown
from services.api.given import given
from services.api.problems import Problem, kinds
from services.webhooks.addresses import WrongAddress
from services.webhooks.book import (
    Change,
    Wish,
    new_id,
)
from services.webhooks.keeping import Sealed, seal
from services.webhooks.shown import Seen
from services.webhooks.signing import SigningSecret, new_secret

RESOLVED_WITHIN_S = 5.0

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


class WebhookMade(Webhook, frozen=True, kw_only=True):
    """An endpoint with its signing secret, which is shown this once."""

    secret: str


class Webhooks(msgspec.Struct, frozen=True, kw_only=True):
    """Every endpoint of an organisation."""

    items: list[Webhook]


@route(
    "/v1/{organisation:str}/webhooks",
    http_method=["GET", "HEAD"],
    opt=at(Door(scope=WEBHOOKS_READ, answers={JSON: Webhooks})),
)
async def webhooks(request: Asked) -> ASGIApp:
    """Every endpoint, and how it stands."""
    query(request, Nothing)
    accepted(request, (JSON,))
    async with book_of(request) as book:
        found = await book.listed()
    return Answer(encode(Webhooks(items=[shown(one) for one in found])), cache=NEVER)


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
    async with book_of(request) as book:
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
    async with book_of(request) as book:
        found = await book.one(id_of(request))
    return Answer(encode(shown(found)), cache=NEVER)


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
    async with book_of(request) as book:
        changed = await book.change(id_of(request), change)
    return Answer(encode(shown(changed)))


@delete(
    "/v1/{organisation:str}/webhooks/{webhook:str}",
    status_code=200,
    opt=at(Door(scope=WEBHOOKS_WRITE, answers={JSON: Webhook}, refuses=(404,))),
)
async def remove_webhook(request: Asked) -> ASGIApp:
    """Remove an endpoint, with its secrets and its delivery log. The answer is what it was."""
    query(request, Nothing)
    async with book_of(request) as book:
        was = await book.one(id_of(request))
        await book.remove(was.id)
    return Answer(encode(shown(was)))


@post(
    "/v1/{organisation:str}/webhooks/{webhook:str}/rotate",
    opt=at(Door(scope=WEBHOOKS_WRITE, answers={JSON: WebhookMade}, status=201, refuses=(404,))),
)
async def rotate_webhook(request: Asked) -> ASGIApp:
    """A new signing secret, shown once. For a day the one before signs too, so that receivers can change over."""
    query(request, Nothing)
    secret = new_secret()
    sealed = await _sealed(request, secret, id_of(request))
    async with book_of(request) as book:
        rotated = await book.rotate(id_of(request), sealed, secret.public_key)
    return Answer(encode(_with_secret(rotated, secret)), status=201)


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
    return WebhookMade(**msgspec.structs.asdict(shown(seen)), secret=secret.text)
