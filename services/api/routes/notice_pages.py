"""The page behind the link in a message: for a person with a browser and no key."""

import asyncio
import contextlib
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

import msgspec
from litestar import route
from litestar.types import ASGIApp
from psycopg import AsyncConnection

from events.log.read import FOR_ORGANISATION
from projections.agenda_pack import ForMeeting, pack
from projections.charts.series import CannotDraw
from projections.engine.ask import NotYetBuilt, snapshot
from projections.engine.projection import Projection
from projections.measure_charts import MeasureChart, chart_of
from projections.measure_series import OfMeasure, OfProject, ShownMeasure, ShownPart, series
from projections.notices.engine import rooms, unsubscribe
from projections.notices.engine.asked import link_key
from projections.notices.engine.reading_link import LASTS_DAYS, ReadingLink, is_ours, unsigned
from projections.notices.engine.tokens import BadToken
from projections.projects import OneProject, projects
from projections.timeline import OfSubject, timeline
from services.api.answers import HTML, NEVER, Answer
from services.api.asked import Asked, desk_of, query
from services.api.doors import Door, Nothing, at
from services.api.measured import measures_of, points_of
from services.api.notice_page import Subject, ToldNotice, body_of, day_of
from services.api.pages import PLAIN, page_text
from services.api.problems import Problem, kinds

LINES_MAX = 10
CHARTS_MAX = 3
PERSONAL = ("email", "notify", "inbox")  # a chat room's message is read by all in the room
NOT_SHOWN = ("person/", "organisation/")
AGENDA_MAX = 200

_NOTICE = """
    SELECT n.rule, n.subject, n.recipient, n.title, n.why, n.action, n.facts, n.made_at, n.cleared_at
      FROM notices.notices AS n
     WHERE n.organisation = %(organisation)s AND n.id = %(notice)s
       AND NOT EXISTS (SELECT
                         FROM vault.keys AS k
                        WHERE k.organisation = n.organisation AND k.person = n.recipient AND k.wrapped IS NULL)
"""


@route(
    "/notice/{token:str}",
    http_method=["GET", "HEAD"],
    opt=at(Door(answers={"text/html": str}, refuses=(404, 410))),
)
async def notice(request: Asked) -> ASGIApp:
    """The page behind the link in a message: what was told, and how what it is about stands now.

    It shows of a piece of work what the whole organisation may see, and changes nothing.
    """
    query(request, Nothing)
    token = request.path_params["token"]
    async with desk_of(request).pool.connection() as conn:
        link, key = await _link(conn, token)
        told = await _told(conn, link)
        subject = await _subject(conn, link.organisation, told)
    preferences = None
    if link.channel not in PERSONAL:
        told = msgspec.structs.replace(told, why=rooms.WHY)
    else:
        own = unsubscribe.Link(link.organisation, told.recipient, told.rule, link.channel)
        preferences = f"/unsubscribe/{unsubscribe.signed(own, key)}"
    body = await asyncio.to_thread(body_of, told, subject, preferences=preferences)  # its charts may be long
    return Answer(page_text(told.title, body), HTML, cache=NEVER, headers=PLAIN)


async def _link(conn: AsyncConnection[Any], token: str) -> tuple[ReadingLink, bytes]:
    """What the link opens, and the key that signed it. Raises Problem for one that is not ours: nobody learns why."""
    try:
        link = unsigned(token)
        key = await link_key(conn, link.organisation)
        if key is not None and is_ours(token, key):
            return link, key
    except BadToken:
        pass
    raise Problem(kinds.NO_LINK)


async def _told(conn: AsyncConnection[Any], link: ReadingLink) -> ToldNotice:
    """The notice. Raises Problem for one that is old, or whose recipient was erased."""
    asked = {"organisation": link.organisation, "notice": link.notice}
    async with conn.transaction():
        await conn.execute(FOR_ORGANISATION, (link.organisation,))
        row = await (await conn.execute(_NOTICE, asked)).fetchone()
    if row is None:
        raise Problem(kinds.NO_LINK)
    told = ToldNotice(**dict(zip(ToldNotice.__struct_fields__, row, strict=True)))
    if told.made <= datetime.now(UTC) - timedelta(days=LASTS_DAYS):
        raise Problem(kinds.LINK_OVER, f"You were told on {day_of(told.made)}.")
    return told


async def _subject(conn: AsyncConnection[Any], organisation: str, told: ToldNotice) -> Subject:
    """How that which it is about stands, as far as the organisation may see it."""
    if told.subject.startswith(NOT_SHOWN):
        return Subject()
    ask = partial(_rows, conn, organisation)
    kind, _, name = told.subject.partition("/")
    project: list[Any] = []
    charts: list[MeasureChart] = []
    if kind == "project":
        project = await ask(projects, "one", OneProject(project=name))
        if not project:
            return Subject(known=True)
        charts = await _charts(conn, organisation, name)
    agenda: list[Any] = []
    if kind == "forum" and "on" in told.facts:
        on = date.fromisoformat(told.facts["on"])
        agenda = await ask(
            pack, "agenda", ForMeeting(forum=name, on=on, reader="organisation"), limit=AGENDA_MAX
        )
    happened = await ask(timeline, "of_subject", OfSubject(subject=told.subject), limit=LINES_MAX)
    return Subject(
        project=project[0] if project else None, agenda=agenda, happened=happened, charts=charts, known=True
    )


async def _charts(conn: AsyncConnection[Any], organisation: str, project: str) -> list[MeasureChart]:
    """The first few measures that have data and can be drawn."""
    told: list[tuple[ShownMeasure, list[ShownPart]]] = []
    with contextlib.suppress(NotYetBuilt, CannotDraw):
        async with snapshot(conn, series, organisation) as snap:
            measures = await measures_of(snap, OfProject(project=project))
            for measure in [one for one in measures if one.points and one.retired is None][:CHARTS_MAX]:
                with contextlib.suppress(CannotDraw):
                    of = OfMeasure(project=project, measure=measure.measure)
                    told.append((measure, await points_of(snap, of)))
    drawn = [await asyncio.to_thread(_drawn, measure, points) for measure, points in told]
    return [chart for chart in drawn if chart is not None]


def _drawn(measure: ShownMeasure, points: list[ShownPart]) -> MeasureChart | None:
    """The chart of a measure; None where none can be drawn."""
    try:
        return chart_of(measure, points)
    except CannotDraw:
        return None


async def _rows(
    conn: AsyncConnection[Any],
    organisation: str,
    projection: Projection[Any],
    question: str,
    asks: msgspec.Struct,
    *,
    limit: int = 100,
) -> list[Any]:
    """The first rows of an answer; none while the projection is being built."""
    try:
        async with snapshot(conn, projection, organisation) as snap:
            return (await snap.ask(projection.questions[question], asks, limit=limit)).rows
    except NotYetBuilt:
        return []
