"""Nothing was told of a project for a while: 60 days, its lead; 90 days, its coach and sponsor; 180 days, its forum.

Monthly. After 180 days the forum may want to pause or close it. It is cleared by the next thing told of it.
"""

from collections.abc import Iterator
from datetime import date, timedelta

from projections.duties import Duties
from projections.notices.engine.roles import Role
from projections.notices.engine.rule import Notice, Rule
from projections.notices.engine.words import name_of

STAGES: tuple[tuple[int, tuple[Role, ...], str], ...] = (
    (60, ("lead",), "how does it stand?"),
    (90, ("coach", "sponsor"), "does the team need help?"),
    (180, ("chair", "improvement_advisor"), "should it be paused or closed?"),
)

project_silent = Rule("project_silent", doc=__doc__, urgency="monthly", action=True)


@project_silent.of_projects
def silent(row: Duties, project: str, today: date) -> Iterator[Notice]:
    """Only active projects: a paused one is meant to be silent."""
    if row.state != "active" or row.alive_until is None:
        return
    for days, to, asks in STAGES:
        due = row.alive_until + timedelta(days=days)
        if due <= today:
            yield Notice(
                to=to,
                title=f"Nothing was told of {name_of(row, project)} for {days} days: {asks}",
                window=f"{row.alive_until}/{days}",
                due=due,
                facts={"days": days, "last_sign_of_life": row.last_sign_of_life},
            )
