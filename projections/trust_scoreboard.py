"""The organisation's improvement work in a few counters. The chief quality officer and the board read it.

They are the counters that trusts publish, each with the one meaning it has here:

- **active or completed**: projects active, paused or completed: begun, and neither cancelled nor merged into another.
- **showing improvement**: active or completed ones whose latest score is 3.0 or more, on the scale that is named with
  it: the forum's, or else the improvement advisor's, the coach's, the team's own, unless it is over half a year older
  than the latest. It is a judgement; signals of charts are not looked at.
- **aim met, partly met, not met**: completed projects by what was said of their aim; the rest said nothing.
- **Big I**: of the projects under way (active or paused), those with service users or carers as full team members.
- **stuck**: of the active projects whose score is `stuck_score` (2.5), those that have surely had it for `stuck_days`.
- **coaches trained**: people accredited as coaches, ever; **coaching**: those of them who coach a project under way.
  Coaches who stepped down are counted by themselves, too.
- **people trained**: different people who completed any training programme, and **completions**, one for each cohort.
  Where a cohort tells only how many completed it, completions count those as well, and people do not.

Counters are as they stand; for a day of the past, they are asked as at that day, and of a fold of what had happened by
then. Published figures are claims to compare with (`count.published`) and are added to nothing.
"""

from datetime import date
from typing import Literal

import msgspec

from events.coaching import CoachAccredited, CoachSteppedDown
from events.fields import PersonKind
from events.involvement import InvolvementSet
from events.log.record import Record
from events.projects import Outcome
from events.scores import ProgressScored
from events.training import CohortCompleted, TrainingCompleted
from events.vocabulary import Event
from projections.endings import has_ended, with_ending
from projections.engine.projection import Projection
from projections.project_life import LIFE, outcome_after
from projections.project_team import TEAM
from projections.project_work import TOLD_OF_PROJECTS, FollowedProject, followed


class Counted(FollowedProject, frozen=True, kw_only=True):
    """A project; a person who may coach; a cohort; or a person who completed a cohort."""

    what: Literal["project", "coach", "cohort", "trained"] = "project"
    outcome: Outcome | None = None  # of a project that is completed
    stepped_down: bool = False  # of a coach
    person: str | None = None  # of a person who completed a cohort
    person_kind: PersonKind | None = None
    course: str | None = None
    completed: int = 0  # of a cohort: how many are said to have completed it


scoreboard = Projection(
    "trust_scoreboard",
    revision=7,
    row=Counted,
    doc=__doc__,
    streams=["project", "person", "cohort"],
    indexes=["(organisation, what)"],
)


COUNTED = frozenset((*LIFE, *TEAM, ProgressScored, InvolvementSet))
"""The types of events that change what is counted of a project that was heard of."""


def the_one(event: Event) -> str:
    """A project, a coach or a cohort is one row."""
    return "itself"


def told(row: Counted | None, event: Event, record: Record) -> Counted | None:
    """Whatever is told of a project: it is counted once it is heard of, as in the portfolios of forums."""
    if not record.stream.startswith("project/"):
        return row
    if row is not None and type(event) not in COUNTED:
        return row
    row = followed(row or Counted(), event, record)
    outcome = outcome_after(row.outcome, row.state, event)
    return row if outcome == row.outcome else msgspec.structs.replace(row, outcome=outcome)


for _kind in TOLD_OF_PROJECTS:
    scoreboard.on(_kind, part=the_one)(told)


@scoreboard.on(CoachAccredited, part=the_one)
@scoreboard.on(CoachSteppedDown, part=the_one)
def coach(row: Counted | None, event: CoachAccredited | CoachSteppedDown, record: Record) -> Counted | None:
    """Stepping down says of somebody that they were a coach, even if nobody told how they became one."""
    row = row or Counted(what="coach")
    if isinstance(event, CoachSteppedDown):
        return msgspec.structs.replace(row, stepped_down=True, gone=with_ending(row.gone, "coach", record))
    return msgspec.structs.replace(row, stepped_down=has_ended(row.gone, "coach", record))


@scoreboard.on(CohortCompleted, part=the_one)
def cohort_completed(row: Counted | None, event: CohortCompleted, record: Record) -> Counted:
    row = row or Counted(what="cohort")
    completed = row.completed if event.completed is None else event.completed
    return msgspec.structs.replace(row, course=event.course, completed=completed)


@scoreboard.on(TrainingCompleted, part=lambda event: event.person)
def trained(row: Counted | None, event: TrainingCompleted, record: Record) -> Counted:
    """A person completes a cohort once."""
    row = row or Counted(what="trained", person=event.person)
    return msgspec.structs.replace(row, course=event.course, person_kind=event.kind or row.person_kind)


class Score(msgspec.Struct, frozen=True, kw_only=True):
    on: date  # the day to say of who is stuck
    directorate: str | None = None  # projects of one directorate; people are counted only without one
    stuck_score: float = 2.5
    stuck_days: int = 90
    improving_score: float = 3.0


class Counters(msgspec.Struct, frozen=True, kw_only=True):
    """The counters, as `trust_scoreboard` defines them; shares are from 0 to 1, and empty where there is nothing."""

    organisation: str
    projects: int  # every project heard of
    waiting: int  # proposed, submitted, deferred or approved
    active: int
    paused: int
    completed: int
    cancelled: int  # or declined
    merged: int
    active_or_completed: int
    showing_improvement: int
    aim_met: int
    aim_partly_met: int
    aim_not_met: int
    big_i: int
    big_i_share: float | None  # of projects under way
    at_stuck_score: int
    stuck: int
    stuck_share: float | None  # of active projects at that score
    coaches_trained: int | None
    coaches_stepped_down: int | None
    coaches_coaching: int | None
    coaching_share: float | None  # of coaches trained
    people_trained: int | None
    completions: int | None


COUNTERS = """
    WITH projects AS (
        SELECT count(*) AS projects,
               count(*) FILTER (WHERE state IN ('proposed', 'submitted', 'deferred', 'approved')) AS waiting,
               count(*) FILTER (WHERE state = 'active') AS active,
               count(*) FILTER (WHERE state = 'paused') AS paused,
               count(*) FILTER (WHERE state = 'completed') AS completed,
               count(*) FILTER (WHERE state IN ('cancelled', 'declined')) AS cancelled,
               count(*) FILTER (WHERE state = 'merged') AS merged,
               count(*) FILTER (WHERE state IN ('active', 'paused', 'completed')) AS active_or_completed,
               count(*) FILTER (WHERE state IN ('active', 'paused', 'completed')
                                AND score >= %(improving_score)s::double precision) AS showing_improvement,
               count(*) FILTER (WHERE outcome = 'met') AS aim_met,
               count(*) FILTER (WHERE outcome = 'partly_met') AS aim_partly_met,
               count(*) FILTER (WHERE outcome = 'not_met') AS aim_not_met,
               count(*) FILTER (WHERE state IN ('active', 'paused') AND involvement = 'big_i') AS big_i,
               count(*) FILTER (WHERE state = 'active'
                                AND score = %(stuck_score)s::double precision) AS at_stuck_score,
               count(*) FILTER (WHERE state = 'active' AND score = %(stuck_score)s::double precision
                                AND %(on)s::date - score_held_from >= %(stuck_days)s::bigint) AS stuck
          FROM trust_scoreboard
         WHERE organisation = %(organisation)s AND what = 'project'
           AND (%(directorate)s::text IS NULL OR directorate = %(directorate)s)
    ),
    coaching AS (
        SELECT DISTINCT member.person
          FROM trust_scoreboard
         CROSS JOIN LATERAL jsonb_to_recordset(team) AS member (person text, role text)
         WHERE organisation = %(organisation)s AND what = 'project' AND state IN ('active', 'paused')
           AND member.role = 'coach'
    ),
    coaches AS (
        SELECT count(*) AS trained,
               count(*) FILTER (WHERE stepped_down) AS stepped_down,
               count(coaching.person) AS coaching
          FROM trust_scoreboard
          LEFT JOIN coaching ON coaching.person = key
         WHERE organisation = %(organisation)s AND what = 'coach'
    ),
    cohorts AS (
        SELECT count(*) FILTER (WHERE what = 'trained') AS known, coalesce(max(completed), 0) AS said
          FROM trust_scoreboard
         WHERE organisation = %(organisation)s AND what IN ('trained', 'cohort')
         GROUP BY key
    ),
    people AS (
        SELECT count(DISTINCT person) AS trained
          FROM trust_scoreboard
         WHERE organisation = %(organisation)s AND what = 'trained'
    )
    SELECT %(organisation)s::text AS organisation,
           projects, waiting, active, paused, completed, cancelled, merged, active_or_completed,
           showing_improvement, aim_met, aim_partly_met, aim_not_met,
           big_i, big_i::double precision / nullif(active + paused, 0) AS big_i_share,
           at_stuck_score, stuck, stuck::double precision / nullif(at_stuck_score, 0) AS stuck_share,
           CASE WHEN %(directorate)s IS NULL THEN coaches.trained END AS coaches_trained,
           CASE WHEN %(directorate)s IS NULL THEN coaches.stepped_down END AS coaches_stepped_down,
           CASE WHEN %(directorate)s IS NULL THEN coaches.coaching END AS coaches_coaching,
           CASE WHEN %(directorate)s IS NULL
                THEN coaches.coaching::double precision / nullif(coaches.trained, 0) END AS coaching_share,
           CASE WHEN %(directorate)s IS NULL THEN people.trained END AS people_trained,
           CASE WHEN %(directorate)s IS NULL
                THEN (SELECT coalesce(sum(greatest(known, said)), 0) FROM cohorts) END AS completions
      FROM projects
     CROSS JOIN coaches
     CROSS JOIN people
"""
scoreboard.question(
    "counters",
    COUNTERS,
    asks=Score,
    answers=Counters,
    order=["organisation"],
    doc="The counters of the organisation, or of the projects of one directorate, in one line.",
)
