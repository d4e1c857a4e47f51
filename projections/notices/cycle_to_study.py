"""A test was to be studied, and nothing was told of it. Those who lead the project find it in their weekly digest.

It is cleared when the cycle is studied, decided or given up.
"""

from collections.abc import Iterator
from datetime import date

from projections.duties import Duties
from projections.notices.engine.rule import Notice, Rule
from projections.notices.engine.words import name_of

cycle_to_study = Rule("cycle_to_study", doc=__doc__, urgency="weekly", action=True)


@cycle_to_study.of_projects
def due(row: Duties, project: str, today: date) -> Iterator[Notice]:
    if row.state != "active":
        return
    for cycle in row.cycles:
        if cycle.due <= today:
            yield Notice(
                to=("lead",),
                title=f"A PDSA cycle of {name_of(row, project)} is due to be studied: {cycle.cycle}",
                window=f"{cycle.cycle}/{cycle.due}",
                due=cycle.due,
                facts={"cycle": cycle.cycle, "due": cycle.due.isoformat()},
            )
