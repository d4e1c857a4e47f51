"""How service users and carers take part in projects. People participation leads read it, and boards by month.

Little i: they are asked now and then. Big I: they are full members of the team. Each project's level is
kept with the days on which it changed, beside its state and place on those days: so a month of the past shows the
projects that were under way in a place then, at the level they had then. A paused project is under way. What is known
only to the month or year counts from its first day.
"""

from datetime import date

import msgspec
from psycopg import sql

from events.coaching import CoachReleased
from events.fields import Audience, DirectorateId, ForumId
from events.involvement import Involvement, InvolvementExperienced, InvolvementSet
from events.log.record import Record
from events.teams import PersonChangedRole, PersonJoined, PersonLeft
from events.vocabulary import Event
from projections.audience import shown_to_reader
from projections.engine.projection import Projection
from projections.moments import as_written, first_day_of
from projections.project_life import LIFE, ProjectLife, State, lived

STEPS_MAX = 300  # changes of state, level or place of one project; the latest are kept
EXPERTS_MAX = 60  # roles of service users and carers held at once in one team


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """From a day on, until the next step: how a project stood, where, and at which level."""

    since: date
    state: State
    level: Involvement | None
    directorate: str | None
    forum: str | None


class Expert(msgspec.Struct, frozen=True):
    """One role that a service user or carer holds in a team. Who they are is said by an opaque reference only."""

    person: str
    role: str


class Participation(ProjectLife, frozen=True, kw_only=True):
    """One project, and how people with experience of its services take part in it."""

    level: Involvement | None = None  # the latest level told
    level_since: str | None = None  # since when it has been so, as written
    experts: tuple[Expert, ...] = ()  # service users and carers who are in the team now
    steps: tuple[Step, ...] = ()
    experiences: int = 0  # times that somebody who takes part said how they found it
    ratings: int = 0  # of those, with a rating from 1 to 5
    rating_total: int = 0


involvement = Projection(
    "involvement",
    revision=4,
    row=Participation,
    doc=__doc__,
    streams=["project"],
    indexes=["(organisation, directorate)"],
)


def stood(row: Participation | None, event: Event, record: Record) -> Participation:
    """The state, place or name of a project may have changed."""
    return _stepped(lived(row or Participation(), event, record), record)


for _kind in LIFE:
    involvement.on(_kind)(stood)


@involvement.on(InvolvementSet)
def level_set(row: Participation | None, event: InvolvementSet, record: Record) -> Participation:
    row = row or Participation()
    if event.level == row.level:
        return row
    return _stepped(msgspec.structs.replace(row, level=event.level, level_since=as_written(record)), record)


@involvement.on(InvolvementExperienced)
def experienced(row: Participation | None, event: InvolvementExperienced, _: Record) -> Participation:
    row = row or Participation()
    return msgspec.structs.replace(
        row,
        experiences=row.experiences + 1,
        ratings=row.ratings + (event.rating is not None),
        rating_total=row.rating_total + (event.rating or 0),
    )


@involvement.on(PersonJoined)
def joined(row: Participation | None, event: PersonJoined, _: Record) -> Participation:
    """A service user or carer by their role, or by what they are: a service user may lead a project."""
    row = row or Participation()
    known = any(expert.person == event.person and expert.role == event.role for expert in row.experts)
    if known or not ({event.role, event.kind} & {"service_user", "carer"}):
        return row
    return msgspec.structs.replace(
        row, experts=(*row.experts, Expert(event.person, event.role))[:EXPERTS_MAX]
    )


@involvement.on(PersonLeft)
def left(row: Participation | None, event: PersonLeft, _: Record) -> Participation:
    row = row or Participation()
    staying = (e for e in row.experts if e.person != event.person or event.role not in (None, e.role))
    return msgspec.structs.replace(row, experts=tuple(staying))


@involvement.on(CoachReleased)
def coach_released(row: Participation | None, event: CoachReleased, _: Record) -> Participation:
    """A service user who coached it, and has no other role in its team, is in it no more."""
    row = row or Participation()
    staying = (e for e in row.experts if e != Expert(event.coach, "coach"))
    return msgspec.structs.replace(row, experts=tuple(staying))


@involvement.on(PersonChangedRole)
def changed_role(row: Participation | None, event: PersonChangedRole, _: Record) -> Participation:
    """Somebody known as a service user or carer remains one; anybody else becomes one by taking such a role."""
    row = row or Participation()
    was = Expert(event.person, event.was)
    if was not in row.experts and event.role not in ("service_user", "carer"):
        return row
    others = (e for e in row.experts if e not in (was, Expert(event.person, event.role)))
    return msgspec.structs.replace(row, experts=(*others, Expert(event.person, event.role))[:EXPERTS_MAX])


def _stepped(row: Participation, record: Record) -> Participation:
    """The row with a new step, if anything that is counted by month has changed. Changes on one day are one step."""
    step = Step(
        since=first_day_of(record),
        state=row.state,
        level=row.level,
        directorate=row.directorate,
        forum=row.forum,
    )
    steps = row.steps
    if steps and msgspec.structs.replace(step, since=steps[-1].since) == steps[-1]:
        return row
    if steps and steps[-1].since == step.since:
        steps = steps[:-1]
    return msgspec.structs.replace(row, steps=(*steps, step)[-STEPS_MAX:])


# Questions


class ByMonth(msgspec.Struct, frozen=True, kw_only=True):
    """From the month of the first day to that of the last (at most ten years); everywhere, or in one place."""

    since: date
    until: date
    directorate: DirectorateId | None = None
    forum: ForumId | None = None


class Month(msgspec.Struct, frozen=True, kw_only=True):
    """The projects under way at the end of a month (on the last day asked about, in its month), by level."""

    month: str
    projects: int
    big_i: int
    little_i: int
    none: int
    not_told: int
    big_i_share: float | None  # of the projects under way, from 0 to 1; empty if there were none


BY_MONTH = """
    WITH months AS (
        SELECT month, least((month + interval '1 month')::date - 1, %(until)s::date) AS last_day
          FROM generate_series(
                   greatest(date_trunc('month', %(since)s::date::timestamp),
                            date_trunc('month', %(until)s::date::timestamp) - interval '119 months'),
                   %(until)s::date::timestamp,
                   interval '1 month') AS month
    ),
    spans AS (
        SELECT step ->> 'level' AS level, step ->> 'state' AS state,
               step ->> 'directorate' AS directorate, step ->> 'forum' AS forum,
               (step ->> 'since')::date AS since,
               lead((step ->> 'since')::date) OVER (PARTITION BY key ORDER BY nth) AS until
          FROM involvement
         CROSS JOIN jsonb_array_elements(steps) WITH ORDINALITY AS told (step, nth)
         WHERE organisation = %(organisation)s
    ),
    stood AS (
        SELECT month, level
          FROM months
          JOIN spans ON since <= last_day AND (until IS NULL OR until > last_day)
         WHERE state IN ('active', 'paused')
           AND (%(directorate)s::text IS NULL OR directorate = %(directorate)s)
           AND (%(forum)s::text IS NULL OR forum = %(forum)s)
    )
    SELECT to_char(month, 'YYYY-MM') AS month,
           count(stood) AS projects,
           count(*) FILTER (WHERE level = 'big_i') AS big_i,
           count(*) FILTER (WHERE level = 'little_i') AS little_i,
           count(*) FILTER (WHERE level = 'none') AS none,
           count(stood) - count(level) AS not_told,
           count(*) FILTER (WHERE level = 'big_i')::float8 / nullif(count(stood), 0) AS big_i_share
      FROM months
      LEFT JOIN stood USING (month)
     GROUP BY month
"""
involvement.question(
    "by_month",
    BY_MONTH,
    asks=ByMonth,
    answers=Month,
    order=("month",),
    doc="The share of projects with Big I, month by month: the chart of a directorate on its way to full involvement.",
)


class OnADay(msgspec.Struct, frozen=True, kw_only=True):
    """On which day, and where; `without_big_i` leaves out the projects that are where they should be."""

    on: date
    directorate: DirectorateId | None = None
    forum: ForumId | None = None
    without_big_i: bool = False
    reader: Audience = "organisation"


class ProjectLevel(msgspec.Struct, frozen=True, kw_only=True):
    """A project that was under way on a day."""

    project: str
    title: str | None
    directorate: str | None
    forum: str | None
    state: State
    level: Involvement | None
    since: date  # since when it stood so
    experts: int  # roles that service users and carers hold in its team, as far as is known today


ON_A_DAY = sql.SQL(
    """
    SELECT split_part(key, '/', 2) AS project, title, jsonb_array_length(experts) AS experts,
           step ->> 'directorate' AS directorate,
           step ->> 'forum' AS forum,
           step ->> 'state' AS state,
           step ->> 'level' AS level,
           (step ->> 'since')::date AS since
      FROM involvement
     CROSS JOIN LATERAL (
           SELECT step
             FROM jsonb_array_elements(steps) WITH ORDINALITY AS told (step, nth)
            WHERE (step ->> 'since')::date <= %(on)s::date
            ORDER BY nth DESC
            LIMIT 1) AS latest
     WHERE organisation = %(organisation)s
       AND step ->> 'state' IN ('active', 'paused')
       AND (%(directorate)s::text IS NULL OR step ->> 'directorate' = %(directorate)s)
       AND (%(forum)s::text IS NULL OR step ->> 'forum' = %(forum)s)
       AND (NOT %(without_big_i)s::boolean OR step ->> 'level' IS DISTINCT FROM 'big_i')
       AND {seen}
"""
).format(seen=shown_to_reader("audience"))
involvement.question(
    "on_a_day",
    ON_A_DAY,
    asks=OnADay,
    answers=ProjectLevel,
    order=("project",),
    doc="The projects under way on a day, each at the level of involvement that it had then.",
)


class Everywhere(msgspec.Struct, frozen=True, kw_only=True):
    """Fewer answers than `answers_at_least` say too much of those who gave them."""

    answers_at_least: int = 5  # below it no mean is shown


class Experienced(msgspec.Struct, frozen=True, kw_only=True):
    """What those who take part said, in the projects that a directorate has now. Empty: projects of none."""

    directorate: str
    projects: int  # in which anybody said anything
    experiences: int
    ratings: int
    mean_rating: float | None  # from 1, poor, to 5, excellent; empty where too few people answered


EXPERIENCED = """
    SELECT coalesce(directorate, '') AS directorate,
           count(*) AS projects,
           sum(experiences)::bigint AS experiences,
           sum(ratings)::bigint AS ratings,
           CASE WHEN sum(ratings) >= greatest(%(answers_at_least)s::bigint, 1)
                THEN sum(rating_total)::float8 / sum(ratings)
           END AS mean_rating
      FROM involvement
     WHERE organisation = %(organisation)s AND experiences > 0
     GROUP BY 1
"""
involvement.question(
    "experienced",
    EXPERIENCED,
    asks=Everywhere,
    answers=Experienced,
    order=("directorate",),
    doc="How those who take part found it, by directorate.",
)
