"""What a QI Forum should talk about at its next meeting. The chair gets it some days before, and the advisor with them.

Six lists, each of projects that the forum looks after, as of the day of the meeting:

- **to approve**: put to the forum and not decided.
- **to review**: the forum wanted to see them by now.
- **stuck**: active, at the same progress score of 2.5 or less for at least three months; East London NHS Foundation
  Trust found that almost a third of projects at 2.5 do not get further in that time.
- **paused**: waiting to be taken up again.
- **missing**: active without a sponsor, a coach, or a service user or carer in the team.
- **to celebrate**: since the last meeting completed, scored 4.0 or more for the first time, honoured, taken up
  elsewhere, or found to have held its gains.

A project may be on several lists. What is known only to the month is taken to have been on its last day where waiting
is reckoned, so that nobody is called stuck too soon. Of several who score a project, the score is the forum's, or else
the improvement advisor's, the coach's, the team's own; one over half a year older than the latest stands back.
"""

from datetime import date
from typing import Literal, TypeAlias

import msgspec
from psycopg import sql

from events.fields import Audience, ForumId
from events.learning import AwardReceived, CelebrationRecorded
from events.log.record import Record
from events.projects import ProjectCompleted, ProjectSubmitted
from events.scores import ProgressScored
from events.spread import SpreadAdopted
from events.sustaining import SustainCheckRecorded
from events.vocabulary import Event
from projections.audience import shown_to_reader
from projections.engine.projection import Projection
from projections.moments import as_written, first_day_of
from projections.project_team import HAS_COACH, HAS_SPONSOR
from projections.project_work import TOLD_OF_PROJECTS, FollowedProject, followed

GLAD_MAX = 20  # occasions of one project; the latest are kept
GLAD_SCORE = 4.0  # "significant improvement" on the scales in use
WORDS_MAX = 300

Occasion: TypeAlias = Literal[
    "completed", "scored", "celebrated", "honoured", "taken_up_elsewhere", "gains_held"
]


class Glad(msgspec.Struct, frozen=True, kw_only=True):
    """Something to be glad of."""

    occasion: Occasion
    on: date  # the first day on which it may have been
    told: str  # when it was, as written
    words: str


class PackLine(FollowedProject, frozen=True, kw_only=True):
    """A project, with what a forum's agenda needs beside how it stands."""

    submitted: str | None = None  # when it was last put to a forum, as written
    submitted_to: str | None = None  # which forum that was
    highest: float = 0.0  # the highest progress score so far
    glad: tuple[Glad, ...] = ()


pack = Projection(
    "agenda_pack",
    revision=5,
    row=PackLine,
    doc=__doc__,
    streams=["project"],
    indexes=["(organisation, forum)", "(organisation, submitted_to) WHERE state = 'submitted'"],
)


def told(line: PackLine | None, event: Event, record: Record) -> PackLine:
    """Whatever is told of a project."""
    return followed(line or PackLine(), event, record)


@pack.on(ProjectSubmitted)
def submitted(line: PackLine | None, event: ProjectSubmitted, record: Record) -> PackLine:
    """It is on the agenda of the forum that it is put to, whichever looks after it."""
    line = told(line, event, record)
    return msgspec.structs.replace(line, submitted=as_written(record), submitted_to=event.forum)


@pack.on(ProjectCompleted)
def completed(line: PackLine | None, event: ProjectCompleted, record: Record) -> PackLine:
    """Whether or not its aim was met: what it learned counts either way."""
    aim = {"met": "its aim met", "partly_met": "its aim partly met", "not_met": "its aim not met", None: ""}
    words = ", ".join(filter(None, ("Completed", aim[event.outcome])))
    return _glad(told(line, event, record), "completed", words, record)


@pack.on(ProgressScored)
def scored(line: PackLine | None, event: ProgressScored, record: Record) -> PackLine:
    """The first score of 4.0 or more is an occasion; falling back and rising again is not another."""
    line = told(line, event, record)
    first = line.highest < GLAD_SCORE <= event.score
    line = msgspec.structs.replace(line, highest=max(line.highest, event.score))
    return _glad(line, "scored", f"Scored {event.score:g} for the first time", record) if first else line


@pack.on(CelebrationRecorded)
def celebrated(line: PackLine | None, event: CelebrationRecorded, record: Record) -> PackLine:
    return _glad(told(line, event, record), "celebrated", event.title, record)


@pack.on(AwardReceived)
def honoured(line: PackLine | None, event: AwardReceived, record: Record) -> PackLine:
    words = event.title if event.result is None else f"{event.title}: {event.result.replace('_', ' ')}"
    return _glad(told(line, event, record), "honoured", words, record)


@pack.on(SpreadAdopted)
def taken_up(line: PackLine | None, event: SpreadAdopted, record: Record) -> PackLine:
    return _glad(told(line, event, record), "taken_up_elsewhere", f"Taken up by {event.to}", record)


@pack.on(SustainCheckRecorded)
def checked(line: PackLine | None, event: SustainCheckRecorded, record: Record) -> PackLine:
    line = told(line, event, record)
    return _glad(line, "gains_held", "Its gains have held", record) if event.result == "held" else line


for _kind in TOLD_OF_PROJECTS:
    if _kind not in pack.folds:
        pack.on(_kind)(told)


def _glad(line: PackLine, occasion: Occasion, words: str, record: Record) -> PackLine:
    glad = Glad(occasion=occasion, on=first_day_of(record), told=as_written(record), words=words[:WORDS_MAX])
    return msgspec.structs.replace(line, glad=(*line.glad, glad)[-GLAD_MAX:])


class ForMeeting(msgspec.Struct, frozen=True, kw_only=True):
    """The forum, the day of its meeting, and the day of its last one (without it, 31 days before)."""

    forum: ForumId
    on: date
    since: date | None = None
    stuck_at_most: float = 2.5
    stuck_for_months: int = 3
    reader: Audience = "forum"


class AgendaItem(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to talk about."""

    section: Literal["to_approve", "to_review", "stuck", "paused", "missing", "to_celebrate"]
    place: int  # of the section on the agenda
    project: str
    title: str | None
    directorate: str | None
    says: str  # why it is on the agenda
    since: str | None  # since when that is so, or when it was, as written
    score: float | None


AGENDA = sql.SQL(
    """
    WITH known AS (
        SELECT *, array_remove(ARRAY[
                   CASE WHEN NOT {has_sponsor} THEN 'sponsor' END,
                   CASE WHEN NOT {has_coach} THEN 'coach' END,
                   CASE WHEN NOT (team @> '[{{"role": "service_user"}}]' OR team @> '[{{"kind": "service_user"}}]'
                                  OR team @> '[{{"role": "carer"}}]' OR team @> '[{{"kind": "carer"}}]')
                        THEN 'service user or carer' END], NULL) AS lacking
          FROM agenda_pack
         WHERE organisation = %(organisation)s AND {seen}
           AND (forum = %(forum)s::text OR (state = 'submitted' AND submitted_to = %(forum)s::text))
    ),
    mine AS (
        SELECT *
          FROM known
         WHERE forum = %(forum)s::text
    )
    SELECT 'to_approve' AS section, 1 AS place, split_part(key, '/', 2) AS project, title, directorate,
           'Put to the forum, to be approved' AS says, submitted AS since, score
      FROM known
     WHERE state = 'submitted' AND coalesce(submitted_to, forum) = %(forum)s::text
    UNION ALL
    SELECT 'to_review', 2, split_part(key, '/', 2), title, directorate,
           'The forum wanted to see it by ' || next_review, next_review, score
      FROM mine
     WHERE state IN ('deferred', 'approved', 'active', 'paused')
       AND next_review <= left(%(on)s::date::text, length(next_review))
    UNION ALL
    SELECT 'stuck', 3, split_part(key, '/', 2), title, directorate,
           'At ' || score || ' since ' || score_since, score_since, score
      FROM mine
     WHERE state = 'active' AND score <= %(stuck_at_most)s::float8
       AND score_held_from + make_interval(months => %(stuck_for_months)s::int) <= %(on)s::date
    UNION ALL
    SELECT 'paused', 4, split_part(key, '/', 2), title, directorate, 'Paused', state_since, score
      FROM mine
     WHERE state = 'paused'
    UNION ALL
    SELECT 'missing', 5, split_part(key, '/', 2), title, directorate,
           'No ' || array_to_string(lacking, ', no '), NULL, score
      FROM mine
     WHERE state = 'active' AND cardinality(lacking) > 0
    UNION ALL
    SELECT 'to_celebrate', 6, split_part(key, '/', 2), title, directorate, occasion ->> 'words',
           occasion ->> 'told', score
      FROM mine, jsonb_array_elements(glad) AS occasion
     WHERE (occasion ->> 'on')::date > coalesce(%(since)s::date, %(on)s::date - 31)
       AND (occasion ->> 'on')::date <= %(on)s::date
"""
).format(seen=shown_to_reader("audience"), has_sponsor=HAS_SPONSOR, has_coach=HAS_COACH)
pack.question(
    "agenda",
    AGENDA,
    asks=ForMeeting,
    answers=AgendaItem,
    order=("place", "since", "project", "says"),
    doc="The agenda of a forum's meeting: to approve, to review, stuck, paused, missing somebody, to celebrate.",
)
