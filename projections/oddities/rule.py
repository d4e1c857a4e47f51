"""What a rule is: a sentence, the events that may break it, and what makes it content.

    @rule("sponsor_leads", "One person is its sponsor and its lead.", PersonJoined, healed=lambda now, _: …)
    def sponsor_leads(before: SoFar, after: SoFar, event: PersonJoined, record: Record) -> str | None:

The function sees what had been told before the event and what has been after it, in business order. It says what is
odd: a cycle, a measure, a period; `WHOLE` for all of it; None where nothing is.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from events.log.record import Record
from events.vocabulary import Event
from projections.oddities.so_far import SoFar

WHOLE = ""

Finds = Callable[[SoFar, SoFar, Any, Record], str | None]
Heals = Callable[[SoFar, str], bool]


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """A rule. `healed` says whether later facts have answered it; a rule without wants a correction, if anything."""

    id: str
    says: str
    broken_by: tuple[type[Event], ...]
    find: Finds
    healed: Heals | None = None
    spares: tuple[type[Event], ...] = ()  # of those, the ones that cannot break it

    def concerns(self, kind: type[Event]) -> bool:
        """Whether an event of this type may break it."""
        return issubclass(kind, self.broken_by) and not issubclass(kind, self.spares)


def rule(
    id: str,
    says: str,
    *broken_by: type[Event],
    healed: Heals | None = None,
    spares: tuple[type[Event], ...] = (),
) -> Callable[[Finds], Rule]:
    """Makes a rule of a function."""
    return lambda find: Rule(id=id, says=says, broken_by=broken_by, find=find, healed=healed, spares=spares)
