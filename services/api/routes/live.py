"""Live: records as they are kept, and projections as they come on, by server-sent events."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Annotated

import msgspec
import psycopg
from litestar import route
from litestar.types import ASGIApp
from msgspec import Meta
from psycopg_pool import PoolTimeout

from events.log.keys import ASK, AUDIT, READ
from services.api import kept
from services.api.answers import EVENT_STREAM, named
from services.api.asked import Asked, accepted, desk_of, header, query
from services.api.doors import Door, Nothing, at
from services.api.let_in import still_let_in
from services.api.live.answer import LiveAnswer, Teller
from services.api.live.projections import ProjectionChannel, ProjectionTeller, Shown
from services.api.live.records import RecordChannel, RecordTeller, Wanted
from services.api.problems import Problem
from services.api.routes.reading import StreamName, TypeNames
from services.cloud_event import CloudEventItem


class Listening(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which records to be told of. Without `after`, and without a Last-Event-ID, those that come from now on."""

    after: Annotated[
        str | None,
        Meta(description="A cursor, or a position; 0 is the beginning. A Last-Event-ID goes before it."),
    ] = None
    type: TypeNames | None = None
    stream: StreamName | None = None


@route(
    "/v1/{organisation:str}/live",
    http_method=["GET", "HEAD"],
    opt=at(Door(scope=READ, query=Listening, answers={EVENT_STREAM: CloudEventItem}, refuses=(429,))),
)
async def live_records(request: Asked) -> ASGIApp:
    """Records as they are kept, each as one server-sent event: a CloudEvent, with the cursor as its id.

    Whoever is cut off sends the last id as Last-Event-ID, as browsers do by themselves, and misses nothing. A comment
    comes every 15 seconds when nothing else does.
    """
    asked = query(request, Listening)
    accepted(request, (EVENT_STREAM,))
    place = header(request, "last-event-id") or asked.after
    after = None if place is None else kept.position_of(place)
    wanted = Wanted(None if asked.type is None else frozenset(asked.type.split(",")), asked.stream)
    desk, organisation = desk_of(request), request.auth.organisation

    @contextlib.asynccontextmanager
    async def tell() -> AsyncIterator[Teller]:
        async with desk.live.channel(
            RecordChannel, lambda: RecordChannel(desk, organisation), organisation
        ) as channel:
            yield RecordTeller(desk, channel, organisation, wanted=wanted, after=after, note=_noting(request))

    return LiveAnswer(desk, request.auth, tell, _still_may(request, READ))


@route(
    "/v1/{organisation:str}/projections/live",
    http_method=["GET", "HEAD"],
    opt=at(Door(scope=ASK, answers={EVENT_STREAM: Shown}, refuses=(429,))),
)
async def live_projections(request: Asked) -> ASGIApp:
    """Which projection has come to which position: first how all stand, then each change."""
    query(request, Nothing)
    accepted(request, (EVENT_STREAM,))
    desk, organisation = desk_of(request), request.auth.organisation

    @contextlib.asynccontextmanager
    async def tell() -> AsyncIterator[Teller]:
        async with desk.live.channel(
            ProjectionChannel, lambda: ProjectionChannel(desk, organisation), organisation
        ) as channel:
            yield ProjectionTeller(channel)

    return LiveAnswer(desk, request.auth, tell, _still_may(request, ASK))


def _noting(request: Asked) -> Callable[[Sequence[int]], None]:
    """Where an auditor reads, which positions that were."""
    desk, key, door = desk_of(request), request.auth, named(request)

    def note(positions: Sequence[int]) -> None:
        if AUDIT in key.scopes:
            desk.journal.read(key, door, list(positions), times=0)

    return note


def _still_may(request: Asked, scope: str) -> Callable[[], Awaitable[bool]]:
    """Whether the key would be let in now: a stream lasts no longer than the right to it."""

    async def still_may() -> bool:
        try:
            await still_let_in(request, scope)
        except (Problem, psycopg.OperationalError, PoolTimeout):
            return False  # a key that cannot be asked about may not: he comes again, and goes on where he was
        return True

    return still_may
