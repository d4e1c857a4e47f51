"""Looking at rows: what the rules say of them on a day, and what of that is news. Pure.

A rule names everything that is true of a row, each with the day on which it became due. Told is what became due since
the rule began; not what had been due when history was told of it; nor what became due while nobody looked for weeks,
or while a clock ran wild; nor what nobody noticed for LATE_DAYS. What is no longer true is cleared.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta

import msgspec
import structlog

from projections.duties import Duties
from projections.forum_calendar import Forum
from projections.moments import LONDON
from projections.notices.engine.heard import Made, Unsaid
from projections.notices.engine.hearing import Since, addressed
from projections.notices.engine.roles import Around, Person
from projections.notices.engine.rule import Notice, Rule, said
from projections.strategies import LetGo, Strategy, areas_let_go

LATE_DAYS = 30  # later than so long after it became due, nobody is told of it any more
JUMP_DAYS = (
    30  # if nobody looked for so long, or a clock was put forward, what became due meanwhile is old news
)

log = structlog.get_logger(__name__)


class Watch(msgspec.Struct, frozen=True, kw_only=True):
    """The day on which it is looked, and what is quiet."""

    now: datetime
    quiet_from: datetime | None = None  # what became due from here …
    quiet_until: datetime | None = None  # … to here is told to nobody
    histories: Mapping[str, datetime] = msgspec.field(default_factory=dict)

    @property
    def today(self) -> date:
        """The day in London."""
        return self.now.astimezone(LONDON).date()

    def is_news(self, due: date, subject: str, since: Since) -> bool:
        """Whether something that became due on a day is to be told now."""
        if not since.at.astimezone(LONDON).date() < due <= self.today:
            return False
        if self.today - due > timedelta(days=LATE_DAYS):
            return False
        if self.quiet_from is not None and self.quiet_until is not None:
            begins, ends = (at.astimezone(LONDON).date() for at in (self.quiet_from, self.quiet_until))
            if begins < due <= ends:
                return False
        told = self.histories.get(subject)
        return told is None or due > told.astimezone(LONDON).date()


class Rows(msgspec.Struct, frozen=True, kw_only=True):
    """The rows that are looked at, by their streams."""

    projects: Mapping[str, Duties]
    forums: Mapping[str, Forum] = msgspec.field(default_factory=dict)
    strategies: Mapping[str, Strategy] = msgspec.field(default_factory=dict)


class Seen(msgspec.Struct):
    """What is true of rows now, what of it is news, and what could not be judged."""

    true: set[tuple[str, str, str, str]] = msgspec.field(default_factory=set)
    made: list[Made] = msgspec.field(default_factory=list)
    unsaid: list[Unsaid] = msgspec.field(default_factory=list)


def look(
    rules: Iterable[Rule],
    since: Mapping[str, Since],
    watch: Watch,
    rows: Rows,
    people: Iterable[Person],
) -> Seen:
    """What the rules say of these rows. A rule that fails at a row keeps no other from speaking."""
    seen, everybody = Seen(), tuple(people)
    gone = areas_let_go(rows.strategies, watch.today)
    for rule in rules:
        try:
            for notice, subject, around in _said(rule, watch.today, rows, gone, everybody):
                _note(seen, rule, notice, subject, around, since[rule.name], watch)
        except Exception as failure:
            log.exception("a rule cannot judge the rows", rule=rule.name)
            seen.unsaid.append(Unsaid(rule.name, 0, type(failure).__name__))
    return seen


def _said(
    rule: Rule, today: date, rows: Rows, gone: Mapping[str, LetGo], people: tuple[Person, ...]
) -> Iterator[tuple[Notice, str, Around]]:
    if rule.over_projects is not None:
        for stream, project in rows.projects.items():
            for notice in said(rule.over_projects(project, stream, today)):
                yield notice, stream, _around(project, rows, people)
    if rule.over_strategies is not None and gone:
        for stream, project in rows.projects.items():
            for notice in said(rule.over_strategies(project, stream, today, gone)):
                yield notice, stream, _around(project, rows, people)
    if rule.over_forums is not None:
        for stream, forum in rows.forums.items():
            for notice in said(rule.over_forums(forum, stream, today)):
                yield notice, stream, Around(forum=forum, people=people)


def _around(project: Duties, rows: Rows, people: tuple[Person, ...]) -> Around:
    return Around(project=project, forum=rows.forums.get(f"forum/{project.forum}"), people=people)


def _note(
    seen: Seen, rule: Rule, notice: Notice, subject: str, around: Around, since: Since, watch: Watch
) -> None:
    assert notice.due is not None, f"{rule.name} does not say since when"
    made = addressed(rule, notice, subject, around)
    seen.true.update(one.key for one in made)
    if watch.is_news(notice.due, subject, since):
        seen.made += made
