"""The endpoints of webhooks as the API knows them: found by the address, and shown with how they stand."""

import contextlib
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from services.api.asked import Asked, desk_of
from services.api.problems import Problem, kinds
from services.webhooks.book import Book, CannotReplay, TooMany
from services.webhooks.shown import NoEndpoint, Seen
from services.webhooks.signing import public_text

After = Annotated[str, Meta(max_length=40, description="A cursor, or a position; 0 is the beginning.")]


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


@contextlib.asynccontextmanager
async def book_of(request: Asked) -> AsyncIterator[Book]:
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


def id_of(request: Asked) -> str:
    """The id of the endpoint in the address. Raises Problem for what cannot be one."""
    text: str = request.path_params["webhook"]
    if not (len(text) == 19 and text.isascii() and text.startswith("we_") and text[3:].isalnum()):
        raise Problem(kinds.NO_WEBHOOK)
    return text


def shown(seen: Seen) -> Webhook:
    """The endpoint as the API shows it, without its secrets."""
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
