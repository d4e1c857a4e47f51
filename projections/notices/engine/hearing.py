"""Hearing facts: what the rules say of each record in turn, to whom, and what it clears. Pure.

Silent are: what a rule found when it began; what happened long before it was recorded (history that is told late); a
person's own doings. What clears a notice clears it however late it is told.
"""

import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import msgspec
import structlog

from events.corrections import EventRetracted
from events.log.record import Record
from events.vocabulary import tag_of
from projections.duties import duties
from projections.engine.stream import what_went_wrong
from projections.moments import last_day_of, last_moment_of
from projections.notices.engine.counting import REVISIONS, amended_by, as_it_counts
from projections.notices.engine.heard import Cleared, Heard, Made, Unsaid
from projections.notices.engine.heard_types import OF_PEOPLE, by_type, tags_of
from projections.notices.engine.links import link_to
from projections.notices.engine.moment import Moment
from projections.notices.engine.people import platform_roles
from projections.notices.engine.recall import Recall
from projections.notices.engine.retelling import (
    as_they_hold,
    cleared_by,
    judges_revisions,
    put_right,
    said_of,
)
from projections.notices.engine.roles import Around, Person, recipients
from projections.notices.engine.rule import TITLE_MAX, Notice, Rule, said

HISTORY_DAYS = 30  # what had happened so long before it was recorded is history, and tells nobody

log = structlog.get_logger(__name__)


class Since(msgspec.Struct, frozen=True):
    """When a rule began: the head it found, and the moment."""

    position: int
    at: datetime


FindRecord = Callable[[str, str, str], Record | None]
"""A record by stream, source and id, if it has come."""
ReadStream = Callable[[str, Collection[str]], Sequence[Record]]
"""The records of a stream that are of some types, in their order."""


class Listener:
    """Goes through the records of one organisation, onward."""

    def __init__(
        self,
        rules: Iterable[Rule],
        since: Mapping[str, Since],
        recall: Recall,
        people: dict[str, Person],
        find: FindRecord,
        read: ReadStream,
        now: datetime,
    ) -> None:
        self._since = since
        self._recall = recall
        self._people = people
        self._find = find
        self._read = read
        self._now = now
        self._rules = tuple(rules)
        self._speaking = by_type(self._rules, lambda rule: rule.facts)
        self._clearing = by_type(self._rules, lambda rule: rule.clearings)
        self._lasting = by_type(
            [rule for rule in self._rules if not judges_revisions(rule)],
            lambda rule: {**rule.facts, **rule.clearings},
        )

    def hear(self, records: Sequence[Record], *, deadline: float | None = None) -> Heard:
        """What these records, the next in order, come to: at least the first, and what can be heard by the deadline."""
        heard = Heard()
        for record in records:
            if heard.stopped_at is not None and deadline is not None and time.monotonic() >= deadline:
                return heard
            self._hear(record, heard)
            heard.stopped_at = record.position
        heard.stopped_at = None
        return heard

    def _hear(self, record: Record, heard: Heard) -> None:
        if record.stream.startswith("person/") and record.type in OF_PEOPLE:
            self._note_person(Moment(record, self._recall), heard)
        if record.type in REVISIONS:
            self._put_right(record, heard)
        counted = self._as_it_counts(record)
        if counted is None:
            return
        moment = Moment(counted, self._recall)
        for rule in self._clearing.get(record.type, ()):
            self._try(rule, record, heard, partial(self._clear, rule, moment, heard))
        if is_history(record, self._now):
            return
        for rule in self._speaking.get(record.type, ()):
            if self._has_begun(rule, record):
                self._try(rule, record, heard, partial(self._speak, rule, moment, heard))

    def _has_begun(self, rule: Rule, record: Record) -> bool:
        since = self._since[rule.name]
        return record.position > since.position and record.recorded_at > since.at

    def _as_it_counts(self, record: Record) -> Record | None:
        """A record as it was put right before it came; None if it was retracted by then."""
        if record.type not in self._lasting or not self._may_be_put_right(record):
            return record
        return as_it_counts(record, amended_by(self._told(record, REVISIONS)))

    def _may_be_put_right(self, record: Record) -> bool:
        """Whether a revision may have come before it. Of a project, which may be long, its row knows that."""
        if record.stream.startswith("project/"):
            return self._recall.around(duties, record.stream, record.position).waits
        return record.version > 1

    def _told(self, record: Record, types: Collection[str]) -> list[Record]:
        """What was told of its stream until then, of some types."""
        told = self._read(record.stream, types)
        return [one for one in told if one.position <= record.position]

    def _try(self, rule: Rule, record: Record, heard: Heard, do: Callable[[], None]) -> None:
        """A rule that fails at a record is noted, and keeps nobody else from speaking."""
        try:
            do()
        except Exception as failure:
            _note_unsaid(rule, record, failure, heard)

    def _speak(self, rule: Rule, moment: Moment, heard: Heard) -> None:
        made = self._made(rule, moment)
        if made and moment.record.version > 1 and not judges_revisions(rule):
            made = self._as_they_hold(rule, moment.record, made)
        heard.make(made)

    def _as_they_hold(self, rule: Rule, record: Record, made: Sequence[Made]) -> list[Made]:
        """What is told late may have been answered by then: whatever happened later, and was told before, clears it."""
        clearing = {tag for kind in rule.clearings for tag in tags_of(kind)}
        if not clearing:
            return list(made)
        told = self._told(record, clearing | REVISIONS)
        said = said_of(rule, record.stream, told, self._recall, lambda *_: ())
        return as_they_hold(made, record, said)

    def _made(self, rule: Rule, moment: Moment) -> list[Made]:
        record = moment.record
        event = record.event()
        made: list[Made] = []
        for notice in said(rule.facts[type(event)](event, moment)):
            made += addressed(rule, notice, record.stream, self._around(notice, moment), record=record)
        return made

    def _around(self, notice: Notice, moment: Moment) -> Around:
        """The project or forum in which the roles of a notice are held."""
        of = notice.of or notice.subject or moment.record.stream
        project = moment.row(duties, of) if of.startswith("project/") else None
        forum = project.forum if project is not None else None
        return Around(
            project=project,
            forum=moment.forum(of.removeprefix("forum/") if of.startswith("forum/") else forum),
            directorate=_text(notice.facts.get("directorate")),
            people=tuple(self._people.values()),
        )

    def _clear(self, rule: Rule, moment: Moment, heard: Heard) -> None:
        """What happened later than this is not cleared by it, though it was told before."""
        by = None if judges_revisions(rule) else last_moment_of(moment.record)
        for cleared in cleared_by(rule, moment):
            heard.clear(msgspec.structs.replace(cleared, by=None if cleared.whenever else by))

    def _put_right(self, record: Record, heard: Heard) -> None:
        """What each rule would say, had it been told so at first; nothing, of what has not come."""
        try:
            revision: Any = record.event()
            wrong = self._find(record.stream, revision.of_source or record.source, revision.of)
        except msgspec.MsgspecError:
            return  # it cannot be read: it holds up its stream
        if wrong is None or wrong.position > record.position:
            return
        for rule in self._lasting.get(wrong.type, ()):
            self._try(rule, record, heard, partial(self._say_anew, rule, record, wrong, heard))

    def _say_anew(self, rule: Rule, revision: Record, wrong: Record, heard: Heard) -> None:
        """A rule that cannot judge the stream as it is now says what it said, but of what was retracted nothing."""
        tags = {tag for kind in (*rule.facts, *rule.clearings) for tag in tags_of(kind)}
        told = self._told(revision, tags | REVISIONS)
        stream, recall, makes = revision.stream, self._recall, self._made
        try:
            before = said_of(rule, stream, told[:-1], recall, makes)
            now = said_of(rule, stream, told, recall, makes)
        except Exception:
            if revision.type == RETRACTED:
                heard.clear(Cleared(rule=rule.name, position=wrong.position))
            raise
        put_right(rule, wrong, before, now, partial(self._comes_to_light, rule, revision), heard)

    def _comes_to_light(self, rule: Rule, revision: Record, record: Record, made: Made) -> bool:
        """Whether what a revision makes of a record is news: as if it had been told with the revision, by its actor."""
        told = msgspec.structs.replace(record, recorded_at=revision.recorded_at)
        old = is_history(revision, self._now) or is_history(told, self._now)
        return not old and self._has_begun(rule, revision) and made.recipient != revision.actor

    def _note_person(self, moment: Moment, heard: Heard) -> None:
        row = moment.row(platform_roles)
        person = moment.record.stream
        known = Person(person, row.roles if row else (), row.directorate if row else None)
        self._people.pop(person, None)
        if known.roles:
            self._people[person] = known
        heard.people[person] = known


def addressed(
    rule: Rule, notice: Notice, subject: str, around: Around, *, record: Record | None = None
) -> list[Made]:
    """The notice to each recipient, but for whoever did it."""
    subject = notice.subject or subject
    actor = record.actor if record is not None else None
    told = recipients(notice.to, around, notice.because)
    return [
        Made(
            rule=rule.name,
            subject=subject,
            window=notice.window,
            recipient=person,
            urgency=notice.urgency or rule.urgency,
            action=rule.action,
            title=notice.title[:TITLE_MAX],
            why=why,
            link=link_to(subject),
            facts=notice.facts,
            position=None if record is None else record.position,
            happened_at=None if record is None else record.occurred_at,
            follows=notice.follows,
        )
        for person, why in told.items()
        if person != actor
    ]


def is_history(record: Record, now: datetime) -> bool:
    """Whether it had surely happened HISTORY_DAYS before it was recorded.

    `now` is by the clock of the database. Where that had been put forward and back, recorded times are ahead of it
    until they are reached: they count as now.
    """
    heard = min(record.recorded_at, now)
    return heard.date() - last_day_of(record) > timedelta(days=HISTORY_DAYS)


def _note_unsaid(rule: Rule, record: Record, failure: Exception, heard: Heard) -> None:
    """What went wrong, without anybody's words."""
    error = what_went_wrong(failure)
    log.error("a rule cannot judge a record", rule=rule.name, position=record.position, error=error)
    heard.unsaid.append(Unsaid(rule.name, record.position, type(failure).__name__))


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


RETRACTED = tag_of(EventRetracted)
