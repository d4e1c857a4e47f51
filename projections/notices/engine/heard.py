"""What hearing comes to: notices made and cleared, and what could not be judged. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from projections.notices.engine.roles import Person
from projections.notices.engine.rule import EVERY_WINDOW, Follows


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
    follows: Follows | None = None
    cleared: bool = False

    @property
    def key(self) -> tuple[str, str, str, str]:
        return self.rule, self.subject, self.window, self.recipient


class Cleared(msgspec.Struct, frozen=True):
    """Notices that no longer hold: of a rule and subject, in a window or in all that begin alike (`B-1/*`); or those
    made from a record.
    """

    rule: str | None = None
    subject: str | None = None
    window: str = EVERY_WINDOW
    position: int | None = None
    but: frozenset[tuple[str, str, str, str]] = frozenset()  # those of the record that are right all the same

    def holds(self, made: Made) -> bool:
        """Whether it clears this notice."""
        if self.position is not None:
            return made.position == self.position and made.key not in self.but
        if (made.rule, made.subject) != (self.rule, self.subject):
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

    made: dict[tuple[str, str, str, str], Made] = msgspec.field(default_factory=dict)
    cleared: list[Cleared] = msgspec.field(default_factory=list)
    unsaid: list[Unsaid] = msgspec.field(default_factory=list)
    people: dict[str, Person] = msgspec.field(default_factory=dict)  # whose platform roles changed
    about: defaultdict[Any, list[tuple[str, str, str, str]]] = msgspec.field(
        default_factory=lambda: defaultdict(list)
    )  # keys of what was made, by rule and subject, and by position

    def make(self, made: Iterable[Made]) -> None:
        """Each is made once; what was cleared holds again when it is said again."""
        for one in made:
            known = self.made.get(one.key)
            if known is None or known.cleared:
                self.made[one.key] = one
                self.about[one.rule, one.subject].append(one.key)
                self.about[one.position].append(one.key)

    def clear(self, cleared: Cleared) -> None:
        """What was made before is cleared: here, and wherever the earlier ones are kept."""
        self.cleared.append(cleared)
        about = cleared.position if cleared.position is not None else (cleared.rule, cleared.subject)
        for key in self.about.get(about, ()):
            made = self.made[key]
            if cleared.holds(made):
                self.made[key] = msgspec.structs.replace(made, cleared=True)
