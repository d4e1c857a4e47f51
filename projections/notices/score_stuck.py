"""A project has had the same score of 2.5 or less for three months. Its lead and coach hear it, each month.

Almost a third of projects at 2.5 do not get further in that time without help. It is cleared by another score.
"""

from collections.abc import Iterator
from datetime import date

from projections.duties import Duties
from projections.notices.engine.rule import Notice, Rule
from projections.notices.engine.words import name_of, rounds

STUCK_SCORE, STUCK_DAYS, AGAIN_DAYS = 2.5, 92, 30

score_stuck = Rule("score_stuck", doc=__doc__, urgency="monthly")


@score_stuck.of_projects
def stuck(row: Duties, project: str, today: date) -> Iterator[Notice]:
    if row.state != "active" or row.score is None or row.score > STUCK_SCORE or row.score_held_from is None:
        return
    for due in rounds(row.score_held_from, today, after_days=STUCK_DAYS, every_days=AGAIN_DAYS):
        yield Notice(
            to=("lead", "coach"),
            title=f"{name_of(row, project)} has been at {row.score:g} for three months: what would help?",
            window=f"{row.score_held_from}/{due.number}",
            due=due.due,
            facts={"score": row.score, "since": row.score_since},
        )
