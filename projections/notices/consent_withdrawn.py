"""Somebody no longer agrees to be in a story. Communications and the record's administrators hear it at once.

What rests on the consent has to stop, in every copy. It is cleared if the same consent is given again; if that is then
withdrawn again, they hear it again.
"""

from events.people import ConsentGiven, ConsentWithdrawn
from projections.notices.engine.moment import Moment
from projections.notices.engine.rule import EVERY_WINDOW, Notice, Rule

consent_withdrawn = Rule("consent_withdrawn", doc=__doc__, urgency="at_once", action=True)


@consent_withdrawn.on(ConsentWithdrawn)
def withdrawn(event: ConsentWithdrawn, at: Moment) -> Notice:
    """Once for each consent and day."""
    return Notice(
        to=("communications", "administrator"),
        title="A consent was withdrawn: what rests on it has to stop, in every copy",
        window=f"{event.consent}/{at.record.occurred[:10]}",
        facts={"consent": event.consent},
    )


@consent_withdrawn.clears(ConsentGiven)
def given(event: ConsentGiven, at: Moment) -> tuple[str, str]:
    """Every time that this consent was withdrawn. Windows were once called by the consent alone."""
    return event.consent, f"{event.consent}/{EVERY_WINDOW}"
