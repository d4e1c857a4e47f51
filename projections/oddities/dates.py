"""Dates that cannot be, or say less than they seem to (docs/decisions/0003-coarse-dates.md)."""

from datetime import timedelta

from events.barriers import BarrierResolved
from events.cycles import CycleActed, CycleDone, CycleStudied, CycleTested
from events.improvements import ImprovementReported
from events.log.record import Record
from events.programmes import ProjectLeftProgramme
from events.scores import ProgressScored
from events.vocabulary import Event
from projections.oddities.rule import WHOLE, rule
from projections.oddities.so_far import SoFar
from projections.project_life import LIFE
from projections.project_team import TEAM

A_DAY = timedelta(days=1)


@rule("happened_ahead", "It is dated more than a day after it was told.", Event)
def happened_ahead(before: SoFar, after: SoFar, event: Event, record: Record) -> str | None:
    if record.occurred_at <= record.recorded_at:
        return None
    return WHOLE if record.occurred_at - record.recorded_at > A_DAY else None


@rule(
    "known_to_the_year",
    "It is dated to the year, and so stands before everything that is dated within that year.",
    *LIFE,
    *TEAM,
    BarrierResolved,
    ProjectLeftProgramme,
    CycleDone,
    CycleStudied,
    CycleActed,
    CycleTested,
    ProgressScored,
)
def known_to_the_year(before: SoFar, after: SoFar, event: Event, record: Record) -> str | None:
    return WHOLE if record.precise_to == "year" else None


@rule("ended_before_it_began", "It ended before it began.", ImprovementReported)
def ended_before_it_began(
    before: SoFar, after: SoFar, event: ImprovementReported, record: Record
) -> str | None:
    """Where it surely did: 2024 is not before 2024-02."""
    ended = event.since and event.until and event.until < event.since[: len(event.until)]
    return WHOLE if ended else None
