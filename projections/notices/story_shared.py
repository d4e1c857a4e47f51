"""A story was shared. Communications, and the forums of the projects it is about, find it among the celebrations."""

from collections.abc import Iterator

from events.stories import StoryShared, StoryWithdrawn
from projections.notices.engine.moment import Moment
from projections.notices.engine.rule import EVERY_WINDOW, Notice, Rule

story_shared = Rule("story_shared", doc=__doc__, urgency="weekly")


@story_shared.on(StoryShared)
def shared(event: StoryShared, at: Moment) -> Iterator[Notice]:
    """A story for the team alone, or for a forum, is told to nobody here."""
    if event.audience in ("team", "forum"):
        return
    title = f"A story was shared: {event.title}"
    facts = {"directorate": event.directorate, "address": event.address}
    yield Notice(to=("communications",), title=title, facts=facts)
    for project in event.about:
        if project.startswith("project/"):
            yield Notice(to=("lead", "chair"), title=title, of=project, facts=facts)


@story_shared.clears(StoryWithdrawn)
def withdrawn(event: StoryWithdrawn, at: Moment) -> str:
    return EVERY_WINDOW
