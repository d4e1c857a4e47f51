"""A team asked its sponsor or its forum to clear a barrier. Whoever is asked hears it at once, until it is cleared."""

from events.barriers import BarrierEscalated, BarrierResolved
from projections.notices.engine.moment import Moment
from projections.notices.engine.roles import Role
from projections.notices.engine.rule import EVERY_WINDOW, Notice, Rule
from projections.notices.engine.words import name_of

barrier_escalated = Rule("barrier_escalated", doc=__doc__, urgency="at_once", action=True)


@barrier_escalated.on(BarrierEscalated)
def escalated(event: BarrierEscalated, at: Moment) -> Notice:
    """An executive is asked through the sponsor."""
    asked: tuple[Role, ...] = ("chair", "sponsor") if event.to == "forum" else ("sponsor",)
    barrier = next((one for one in at.project.barriers if one.barrier == event.barrier), None)
    return Notice(
        to=asked,
        title=f"{name_of(at.project, at.record.stream)} asks for help with a barrier",
        window=f"{event.barrier}/{at.record.occurred[:10]}",
        facts={"barrier": event.barrier, "what": barrier and barrier.title, "asked": event.to},
    )


@barrier_escalated.clears(BarrierResolved)
def resolved(event: BarrierResolved, at: Moment) -> str:
    """Every time that this barrier was escalated."""
    return f"{event.barrier}/{EVERY_WINDOW}"
