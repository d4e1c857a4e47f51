"""The wall of stories, and of improvements outside projects: everybody reads it, service users and carers too.

It shows what its reader may see (`reader`: `public` sees what was shared with everybody, `organisation` also what is
the organisation's own, and so on). A story that was withdrawn is on no wall, and its words are no longer in the row;
nor is one shown that rests on a consent which was withdrawn, or whose last day has passed. Stories say who may see
them; what says nothing is the organisation's own.

What takes a right away is believed over what gives one, where it is not known which came first: a story withdrawn "on
2 March" stays withdrawn, whatever hour of that day it was shared at. So it is with a consent, and with fewer readers.

Words are searched for by Postgres: `falls -ward "time between"`, in any form of a word, the best match first.
"""

from datetime import date, datetime
from typing import Literal

import msgspec
from psycopg import sql

from events.comments import VisibilitySet
from events.fields import Audience
from events.improvements import (
    ImprovementPromoted,
    ImprovementReported,
    ImprovementStopped,
    ImprovementSustained,
    ImprovementUpdated,
)
from events.log.record import Record
from events.people import ConsentGiven, ConsentWithdrawn
from events.stories import StoryLinked, StoryShared, StoryWithdrawn
from projections.audience import SaidFor, narrower, narrowest, said_after, shown_to_reader
from projections.engine.projection import Projection
from projections.moments import as_written, first_day_of, last_day, last_moment_of, latest, may_precede

LISTED_MAX = 100  # tools or subjects of one row
TERMS_MAX = 400  # consents of one person that were withdrawn or have an end
WORDS_MAX = 20_000  # characters that can be searched, of one row


class Terms(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What may end a consent."""

    consent: str
    withdrawn_until: datetime | None = None  # the last moment at which it may have been withdrawn
    ends: date | None = None  # the last day it holds


class Piece(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A story, or an improvement outside projects; or a person, of whom only the ends of consents are kept."""

    kind: Literal["story", "improvement", "person"]
    title: str | None = None  # nothing is shown that has none
    words: str = ""  # all that it says
    summary: str | None = None
    address: str | None = None
    told: str | None = None  # when it was shared or reported, as written
    told_from: str = ""  # the first day on which that may have been, to sort by
    areas: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()
    format: str | None = None  # of a story
    level: str | None = None  # of an improvement: who changed it
    standing: Literal["practised", "sustained", "stopped", "became_project"] | None = (
        None  # of an improvement
    )
    directorate: str | None = None
    language: str | None = None
    about: tuple[str, ...] = ()  # the streams it is about; of an improvement, the project it grew into
    consents: tuple[str, ...] = ()  # those a story rests on
    terms: tuple[Terms, ...] = ()  # of a person: of the consents that were withdrawn, or have an end
    audience: Audience = "organisation"
    shared_for: SaidFor = ()  # of a story: whom it was shared with, by all that may have been the last sharing
    said_for: SaidFor = ()  # who may see it by all that may have been said last; no more than those may
    withdrawn_until: datetime | None = None  # of a story: the last moment at which it may have been withdrawn


wall = Projection(
    "story_wall",
    revision=7,
    row=Piece,
    doc=__doc__,
    streams=["story", "improvement", "person"],
    indexes=["(organisation, kind, told_from)"],
    lexemes="to_tsvector('english', coalesce(words, ''))",
)


@wall.on(StoryShared)
def shared(piece: Piece | None, event: StoryShared, record: Record) -> Piece:
    """Shared again, it is the later telling that hangs on the wall."""
    piece = piece or Piece(kind="story")
    if may_precede(record, piece.withdrawn_until):
        return piece
    wanted, shared_for = piece.audience, piece.shared_for
    if event.audience is not None:
        shared_for = said_after(shared_for, event.audience, record)
        wanted = narrowest(shared_for)
    return msgspec.structs.replace(
        piece,
        title=event.title,
        words=_words(event.title, event.summary, event.text, *event.tools),
        summary=event.summary,
        address=event.address,
        told=as_written(record),
        told_from=first_day_of(record).isoformat(),
        areas=event.areas,
        tools=event.tools,
        format=event.format,
        directorate=event.directorate,
        language=event.language,
        about=_gathered(piece.about, *event.about),
        consents=event.consents,
        audience=_readers(piece, wanted, record),
        shared_for=shared_for,
    )


@wall.on(StoryLinked)
def linked(piece: Piece | None, event: StoryLinked, record: Record) -> Piece:
    piece = piece or Piece(kind="story")
    return msgspec.structs.replace(piece, about=_gathered(piece.about, event.to))


@wall.on(StoryWithdrawn)
def withdrawn(piece: Piece | None, event: StoryWithdrawn, record: Record) -> Piece:
    """It is told no more: nothing of it stays here but when that was, and who may see it if it is shared anew."""
    piece = piece or Piece(kind="story")
    return Piece(
        kind="story",
        audience=narrower(piece.audience, "organisation"),
        shared_for=piece.shared_for,
        said_for=piece.said_for,
        withdrawn_until=latest(piece.withdrawn_until, last_moment_of(record)),
    )


@wall.on(ImprovementReported)
def reported(piece: Piece | None, event: ImprovementReported, record: Record) -> Piece:
    piece = piece or Piece(kind="improvement", standing="practised")
    title = event.title or event.what_changed[:200].partition("\n")[0]
    return msgspec.structs.replace(
        piece,
        title=title,
        words=_words(event.title, event.what_changed, event.noticed, event.team, *event.tools, piece.words),
        summary=event.what_changed,
        told=as_written(record),
        told_from=first_day_of(record).isoformat(),
        areas=event.areas,
        tools=_gathered(event.tools, *piece.tools),
        level=event.level,
        directorate=event.directorate,
    )


@wall.on(ImprovementUpdated)
def updated(piece: Piece | None, event: ImprovementUpdated, record: Record) -> Piece:
    piece = piece or Piece(kind="improvement", standing="practised")
    return msgspec.structs.replace(
        piece,
        words=_words(piece.words, event.note, event.noticed, *event.tools),
        tools=_gathered(piece.tools, *event.tools),
    )


@wall.on(ImprovementSustained)
@wall.on(ImprovementStopped)
@wall.on(ImprovementPromoted)
def stands(
    piece: Piece | None,
    event: ImprovementSustained | ImprovementStopped | ImprovementPromoted,
    record: Record,
) -> Piece:
    """How an improvement stands. One that grew into a project stays on the wall as what it was."""
    piece = piece or Piece(kind="improvement")
    match event:
        case ImprovementSustained():
            return msgspec.structs.replace(piece, standing="sustained")
        case ImprovementStopped():
            return msgspec.structs.replace(piece, standing="stopped")
    about = _gathered(piece.about, f"project/{event.project}")
    return msgspec.structs.replace(piece, standing="became_project", about=about)


@wall.on(VisibilitySet)
def visible(piece: Piece | None, event: VisibilitySet, record: Record) -> Piece | None:
    """Who may see it from now on. Told of a story that is not shared, it can only make its readers fewer."""
    if record.stream.startswith("person/"):
        return piece
    piece = piece or _unheard_of(record)
    said_for = said_after(piece.said_for, event.audience, record)
    audience = narrowest(said_for)
    if piece.kind == "story" and piece.title is None:
        audience = narrower(piece.audience, audience)
    return msgspec.structs.replace(piece, audience=audience, said_for=said_for)


def _unheard_of(record: Record) -> Piece:
    if record.stream.startswith("story/"):
        return Piece(kind="story")
    return Piece(kind="improvement", standing="practised")


def _readers(piece: Piece, wanted: Audience, record: Record) -> Audience:
    """Who may see it after a record that wants these readers: no more than somebody may have said later."""
    return narrowest(said_after(piece.said_for, wanted, record))


@wall.on(ConsentWithdrawn)
def consent_withdrawn(piece: Piece | None, event: ConsentWithdrawn, record: Record) -> Piece:
    piece = piece or Piece(kind="person")
    before = _terms_of(piece, event.consent)
    until = latest(before.withdrawn_until if before else None, last_moment_of(record))
    return _with_terms(piece, event.consent, Terms(consent=event.consent, withdrawn_until=until))


@wall.on(ConsentGiven)
def consent_given(piece: Piece | None, event: ConsentGiven, record: Record) -> Piece | None:
    """Given again after it was surely withdrawn, a consent holds again: until its last day, if it has one."""
    before = _terms_of(piece, event.consent) if piece else None
    if before is not None and may_precede(record, before.withdrawn_until):
        return piece
    if event.until is None:
        return _with_terms(piece, event.consent) if piece else None
    ends = Terms(consent=event.consent, ends=last_day(event.until))
    return _with_terms(piece or Piece(kind="person"), event.consent, ends)


def _terms_of(person: Piece, consent: str) -> Terms | None:
    return next((terms for terms in person.terms if terms.consent == consent), None)


def _with_terms(person: Piece, consent: str, *new: Terms) -> Piece:
    """With new terms of a consent, or none. Where there are too many, those withdrawn are kept."""
    others = (terms for terms in person.terms if terms.consent != consent)
    kept = sorted((*new, *others), key=lambda terms: terms.withdrawn_until is None)
    return msgspec.structs.replace(person, terms=tuple(kept[:TERMS_MAX]))


def _gathered(known: tuple[str, ...], *more: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*known, *more)))[:LISTED_MAX]


def _words(*parts: str | None) -> str:
    return "\n".join(part for part in parts if part)[:WORDS_MAX]


class OnTheWall(msgspec.Struct, frozen=True, kw_only=True):
    on: date  # the day on which the consents must hold
    reader: Audience = "public"
    words: str | None = None  # words to search for
    kind: Literal["story", "improvement"] | None = None
    area: str | None = None
    in_format: str | None = None  # the format of a story, such as `written` or `video`
    tool: str | None = None
    directorate: str | None = None
    about: str | None = None  # the stream of what it is about


class ShownPiece(msgspec.Struct, frozen=True, kw_only=True):
    """What hangs on the wall."""

    stream: str
    kind: Literal["story", "improvement"]
    title: str
    summary: str | None
    address: str | None
    told: str | None
    told_from: str
    areas: tuple[str, ...]
    tools: tuple[str, ...]
    format: str | None
    level: str | None
    standing: Literal["practised", "sustained", "stopped", "became_project"] | None
    directorate: str | None
    language: str | None
    about: tuple[str, ...]
    match: float  # how well it matches the words; 0 without any


ON_THE_WALL = sql.SQL(
    """
    WITH lapsed AS MATERIALIZED (
        SELECT consent
          FROM story_wall AS person
         CROSS JOIN LATERAL jsonb_to_recordset(person.terms)
               AS terms (consent text, withdrawn_until timestamptz, ends date)
         WHERE person.organisation = %(organisation)s AND person.kind = 'person'
           AND (terms.withdrawn_until IS NOT NULL OR terms.ends < %(on)s::date)
    )
    SELECT key AS stream, kind, title, summary, address, told, told_from, areas, tools, format, level, standing,
           directorate, language, about,
           CASE WHEN %(words)s::text IS NULL THEN 0::double precision
                ELSE ts_rank(lexemes, websearch_to_tsquery('english', %(words)s))::double precision
           END AS match
      FROM story_wall AS piece
     WHERE organisation = %(organisation)s
       AND kind IN ('story', 'improvement')
       AND title IS NOT NULL
       AND {seen}
       AND (%(words)s::text IS NULL
            OR lexemes @@ websearch_to_tsquery('english', %(words)s))
       AND (%(kind)s::text IS NULL OR kind = %(kind)s)
       AND (%(area)s::text IS NULL OR areas ? %(area)s)
       AND (%(in_format)s::text IS NULL OR format = %(in_format)s)
       AND (%(tool)s::text IS NULL OR tools ? %(tool)s)
       AND (%(directorate)s::text IS NULL OR directorate = %(directorate)s)
       AND (%(about)s::text IS NULL OR about ? %(about)s)
       AND NOT EXISTS (
           SELECT
             FROM jsonb_array_elements_text(piece.consents) AS rests_on (consent)
             JOIN lapsed USING (consent))
"""
).format(seen=shown_to_reader("audience"))
wall.question(
    "shown",
    ON_THE_WALL,
    asks=OnTheWall,
    answers=ShownPiece,
    order=["-match", "-told_from", "stream"],
    doc="Stories and improvements by words, area, format, tool, place and subject.",
)
