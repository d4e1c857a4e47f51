"""Declaring a rule: what it listens to, what it looks at, whom it tells, and what clears it.

    slipped = Rule("sustain_check_slipped", doc=__doc__, urgency="at_once", action=True)

    @slipped.on(SustainCheckRecorded)
    def found(event: SustainCheckRecorded, at: Moment) -> Says: ...

    @slipped.clears(ProjectReopened)
    def reopened(event: ProjectReopened, at: Moment) -> str: ...

Over facts, a rule is told an event and what the log says at that moment. Over rows, it is told a row and the day, and
names for each notice the day on which it became due. A rule depends on its arguments alone.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from inspect import cleandoc
from typing import Any, Literal, TypeAlias, TypeVar

import msgspec

from events.vocabulary import Event, tag_of
from projections.duties import Duties
from projections.forum_calendar import Forum
from projections.notices.engine.moment import Moment
from projections.notices.engine.roles import Role
from projections.strategies import LetGo

Urgency: TypeAlias = Literal["at_once", "daily", "weekly", "monthly"]
Kind: TypeAlias = Literal["notice", "agenda_pack"]

EVERY_WINDOW = "*"
TITLE_MAX = 300
NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")

E = TypeVar("E", bound=Event)


class Follows(msgspec.Struct, frozen=True):
    """An earlier notice of the same subject: only whoever was told that is told this."""

    rule: str
    windows: tuple[str, ...]  # any of these, or one that goes on from it: `B-1` or `B-1/…`


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """What a rule says: to whom, of what, how soon. No personal data: titles and references only."""

    to: tuple[Role | str, ...]  # roles, found in the rows; or references to people (`person/…`)
    title: str
    window: str = ""  # once per what: a signal, a month, a meeting; empty for once for ever
    urgency: Urgency | None = None  # the rule's own if none is given
    because: str = "it concerns you"  # of people told by reference: you are told because …
    subject: str | None = None  # what it is about: by default what the event happened to, or whose row it is
    of: str | None = None  # the project or forum in which the roles are held, if it is not the subject
    facts: Mapping[str, Any] = msgspec.field(default_factory=dict)
    follows: Follows | None = None  # told only to those who were told the earlier one
    due: date | None = None  # over rows: the day on which it became due


Says: TypeAlias = Iterable[Notice] | Notice | None
Hears: TypeAlias = Callable[[Any, Moment], Says]
Clears: TypeAlias = Callable[[Any, Moment], Iterable[str] | str | None]
LooksAtProject: TypeAlias = Callable[[Duties, str, date], Says]
LooksAtForum: TypeAlias = Callable[[Forum, str, date], Says]
LooksUnderStrategies: TypeAlias = Callable[[Duties, str, date, Mapping[str, LetGo]], Says]
OfProject = TypeVar("OfProject", bound=LooksAtProject)
UnderStrategies = TypeVar("UnderStrategies", bound=LooksUnderStrategies)
OfForum = TypeVar("OfForum", bound=LooksAtForum)


class Rule:
    """Whom to tell of one thing.

    `urgency` is how soon, unless the recipient chose otherwise or a notice says so. `action`: somebody has to act, so
    it cannot be switched off. `kind` is the kind of message it becomes.
    """

    def __init__(
        self,
        name: str,
        *,
        doc: str | None,
        urgency: Urgency,
        action: bool = False,
        kind: Kind = "notice",
    ) -> None:
        if not NAME.fullmatch(name):
            raise ValueError(f"a rule's name has small letters, digits and _, at most 40: {name!r}")
        self.name = name
        self.doc = cleandoc(doc or "")
        self.urgency = urgency
        self.action = action
        self.kind = kind
        self.facts: dict[type[Event], Hears] = {}
        self.clearings: dict[type[Event], Clears] = {}
        self.whenever: set[type[Event]] = set()
        self.over_projects: LooksAtProject | None = None
        self.over_strategies: LooksUnderStrategies | None = None
        self.over_forums: LooksAtForum | None = None

    def __repr__(self) -> str:
        return f"<Rule {self.name}>"

    def on(self, kind: type[E]) -> Callable[[Callable[[E, Moment], Says]], Callable[[Any, Moment], Says]]:
        """Registers what is said of one type of event. Stack it to hear several alike."""

        def register(hears: Callable[[E, Moment], Says]) -> Callable[[Any, Moment], Says]:
            if kind in self.facts:
                raise ValueError(f"{self.name} hears {tag_of(kind)} twice")
            self.facts[kind] = hears
            return hears

        return register

    def clears(
        self, kind: type[E], *, whenever: bool = False
    ) -> Callable[
        [Callable[[E, Moment], Iterable[str] | str | None]],
        Callable[[Any, Moment], Iterable[str] | str | None],
    ]:
        """Registers which windows of the event's subject no longer hold: None for none, EVERY_WINDOW for all.

        `B-1/*` is every window that begins with `B-1/`. It clears what happened before it; `whenever` it happened, what
        happened later as well.
        """

        def register(
            clears: Callable[[E, Moment], Iterable[str] | str | None],
        ) -> Callable[[Any, Moment], Iterable[str] | str | None]:
            self.clearings[kind] = clears
            if whenever:
                self.whenever.add(kind)
            return clears

        return register

    def of_projects(self, looks: OfProject) -> OfProject:
        """Registers what is true of a project's row on a day: everything that is, told or not; the rest is cleared."""
        self.over_projects = looks
        return looks

    def of_projects_under_strategies(self, looks: UnderStrategies) -> UnderStrategies:
        """Registers what is true of a project's row on a day, and of the areas that strategies let go by then."""
        self.over_strategies = looks
        return looks

    def of_forums(self, looks: OfForum) -> OfForum:
        """Registers what is true of a forum's row on a day."""
        self.over_forums = looks
        return looks

    @property
    def looks(self) -> bool:
        """Whether it speaks of rows at a moment."""
        return any((self.over_projects, self.over_strategies, self.over_forums))


def said(says: Says) -> list[Notice]:
    """What was said, as a list."""
    if says is None:
        return []
    return [says] if isinstance(says, Notice) else list(says)


def windows(cleared: Iterable[str] | str | None) -> list[str]:
    """The windows that were cleared, as a list."""
    if cleared is None:
        return []
    return [cleared] if isinstance(cleared, str) else list(cleared)
