"""How each QI Forum's portfolio stands. The forum's chair and its improvement advisor read it, and the agenda pack.

A project stands in the portfolio of the forum that looks after it now: a transfer moves it and never shows it twice.
So the portfolios of all forums, and of the projects that no forum looks after, add up to the organisation's.

What is stale is said by the question, as of a day that it is told: an active project of which nothing was told for
`stale_after_days`. What is known only to the month is taken to have been on its last day.

Of several who score a project, the score is the forum's, or else the improvement advisor's, the coach's, the team's
own; one over half a year older than the latest stands back. The trend is of the same assessor on the same scale.
"""

from datetime import date
from typing import Literal

import msgspec
from psycopg import sql

from events.fields import Audience
from events.forums import ForumClosed, ForumCreated, ForumRenamed, ForumReported, ForumRescoped
from events.involvement import Involvement
from events.log.record import Record
from events.vocabulary import Event
from projections.audience import shown_to_reader
from projections.engine.projection import Projection
from projections.moments import as_written
from projections.project_life import State
from projections.project_team import HAS_COACH, HAS_LEAD, HAS_SPONSOR
from projections.project_work import TOLD_OF_PROJECTS, FollowedProject, followed


class PortfolioLine(FollowedProject, frozen=True, kw_only=True):
    """A project, or a forum with its name in `title`."""

    kind: Literal["project", "forum"] = "project"
    directorates: tuple[str, ...] = ()  # of a forum: whose improvement work it looks after
    cadence: str | None = None  # of a forum: how often it meets
    closed: str | None = None  # of a forum: since when it no longer meets, as written


portfolio = Projection(
    "forum_portfolio",
    revision=5,
    row=PortfolioLine,
    doc=__doc__,
    streams=["project", "forum"],
    indexes=["(organisation, kind, forum)"],
)


def told(line: PortfolioLine | None, event: Event, record: Record) -> PortfolioLine | None:
    """Whatever is told of a project. The same told of a forum leaves the forum's line as it is."""
    if record.stream.startswith("forum/"):
        return line
    return followed(line or PortfolioLine(), event, record)


for _kind in TOLD_OF_PROJECTS:
    portfolio.on(_kind)(told)

NEW_FORUM = PortfolioLine(kind="forum")


@portfolio.on(ForumCreated)
@portfolio.on(ForumRescoped)
def scoped(line: PortfolioLine | None, event: ForumCreated | ForumRescoped, record: Record) -> PortfolioLine:
    """Created again after it was closed, a forum meets again."""
    line = line or NEW_FORUM
    return msgspec.structs.replace(
        line,
        title=event.name if isinstance(event, ForumCreated) else line.title,
        directorates=event.directorates,
        cadence=event.cadence or line.cadence,
        closed=None if isinstance(event, ForumCreated) else line.closed,
    )


@portfolio.on(ForumRenamed)
def renamed(line: PortfolioLine | None, event: ForumRenamed, record: Record) -> PortfolioLine:
    """The same forum, with the same projects."""
    return msgspec.structs.replace(line or NEW_FORUM, title=event.name)


@portfolio.on(ForumReported)
def reported(line: PortfolioLine | None, event: ForumReported, record: Record) -> PortfolioLine:
    """A page's words stand in only for what nobody closer has told."""
    line = line or NEW_FORUM
    return msgspec.structs.replace(
        line, title=line.title or event.name, directorates=line.directorates or event.directorates
    )


@portfolio.on(ForumClosed)
def closed(line: PortfolioLine | None, event: ForumClosed, record: Record) -> PortfolioLine:
    """Its projects stay in its portfolio until each is transferred."""
    return msgspec.structs.replace(line or NEW_FORUM, closed=as_written(record))


Standing = State | Literal["active_or_completed"]


class OfForum(msgspec.Struct, frozen=True, kw_only=True):
    on: date  # the day to say staleness and ages of
    forum: str | None = None  # the forum's id; empty for projects of no forum; left out for all projects
    state: Standing | None = None
    stale_after_days: int = 60
    reader: Audience = "forum"


class PortfolioProject(msgspec.Struct, frozen=True, kw_only=True):
    """A line of a forum's portfolio."""

    project: str
    title: str | None
    forum: str | None
    directorate: str | None
    areas: tuple[str, ...]
    state: State
    state_since: str | None
    score: float | None
    score_since: str | None
    score_age_days: int | None  # since it was surely scored last
    trend: Literal["up", "down"] | None  # where the score came from, on the same scale
    cycles_tested: int
    last_cycle: str | None
    last_data: str | None  # the latest period that a measurement is of
    has_sponsor: bool
    has_coach: bool
    has_lead: bool
    involvement: Involvement | None
    next_review: str | None
    last_sign_of_life: str | None
    stale: bool
    flaws: tuple[str, ...]


OF_FORUM = sql.SQL(
    """
    SELECT split_part(key, '/', 2) AS project, title, forum, directorate, areas, state, state_since,
           score, score_since, %(on)s::date - scored_until AS score_age_days,
           CASE WHEN score > score_before THEN 'up' WHEN score < score_before THEN 'down' END AS trend,
           cycles_tested, last_cycle, last_data,
           {has_sponsor} AS has_sponsor,
           {has_coach} AS has_coach,
           {has_lead} AS has_lead,
           involvement, next_review, last_sign_of_life,
           state = 'active'
               AND coalesce(%(on)s::date - alive_until > %(stale_after_days)s::bigint, false) AS stale,
           flaws
      FROM forum_portfolio
     WHERE organisation = %(organisation)s
       AND kind = 'project'
       AND (%(forum)s::text IS NULL OR coalesce(forum, '') = %(forum)s)
       AND (%(state)s::text IS NULL OR state = %(state)s
            OR (%(state)s = 'active_or_completed' AND state IN ('active', 'paused', 'completed')))
       AND {seen}
"""
).format(seen=shown_to_reader("audience"), has_lead=HAS_LEAD, has_sponsor=HAS_SPONSOR, has_coach=HAS_COACH)
portfolio.question(
    "of_forum",
    OF_FORUM,
    asks=OfForum,
    answers=PortfolioProject,
    order=["project"],
    doc="The projects that a forum looks after, of one state or all; without a forum, those of the whole organisation.",
)


class Forums(msgspec.Struct, frozen=True, kw_only=True):
    on: date  # the day to say staleness of
    stale_after_days: int = 60


class ForumCounts(msgspec.Struct, frozen=True, kw_only=True):
    """A forum, and how many projects it looks after. Each project is counted in one forum, or where `forum` is empty.

    What its readers may not see is counted all the same.
    """

    forum: str
    name: str | None
    directorates: tuple[str, ...]
    cadence: str | None
    closed: str | None
    projects: int
    active: int
    paused: int
    completed: int
    active_or_completed: int  # active, paused and completed
    waiting: int  # proposed, submitted, deferred or approved, and not begun
    stale: int
    without_sponsor: int  # of those active or paused
    without_coach: int
    big_i: int  # of those active or paused: service users or carers are full members of the team


FORUMS = sql.SQL(
    """
    WITH counted AS (
        SELECT coalesce(forum, '') AS forum,
               count(*) AS projects,
               count(*) FILTER (WHERE state = 'active') AS active,
               count(*) FILTER (WHERE state = 'paused') AS paused,
               count(*) FILTER (WHERE state = 'completed') AS completed,
               count(*) FILTER (WHERE state IN ('active', 'paused', 'completed')) AS active_or_completed,
               count(*) FILTER (WHERE state IN ('proposed', 'submitted', 'deferred', 'approved')) AS waiting,
               count(*) FILTER (WHERE state = 'active'
                                AND %(on)s::date - alive_until > %(stale_after_days)s::bigint) AS stale,
               count(*) FILTER (WHERE state IN ('active', 'paused')
                                AND NOT {has_sponsor}) AS without_sponsor,
               count(*) FILTER (WHERE state IN ('active', 'paused')
                                AND NOT {has_coach}) AS without_coach,
               count(*) FILTER (WHERE state IN ('active', 'paused') AND involvement = 'big_i') AS big_i
          FROM forum_portfolio
         WHERE organisation = %(organisation)s AND kind = 'project'
         GROUP BY coalesce(forum, '')
    ),
    known AS (
        SELECT split_part(key, '/', 2) AS forum, title AS name, directorates, cadence, closed
          FROM forum_portfolio
         WHERE organisation = %(organisation)s AND kind = 'forum'
    )
    SELECT forum, name, coalesce(directorates, '[]') AS directorates, cadence, closed,
           coalesce(projects, 0) AS projects,
           coalesce(active, 0) AS active,
           coalesce(paused, 0) AS paused,
           coalesce(completed, 0) AS completed,
           coalesce(active_or_completed, 0) AS active_or_completed,
           coalesce(waiting, 0) AS waiting,
           coalesce(stale, 0) AS stale,
           coalesce(without_sponsor, 0) AS without_sponsor,
           coalesce(without_coach, 0) AS without_coach,
           coalesce(big_i, 0) AS big_i
      FROM known
      FULL JOIN counted USING (forum)
"""
).format(has_sponsor=HAS_SPONSOR, has_coach=HAS_COACH)
portfolio.question(
    "forums",
    FORUMS,
    asks=Forums,
    answers=ForumCounts,
    order=["forum"],
    doc="Every forum with what it looks after. The sums are those of the organisation.",
)
