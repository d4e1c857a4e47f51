"""Data about a person were erased. The record's administrators hear it at once: copies elsewhere have to go too."""

from events.rights import ErasureExecuted
from projections.notices.engine.moment import Moment
from projections.notices.engine.rule import Notice, Rule

erasure_executed = Rule("erasure_executed", doc=__doc__, urgency="at_once")


@erasure_executed.on(ErasureExecuted)
def executed(event: ErasureExecuted, at: Moment) -> Notice:
    return Notice(
        to=("administrator",),
        title="Data about a person were erased: see that copies elsewhere are gone",
        window=at.record.occurred[:10],
        facts={"copies": list(event.copies)},
    )
