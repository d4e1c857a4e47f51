"""How many people wait for a place in each training programme. The training team plans cohorts by it.

Whoever asked waits until they have a place in a cohort of that programme: enrolled, come to a session, or completed it;
or until it is told that they no longer wait. A place that they gave up is none, nor one in a cohort that is not held.
Who they are is nobody's business but theirs and the rule's that tells them of a new cohort: questions give counts.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date

import msgspec

from events.fields import PersonKind
from events.log.record import Record
from events.training import (
    CohortCancelled,
    CohortOpened,
    CourseOffered,
    TrainingAttended,
    TrainingCompleted,
    TrainingEnrolled,
    TrainingWithdrawn,
)
from events.training_requests import TrainingRequested, TrainingRequestEnded
from projections.engine.projection import Part, Projection
from projections.moments import first_day_of, last_day_of

ASKED_MAX = (
    500  # people who asked for one programme, also who have a place; the one who did so longest ago gives way
)
COURSE, COHORT = "course", "cohort"  # parts; another part is a person in a cohort


class Waits(msgspec.Struct, frozen=True, omit_defaults=True):
    """Somebody who asked for a place."""

    person: str  # an opaque reference
    since: date
    kind: PersonKind | None = None
    again: date | None = None  # when they last asked, if that was more than once


class Waiting(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A training programme and who asked for a place in it, in the order in which they last did; a cohort; or who has a
    place in one.
    """

    title: str | None = None
    people: tuple[Waits, ...] = ()
    course: str | None = None  # of a place: in which programme
    person: str | None = None  # of a place: an opaque reference
    had: date | None = None  # of a place: the last day on which they may have been told to have it
    cancelled: bool = False  # a cohort that is not held


waiting = Projection("training_waiting", revision=4, row=Waiting, doc=__doc__, streams=["course", "cohort"])


@waiting.on(CourseOffered, part=lambda _: COURSE)
def offered(row: Waiting | None, event: CourseOffered, record: Record) -> Waiting:
    return msgspec.structs.replace(row or Waiting(), title=event.title)


@waiting.on(TrainingRequested, part=lambda _: COURSE)
def requested(row: Waiting | None, event: TrainingRequested, record: Record) -> Waiting:
    """Asked again, a person has waited since they first asked, unless they had a place in between."""
    row, day = row or Waiting(), first_day_of(record)
    asks = Waits(event.person, day, event.kind)
    for before in row.people:
        if before.person == event.person:
            asks = msgspec.structs.replace(before, again=day, kind=event.kind or before.kind)
    others = tuple(one for one in row.people if one.person != event.person)
    return msgspec.structs.replace(row, people=(*others, asks)[-ASKED_MAX:])


@waiting.on(TrainingRequestEnded, part=lambda _: COURSE)
def ended(row: Waiting | None, event: TrainingRequestEnded, record: Record) -> Waiting:
    row = row or Waiting()
    return msgspec.structs.replace(row, people=tuple(one for one in row.people if one.person != event.person))


@waiting.on(TrainingEnrolled, part=lambda event: event.person)
@waiting.on(TrainingAttended, part=lambda event: event.person)
@waiting.on(TrainingCompleted, part=lambda event: event.person)
def has_a_place(
    row: Waiting | None, event: TrainingEnrolled | TrainingAttended | TrainingCompleted, record: Record
) -> Waiting:
    day = last_day_of(record)
    had = day if row is None or row.had is None else max(day, row.had)
    return Waiting(course=event.course, person=event.person, had=had)


@waiting.on(TrainingWithdrawn, part=lambda event: event.person)
def gave_it_up(row: Waiting | None, event: TrainingWithdrawn, record: Record) -> Waiting:
    """Whoever asked for a place waits for one again, and as long as before."""
    return Waiting(course=event.course, person=event.person)


@waiting.on(CohortCancelled, part=lambda _: COHORT)
def cancelled(row: Waiting | None, event: CohortCancelled, record: Record) -> Waiting:
    return Waiting(course=event.course, cancelled=True)


@waiting.on(CohortOpened, part=lambda _: COHORT)
def opened(row: Waiting | None, event: CohortOpened, record: Record) -> Waiting | None:
    """Opened again after it was cancelled, a cohort is held, and who has a place in it waits no more."""
    return None


def who_waits(course: str, asked: Waiting, cohorts: Iterable[Mapping[Part, Waiting]]) -> Iterator[str]:
    """The persons who wait for a place in a programme, as WAITED_FOR counts them."""
    had: dict[str | None, date] = {}
    for rows in cohorts:
        cohort = rows.get(COHORT)
        if cohort is not None and cohort.cancelled:
            continue
        for place in rows.values():
            if place.course == course and place.had is not None:
                had[place.person] = max(place.had, had.get(place.person, place.had))
    for one in asked.people:
        last = had.get(one.person)
        if last is None or last < one.since or (one.again is not None and last < one.again):
            yield one.person


class EveryCourse(msgspec.Struct, frozen=True, kw_only=True):
    """Every training programme that people wait for."""


class WaitedFor(msgspec.Struct, frozen=True, kw_only=True):
    """A training programme, and how many wait for it."""

    course: str
    title: str | None
    waiting: int
    staff: int
    since: date  # since when the one who has waited longest has waited


WAITED_FOR = """
    WITH asked AS (
        SELECT split_part(w.key, '/', 2) AS course, w.title, one.person, one.kind, one.since, one.again
          FROM training_waiting AS w
         CROSS JOIN LATERAL jsonb_to_recordset(w.people) AS one (person text, kind text, since date, again date)
         WHERE w.organisation = %(organisation)s AND w.part = 'course'
    ),
    places AS (
        SELECT place.course, place.person, max(place.had) AS had
          FROM training_waiting AS place
         WHERE place.organisation = %(organisation)s AND place.person IS NOT NULL
           AND NOT EXISTS (
               SELECT
                 FROM training_waiting AS cohort
                WHERE cohort.organisation = place.organisation AND cohort.key = place.key AND cohort.part = 'cohort'
                  AND cohort.cancelled)
         GROUP BY place.course, place.person
    ),
    waits AS (
        SELECT course, title, kind, CASE WHEN had >= since THEN again ELSE since END AS since
          FROM asked
          LEFT JOIN places USING (course, person)
         WHERE had IS NULL OR had < since OR had < again
    )
    SELECT course, title, count(*)::int AS waiting, (count(*) FILTER (WHERE kind = 'staff'))::int AS staff,
           min(since) AS since
      FROM waits
     GROUP BY course, title
"""
waiting.question(
    "all",
    WAITED_FOR,
    asks=EveryCourse,
    answers=WaitedFor,
    order=["course"],
    doc="Training programmes for which people wait: how many, and since when.",
)
