"""Somebody raised an idea. The improvement advisors of its directorate hear it at once, until somebody has answered.

Whoever raises an idea is always answered: acknowledging it is enough to clear this.
"""

from events.ideas import IdeaAcknowledged, IdeaDeclined, IdeaMerged, IdeaParked, IdeaRaised, IdeaTakenUp
from projections.notices.engine.moment import Moment
from projections.notices.engine.rule import EVERY_WINDOW, Notice, Rule

idea_raised = Rule("idea_raised", doc=__doc__, urgency="at_once", action=True)


@idea_raised.on(IdeaRaised)
def raised(event: IdeaRaised, at: Moment) -> Notice:
    return Notice(
        to=("improvement_advisor",),
        title=f"An idea waits for an answer: {event.title}",
        facts={"directorate": event.directorate, "team": event.team},
    )


@idea_raised.clears(IdeaAcknowledged)
@idea_raised.clears(IdeaTakenUp)
@idea_raised.clears(IdeaMerged)
@idea_raised.clears(IdeaParked)
@idea_raised.clears(IdeaDeclined)
def answered(
    event: IdeaAcknowledged | IdeaTakenUp | IdeaMerged | IdeaParked | IdeaDeclined, at: Moment
) -> str:
    return EVERY_WINDOW
