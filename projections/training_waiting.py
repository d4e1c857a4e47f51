"""How many people wait for a place in each training programme. The training team plans cohorts by it.

Whoever asked waits until it is told that they no longer do. Who they are is nobody's business but theirs and the rule's
that tells them of a new cohort: questions give counts.
"""

from datetime import date

import msgspec

from events.fields import PersonKind
from events.log.record import Record
from events.training import CourseOffered
from events.training_requests import TrainingRequested, TrainingRequestEnded
from projections.engine.projection import Projection
from projections.moments import first_day_of

WAITING_MAX = 500  # people who wait for one programme; whoever has waited longest gives way


class Waits(msgspec.Struct, frozen=True):
    """Somebody who asked for a place."""

    person: str  # an opaque reference
    since: date
    kind: PersonKind | None = None


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """A training programme, and who waits for it, the longest first."""

    title: str | None = None
    people: tuple[Waits, ...] = ()


waiting = Projection("training_waiting", revision=1, row=Waiting, doc=__doc__, streams=["course"])


@waiting.on(CourseOffered)
def offered(row: Waiting | None, event: CourseOffered, record: Record) -> Waiting:
    return msgspec.structs.replace(row or Waiting(), title=event.title)


@waiting.on(TrainingRequested)
def requested(row: Waiting | None, event: TrainingRequested, record: Record) -> Waiting:
    """Asked again, a person has waited since they first asked."""
    row = row or Waiting()
    if any(one.person == event.person for one in row.people):
        return row
    asked = Waits(event.person, first_day_of(record), event.kind)
    return msgspec.structs.replace(row, people=(*row.people, asked)[-WAITING_MAX:])


@waiting.on(TrainingRequestEnded)
def ended(row: Waiting | None, event: TrainingRequestEnded, record: Record) -> Waiting:
    row = row or Waiting()
    return msgspec.structs.replace(row, people=tuple(one for one in row.people if one.person != event.person))


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
    SELECT split_part(key, '/', 2) AS course, title, count(*)::int AS waiting,
           (count(*) FILTER (WHERE one.kind = 'staff'))::int AS staff, min(one.since) AS since
      FROM training_waiting
     CROSS JOIN LATERAL jsonb_to_recordset(people) AS one (kind text, since date)
     WHERE organisation = %(organisation)s
     GROUP BY key, title
"""
waiting.question(
    "all",
    WAITED_FOR,
    asks=EveryCourse,
    answers=WaitedFor,
    order=["course"],
    doc="Training programmes for which people wait: how many, and since when.",
)
