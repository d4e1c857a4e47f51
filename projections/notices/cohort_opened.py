"""A cohort of a training programme opens. Whoever asked for a place, and has had none since, hears at once.

Whoever gets a place in the cohort that they were told of is told no more of it.
"""

from events.training import (
    CohortCancelled,
    CohortOpened,
    TrainingAttended,
    TrainingCompleted,
    TrainingEnrolled,
)
from projections.notices.engine.moment import Moment
from projections.notices.engine.rule import EVERY_WINDOW, Notice, Rule
from projections.training_waiting import COURSE, waiting, who_waits

cohort_opened = Rule("cohort_opened", doc=__doc__, urgency="at_once")


@cohort_opened.on(CohortOpened)
def opened(event: CohortOpened, at: Moment) -> list[Notice]:
    """Nobody is told of a cohort that has begun to work already: it says how many took part."""
    row = at.rows(waiting, f"course/{event.course}").get(COURSE)
    if row is None or not row.people or event.participants is not None:
        return []
    name = event.title or f"A cohort of {row.title or event.course}"
    return [
        Notice(
            to=(person,),
            title=f"{name} opens: you asked for a place",
            window=person,
            because="you asked for a place in this training programme",
            facts={"course": event.course, "starts": event.starts},
        )
        for person in who_waits(event.course, row, at.every(waiting, "cohort"))
    ]


@cohort_opened.clears(TrainingEnrolled, whenever=True)
@cohort_opened.clears(TrainingAttended, whenever=True)
@cohort_opened.clears(TrainingCompleted, whenever=True)
def has_a_place(event: TrainingEnrolled | TrainingAttended | TrainingCompleted, at: Moment) -> str:
    return event.person


@cohort_opened.clears(CohortCancelled)
def cancelled(event: CohortCancelled, at: Moment) -> str:
    return EVERY_WINDOW
