"""Two weeks after it began, a project has no sponsor or no coach. Its forum's chair and the advisors hear it."""

from collections.abc import Iterator
from datetime import date, timedelta

from events.fields import Role
from projections.duties import Duties
from projections.notices.engine.rule import Notice, Rule
from projections.notices.engine.words import name_of

MISSED_DAYS = 14
NEEDED: tuple[Role, ...] = ("sponsor", "coach")

role_missing = Rule("role_missing", doc=__doc__, urgency="weekly", action=True)


@role_missing.of_projects
def missing(row: Duties, project: str, today: date) -> Iterator[Notice]:
    if row.state != "active" or row.state_held_from is None:
        return
    due = row.state_held_from + timedelta(days=MISSED_DAYS)
    held = {member.role for member in row.team}
    for role in NEEDED:
        if role not in held and due <= today:
            yield Notice(
                to=("chair", "advisor", "improvement_advisor"),
                title=f"{name_of(row, project)} has no {role}",
                window=f"{role}/{row.state_held_from}",
                due=due,
                facts={"role": role},
            )
