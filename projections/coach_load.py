"""Who coaches and sponsors how much. Improvement advisors and service directors read it, to share the work out fairly.

A load is projects that somebody coaches or sponsors now and that are under way (active or paused), those that wait to
begin, and coaching sessions held. It says nothing of how well anybody works, and is ordered by reference and not by
number: it is no league table. Coaches who were accredited and have stepped down since are said to have done so.
"""

from datetime import date
from typing import Literal, TypeAlias

import msgspec

from events.coaching import (
    CoachAccredited,
    CoachAllocated,
    CoachingSessionHeld,
    CoachSteppedDown,
    SponsorUpdated,
)
from events.fields import PersonKind
from events.log.record import Record
from events.vocabulary import Event
from projections.endings import has_ended, with_ending
from projections.engine.projection import Projection
from projections.moments import as_written, last_day_so_far
from projections.project_life import LIFE, lived
from projections.project_team import TEAM, WithTeam, team_after

COACHES_MAX = 100  # who ever coached one project, and their sessions; the latest are kept

LoadRole: TypeAlias = Literal["coach", "sponsor"]


class Coaching(msgspec.Struct, frozen=True, kw_only=True):
    """What one coach did for one project."""

    coach: str
    hours_per_month: float | None = None  # the time that was kept free for it
    sessions: int = 0
    hours: float = 0  # of sessions of which the length was told
    last_session: str | None = None  # as written
    last_session_until: date | None = None  # the last day on which that may have been


class Supported(WithTeam, frozen=True, kw_only=True):
    """A project with its coaches and sponsors; or a person who may coach."""

    kind: Literal["project", "person"] = "project"
    coaching: tuple[Coaching, ...] = ()
    sponsor_updates: int = 0  # times that the sponsor was told how it stands
    accredited: str | None = None  # of a person: since when they may coach, as written
    stepped_down: str | None = None  # of a person: since when they no longer coach, as written
    person_kind: PersonKind | None = None
    hours_free: float | None = None  # of a person: hours a month kept free for coaching


NEW = Supported()

coach_load = Projection(
    "coach_load",
    revision=5,
    row=Supported,
    doc=__doc__,
    streams=["project", "person"],
    indexes=["(organisation, kind)"],
)


def told(row: Supported | None, event: Event, record: Record) -> Supported | None:
    """A project's state, place or team may have changed. Who may see a person's stream is nothing to count."""
    if not record.stream.startswith("project/"):
        return row
    row = row or NEW
    return lived(row, event, record, **team_after(row, event, record))


@coach_load.on(CoachAllocated)
def allocated(row: Supported | None, event: CoachAllocated, record: Record) -> Supported:
    row = told(row, event, record) or NEW
    return _coached(row, _of(row, event.coach), hours_per_month=event.hours_per_month)


@coach_load.on(CoachingSessionHeld)
def session_held(row: Supported | None, event: CoachingSessionHeld, record: Record) -> Supported:
    row = row or NEW
    known = _of(row, event.coach)
    return _coached(
        row,
        known,
        sessions=known.sessions + 1,
        hours=known.hours + (event.hours or 0),
        last_session=as_written(record),
        last_session_until=last_day_so_far(known.last_session_until, record),
    )


@coach_load.on(SponsorUpdated)
def sponsor_updated(row: Supported | None, event: SponsorUpdated, record: Record) -> Supported:
    row = row or NEW
    return msgspec.structs.replace(row, sponsor_updates=row.sponsor_updates + 1)


@coach_load.on(CoachAccredited)
def accredited(row: Supported | None, event: CoachAccredited, record: Record) -> Supported:
    row = row or Supported(kind="person")
    return msgspec.structs.replace(
        row,
        accredited=row.accredited or as_written(record),
        stepped_down=row.stepped_down if has_ended(row.gone, "coach", record) else None,
        person_kind=event.kind or row.person_kind,
        hours_free=event.hours_per_month,
    )


@coach_load.on(CoachSteppedDown)
def stepped_down(row: Supported | None, event: CoachSteppedDown, record: Record) -> Supported:
    row = row or Supported(kind="person")
    gone = with_ending(row.gone, "coach", record)
    return msgspec.structs.replace(row, stepped_down=as_written(record), gone=gone)


for _kind in (*LIFE, *TEAM):
    if _kind not in coach_load.folds:
        coach_load.on(_kind)(told)


def _of(row: Supported, coach: str) -> Coaching:
    for one in row.coaching:
        if one.coach == coach:
            return one
    return Coaching(coach=coach)


def _coached(row: Supported, known: Coaching, **changes: object) -> Supported:
    """The coach told of last stands last."""
    others = [one for one in row.coaching if one.coach != known.coach]
    new = msgspec.structs.replace(known, **changes)
    return msgspec.structs.replace(row, coaching=(*others, new)[-COACHES_MAX:])


class Load(msgspec.Struct, frozen=True, kw_only=True):
    role: LoadRole = "coach"
    directorate: str | None = None  # projects of this directorate only
    person: str | None = None  # one person's own load


class PersonLoad(msgspec.Struct, frozen=True, kw_only=True):
    """What one person coaches or sponsors. Counts of sessions are of coaches only."""

    person: str  # an opaque reference
    kind: PersonKind | None
    accredited: str | None
    stepped_down: str | None
    under_way: int  # projects active or paused in which they hold the role now
    active: int
    waiting: int  # projects proposed, submitted, deferred or approved in which they hold it
    directorates: tuple[str, ...]  # of the projects under way or waiting
    hours_per_month: float  # kept free for projects under way, as far as it was told
    hours_free: float | None  # kept free for coaching altogether
    sessions: int  # held for any project, past ones among them
    last_session_until: date | None  # the last day on which the latest may have been


LOAD = """
    WITH supported AS (
        SELECT key, state, directorate, team, coaching
          FROM coach_load
         WHERE organisation = %(organisation)s AND kind = 'project'
           AND (%(directorate)s::text IS NULL OR directorate = %(directorate)s)
    ),
    held AS (
        SELECT DISTINCT member.person, key, state, directorate
          FROM supported
         CROSS JOIN LATERAL jsonb_to_recordset(team) AS member (person text, role text)
         WHERE member.role = %(role)s
           AND state IN ('active', 'paused', 'proposed', 'submitted', 'deferred', 'approved')
    ),
    coached AS (
        SELECT done.coach AS person,
               sum(done.sessions)::bigint AS sessions,
               max(done.last_session_until) AS last_session_until,
               coalesce(sum(done.hours_per_month) FILTER (
                   WHERE state IN ('active', 'paused')
                     AND team @> jsonb_build_array(jsonb_build_object('person', done.coach, 'role', 'coach'))), 0)
                   AS hours_per_month
          FROM supported
         CROSS JOIN LATERAL jsonb_to_recordset(coaching) AS done (
               coach text, sessions bigint, last_session_until date, hours_per_month double precision)
         WHERE %(role)s = 'coach'
         GROUP BY done.coach
    ),
    counted AS (
        SELECT person,
               count(*) FILTER (WHERE state IN ('active', 'paused')) AS under_way,
               count(*) FILTER (WHERE state = 'active') AS active,
               count(*) FILTER (WHERE state IN ('proposed', 'submitted', 'deferred', 'approved')) AS waiting,
               jsonb_agg(DISTINCT directorate) FILTER (WHERE directorate IS NOT NULL) AS directorates
          FROM held
         GROUP BY person
    ),
    people AS (
        SELECT key AS person, person_kind AS kind, accredited, stepped_down, hours_free
          FROM coach_load
         WHERE organisation = %(organisation)s AND kind = 'person'
    )
    SELECT person, people.kind, people.accredited, people.stepped_down,
           coalesce(under_way, 0) AS under_way, coalesce(active, 0) AS active, coalesce(waiting, 0) AS waiting,
           coalesce(directorates, '[]') AS directorates,
           coalesce(hours_per_month, 0) AS hours_per_month, people.hours_free,
           coalesce(sessions, 0) AS sessions, last_session_until
      FROM counted
      FULL JOIN coached USING (person)
      FULL JOIN people USING (person)
     WHERE (%(person)s::text IS NULL OR person = %(person)s)
       AND (counted.person IS NOT NULL
            OR coached.person IS NOT NULL
            OR (%(role)s = 'coach' AND %(directorate)s::text IS NULL))
"""
coach_load.question(
    "load",
    LOAD,
    asks=Load,
    answers=PersonLoad,
    order=["person"],
    doc="What each coach, or each sponsor, looks after now; accredited coaches without a project are there too.",
    of_persons=True,
)
