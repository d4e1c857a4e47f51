"""A sponsor has not been told for a month how a project stands. Its coach is reminded, each month.

Coaches tell the sponsor once a month. It is cleared when the sponsor has been told.
"""

from collections.abc import Iterator
from datetime import date

from projections.duties import Duties
from projections.notices.engine.rule import Notice, Rule
from projections.notices.engine.words import name_of, rounds

DUE_DAYS, AGAIN_DAYS = 31, 31

sponsor_update_due = Rule("sponsor_update_due", doc=__doc__, urgency="daily", action=True)


@sponsor_update_due.of_projects
def due(row: Duties, project: str, today: date) -> Iterator[Notice]:
    """Only where there is a sponsor to be told."""
    since = row.sponsor_told_until or row.state_held_from
    sponsored = any(member.role == "sponsor" for member in row.team)
    if row.state != "active" or since is None or not sponsored:
        return
    for one in rounds(since, today, after_days=DUE_DAYS, every_days=AGAIN_DAYS):
        yield Notice(
            to=("coach",),
            title=f"The sponsor of {name_of(row, project)} waits for the month's update",
            window=f"{since}/{one.number}",
            due=one.due,
            facts={"sponsor_updated": row.sponsor_updated},
        )
