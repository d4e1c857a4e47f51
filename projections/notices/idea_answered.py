"""An idea was answered. Whoever raised it hears at once what became of it."""

from collections.abc import Mapping

from events.ideas import IdeaAcknowledged, IdeaDeclined, IdeaMerged, IdeaParked, IdeaTakenUp
from events.vocabulary import Event
from projections.idea_tracker import ideas
from projections.notices.engine.moment import Moment
from projections.notices.engine.rule import Notice, Rule

idea_answered = Rule("idea_answered", doc=__doc__, urgency="at_once")

ANSWERED: Mapping[type[Event], str] = {
    IdeaAcknowledged: "has been read",
    IdeaTakenUp: "was taken up",
    IdeaMerged: "goes on together with another like it",
    IdeaParked: "is kept for later",
    IdeaDeclined: "is not pursued",
}


@idea_answered.on(IdeaAcknowledged)
@idea_answered.on(IdeaTakenUp)
@idea_answered.on(IdeaMerged)
@idea_answered.on(IdeaParked)
@idea_answered.on(IdeaDeclined)
def answered(event: Event, at: Moment) -> Notice | None:
    """Once for each kind of answer on a day. Nobody is told of an idea that nobody is known to have raised."""
    idea = at.row(ideas)
    if idea is None or idea.raised_by is None:
        return None
    answer = ANSWERED[type(event)]
    return Notice(
        to=(idea.raised_by,),
        title=f"Your idea {answer}: {idea.title or at.record.subject}",
        because="you raised it",
        window=f"{at.record.type}/{at.record.occurred[:10]}",
        facts={"answer": at.record.type},
    )
