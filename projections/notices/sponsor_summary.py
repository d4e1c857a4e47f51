"""How a sponsor's projects stand: one line for each, in the sponsor's monthly digest, where anything happened.

A project of which nothing was told in the month is left out; if that is all of them, there is no digest.
"""

from collections.abc import Iterator
from datetime import date, timedelta

from projections.duties import Duties
from projections.notices.engine.rule import Notice, Rule
from projections.notices.engine.words import name_of

sponsor_summary = Rule("sponsor_summary", doc=__doc__, urgency="monthly")


@sponsor_summary.of_projects
def stands(row: Duties, project: str, today: date) -> Iterator[Notice]:
    """On the first of a month, of the month before."""
    month = today.replace(day=1)
    before = (month - timedelta(days=1)).replace(day=1)
    if (
        row.state not in ("active", "paused", "completed")
        or row.alive_until is None
        or row.alive_until < before
    ):
        return
    score = "not scored yet" if row.score is None else f"score {row.score:g}"
    yield Notice(
        to=("sponsor",),
        title=f"{name_of(row, project)}: {row.state}, {score}, {row.cycles_tested} PDSA cycles tested",
        window=month.isoformat()[:7],
        due=month,
        facts={"state": row.state, "score": row.score, "last_sign_of_life": row.last_sign_of_life},
    )
