"""What happened to anything: a project, an improvement, a forum, a story. Teams read it, and auditors.

One line for each record, in the field's words: the sentence that the vocabulary has for the type, and what the event
itself says, cut short. A corrected event is shown as corrected and a retracted one not at all; what put it right has a
line of its own, which names it. Each line says when it happened, as exactly as that is known, when it was recorded,
who told it and by which system. Whole records are in the log, at the line's position.

The words of stories are not repeated here, where they could outlive their withdrawal; nor are those of persons, which
a record keeps encrypted.
"""

from datetime import datetime
from functools import cache
from typing import LiteralString

import msgspec
from psycopg import sql

from events.comments import CommentPosted, VisibilitySet
from events.corrections import Revision
from events.fields import Audience, Subject
from events.ideas import IdeaTakenUp
from events.improvements import ImprovementPromoted
from events.log.record import PreciseTo, Record
from events.privacy.words import personal_fields
from events.projects import ProjectMerged, ProjectProposed, ProjectSplit
from events.spread import SpreadAdopted
from events.stories import StoryLinked, StoryShared
from events.vocabulary import Event, example_of, tag_of, vocabulary
from projections.audience import fewest_readers_first, shown_to_reader
from projections.engine.projection import Projection
from projections.moments import last_moment_of

DETAIL_MAX = 300  # characters

WORDS = (
    *(
        "title",
        "name",
        "statement",
        "what_changed",
        "change",
        "tested",
        "happened",
        "observations",
        "objective",
    ),
    *("problem", "text", "summary", "note", "answer", "to", "learned", "reason", "partner", "tool"),
)
"""The fields that tell best what happened, the best first."""
FACTS = (
    *("outcome", "decision", "result", "score", "level", "role", "was", "mode", "rating", "audience"),
    *(
        "period",
        "value",
        "numerator",
        "denominator",
        "compared",
        "forum",
        "directorate",
        "programme",
        "project",
    ),
)
"""Short fields that are shown by their name, where an event has them."""
WITHOUT_WORDS = (StoryShared, StoryLinked, CommentPosted)
HAPPEN_ELSEWHERE_TOO = (
    ImprovementPromoted,
    IdeaTakenUp,
    ProjectMerged,
    ProjectSplit,
    SpreadAdopted,
    ProjectProposed,
)


class TimelineEntry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What is said of something that happened. When it did, and who told it, the log says at the line's position."""

    type: str
    detail: str  # what the event says, cut short; empty if it says no more
    facts: dict[str, str] | None = None  # short facts by the names of their fields
    puts_right: str | None = None  # the id of the telling that it corrected or retracted
    also: str | None = None  # another stream that it happened to as well, and that shows this line too
    also_too: tuple[str, ...] | None = None  # and more of them: of a project that was split, for one
    said_until: datetime | None = None  # of who may see it: the last moment at which that may have been said


timeline = Projection(
    "timeline",
    revision=6,
    row=TimelineEntry,
    doc=__doc__,
    indexes=[
        "(organisation, key, folded_at, position)",
        "(organisation, also, folded_at, position) WHERE also IS NOT NULL",
        "(organisation) WHERE also_too IS NOT NULL",
        "(organisation, key, folded_at, position) WHERE type = 'visibility.set'",
    ],
)


class Telling(msgspec.Struct, frozen=True):
    """How the events of one type are told."""

    words: tuple[str, ...]  # fields that tell best what happened, the best first
    facts: tuple[str, ...]  # short fields
    also: bool  # whether such events may have happened to other streams as well


def told(event: Event, record: Record) -> TimelineEntry:
    """The line of any event."""
    telling = _telling(type(event))
    others = _also(event) if telling.also else ()
    return TimelineEntry(
        type=record.type,
        detail=_detail(event, telling.words),
        facts=_facts(event, telling.facts) or None,
        puts_right=event.of if isinstance(event, Revision) else None,
        also=others[0] if others else None,
        also_too=others[1:] or None,
        said_until=last_moment_of(record) if isinstance(event, VisibilitySet) else None,
    )


for _kind in vocabulary().values():
    if _kind.upcast is Event.upcast:
        timeline.line(_kind)(told)


@cache
def _telling(kind: type[Event]) -> Telling:
    fields = () if issubclass(kind, WITHOUT_WORDS) else kind.__struct_fields__
    kept_secret = personal_fields(tag_of(kind))
    return Telling(
        words=tuple(name for name in WORDS if name in fields and name not in kept_secret),
        facts=tuple(name for name in FACTS if name in fields),
        also=issubclass(kind, HAPPEN_ELSEWHERE_TOO),
    )


def _detail(event: Event, words: tuple[str, ...]) -> str:
    """The first words that an event has for what happened, cut short at DETAIL_MAX."""
    for name in words:
        told = getattr(event, name)
        if isinstance(told, str):
            return told if len(told) <= DETAIL_MAX else told[: DETAIL_MAX - 1].rstrip() + "…"
    return ""


def _facts(event: Event, names: tuple[str, ...]) -> dict[str, str]:
    """Short facts, as they would be written: numbers without a tail of zeros, text as it is."""
    facts = {}
    for name in names:
        told = getattr(event, name)
        if isinstance(told, str):
            facts[name] = told
        elif isinstance(told, int | float):
            facts[name] = f"{told:g}"
    return facts


def _also(event: Event) -> tuple[str, ...]:
    """The other streams whose story an event is part of."""
    match event:
        case ImprovementPromoted():
            return (f"project/{event.project}",)
        case IdeaTakenUp():
            return (event.into,)
        case ProjectMerged():
            return (f"project/{event.into}",)
        case ProjectSplit():
            return tuple(f"project/{into}" for into in event.into)
        case SpreadAdopted(new_project=str(project)):
            return (f"project/{project}",)
        case ProjectProposed():
            idea = [f"idea/{event.from_idea}"] if event.from_idea else []
            improvement = [f"improvement/{event.from_improvement}"] if event.from_improvement else []
            return (*idea, *improvement)
    return ()


def said(kind: type[Event]) -> str:
    """What events of a type say happened: the first sentence that the vocabulary has for what it is today."""
    today = type(example_of(kind).upcast())
    first, stop, _ = " ".join((today.__doc__ or "").split()).partition(". ")
    return first + stop.strip()


SAID = msgspec.json.encode({tag: said(kind) for tag, kind in vocabulary().items()}).decode()


class OfSubject(msgspec.Struct, frozen=True, kw_only=True):
    subject: Subject
    reader: Audience = "organisation"


class Happened(msgspec.Struct, frozen=True, kw_only=True):
    """A line of a timeline."""

    stream: str
    position: int
    type: str
    said: str
    detail: str
    facts: dict[str, str]
    occurred: str
    occurred_at: datetime
    precise_to: PreciseTo
    recorded_at: datetime
    actor: str
    source: str
    telling: str
    puts_right: str | None


# Lines are found in three ways, each by an index of its own; two of these give them in the order of the answer, and of
# the third there are few. One condition with OR would read every line of the organisation.
LINES = """
    SELECT key AS stream, position, folded_at AS occurred_at, type, detail, facts, puts_right
      FROM timeline AS line
     WHERE organisation = %(organisation)s AND {of_subject} AND {seen}
"""
# As `narrowest` has it: of all that may have been said last, the fewest readers.
AUDIENCE = """coalesce((SELECT visible.facts ->> 'audience'
                      FROM timeline AS visible
                     WHERE visible.organisation = %(organisation)s
                       AND visible.key = {whose}
                       AND visible.type = 'visibility.set'
                       AND visible.said_until >= (SELECT max(last.folded_at)
                                                    FROM timeline AS last
                                                   WHERE last.organisation = %(organisation)s
                                                     AND last.key = {whose}
                                                     AND last.type = 'visibility.set')
                     ORDER BY {fewest_readers_first}
                     LIMIT 1), 'organisation')"""


def _seen(whose: LiteralString) -> sql.Composed:
    """SQL that is true where the reader may see what happened to the thing of that key."""
    first = fewest_readers_first("visible.facts ->> 'audience'")
    return shown_to_reader(sql.SQL(AUDIENCE).format(whose=sql.SQL(whose), fewest_readers_first=first))


# Its own lines are all seen or none: said of %(subject)s, it is looked up once and not for each.
OWN = _seen("%(subject)s")
OF_SUBJECT = sql.SQL(LINES).format(of_subject=sql.SQL("key = %(subject)s"), seen=OWN)
HAPPENED_ELSEWHERE = [
    sql.SQL(LINES).format(of_subject=sql.SQL(also + " AND key <> %(subject)s"), seen=_seen("line.key"))
    for also in (
        "also = %(subject)s",
        "also_too IS NOT NULL AND also_too ? %(subject)s::text AND also IS DISTINCT FROM %(subject)s",
    )
]
TOLD = sql.SQL(
    """
    SELECT page.stream, page.position, page.type, {said}::jsonb ->> page.type AS said, page.detail,
           coalesce(page.facts, '{{}}') AS facts,
           log.written(told.occurred_at, told.precise_to) AS occurred, page.occurred_at,
           told.precise_to, told.recorded_at, told.actor, told.source, told.id AS telling, page.puts_right
      FROM page
      JOIN log.records AS told ON told.organisation = %(organisation)s AND told.position = page.position
    """
).format(said=sql.Literal(SAID.replace("%", "%%")))
timeline.question(
    "of_subject",
    OF_SUBJECT,
    *HAPPENED_ELSEWHERE,
    of_page=TOLD,
    asks=OfSubject,
    answers=Happened,
    order=["-occurred_at", "-position"],
    doc="What happened to one thing, the latest first; what is known to the month stands at its beginning.",
)
