"""What each project has in hand: barriers, tests to study, data to collect, gains to look at. Its team reads it.

What is asked here is what is open, with the days that were told; when something counts as overdue, and who hears of it,
is said by the rules in `projections/notices/`, which look at these rows. Days are the last on which something may have
been, so that nobody is reminded too soon.
"""

from datetime import date
from typing import Any, Literal, TypeAlias

import msgspec
from psycopg import sql

from events.barriers import BarrierEscalated, BarrierRaised, BarrierResolved
from events.cycles import CycleAbandoned, CycleActed, CyclePlanned, CycleStudied, CycleTested
from events.fields import Audience
from events.log.record import Record
from events.measures import MeasureDefined, MeasurementRecorded, MeasureRetired, MeasureRevised
from events.projects import ProjectCompleted, ProjectProposed
from events.reviews import ProjectReviewed
from events.scores import ProgressScored
from events.sustaining import HandedToQualityControl, SustainCheckRecorded
from events.vocabulary import Event
from projections.audience import shown_to_reader
from projections.endings import Endings, has_ended, with_ending
from projections.engine.projection import Projection
from projections.measures_in_hand import DAYS_OF_INTERVAL, NAME_MAX, Measures, measures_after
from projections.moments import last_day, last_day_of
from projections.project_work import TOLD_OF_PROJECTS, HeldProject, held

IN_HAND_MAX = 60  # barriers and cycles that a row remembers, of each; the latest

AskedOf: TypeAlias = Literal["sponsor", "forum", "executive"]


class BarrierInHand(msgspec.Struct, frozen=True, kw_only=True):
    """Something that stands in a team's way."""

    barrier: str
    title: str | None = None
    raised: date | None = None
    escalated: date | None = None  # when somebody was last asked to clear it
    asked: AskedOf | None = None
    due: date | None = None


class CycleInHand(msgspec.Struct, frozen=True, kw_only=True):
    """A planned test that nobody has studied yet."""

    cycle: str
    due: date  # when it is to be studied


class Duties(HeldProject, frozen=True, kw_only=True):
    """A project, and what it has in hand."""

    proposer: str | None = None
    highest: float = 0.0  # the highest progress score so far
    check_due: date | None = None  # when somebody is to look whether its gains hold
    barriers: tuple[BarrierInHand, ...] = ()
    cycles: tuple[CycleInHand, ...] = ()
    review_due: date | None = None  # the last day by which a forum wants to see it again
    measures: Measures = ()
    over: Endings = ()  # of all these, where it is known only to the day, month or year


NEW = Duties()

duties = Projection(
    "duties",
    revision=5,
    row=Duties,
    doc=__doc__,
    streams=["project"],
    indexes=["(organisation, forum)"],
)


def told(row: Duties | None, event: Event, record: Record, **more: Any) -> Duties:
    """Whatever is told of a project."""
    return held(row or NEW, event, record, **more)


@duties.on(ProjectProposed)
def proposed(row: Duties | None, event: ProjectProposed, record: Record) -> Duties:
    row = row or NEW
    return told(row, event, record, proposer=event.proposer or row.proposer)


@duties.on(ProgressScored)
def scored(row: Duties | None, event: ProgressScored, record: Record) -> Duties:
    row = row or NEW
    return told(row, event, record, highest=max(row.highest, event.score))


@duties.on(BarrierRaised)
def raised(row: Duties | None, event: BarrierRaised, record: Record) -> Duties:
    row = row or NEW
    if has_ended(row.over, f"barrier/{event.barrier}", record):
        return told(row, event, record)
    known = _barrier(row, event.barrier)
    new = msgspec.structs.replace(
        known,
        title=event.title[:NAME_MAX],
        raised=known.raised or last_day_of(record),
        due=_day(event.due) or known.due,
    )
    return told(row, event, record, barriers=_with_barrier(row, new))


@duties.on(BarrierEscalated)
def escalated(row: Duties | None, event: BarrierEscalated, record: Record) -> Duties:
    """Asked again, or somebody else is asked: it waits anew."""
    row = row or NEW
    if has_ended(row.over, f"barrier/{event.barrier}", record):
        return told(row, event, record)
    known = _barrier(row, event.barrier)
    due = _day(event.due) or known.due
    new = msgspec.structs.replace(known, escalated=last_day_of(record), asked=event.to, due=due)
    return told(row, event, record, barriers=_with_barrier(row, new))


@duties.on(BarrierResolved)
def resolved(row: Duties | None, event: BarrierResolved, record: Record) -> Duties:
    row = row or NEW
    barriers = tuple(b for b in row.barriers if b.barrier != event.barrier)
    over = with_ending(row.over, f"barrier/{event.barrier}", record)
    return told(row, event, record, barriers=barriers, over=over)


@duties.on(CyclePlanned)
def planned(row: Duties | None, event: CyclePlanned, record: Record) -> Duties:
    """A plan without a day to study it is never overdue."""
    row = row or NEW
    cycles = _without_cycle(row, event.cycle)
    if event.due is not None and not has_ended(row.over, f"cycle/{event.cycle}", record):
        new = CycleInHand(cycle=event.cycle, due=last_day(event.due))
        cycles = (*cycles, new)[-IN_HAND_MAX:]
    return told(row, event, record, cycles=cycles)


@duties.on(CycleStudied)
@duties.on(CycleActed)
@duties.on(CycleTested)
@duties.on(CycleAbandoned)
def studied(
    row: Duties | None, event: CycleStudied | CycleActed | CycleTested | CycleAbandoned, record: Record
) -> Duties:
    row = row or NEW
    over = with_ending(row.over, f"cycle/{event.cycle}", record)
    return told(row, event, record, cycles=_without_cycle(row, event.cycle), over=over)


@duties.on(MeasureDefined)
@duties.on(MeasureRevised)
@duties.on(MeasurementRecorded)
def measured(row: Duties | None, event: MeasureDefined | MeasurementRecorded, record: Record) -> Duties:
    row = row or NEW
    return told(row, event, record, measures=measures_after(row.measures, event, record, row.over))


@duties.on(MeasureRetired)
def retired(row: Duties | None, event: MeasureRetired, record: Record) -> Duties:
    row = row or NEW
    measures = measures_after(row.measures, event, record, row.over)
    over = with_ending(row.over, f"measure/{event.measure}", record)
    return told(row, event, record, measures=measures, over=over)


@duties.on(ProjectReviewed)
def reviewed(row: Duties | None, event: ProjectReviewed, record: Record) -> Duties:
    return told(row, event, record, review_due=_day(event.next_review))


@duties.on(ProjectCompleted)
def completed(row: Duties | None, event: ProjectCompleted, record: Record) -> Duties:
    row = row or NEW
    due = _day(event.sustain.review_due) if event.sustain is not None else None
    return told(row, event, record, check_due=due or row.check_due)


@duties.on(HandedToQualityControl)
def handed_over(row: Duties | None, event: HandedToQualityControl, record: Record) -> Duties:
    row = row or NEW
    return told(row, event, record, check_due=_day(event.review_due) or row.check_due)


@duties.on(SustainCheckRecorded)
def checked(row: Duties | None, event: SustainCheckRecorded, record: Record) -> Duties:
    """Looked at; when to look again is told with it, or nobody wants to."""
    return told(row, event, record, check_due=_day(event.next_due))


for _kind in TOLD_OF_PROJECTS:
    if _kind not in duties.folds:
        duties.on(_kind)(told)


def _day(written: str | None) -> date | None:
    return None if written is None else last_day(written)


def _barrier(row: Duties, barrier: str) -> BarrierInHand:
    return next((one for one in row.barriers if one.barrier == barrier), BarrierInHand(barrier=barrier))


def _with_barrier(row: Duties, new: BarrierInHand) -> tuple[BarrierInHand, ...]:
    others = [one for one in row.barriers if one.barrier != new.barrier]
    return (*others, new)[-IN_HAND_MAX:]


def _without_cycle(row: Duties, cycle: str) -> tuple[CycleInHand, ...]:
    return tuple([one for one in row.cycles if one.cycle != cycle])


class InHand(msgspec.Struct, frozen=True, kw_only=True):
    project: str | None = None
    forum: str | None = None
    due_by: date | None = None  # only what is due by this day
    reader: Audience = "organisation"


class Duty(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that a project has in hand."""

    project: str
    title: str | None
    forum: str | None
    what: Literal["barrier", "cycle", "data", "sustain_check", "review"]
    which: str | None  # the id of the barrier, cycle or measure
    says: str | None  # its title or name, where it has one
    since: date | None  # when it was raised or escalated; of data, the last day they are of
    due: date | None  # by when; of data, the day on which the next period has ended


IN_HAND = sql.SQL(
    """
    WITH mine AS (
        SELECT *, split_part(key, '/', 2) AS project
          FROM duties
         WHERE organisation = %(organisation)s AND state IN ('active', 'paused', 'approved', 'completed')
           AND (%(project)s::text IS NULL OR key = 'project/' || %(project)s)
           AND (%(forum)s::text IS NULL OR forum = %(forum)s)
           AND {seen}
    ),
    lines AS (
        SELECT project, mine.title, forum, 'barrier' AS what, one.barrier AS which, one.title AS says,
               coalesce(one.escalated, one.raised) AS since, one.due
          FROM mine, jsonb_to_recordset(barriers)
               AS one (barrier text, title text, raised date, escalated date, due date)
         WHERE state IN ('active', 'paused', 'approved')
        UNION ALL
        SELECT project, title, forum, 'cycle', one.cycle, NULL, NULL, one.due
          FROM mine, jsonb_to_recordset(cycles) AS one (cycle text, due date)
         WHERE state = 'active'
        UNION ALL
        SELECT project, title, forum, 'data', one.measure, one.name, one.data_until,
               coalesce(one.data_until, one.defined) + CASE one.interval {days} END
          FROM mine, jsonb_to_recordset(measures)
               AS one (measure text, name text, interval text, defined date, data_until date)
         WHERE state = 'active'
        UNION ALL
        SELECT project, title, forum, 'sustain_check', NULL, NULL, NULL, check_due
          FROM mine
         WHERE check_due IS NOT NULL AND state = 'completed'
        UNION ALL
        SELECT project, title, forum, 'review', NULL, 'The forum wants to see it by ' || next_review, NULL, review_due
          FROM mine
         WHERE next_review IS NOT NULL AND state <> 'completed'
    )
    SELECT project, title, forum, what, which, says, since, due
      FROM lines
     WHERE %(due_by)s::date IS NULL OR due <= %(due_by)s
"""
).format(seen=shown_to_reader("audience"), days=DAYS_OF_INTERVAL)
duties.question(
    "in_hand",
    IN_HAND,
    asks=InHand,
    answers=Duty,
    order=["due", "project", "what", "which"],
    doc="What projects have in hand: barriers, tests to study, data to collect, gains to look at; soonest first.",
)
