"""Which types of records the rules hear, in today's words and in those of old. Pure."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache

from events.corrections import EventCorrected, EventRetracted
from events.people import PersonRolesChanged
from events.rights import ErasureExecuted
from events.vocabulary import Event, example_of, tag_of, vocabulary
from projections.notices.engine.counting import REVISIONS
from projections.notices.engine.rule import Rule

OF_PEOPLE = frozenset(
    {tag_of(PersonRolesChanged), tag_of(ErasureExecuted), tag_of(EventRetracted), tag_of(EventCorrected)}
)


def types_heard(rules: Iterable[Rule]) -> frozenset[str]:
    """The types of records that any of these rules says anything of."""
    return frozenset(tag for rule in rules for kind in rule.facts for tag in tags_of(kind))


def types_that_clear(rules: Iterable[Rule]) -> frozenset[str]:
    """The types that may clear something or change who is told: heard however old they are."""
    clearing = {tag for rule in rules for kind in rule.clearings for tag in tags_of(kind)}
    return frozenset(clearing) | REVISIONS | OF_PEOPLE


@cache
def tags_of(kind: type[Event]) -> tuple[str, ...]:
    """The types of records that are this event in today's words: its own, and those it superseded."""
    superseded = [old for old in vocabulary().values() if old.upcast is not Event.upcast]
    return (tag_of(kind), *(tag_of(old) for old in superseded if type(example_of(old).upcast()) is kind))


def by_type(
    rules: Sequence[Rule], kinds: Callable[[Rule], Mapping[type[Event], object]]
) -> dict[str, tuple[Rule, ...]]:
    """The rules that hear each type."""
    tags = {tag for rule in rules for kind in kinds(rule) for tag in tags_of(kind)}
    return {
        tag: tuple(rule for rule in rules if any(tag in tags_of(kind) for kind in kinds(rule)))
        for tag in tags
    }
