"""A project was not scored for 60 days. Its lead and coach are reminded each month, until it is scored again."""

from collections.abc import Iterator
from datetime import date

from projections.duties import Duties
from projections.notices.engine.rule import Notice, Rule
from projections.notices.engine.words import name_of, rounds

OLD_DAYS, AGAIN_DAYS = 61, 30

score_old = Rule("score_old", doc=__doc__, urgency="monthly", action=True)


@score_old.of_projects
def old(row: Duties, project: str, today: date) -> Iterator[Notice]:
    """A project that was never scored has been waiting since it began."""
    since = row.scored_until or row.state_held_from
    if row.state != "active" or since is None:
        return
    for due in rounds(since, today, after_days=OLD_DAYS, every_days=AGAIN_DAYS):
        yield Notice(
            to=("lead", "coach"),
            title=f"The progress score of {name_of(row, project)} is more than 60 days old",
            window=f"{since}/{due.number}",
            due=due.due,
            facts={"score": row.score, "scored": row.scored},
        )
