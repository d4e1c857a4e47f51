"""What a rule says of a stream as it counts, from its first record on, and what of that holds. Pure.

It is asked when a record is put right: of what the rule said before and what it says now, whatever holds no more is
cleared, whatever holds again stands again, and what comes to light is news.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeAlias

import msgspec

from events.corrections import Revision
from events.log.record import Record
from projections.engine.stream import in_business_order
from projections.notices.engine.counting import amended_by, as_they_count, came_after
from projections.notices.engine.heard import Cleared, Heard, Key, Made
from projections.notices.engine.moment import Moment
from projections.notices.engine.recall import Recall
from projections.notices.engine.retold import Retold
from projections.notices.engine.rule import Rule, windows

MakesOf: TypeAlias = Callable[[Rule, Moment], Sequence[Made]]
"""What a rule says at a moment, to whom."""


class Said(msgspec.Struct):
    """What was said of a stream, in the order in which it happened: what was made and what was cleared, each with its
    record.
    """

    made: list[tuple[Record, Made]] = msgspec.field(default_factory=list)
    cleared: list[tuple[Record, Cleared]] = msgspec.field(default_factory=list)

    def standing(self) -> dict[Key, tuple[Record, Made]]:
        """What nothing that happened later has cleared; of several that say the same, the last to happen."""
        found: dict[Key, tuple[Record, Made]] = {}
        for record, made in self.made:
            if not any(clears.holds(made) for clears in self.clearing(record)):
                found[made.key] = record, made
        return found

    def clearing(self, record: Record) -> list[Cleared]:
        """What clears, of what a record says."""
        return [one for other, one in self.cleared if one.whenever or came_after(other, record)]


def judges_revisions(rule: Rule) -> bool:
    """Whether it says itself what becomes of its notices when something is put right, as of what charts show."""
    return any(issubclass(kind, Revision) for kind in (*rule.facts, *rule.clearings))


def said_of(rule: Rule, stream: str, told: Sequence[Record], recall: Recall, makes: MakesOf) -> Said:
    """What a rule says of a stream of which this was told, had it been told right at first, and in order."""
    amended, said = amended_by(told), Said()
    retold = Retold(recall, stream, told, amended)
    for record in in_business_order(as_they_count(told, amended)):
        moment = Moment(record, retold)
        kind = type(record.event())
        if kind in rule.clearings:
            said.cleared += [(record, one) for one in cleared_by(rule, moment)]
        if kind in rule.facts:
            said.made += [(record, one) for one in makes(rule, moment)]
    return said


def cleared_by(rule: Rule, moment: Moment) -> list[Cleared]:
    """What a record clears of a rule's notices."""
    event: Any = moment.record.event()
    found = windows(rule.clearings[type(event)](event, moment))
    whenever = type(event) in rule.whenever
    return [
        Cleared(rule=rule.name, subject=moment.record.stream, window=window, whenever=whenever)
        for window in found
    ]


def put_right(
    rule: Rule, wrong: Record, before: Said, now: Said, is_news: Callable[[Record, Made], bool], heard: Heard
) -> None:
    """Brings the notices of a rule from what was said before a record was put right to what is said now."""
    stood, stands = before.standing(), now.standing()
    heard.clear(Cleared(rule=rule.name, position=wrong.position, but=frozenset(stands)))
    for subject, window in sorted(_windows(before) | _windows(now)):
        if not any((made.subject, made.window) == (subject, window) for _, made in stands.values()):
            heard.clear(Cleared(rule=rule.name, subject=subject, window=window))
    heard.make(
        made if key not in stood and is_news(record, made) else msgspec.structs.replace(made, again=True)
        for key, (record, made) in stands.items()
    )


def _windows(said: Said) -> set[tuple[str, str]]:
    return {(made.subject, made.window) for _, made in said.made}


def as_they_hold(made: Iterable[Made], record: Record, said: Said) -> list[Made]:
    """Notices of a record, cleared where what had been told before happened later and clears them."""
    clearing = said.clearing(record)
    return [
        msgspec.structs.replace(one, cleared=any(clears.holds(one) for clears in clearing)) for one in made
    ]
