"""Who was told what, by which rule, and why; and which rules there are."""

from datetime import datetime
from typing import Annotated

import msgspec
from litestar import route
from litestar.types import ASGIApp
from msgspec import Meta

from events.fields import END
from events.log.keys import NOTICES_READ
from projections.notices.engine.asked import Asking, Speaking, ToldNotice, speaking, told
from projections.notices.engine.catalogue import RuleEntry, rule_entries
from services.api.answers import JSON, NEVER, Answer, encode
from services.api.asked import Asked, accepted, desk_of, query
from services.api.doors import Door, Nothing, at

LIMIT, LIMIT_MAX = 100, 1_000

Person = Annotated[
    str, Meta(pattern=r"^person/[A-Za-z0-9_-]{1,64}" + END, description="Who was told: an opaque reference.")
]
RuleName = Annotated[
    str, Meta(pattern=r"^[a-z][a-z0-9_]{0,39}" + END, description="The rule, as /rules names it.")
]
Subject = Annotated[
    str,
    Meta(
        pattern=r"^[a-z][a-z0-9_-]{0,31}/[A-Za-z0-9][A-Za-z0-9._~-]{0,63}" + END,
        description="What it was about, such as project/P-17.",
    ),
]
Instant = Annotated[datetime, Meta(tz=True, description="An instant, such as 2026-05-20T09:30:00Z.")]


class NoticesQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which notices."""

    person: Person | None = None
    rule: RuleName | None = None
    subject: Subject | None = None
    since: Instant | None = None
    until: Instant | None = None
    standing: Annotated[bool, Meta(description="Only those that still hold.")] = False
    before: Annotated[str, Meta(max_length=64, description="`next` of the page before.")] | None = None
    limit: Annotated[int, Meta(ge=1, le=LIMIT_MAX, description="How many at most.")] = LIMIT


class NoticesPage(msgspec.Struct, frozen=True, kw_only=True):
    """Notices, the latest first. `next` leads to earlier ones, if there may be any."""

    items: list[ToldNotice]
    next: str | None


class SpeakingRule(RuleEntry, frozen=True, kw_only=True):
    """A rule, and since when it speaks for the organisation. `unsaid`: records that it could not judge."""

    since: datetime | None = None
    position: int | None = None
    unsaid: int = 0


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """Every rule."""

    items: list[SpeakingRule]


@route(
    "/v1/{organisation:str}/notices",
    http_method=["GET", "HEAD"],
    opt=at(Door(scope=NOTICES_READ, query=NoticesQuery, answers={JSON: NoticesPage})),
)
async def notices(request: Asked) -> ASGIApp:
    """Who was told what, when, by which rule, why, and in which messages; the latest first."""
    asked = query(request, NoticesQuery)
    accepted(request, (JSON,))
    async with desk_of(request).pool.connection() as conn:
        found = await told(conn, request.auth.organisation, Asking(**msgspec.structs.asdict(asked)))
    following = found[-1].id if len(found) == asked.limit else None
    return Answer(encode(NoticesPage(items=found, next=following)), cache=NEVER)


@route(
    "/v1/{organisation:str}/rules",
    http_method=["GET", "HEAD"],
    opt=at(Door(scope=NOTICES_READ, answers={JSON: Rules})),
)
async def rules(request: Asked) -> ASGIApp:
    """Which rules there are, in their own words, and since when each speaks for the organisation."""
    query(request, Nothing)
    accepted(request, (JSON,))
    async with desk_of(request).pool.connection() as conn:
        known = await speaking(conn, request.auth.organisation)
    items = []
    for entry in rule_entries():
        of = known.get(entry.rule)
        begun = Speaking() if of is None else of
        items.append(SpeakingRule(**msgspec.structs.asdict(entry), **msgspec.structs.asdict(begun)))
    return Answer(encode(Rules(items=items)), cache=NEVER)
