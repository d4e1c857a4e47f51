"""PDSA cycles told out of order, or left half told."""

from events.cycles import CycleActed, CycleDone, CyclePlanned, CycleStarted, CycleStudied, CycleTested
from events.log.record import Record
from projections.oddities.rule import rule
from projections.oddities.so_far import SoFar

Step = CyclePlanned | CycleStarted | CycleDone | CycleStudied | CycleActed | CycleTested
Decides = CycleActed | CycleTested


@rule(
    "cycle_of_no_project",
    "A cycle is told of a project whose start was never told.",
    CyclePlanned,
    CycleStarted,
    CycleDone,
    CycleStudied,
    CycleActed,
    CycleTested,
    healed=lambda now, _: now.begun,
)
def cycle_of_no_project(before: SoFar, after: SoFar, event: Step, record: Record) -> str | None:
    return None if after.begun else event.cycle


@rule("cycle_not_planned", "A cycle has a result before any plan of it.", CycleDone, CycleStudied)
def cycle_not_planned(
    before: SoFar, after: SoFar, event: CycleDone | CycleStudied, record: Record
) -> str | None:
    return None if before.cycle(event.cycle).planned else event.cycle


@rule(
    "not_predicted",
    "A cycle was planned without saying what the team expects, so nothing can prove it wrong.",
    CyclePlanned,
    healed=lambda now, cycle: now.cycle(cycle).predicted,
)
def not_predicted(before: SoFar, after: SoFar, event: CyclePlanned, record: Record) -> str | None:
    return None if after.cycle(event.cycle).predicted else event.cycle


@rule(
    "number_out_of_turn",
    "A cycle's number is not the one after that of the cycle it follows from.",
    CyclePlanned,
    CycleTested,
)
def number_out_of_turn(
    before: SoFar, after: SoFar, event: CyclePlanned | CycleTested, record: Record
) -> str | None:
    if event.number is None or event.previous is None:
        return None
    earlier = after.cycle(event.previous).number
    return event.cycle if earlier is not None and event.number != earlier + 1 else None


@rule(
    "decided_twice",
    "A cycle that had been decided was decided again; more testing is a new cycle.",
    CycleActed,
    CycleTested,
)
def decided_twice(before: SoFar, after: SoFar, event: Decides, record: Record) -> str | None:
    again = event.decision is not None and before.cycle(event.cycle).decided
    return event.cycle if again else None


@rule(
    "adapted_and_left",
    "A change was to be adapted, and no cycle is told to follow.",
    CycleActed,
    CycleTested,
    healed=lambda now, cycle: now.cycle(cycle).followed,
)
def adapted_and_left(before: SoFar, after: SoFar, event: Decides, record: Record) -> str | None:
    left = event.decision == "adapt" and not after.cycle(event.cycle).followed
    return event.cycle if left else None
