"""What the measures of several projects say: a line and the icons for each, to stand beside a forum's portfolio.

Each line is drawn from the whole series exactly as the chart of the measure is, which its links lead to. A chair's page
joins the lines with the answer of `forum_portfolio/of_forum` by the project.
"""

import asyncio
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Annotated, Literal
from urllib.parse import urlencode

import msgspec
from litestar import route
from litestar.types import ASGIApp
from msgspec import UNSET, Meta, UnsetType

from events.fields import Audience, ProjectId
from events.log.keys import ASK
from projections.engine.ask import ROWS_MAX, NotYetBuilt, Snapshot, snapshot
from projections.engine.cursor import CURSOR_MAX, BadCursor
from projections.forum_portfolio import OfForum, Standing, portfolio
from projections.measure_series import OfProjects, ProjectPart, series
from services.api.answers import ASK_AGAIN, CSV, JSON, NotModified, encode, etag_of, representation
from services.api.asked import Asked, desk_of, has_etag, query
from services.api.doors import Door, at
from services.api.drawn_lines import CsvLine, MeasureLine, csv_line, lines_of
from services.api.problems import Problem, kinds
from services.api.tables import as_csv, json_or_csv
from services.api.unheard import Thing, Unheard, in_headers, unheard_now
from services.api.when import Source, When, cached, reflected, source, today

PROJECTS_MAX = 100  # of one answer
PROJECTS_ASKED_AT_ONCE = 10  # so that no page of rows is sorted out of all of them
PARTS_MAX = 25_000  # points, notes and definitions of one answer: some 500 charts of four years


class Wanted(When, frozen=True, forbid_unknown_fields=True):
    """Of which projects and measures, of which moment, for whom."""

    forum: (
        Annotated[
            str,
            Meta(
                max_length=200, description="The forum whose projects to tell of; empty: those of no forum."
            ),
        ]
        | None
    ) = None
    state: Annotated[Standing, Meta(description="Only the projects of a forum in this state.")] | None = None
    project: (
        Annotated[
            str,
            Meta(
                min_length=1,
                max_length=8_000,
                description=f"Or the projects: ids with commas between them, at most {PROJECTS_MAX}.",
            ),
        ]
        | None
    ) = None
    kind: Annotated[
        Literal["outcome", "process", "balancing", "all"],
        Meta(description="Measures of which kind; `all` has also those of which nobody said."),
    ] = "outcome"
    reader: Annotated[
        Audience, Meta(description="Who is to read it: what is shown to fewer than these is left out.")
    ] = "organisation"
    limit: Annotated[
        int, Meta(ge=1, le=PROJECTS_MAX, description="How many projects of a forum at most.")
    ] = PROJECTS_MAX
    cursor: Annotated[
        str, Meta(max_length=CURSOR_MAX, description="Of a forum: `next` of the page before.")
    ] = ""
    format: Annotated[
        Literal["json", "csv", ""], Meta(description="csv or json, where an Accept header is hard to set.")
    ] = ""


class MeasurePage(msgspec.Struct, frozen=True, kw_only=True):
    """What the measures say. `position` is the part of the log that is in it; `parked` records of it are left out."""

    position: int
    parked: int
    revision: int
    rows: list[MeasureLine]
    next: str | None
    unheard_of: list[Unheard] | UnsetType = UNSET
    """Of an answer without rows: what was asked for of which nothing is known, with the names most like it."""


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What was found of the projects, in one moment of the database."""

    etag: str
    cache: str
    position: int
    parked: int
    revision: int
    parts: list[ProjectPart] | None  # none if the caller holds the answer already
    next: str | None


@route(
    "/v1/{organisation:str}/charts",
    http_method=["GET", "HEAD"],
    opt=at(
        Door(
            scope=ASK,
            query=Wanted,
            answers={JSON: MeasurePage, "text/csv": str},
            refuses=(422, 503),
        )
    ),
)
async def charts(request: Asked) -> ASGIApp:
    """What the outcome measures of a forum's projects say, or of projects that are named: a line for each measure.

    With its sentence, its variation and assurance icons, the latest value and the way to the target, and links to the
    whole chart. `kind` asks for other measures. With `as_at` or `as_known`, as it would have been said then.
    """
    how = query(request, Wanted)
    projects = _projects_asked_for(how)
    form = json_or_csv(request, how.format)
    told = await _told(request, how, projects, form)
    if told.parts is None:
        return NotModified(told.etag, told.cache)
    address = f"/v1/{request.auth.organisation}/charts"
    rows = await asyncio.to_thread(lines_of, told.parts, address=address, asked=_of_moment(how))
    headers = {"qiledger-position": str(told.position), "qiledger-parked": str(told.parked)}
    if told.next is not None:
        headers["link"] = f'<{address}?{urlencode(_asked_again(how, told.next))}>; rel="next"'
    unknown: list[Unheard] | UnsetType = UNSET
    if not rows and not how.cursor:
        things = _things(how, projects)
        unknown = await unheard_now(request, things, reader=how.reader, position=told.position)
    if form == CSV:
        headers |= {"content-disposition": 'attachment; filename="charts.csv"'} | in_headers(unknown)
        text = as_csv(CsvLine.__struct_encode_fields__, [csv_line(row) for row in rows])
    else:
        text = _page(told, rows, unknown)
    # What is unheard of is asked of other projections than the lines, and those go on by themselves.
    etag = told.etag if rows else etag_of(text + encode([told.etag, in_headers(unknown)]))
    cache = told.cache if unknown is UNSET else ASK_AGAIN
    return representation(request, text, form, etag=etag, cache=cache, headers=headers)


def _page(told: Told, rows: list[MeasureLine], unknown: list[Unheard] | UnsetType) -> bytes:
    page = MeasurePage(
        position=told.position,
        parked=told.parked,
        revision=told.revision,
        rows=rows,
        next=told.next,
        unheard_of=unknown,
    )
    return encode(page)


def _things(how: Wanted, projects: list[str] | None) -> list[Thing]:
    """The forum or the projects that were asked of."""
    if projects is not None:
        return [Thing("project", "project", name) for name in projects]
    return [Thing("forum", "forum", how.forum)] if how.forum else []


def _projects_asked_for(how: Wanted) -> list[str] | None:
    """The projects that are named, each once; None where a forum is. Raises Problem."""
    if (how.forum is None) == (how.project is None):
        raise Problem(kinds.WRONG_PARAMETER, "Name a forum or projects, and not both.", field="forum")
    if how.project is None:
        return None
    if how.cursor:
        raise Problem(kinds.WRONG_PARAMETER, "Projects that are named are not paged.", field="cursor")
    if how.state is not None:
        detail = "Projects that are named are told of, whatever their state."
        raise Problem(kinds.WRONG_PARAMETER, detail, field="state")
    try:
        projects = msgspec.convert(how.project.split(","), list[ProjectId])
    except msgspec.ValidationError:
        detail = "These are ids of projects with commas between them, without spaces."
        raise Problem(kinds.WRONG_PARAMETER, detail, field="project") from None
    if len(projects) > PROJECTS_MAX:
        detail = f"{len(projects)} projects; {PROJECTS_MAX} are allowed."
        raise Problem(kinds.WRONG_PARAMETER, detail, field="project")
    return list(dict.fromkeys(projects))


async def _told(request: Asked, how: Wanted, projects: list[str] | None, form: str) -> Told:
    """What the projections hold of these projects: of both, in one moment of the database. Raises Problem."""
    desk, organisation = desk_of(request), request.auth.organisation
    moment = await source(desk, series, organisation, how)
    forums = await source(desk, portfolio, organisation, how) if projects is None else None
    try:
        async with (
            desk.pool.connection() as conn,
            snapshot(conn, series, organisation, build=moment.build) as measures,
        ):
            if forums is None:
                return await _found(request, how, form, [(measures, moment)], projects or [])
            of_forum = await measures.beside(portfolio, build=forums.build)
            return await _found(request, how, form, [(measures, moment), (of_forum, forums)], None)
    except NotYetBuilt:
        raise Problem(kinds.NOT_BUILT if moment.build is None else kinds.PAST_NOT_READY) from None
    except BadCursor as wrong:
        raise Problem(kinds.WRONG_PARAMETER, f"{wrong}.".capitalize(), field="cursor") from None


async def _found(
    request: Asked,
    how: Wanted,
    form: str,
    snaps: list[tuple[Snapshot, Source]],
    projects: list[str] | None,
) -> Told:
    """Of the measures' snapshot, and the forums' where projects are not named. Raises Problem and BadCursor."""
    position = min(reflected(snap.place.position, of, how) for snap, of in snaps)
    parked = sum(snap.place.parked for snap, _ in snaps)
    etag = _etag(request, how, form, [snap for snap, _ in snaps])
    following, parts = None, None
    if not has_etag(request, etag):
        if projects is None:
            projects, following = await _of_forum(snaps[-1][0], how)
        parts = await _parts(snaps[0][0], projects, how)
    return Told(
        etag=etag,
        cache=cached(next((of for _, of in snaps if not of.settled), snaps[0][1]), parked),
        position=position,
        parked=parked,
        revision=snaps[0][0].place.build.revision,
        parts=parts,
        next=following,
    )


async def _of_forum(snap: Snapshot, how: Wanted) -> tuple[list[str], str | None]:
    """The projects of the forum, and where the next page of them begins. Raises BadCursor."""
    asks = OfForum(on=today(how, datetime.now(UTC)), forum=how.forum, state=how.state, reader=how.reader)
    question = portfolio.questions["of_forum"]
    answered = await snap.ask(question, asks, limit=how.limit, cursor=how.cursor or None)
    return [row.project for row in answered.rows], answered.next_cursor


async def _parts(snap: Snapshot, projects: list[str], how: Wanted) -> list[ProjectPart]:
    """All that the charts are drawn of, project by project. Raises Problem where it is too much for one answer."""
    parts: list[ProjectPart] = []
    for first in range(0, len(projects), PROJECTS_ASKED_AT_ONCE):
        some = ",".join(projects[first : first + PROJECTS_ASKED_AT_ONCE])
        asks = OfProjects(projects=some, kind=how.kind, reader=how.reader)
        cursor: str | None = ""
        while cursor is not None:
            question = series.questions["of_projects"]
            answered = await snap.ask(question, asks, limit=ROWS_MAX, cursor=cursor or None)
            parts += answered.rows
            cursor = answered.next_cursor
            if len(parts) > PARTS_MAX:
                detail = f"There are more than {PARTS_MAX} points and notes. Ask for fewer projects at once."
                raise Problem(kinds.CANNOT_DRAW, detail)
    return parts


def _of_moment(how: Wanted) -> dict[str, str]:
    """What the chart of a line has to be asked, to be the same chart."""
    asked = {"as_at": how.as_at, "as_known": how.as_known, "reader": how.reader}
    return {
        name: value for name, value in asked.items() if value and (name, value) != ("reader", "organisation")
    }


def _asked_again(how: Wanted, cursor: str) -> dict[str, str]:
    """The same of the projects that follow."""
    asked = {"forum": how.forum or "", "kind": how.kind, "limit": str(how.limit), "cursor": cursor}
    if how.state is not None:
        asked["state"] = how.state
    return asked | _of_moment(how) | ({"format": how.format} if how.format else {})


def _etag(request: Asked, how: Wanted, form: str, snaps: list[Snapshot]) -> str:
    """By position: until the log goes on, or our code does, the same lines are drawn."""
    places = [[snap.place.position, snap.place.parked, snap.place.build.revision] for snap in snaps]
    told = encode([request.scope["path"], msgspec.to_builtins(how), form, places, version("qiledger")])
    return etag_of(told)
