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

import msgspec

from events.comments import CommentPosted
from events.corrections import Revision
from events.fields import Audience
from events.ideas import IdeaTakenUp
from events.improvements import ImprovementPromoted
from events.log.record import PreciseTo, Record
from events.privacy.words import personal_fields
from events.projects import ProjectMerged, ProjectProposed, ProjectSplit
from events.spread import SpreadAdopted
from events.stories import StoryLinked, StoryShared
from events.vocabulary import Event, tag_of, vocabulary
from projections.engine.projection import Projection

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


class TimelineEntry(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened."""

    type: str
    said: str  # what happened, in the vocabulary's words
    detail: str  # what the event says, cut short; empty if it says no more
    facts: dict[str, str]  # short facts by the names of their fields
    occurred: str  # as exactly as it is known
    occurred_at: datetime  # the first moment at which that may have been, to sort by
    precise_to: PreciseTo
    recorded_at: datetime
    actor: str  # who told it, as an opaque reference
    source: str  # the system that told it
    telling: str  # the id it was told under
    puts_right: str | None  # the id of the telling that it corrected or retracted
    also: tuple[str, ...]  # other streams that it happened to as well, and that show this line too


timeline = Projection(
    "timeline",
    revision=2,
    row=TimelineEntry,
    doc=__doc__,
    indexes=[
        "(organisation, key, occurred_at, position)",
        "(organisation) WHERE also <> '[]'",
        "(organisation, key, occurred_at, position) WHERE type = 'visibility.set'",
    ],
)


def told(event: Event, record: Record) -> TimelineEntry:
    """The line of any event."""
    return TimelineEntry(
        type=record.type,
        said=_said(type(event)),
        detail=_detail(event),
        facts=_facts(event),
        occurred=record.occurred,
        occurred_at=record.occurred_at,
        precise_to=record.precise_to,
        recorded_at=record.recorded_at,
        actor=record.actor,
        source=record.source,
        telling=record.id,
        puts_right=event.of if isinstance(event, Revision) else None,
        also=_also(event),
    )


for _kind in vocabulary().values():
    if _kind.upcast is Event.upcast:
        timeline.line(_kind)(told)


@cache
def _said(kind: type[Event]) -> str:
    """The first sentence that the vocabulary has for a type."""
    first, stop, _ = " ".join((kind.__doc__ or "").split()).partition(". ")
    return first + stop.strip()


@cache
def _shown(kind: type[Event]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Which fields of a type are words, and which are short facts."""
    fields = kind.__struct_fields__
    if issubclass(kind, WITHOUT_WORDS):
        return (), ()
    words = [name for name in WORDS if name in fields and name not in personal_fields(tag_of(kind))]
    return tuple(words), tuple(name for name in FACTS if name in fields)


def _detail(event: Event) -> str:
    """The first words that an event has for what happened, cut short at DETAIL_MAX."""
    for name in _shown(type(event))[0]:
        words = getattr(event, name)
        if isinstance(words, str):
            return words if len(words) <= DETAIL_MAX else words[: DETAIL_MAX - 1].rstrip() + "…"
    return ""


def _facts(event: Event) -> dict[str, str]:
    """Short facts, as they would be written."""
    told = ((name, getattr(event, name)) for name in _shown(type(event))[1])
    return {name: _written(value) for name, value in told if isinstance(value, str | int | float)}


def _written(value: str | float) -> str:
    """Numbers without a tail of zeros; text as it is."""
    return value if isinstance(value, str) else f"{value:g}"


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


class OfSubject(msgspec.Struct, frozen=True, kw_only=True):
    subject: str  # a stream, such as project/P-17
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


# Two parts, each by an index of its own: one condition with OR would read every line of the organisation.
OF_SUBJECT = """
    SELECT key AS stream, position, type, said, detail, facts, occurred, occurred_at, precise_to, recorded_at,
           actor, source, telling, puts_right
      FROM (SELECT key, position, type, said, detail, facts, occurred, occurred_at, precise_to, recorded_at,
                   actor, source, telling, puts_right
              FROM timeline
             WHERE organisation = %(organisation)s AND key = %(subject)s
             UNION ALL
            SELECT key, position, type, said, detail, facts, occurred, occurred_at, precise_to, recorded_at,
                   actor, source, telling, puts_right
              FROM timeline
             WHERE organisation = %(organisation)s AND also <> '[]' AND also ? %(subject)s::text
               AND key <> %(subject)s) AS line
     WHERE array_position('{public,organisation,forum,team}', coalesce(
               (SELECT visible.facts ->> 'audience'
                  FROM timeline AS visible
                 WHERE visible.organisation = %(organisation)s
                   AND visible.key = line.key
                   AND visible.type = 'visibility.set'
                 ORDER BY visible.occurred_at DESC, visible.position DESC
                 LIMIT 1), 'organisation'))
           <= array_position('{public,organisation,forum,team}', %(reader)s::text)
"""
timeline.question(
    "of_subject",
    OF_SUBJECT,
    asks=OfSubject,
    answers=Happened,
    order=["-occurred_at", "-position"],
    doc="What happened to one thing, the latest first; what is known to the month stands at its beginning.",
)
