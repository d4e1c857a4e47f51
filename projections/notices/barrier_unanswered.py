"""A barrier was escalated ten days ago and still stands. The chair of the forum hears it at once."""

from collections.abc import Iterator
from datetime import date, timedelta

from projections.duties import Duties
from projections.notices.engine.rule import Notice, Rule
from projections.notices.engine.words import name_of

UNANSWERED_DAYS = 10

barrier_unanswered = Rule("barrier_unanswered", doc=__doc__, urgency="at_once", action=True)


@barrier_unanswered.of_projects
def unanswered(row: Duties, project: str, today: date) -> Iterator[Notice]:
    if row.state not in ("active", "paused", "approved"):
        return
    for barrier in row.barriers:
        if barrier.escalated is None:
            continue
        due = barrier.escalated + timedelta(days=UNANSWERED_DAYS)
        if due <= today:
            yield Notice(
                to=("chair",),
                title=f"A barrier of {name_of(row, project)} was escalated ten days ago and still stands",
                window=f"{barrier.barrier}/{barrier.escalated}",
                due=due,
                facts={"barrier": barrier.barrier, "what": barrier.title},
            )
