"""Data of a measure are overdue by half an interval. Whoever looks after them hears it; an interval later, the coach.

Weekly, once each. A measure that is collected irregularly is never overdue. New data clear it.
"""

from collections.abc import Iterator
from datetime import date, timedelta

from projections.duties import Duties
from projections.measures_in_hand import DAYS, MeasureInHand
from projections.notices.engine.roles import Role
from projections.notices.engine.rule import Notice, Rule
from projections.notices.engine.words import name_of

STAGES: tuple[tuple[float, tuple[Role, ...]], ...] = ((1.5, ("data",)), (2.5, ("coach",)))

data_overdue = Rule("data_overdue", doc=__doc__, urgency="weekly", action=True)


@data_overdue.of_projects
def overdue(row: Duties, project: str, today: date) -> Iterator[Notice]:
    if row.state == "active":
        for measure in row.measures:
            yield from _of(measure, name_of(row, project), today)


def _of(measure: MeasureInHand, project: str, today: date) -> Iterator[Notice]:
    """Counted from the last day that data are of; a measure without any, from the day it was defined."""
    since = measure.data_until or measure.defined
    if since is None or measure.interval is None or measure.interval not in DAYS:
        return
    for intervals, to in STAGES:
        due = since + timedelta(days=int(intervals * DAYS[measure.interval]) + 1)
        if due <= today:
            yield Notice(
                to=to,
                title=f"Data are overdue: {measure.name or measure.measure}, of {project}",
                window=f"{measure.measure}/{since}/{intervals}",
                due=due,
                facts={"measure": measure.measure, "data_until": since.isoformat()},
            )
