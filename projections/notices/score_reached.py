"""A project was scored 4.0 or more for the first time: a reason to celebrate, in the weekly digest.

Its forum's chair, its sponsor and communications are told. Falling back and rising again is not told again.
"""

from events.scores import ProgressScored
from projections.agenda_pack import GLAD_SCORE
from projections.notices.engine.moment import Moment
from projections.notices.engine.rule import Notice, Rule
from projections.notices.engine.words import name_of

score_reached = Rule("score_reached", doc=__doc__, urgency="weekly")


@score_reached.on(ProgressScored)
def scored(event: ProgressScored, at: Moment) -> Notice | None:
    if not at.project_before.highest < GLAD_SCORE <= event.score:
        return None
    return Notice(
        to=("chair", "sponsor", "communications"),
        title=f"{name_of(at.project, at.record.stream)} reached a progress score of {event.score:g}",
        facts={"score": event.score, "scale": event.scale},
    )
