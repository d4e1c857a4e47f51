"""Who is on the way to which improvement skills. The training team reads counts; a person reads their own pathway.

A person counts once in each cohort of a training programme: as enrolled, as having attended, as having completed it, or
as withdrawn before that. People trained are counted both as completions and as different people, by kind (staff,
service users, carers, others from outside), as at a day: what is known only to the month counts from its first day.
Where a cohort tells only how many completed it, the number counts as people of no known kind, without those who are
known one by one. Nobody but the person asks for a pathway by reference; others get counts.
"""

from datetime import date
from typing import Literal

import msgspec

from events.fields import CourseId, PersonKind, PersonRef
from events.log.record import Record
from events.training import (
    CohortCancelled,
    CohortCompleted,
    CohortOpened,
    CourseOffered,
    TrainingAttended,
    TrainingCompleted,
    TrainingEnrolled,
    TrainingWithdrawn,
)
from projections.engine.projection import Projection
from projections.moments import as_written, first_day_of


class Training(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A training programme, a cohort of it, or a person in a cohort."""

    what: Literal["course", "cohort", "person"]
    course: str | None = None
    title: str | None = None  # of a course or cohort
    level: str | None = None  # of a course: what it prepares for
    number: int | None = None  # of a cohort
    starts: str | None = None  # its first day, or when it was opened, as written
    ends: str | None = None  # its last day as planned, or when it was completed, as written
    places: int | None = None
    participants: int | None = None  # how many began, where only the number is known
    completions: int | None = None  # how many completed it, where only the number is known
    closed: Literal["completed", "cancelled"] | None = None  # what became of a cohort
    person: str | None = None  # an opaque reference
    kind: PersonKind | None = None
    project: str | None = None  # the project they come with or learned with
    enrolled: str | None = None  # as written; so are the next ones
    attended: str | None = None  # the latest session
    sessions: int = 0
    hours: float = 0.0
    completed: str | None = None
    withdrawn: str | None = None
    ended_from: date | None = None  # the first day on which cohort or person may have completed it


training = Projection(
    "training_pathway",
    revision=2,
    row=Training,
    doc=__doc__,
    indexes=["(organisation, person) WHERE person IS NOT NULL"],
)


@training.on(CourseOffered, part=lambda _: "course")
def offered(row: Training | None, event: CourseOffered, record: Record) -> Training:
    """Offered anew, a course has its new title and level."""
    row = row or Training(what="course", course=record.subject)
    return msgspec.structs.replace(row, title=event.title, level=event.level or row.level)


@training.on(CohortOpened, part=lambda _: "cohort")
def opened(row: Training | None, event: CohortOpened, record: Record) -> Training:
    """Opened again after it was cancelled, a cohort is held."""
    row = row or Training(what="cohort")
    return msgspec.structs.replace(
        row,
        course=event.course,
        closed=None if row.closed == "cancelled" else row.closed,
        title=event.title or row.title,
        number=event.number or row.number,
        starts=event.starts or row.starts or as_written(record),
        ends=event.ends or row.ends,
        places=row.places if event.places is None else event.places,
        participants=row.participants if event.participants is None else event.participants,
    )


@training.on(CohortCompleted, part=lambda _: "cohort")
def cohort_completed(row: Training | None, event: CohortCompleted, record: Record) -> Training:
    row = row or Training(what="cohort")
    return msgspec.structs.replace(
        row,
        course=event.course,
        title=event.title or row.title,
        number=event.number or row.number,
        ends=as_written(record),
        completions=row.completions if event.completed is None else event.completed,
        closed="completed",
        ended_from=row.ended_from or first_day_of(record),
    )


@training.on(CohortCancelled, part=lambda _: "cohort")
def cohort_cancelled(row: Training | None, event: CohortCancelled, _: Record) -> Training:
    return msgspec.structs.replace(row or Training(what="cohort"), course=event.course, closed="cancelled")


@training.on(TrainingEnrolled, part=lambda event: event.person)
def enrolled(row: Training | None, event: TrainingEnrolled, record: Record) -> Training:
    """Enrolled again after withdrawing, a person has a place again."""
    row = _in_cohort(row, event)
    return msgspec.structs.replace(
        row, enrolled=row.enrolled or as_written(record), project=event.project or row.project, withdrawn=None
    )


@training.on(TrainingAttended, part=lambda event: event.person)
def attended(row: Training | None, event: TrainingAttended, record: Record) -> Training:
    row = _in_cohort(row, event)
    return msgspec.structs.replace(
        row,
        attended=as_written(record),
        sessions=row.sessions + 1,
        hours=row.hours + (event.hours or 0.0),
    )


@training.on(TrainingCompleted, part=lambda event: event.person)
def completed(row: Training | None, event: TrainingCompleted, record: Record) -> Training:
    """Told twice, a person completed it when it was first told."""
    row = _in_cohort(row, event)
    return msgspec.structs.replace(
        row,
        completed=row.completed or as_written(record),
        ended_from=row.ended_from or first_day_of(record),
        project=event.project or row.project,
    )


@training.on(TrainingWithdrawn, part=lambda event: event.person)
def withdrew(row: Training | None, event: TrainingWithdrawn, record: Record) -> Training:
    """Whoever has completed it cannot lose that by leaving."""
    return msgspec.structs.replace(_in_cohort(row, event), withdrawn=as_written(record))


def _in_cohort(
    row: Training | None,
    event: TrainingEnrolled | TrainingAttended | TrainingCompleted | TrainingWithdrawn,
) -> Training:
    row = row or Training(what="person", person=event.person)
    return msgspec.structs.replace(row, course=event.course, kind=event.kind or row.kind)


# Questions


class OfACourse(msgspec.Struct, frozen=True, kw_only=True):
    """One training programme, or all of them."""

    course: CourseId | None = None


class CohortCounts(msgspec.Struct, frozen=True, kw_only=True):
    """A cohort, and how many are in it. Each person is one, whatever is told of them; by kind as far as it is told."""

    cohort: str
    course: str | None
    title: str | None
    number: int | None
    starts: str | None
    ends: str | None
    closed: str | None
    places: int | None
    participants: int | None  # as the cohort told it
    completions: int | None  # as the cohort told it
    people: int  # known one by one; so are the next ones
    enrolled: int
    attended: int
    completed: int
    withdrawn: int  # and not completed
    staff: int
    service_users: int
    carers: int
    external: int


COHORTS = """
    SELECT split_part(key, '/', 2) AS cohort,
           coalesce(max(whole.course), max(who.course)) AS course,
           max(whole.title) AS title, max(whole.number) AS number,
           max(whole.starts) AS starts, max(whole.ends) AS ends, max(whole.closed) AS closed,
           max(whole.places) AS places, max(whole.participants) AS participants,
           max(whole.completions) AS completions,
           count(who.person) AS people,
           count(who.enrolled) AS enrolled,
           count(who.attended) AS attended,
           count(who.completed) AS completed,
           count(*) FILTER (WHERE who.withdrawn IS NOT NULL AND who.completed IS NULL) AS withdrawn,
           count(*) FILTER (WHERE who.kind = 'staff') AS staff,
           count(*) FILTER (WHERE who.kind = 'service_user') AS service_users,
           count(*) FILTER (WHERE who.kind = 'carer') AS carers,
           count(*) FILTER (WHERE who.kind = 'external') AS external
      FROM (SELECT * FROM training_pathway WHERE organisation = %(organisation)s AND what = 'cohort') AS whole
      FULL JOIN (SELECT * FROM training_pathway WHERE organisation = %(organisation)s AND what = 'person') AS who
           USING (key)
     WHERE %(course)s::text IS NULL OR coalesce(whole.course, who.course) = %(course)s
     GROUP BY key
"""
training.question(
    "cohorts",
    COHORTS,
    asks=OfACourse,
    answers=CohortCounts,
    order=("course", "number", "cohort"),
    doc="Every cohort, and how many enrolled, attended, completed it or withdrew; counts by kind of person.",
)


class OfAPerson(msgspec.Struct, frozen=True, kw_only=True):
    """Whose pathway. Shown to that person alone."""

    person: PersonRef


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """One cohort on a person's pathway."""

    cohort: str
    course: str | None
    course_title: str | None
    level: str | None
    cohort_title: str | None
    number: int | None
    project: str | None
    enrolled: str | None
    attended: str | None
    sessions: int
    hours: float
    completed: str | None
    withdrawn: str | None
    since: str | None  # the earliest of these dates, as written


PATHWAY = """
    SELECT split_part(mine.key, '/', 2) AS cohort, mine.course,
           course.title AS course_title, course.level,
           cohort.title AS cohort_title, cohort.number,
           mine.project, mine.enrolled, mine.attended, mine.sessions, mine.hours, mine.completed, mine.withdrawn,
           least(mine.enrolled, mine.attended, mine.completed, mine.withdrawn) AS since
      FROM training_pathway AS mine
      LEFT JOIN training_pathway AS cohort
             ON cohort.organisation = mine.organisation AND cohort.key = mine.key AND cohort.part = 'cohort'
      LEFT JOIN training_pathway AS course
             ON course.organisation = mine.organisation AND course.key = 'course/' || mine.course
            AND course.part = 'course'
     WHERE mine.organisation = %(organisation)s AND mine.person = %(person)s
"""
training.question(
    "pathway",
    PATHWAY,
    asks=OfAPerson,
    answers=Stage,
    order=("since", "cohort"),
    doc="The cohorts that a person was in, and how far they came in each.",
    of_persons=True,
)


class AsAtADay(msgspec.Struct, frozen=True, kw_only=True):
    """Up to which day, and from which: without a first day, since the beginning."""

    on: date
    since: date | None = None
    course: CourseId | None = None


class Trained(msgspec.Struct, frozen=True, kw_only=True):
    """People of one kind who completed one training programme. Under the course `*`, any of them."""

    course: str
    course_title: str | None
    kind: str  # `unknown` where nothing is told of it
    completions: int  # a person counts in each cohort that they completed
    people: int  # different people known by reference
    unnamed: int  # of the completions, those of which only the number is known


TRAINED = """
    WITH named AS (
        SELECT key, course, coalesce(kind, 'unknown') AS kind, person, 0::bigint AS unnamed
          FROM training_pathway
         WHERE organisation = %(organisation)s AND what = 'person'
           AND ended_from BETWEEN coalesce(%(since)s::date, '-infinity') AND %(on)s::date
    ),
    numbers AS (
        SELECT cohort.course, greatest(cohort.completions - count(who.completed), 0) AS unnamed
          FROM training_pathway AS cohort
          LEFT JOIN training_pathway AS who
                 ON who.organisation = cohort.organisation AND who.key = cohort.key AND who.what = 'person'
         WHERE cohort.organisation = %(organisation)s AND cohort.what = 'cohort' AND cohort.completions IS NOT NULL
           AND cohort.ended_from BETWEEN coalesce(%(since)s::date, '-infinity') AND %(on)s::date
         GROUP BY cohort.key, cohort.course, cohort.completions
    ),
    trained AS (
        SELECT course, kind, person, unnamed FROM named
        UNION ALL
        SELECT course, 'unknown', NULL, unnamed FROM numbers WHERE unnamed > 0
    ),
    counted AS (
        SELECT coalesce(course, '*') AS course, kind, count(person) AS named,
               count(DISTINCT person) AS people, sum(unnamed)::bigint AS unnamed
          FROM trained
         WHERE %(course)s::text IS NULL OR course = %(course)s
         GROUP BY GROUPING SETS ((course, kind), (kind))
    )
    SELECT counted.course, offered.title AS course_title, counted.kind, named + unnamed AS completions, people, unnamed
      FROM counted
      LEFT JOIN training_pathway AS offered
             ON offered.organisation = %(organisation)s AND offered.key = 'course/' || counted.course
            AND offered.part = 'course'
"""
training.question(
    "trained",
    TRAINED,
    asks=AsAtADay,
    answers=Trained,
    order=("course", "kind"),
    doc="How many people were trained, by training programme and kind of person, as at a day.",
)
