"""Somebody was to look whether a finished project's gains still hold, and nobody has. Those who led it are reminded."""

from collections.abc import Iterator
from datetime import date, timedelta

from projections.duties import Duties
from projections.notices.engine.rule import Notice, Rule
from projections.notices.engine.words import name_of

sustain_check_due = Rule("sustain_check_due", doc=__doc__, urgency="weekly", action=True)


@sustain_check_due.of_projects
def due(row: Duties, project: str, today: date) -> Iterator[Notice]:
    """The day after, so that whoever looks on the day is not reminded."""
    if row.check_due is None or row.state != "completed" or row.check_due >= today:
        return
    yield Notice(
        to=("lead", "sponsor"),
        title=f"Do the gains of {name_of(row, project)} still hold? It was to be looked at",
        window=row.check_due.isoformat(),
        due=row.check_due + timedelta(days=1),
        facts={"check_due": row.check_due.isoformat()},
    )
