"""A forum decided on a project. Its lead, proposer, sponsor and coach hear at once what was decided."""

from collections.abc import Mapping

from events.reviews import ProjectReviewed, ReviewOutcome
from projections.notices.engine.moment import Moment
from projections.notices.engine.rule import Notice, Rule
from projections.notices.engine.words import name_of

forum_decision = Rule("forum_decision", doc=__doc__, urgency="at_once")

DECIDED: Mapping[ReviewOutcome, str] = {
    "approved": "was approved",
    "approved_with_conditions": "was approved, with conditions",
    "deferred": "was put off to a later meeting",
    "declined": "was declined",
    "support_requested": "was discussed: the forum asks for support for it",
    "continue": "was reviewed and goes on",
    "pause": "was reviewed: the forum advises to pause it",
    "close": "was reviewed: the forum advises to close it",
    "escalate": "was reviewed: the forum takes a matter of it further up",
}


@forum_decision.on(ProjectReviewed)
def decided(event: ProjectReviewed, at: Moment) -> Notice:
    """Once for each decision of a meeting."""
    return Notice(
        to=("lead", "proposer", "sponsor", "coach"),
        title=f"{name_of(at.project, at.record.stream)} {DECIDED[event.outcome]}",
        window=f"{event.forum}/{event.meeting or at.record.occurred[:10]}/{event.outcome}",
        facts={"forum": event.forum, "outcome": event.outcome, "next_review": event.next_review},
    )
