"""A cohort of a training programme opens. Whoever asked for a place in that programme hears at once."""

from events.training import CohortCancelled, CohortOpened
from projections.notices.engine.moment import Moment
from projections.notices.engine.rule import EVERY_WINDOW, Notice, Rule
from projections.training_waiting import waiting

cohort_opened = Rule("cohort_opened", doc=__doc__, urgency="at_once")


@cohort_opened.on(CohortOpened)
def opened(event: CohortOpened, at: Moment) -> Notice | None:
    """Nobody is told of a cohort that has begun to work already: it says how many took part."""
    row = at.row(waiting, f"course/{event.course}")
    if row is None or event.participants is not None:
        return None
    name = event.title or f"A cohort of {row.title or event.course}"
    return Notice(
        to=tuple(one.person for one in row.people),
        title=f"{name} opens: you asked for a place",
        because="you asked for a place in this training programme",
        facts={"course": event.course, "starts": event.starts},
    )


@cohort_opened.clears(CohortCancelled)
def cancelled(event: CohortCancelled, at: Moment) -> str:
    return EVERY_WINDOW
