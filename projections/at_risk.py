"""Projects that need somebody's attention, and why. Improvement advisors, sponsors and the agenda of a forum read it.

Reasons are found by the question, as of a day that it is told, with thresholds that it is told (the defaults are
ELFT's and those in use elsewhere). What is known only to the month is taken to have been on its last day, so that
nobody is troubled for what may be younger. Only projects that are active are at risk; those that are paused are named
for being paused too long.

| reason | means |
| --- | --- |
| `silent` | nothing was told of it for `silent_days` |
| `score_old` | nobody scored it for `score_days`, or ever |
| `stuck` | it has had the same score, at most `stuck_score`, for `stuck_days` |
| `no_data` | a measure that is still collected has had no data for one and a half of its intervals, or `data_days` |
| `sponsor_silent` | its sponsor was not told how it stands for `sponsor_days` |
| `no_sponsor`, `no_coach`, `no_lead` | nobody holds the role, `role_days` after it began |
| `coach_overloaded` | its coach coaches more than `coach_projects` projects that are under way |
| `review_overdue` | the day on which a forum wanted to see it again is over |
| `barrier_overdue` | the day by which a barrier was to be cleared is over |
| `aim_overdue` | the day by which its aim was to be met is over |
| `paused_long` | it has been paused for `paused_days` |

A score is the forum's, or else the improvement advisor's, the coach's, the team's own, unless it is over half a year
older than the latest; how long a project has had it is reckoned of the same assessor on the same scale.

Where a measure says how often it is collected, `no_data` reckons with that, from the end of the period that its latest
data are of; `data_days` is for those that do not say, and what is collected irregularly is never overdue.

It is about work, never about people: coaches are counted, and not named.
"""

from datetime import date
from typing import Any, TypeAlias

import msgspec
from psycopg import sql

from events.aims import AimRevised, AimSet
from events.barriers import BarrierEscalated, BarrierRaised, BarrierResolved
from events.fields import Audience
from events.log.record import Record
from events.measures import MeasureDefined, MeasurementRecorded, MeasureRetired, MeasureRevised
from events.reviews import ProjectReviewed
from events.vocabulary import Event
from projections.audience import shown_to_reader
from projections.endings import Endings, has_ended, with_ending
from projections.engine.projection import Projection
from projections.measures_in_hand import DAYS_OF_INTERVAL, Measures, measures_after
from projections.moments import last_day
from projections.project_life import State
from projections.project_team import HAS_COACH, HAS_LEAD, HAS_SPONSOR
from projections.project_work import TOLD_OF_PROJECTS, HeldProject, held

BARRIERS_MAX = 100  # open at once

Reasons: TypeAlias = tuple[str, ...]


class OpenBarrier(msgspec.Struct, frozen=True):
    """Something that stands in a team's way."""

    barrier: str
    due: date | None  # the last day by which it was to be cleared


class Watched(HeldProject, frozen=True, kw_only=True):
    """A project, and the days that matter to whoever watches over it."""

    measures: Measures = ()  # those that are still collected
    review_due: date | None = None
    aim_due: date | None = None
    barriers: tuple[OpenBarrier, ...] = ()
    over: Endings = ()  # of barriers and measures, where it is known only to the day, month or year


NEW = Watched()

at_risk = Projection(
    "at_risk",
    revision=5,
    row=Watched,
    doc=__doc__,
    streams=["project"],
    indexes=["(organisation, state)"],
)


def told(row: Watched | None, event: Event, record: Record, **more: Any) -> Watched:
    """Whatever is told of a project."""
    return held(row or NEW, event, record, **more)


@at_risk.on(ProjectReviewed)
def reviewed(row: Watched | None, event: ProjectReviewed, record: Record) -> Watched:
    return told(row, event, record, review_due=_due(event.next_review))


@at_risk.on(AimSet)
@at_risk.on(AimRevised)
def aimed(row: Watched | None, event: AimSet, record: Record) -> Watched:
    return told(row, event, record, aim_due=_due(event.by))


@at_risk.on(MeasureDefined)
@at_risk.on(MeasureRevised)
@at_risk.on(MeasurementRecorded)
def measured(row: Watched | None, event: MeasureDefined | MeasurementRecorded, record: Record) -> Watched:
    row = row or NEW
    return told(row, event, record, measures=measures_after(row.measures, event, record, row.over))


@at_risk.on(MeasureRetired)
def retired(row: Watched | None, event: MeasureRetired, record: Record) -> Watched:
    row = row or NEW
    measures = measures_after(row.measures, event, record, row.over)
    over = with_ending(row.over, f"measure/{event.measure}", record)
    return told(row, event, record, measures=measures, over=over)


@at_risk.on(BarrierRaised)
@at_risk.on(BarrierEscalated)
def barrier_open(row: Watched | None, event: BarrierRaised | BarrierEscalated, record: Record) -> Watched:
    """Escalated, a barrier may be given another day."""
    row = row or NEW
    if has_ended(row.over, f"barrier/{event.barrier}", record):
        return told(row, event, record)
    known = next((one for one in row.barriers if one.barrier == event.barrier), None)
    due = _due(event.due) or (known.due if known is not None else None)
    others = tuple(one for one in row.barriers if one is not known)
    barriers = (*others, OpenBarrier(event.barrier, due))[-BARRIERS_MAX:]
    return told(row, event, record, barriers=barriers)


@at_risk.on(BarrierResolved)
def barrier_gone(row: Watched | None, event: BarrierResolved, record: Record) -> Watched:
    row = row or NEW
    barriers = tuple(b for b in row.barriers if b.barrier != event.barrier)
    over = with_ending(row.over, f"barrier/{event.barrier}", record)
    return told(row, event, record, barriers=barriers, over=over)


for _kind in TOLD_OF_PROJECTS:
    if _kind not in at_risk.folds:
        at_risk.on(_kind)(told)


def _due(written: str | None) -> date | None:
    return None if written is None else last_day(written)


class AtRisk(msgspec.Struct, frozen=True, kw_only=True):
    on: date  # the day to judge on
    forum: str | None = None
    directorate: str | None = None
    reason: str | None = None  # only those at risk for this reason
    silent_days: int = 60
    score_days: int = 60
    stuck_days: int = 90
    stuck_score: float = 2.5
    data_days: int = 60
    sponsor_days: int = 60
    role_days: int = 14
    coach_projects: int = 4
    paused_days: int = 180
    reader: Audience = "forum"


class ProjectAtRisk(msgspec.Struct, frozen=True, kw_only=True):
    """A project that needs attention, for all its reasons."""

    project: str
    title: str | None
    forum: str | None
    directorate: str | None
    state: State
    state_since: str | None
    reasons: Reasons
    silent_for_days: int | None  # surely
    last_sign_of_life: str | None
    score: float | None
    score_since: str | None
    scored: str | None
    last_data: str | None
    sponsor_updated: str | None
    next_review: str | None


AT_RISK = sql.SQL(
    """
    WITH overloaded AS (
        SELECT member.person AS coach
          FROM at_risk
         CROSS JOIN LATERAL jsonb_to_recordset(team) AS member (person text, role text)
         WHERE organisation = %(organisation)s AND state IN ('active', 'paused') AND member.role = 'coach'
         GROUP BY member.person
        HAVING count(*) > %(coach_projects)s::bigint
    ),
    judged AS (
        SELECT split_part(key, '/', 2) AS project, title, forum, directorate, audience, state, state_since,
               %(on)s::date - alive_until AS silent_for_days, last_sign_of_life,
               score, score_since, scored, last_data, sponsor_updated, next_review,
               array_remove(ARRAY[
                   CASE WHEN state = 'paused' AND %(on)s::date - state_held_from > %(paused_days)s::bigint
                        THEN 'paused_long' END,
                   CASE WHEN state = 'active' AND %(on)s::date - alive_until > %(silent_days)s::bigint
                        THEN 'silent' END,
                   CASE WHEN state = 'active'
                         AND %(on)s::date - coalesce(scored_until, state_held_from) > %(score_days)s::bigint
                        THEN 'score_old' END,
                   CASE WHEN state = 'active' AND score <= %(stuck_score)s::double precision
                         AND %(on)s::date - score_held_from >= %(stuck_days)s::bigint
                        THEN 'stuck' END,
                   CASE WHEN state = 'active' AND EXISTS (
                             SELECT FROM jsonb_to_recordset(measures)
                                      AS one (interval text, defined date, data_until date)
                              WHERE %(on)s::date - coalesce(one.data_until, greatest(one.defined, state_held_from))
                                    > CASE WHEN one.interval IS NULL THEN %(data_days)s::bigint
                                           ELSE 1.5 * CASE one.interval {days} END END)
                        THEN 'no_data' END,
                   CASE WHEN state = 'active' AND {has_sponsor}
                         AND %(on)s::date - coalesce(sponsor_told_until, state_held_from) > %(sponsor_days)s::bigint
                        THEN 'sponsor_silent' END,
                   CASE WHEN state = 'active' AND NOT {has_sponsor}
                         AND %(on)s::date - state_held_from > %(role_days)s::bigint
                        THEN 'no_sponsor' END,
                   CASE WHEN state = 'active' AND NOT {has_coach}
                         AND %(on)s::date - state_held_from > %(role_days)s::bigint
                        THEN 'no_coach' END,
                   CASE WHEN state = 'active'
                         AND NOT {has_lead}
                         AND %(on)s::date - state_held_from > %(role_days)s::bigint
                        THEN 'no_lead' END,
                   CASE WHEN state = 'active' AND EXISTS (
                             SELECT FROM overloaded
                              WHERE team @> jsonb_build_array(jsonb_build_object('person', coach, 'role', 'coach')))
                        THEN 'coach_overloaded' END,
                   CASE WHEN state = 'active' AND review_due < %(on)s::date THEN 'review_overdue' END,
                   CASE WHEN state = 'active' AND EXISTS (
                             SELECT FROM jsonb_to_recordset(barriers) AS barrier (due date)
                              WHERE barrier.due < %(on)s::date)
                        THEN 'barrier_overdue' END,
                   CASE WHEN state = 'active' AND aim_due < %(on)s::date THEN 'aim_overdue' END
               ], NULL) AS reasons
          FROM at_risk
         WHERE organisation = %(organisation)s AND state IN ('active', 'paused')
    )
    SELECT project, title, forum, directorate, state, state_since, to_jsonb(reasons) AS reasons, silent_for_days,
           last_sign_of_life, score, score_since, scored, last_data, sponsor_updated, next_review
      FROM judged
     WHERE cardinality(reasons) > 0
       AND (%(reason)s::text IS NULL OR %(reason)s = ANY (reasons))
       AND (%(forum)s::text IS NULL OR forum = %(forum)s)
       AND (%(directorate)s::text IS NULL OR directorate = %(directorate)s)
       AND {seen}
"""
).format(
    seen=shown_to_reader("audience"),
    has_lead=HAS_LEAD,
    has_sponsor=HAS_SPONSOR,
    has_coach=HAS_COACH,
    days=DAYS_OF_INTERVAL,
)
at_risk.question(
    "needing_attention",
    AT_RISK,
    asks=AtRisk,
    answers=ProjectAtRisk,
    order=["-silent_for_days", "project"],
    doc="Projects that need attention on a day, with every reason; those silent for longest first.",
)
