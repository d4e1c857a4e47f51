"""What hearing comes to: notices made and cleared, and what could not be judged. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, TypeAlias

import msgspec

from projections.notices.engine.roles import Person
from projections.notices.engine.rule import EVERY_WINDOW, Follows

Key: TypeAlias = tuple[str, str, str, str]  # rule, subject, window, recipient


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """A notice to one person."""

    rule: str
    subject: str
    window: str
    recipient: str
    urgency: str
    action: bool
    title: str
    why: str
    link: str
    facts: Mapping[str, object]
    position: int | None
    happened_at: datetime | None = None  # what it tells of; None if it is of a row at a moment
    follows: Follows | None = None
    cleared: bool = False
    again: bool = (
        False  # it was said before: it holds if it is known, and is told to nobody who was not told then
    )

    @property
    def key(self) -> Key:
        return self.rule, self.subject, self.window, self.recipient


class Cleared(msgspec.Struct, frozen=True, kw_only=True):
    """Notices of a rule that no longer hold: of a subject, in a window or in all that begin alike (`B-1/*`), as far as
    what they tell of had happened `by` then; or those made from a record.
    """

    rule: str
    subject: str | None = None
    window: str = EVERY_WINDOW
    by: datetime | None = None
    whenever: bool = False  # what happened later as well
    position: int | None = None
    but: frozenset[Key] = frozenset()  # those of the record that are right all the same

    def holds(self, made: Made) -> bool:
        """Whether it clears this notice."""
        if self.position is not None:
            return (made.rule, made.position) == (self.rule, self.position) and made.key not in self.but
        if (made.rule, made.subject) != (self.rule, self.subject):
            return False
        if self.by is not None and made.happened_at is not None and made.happened_at > self.by:
            return False
        if self.window.endswith(EVERY_WINDOW):
            return made.window.startswith(self.window.removesuffix(EVERY_WINDOW))
        return made.window == self.window


class Unsaid(msgspec.Struct, frozen=True):
    """A record that a rule could not judge."""

    rule: str
    position: int
    error: str


class Heard(msgspec.Struct):
    """What a run of records comes to."""

    made: dict[Key, Made] = msgspec.field(default_factory=dict)
    again: dict[Key, Made] = msgspec.field(default_factory=dict)  # known from before, if they are known
    cleared: list[Cleared] = msgspec.field(default_factory=list)
    unsaid: list[Unsaid] = msgspec.field(default_factory=list)
    people: dict[str, Person] = msgspec.field(default_factory=dict)  # whose platform roles changed
    stopped_at: int | None = None  # the last record that was heard, if time ran out before all were
    about: defaultdict[Any, set[Key]] = msgspec.field(
        default_factory=lambda: defaultdict(set)
    )  # keys of what was made, by rule and subject

    def make(self, made: Iterable[Made]) -> None:
        """Each is made once. What was cleared holds again when it is said again; of two that say the same, the one that
        happened later counts.
        """
        for one in made:
            self.about[one.rule, one.subject].add(one.key)
            known = self.made.get(one.key)
            if known is None and one.again:
                self.again[one.key] = one
            elif known is None or (not one.cleared and (known.cleared or _is_later(one, known))):
                self.made[one.key] = msgspec.structs.replace(one, again=False)

    def clear(self, cleared: Cleared) -> None:
        """What was made before is cleared: here, and wherever the earlier ones are kept."""
        self.cleared.append(cleared)
        for key in self._about(cleared):
            made, again = self.made.get(key), self.again.get(key)
            if made is not None and cleared.holds(made):
                self.made[key] = msgspec.structs.replace(made, cleared=True)
            if again is not None and cleared.holds(again):
                del self.again[key]

    def _about(self, cleared: Cleared) -> Iterable[Key]:
        if cleared.position is None:
            return self.about.get((cleared.rule, cleared.subject), ())
        return [key for key in (*self.made, *self.again) if key[0] == cleared.rule]


def _is_later(one: Made, known: Made) -> bool:
    if one.happened_at is None or known.happened_at is None:
        return False
    return one.happened_at > known.happened_at
