"""What became of each idea, and how long whoever raised it waited for an answer. They and their team read it.

Whoever raises an idea is always answered. An answer is an acknowledgement, or an outcome with words for
whoever raised it; an idea that was taken up without a word to them still waits. Days are reckoned only between dates
that are known to the day.
"""

from datetime import date
from typing import Literal, TypeAlias

import msgspec
from psycopg import sql

from events.comments import VisibilitySet
from events.fields import Audience, DirectorateId, Label, PersonRef
from events.ideas import (
    IdeaAcknowledged,
    IdeaDeclined,
    IdeaMerged,
    IdeaParked,
    IdeaRaised,
    IdeaTakenUp,
    Origin,
)
from events.log.record import Record
from projections.audience import SaidFor, narrowest, said_after, shown_to_reader
from projections.engine.projection import Projection
from projections.moments import as_written, last_day_of

Outcome: TypeAlias = Literal["open", "taken_up", "merged", "parked", "declined"]

DAY = len("2022-05-20")  # a written date of this length is known to the day


class IdeaLine(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One idea. What nothing has told is empty."""

    title: str | None = None
    origin: Origin | None = None
    team: str | None = None
    directorate: str | None = None
    areas: tuple[str, ...] = ()
    raised_by: str | None = None  # an opaque reference: who is to be answered
    raised: str | None = None  # as written
    raised_until: date | None = None  # the last day on which that may have been
    acknowledged: str | None = None  # when it was first acknowledged, as written
    answered: str | None = None  # when whoever raised it was first told anything, as written
    days_to_answer: int | None = None  # from raised to answered, where both are known to the day
    outcome: Outcome = "open"  # what was told last: a parked idea may yet be taken up
    outcome_since: str | None = None  # as written
    became: str | None = None  # the stream of what it became, or of the idea it goes on with
    answer: str | None = None  # the words of the latest answer
    audience: Audience = "organisation"  # who may see it; it is counted either way
    said_for: SaidFor = ()  # who may see it by all that may have been said last; the fewest of those may


ideas = Projection(
    "idea_tracker",
    revision=2,
    row=IdeaLine,
    doc=__doc__,
    streams=["idea"],
    indexes=["(organisation, raised_by)", "(organisation, directorate, team)"],
)


@ideas.on(IdeaRaised)
def raised(line: IdeaLine | None, event: IdeaRaised, record: Record) -> IdeaLine:
    """Told again, an idea takes the new words; it was raised when it was first told."""
    line = line or IdeaLine()
    return _reckoned(
        msgspec.structs.replace(
            line,
            title=event.title,
            origin=event.origin or line.origin,
            team=event.team or line.team,
            directorate=event.directorate or line.directorate,
            areas=event.areas or line.areas,
            raised_by=event.raised_by or line.raised_by,
            raised=line.raised or as_written(record),
            raised_until=line.raised_until or last_day_of(record),
        )
    )


@ideas.on(IdeaAcknowledged)
def acknowledged(line: IdeaLine | None, event: IdeaAcknowledged, record: Record) -> IdeaLine:
    line = line or IdeaLine()
    line = msgspec.structs.replace(line, acknowledged=line.acknowledged or as_written(record))
    return _answered(line, event.answer, record)


@ideas.on(IdeaTakenUp)
def taken_up(line: IdeaLine | None, event: IdeaTakenUp, record: Record) -> IdeaLine:
    return _came_to(line, "taken_up", event.answer, record, became=event.into)


@ideas.on(IdeaMerged)
def merged(line: IdeaLine | None, event: IdeaMerged, record: Record) -> IdeaLine:
    return _came_to(line, "merged", event.answer, record, became=f"idea/{event.into}")


@ideas.on(IdeaParked)
def parked(line: IdeaLine | None, event: IdeaParked, record: Record) -> IdeaLine:
    return _came_to(line, "parked", event.answer, record)


@ideas.on(IdeaDeclined)
def declined(line: IdeaLine | None, event: IdeaDeclined, record: Record) -> IdeaLine:
    return _came_to(line, "declined", event.answer, record)


@ideas.on(VisibilitySet)
def shown_to(line: IdeaLine | None, event: VisibilitySet, record: Record) -> IdeaLine:
    line = line or IdeaLine()
    said_for = said_after(line.said_for, event.audience, record)
    return msgspec.structs.replace(line, audience=narrowest(said_for), said_for=said_for)


def _came_to(
    line: IdeaLine | None, outcome: Outcome, answer: str | None, record: Record, *, became: str | None = None
) -> IdeaLine:
    line = msgspec.structs.replace(
        line or IdeaLine(), outcome=outcome, outcome_since=as_written(record), became=became
    )
    return line if answer is None else _answered(line, answer, record)


def _answered(line: IdeaLine, answer: str | None, record: Record) -> IdeaLine:
    when = line.answered or as_written(record)
    return _reckoned(msgspec.structs.replace(line, answered=when, answer=answer or line.answer))


def _reckoned(line: IdeaLine) -> IdeaLine:
    """The line with the days its answer took. An answer dated before its idea took no time that could be told."""
    if line.raised is None or line.answered is None or len(line.raised) < DAY or len(line.answered) < DAY:
        return line
    days = (date.fromisoformat(line.answered) - date.fromisoformat(line.raised)).days
    return msgspec.structs.replace(line, days_to_answer=days if days >= 0 else None)


# Questions


class OfARaiser(msgspec.Struct, frozen=True, kw_only=True):
    """Whose ideas. Shown to that person alone."""

    raised_by: PersonRef


class OfATeam(msgspec.Struct, frozen=True, kw_only=True):
    """Whose ideas, and on which day: days of waiting are reckoned up to it. Without a team, all of the directorate."""

    on: date
    directorate: DirectorateId | None = None
    team: Label | None = None
    waiting_only: bool = False
    reader: Audience = "organisation"


class RaisedBetween(msgspec.Struct, frozen=True, kw_only=True):
    """Ideas raised from the first day to the last, counted by where they belong or where they came up."""

    since: date
    until: date
    by: Literal["directorate", "team", "origin", "organisation"] = "directorate"


class IdeaAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """An idea as whoever raised it sees it."""

    idea: str
    title: str | None
    raised: str | None
    acknowledged: str | None
    answered: str | None
    days_to_answer: int | None
    outcome: Outcome
    outcome_since: str | None
    became: str | None
    answer: str | None


class TeamIdea(msgspec.Struct, frozen=True, kw_only=True):
    """An idea as its team sees it: never who raised it."""

    idea: str
    title: str | None
    team: str | None
    origin: str | None
    raised: str | None
    answered: str | None
    days_to_answer: int | None
    days_waiting: int | None  # at least so many days without an answer, on the day asked about
    outcome: Outcome
    became: str | None


class IdeasCounted(msgspec.Struct, frozen=True, kw_only=True):
    """How many ideas were raised somewhere, and what became of them."""

    belongs_to: str | None
    raised: int
    answered: int
    taken_up: int
    merged: int
    parked: int
    declined: int
    open: int
    median_days_to_answer: float | None


OF_A_RAISER = """
    SELECT split_part(key, '/', 2) AS idea, title, raised, acknowledged, answered, days_to_answer,
           outcome, outcome_since, became, answer, raised_until
      FROM idea_tracker
     WHERE organisation = %(organisation)s AND raised_by = %(raised_by)s
"""
ideas.question(
    "of_a_raiser",
    OF_A_RAISER,
    asks=OfARaiser,
    answers=IdeaAnswer,
    order=("-raised_until", "idea"),
    doc="What became of the ideas that a person raised.",
    of_persons=True,
)

OF_A_TEAM = sql.SQL(
    """
    SELECT split_part(key, '/', 2) AS idea, title, team, origin, raised, answered, days_to_answer, outcome, became,
           raised_until,
           CASE WHEN answered IS NULL THEN greatest(%(on)s::date - raised_until, 0) END AS days_waiting
      FROM idea_tracker
     WHERE organisation = %(organisation)s AND (raised_until IS NULL OR raised_until <= %(on)s::date)
       AND (%(directorate)s::text IS NULL OR directorate = %(directorate)s)
       AND (%(team)s::text IS NULL OR team = %(team)s)
       AND (NOT %(waiting_only)s::boolean OR answered IS NULL)
       AND {seen}
"""
).format(seen=shown_to_reader("audience"))
ideas.question(
    "of_a_team",
    OF_A_TEAM,
    asks=OfATeam,
    answers=TeamIdea,
    order=("-days_waiting", "-raised_until", "idea"),
    doc="The ideas of a team, a directorate or the organisation; those that wait longest for an answer come first.",
)

COUNTED = """
    SELECT CASE %(by)s::text WHEN 'directorate' THEN directorate WHEN 'team' THEN team WHEN 'origin' THEN origin
           END AS belongs_to,
           count(*) AS raised,
           count(answered) AS answered,
           count(*) FILTER (WHERE outcome = 'taken_up') AS taken_up,
           count(*) FILTER (WHERE outcome = 'merged') AS merged,
           count(*) FILTER (WHERE outcome = 'parked') AS parked,
           count(*) FILTER (WHERE outcome = 'declined') AS declined,
           count(*) FILTER (WHERE outcome = 'open') AS open,
           percentile_cont(0.5) WITHIN GROUP (ORDER BY days_to_answer) AS median_days_to_answer
      FROM idea_tracker
     WHERE organisation = %(organisation)s AND raised_until BETWEEN %(since)s::date AND %(until)s::date
     GROUP BY 1
"""
ideas.question(
    "counted",
    COUNTED,
    asks=RaisedBetween,
    answers=IdeasCounted,
    order=("belongs_to",),
    doc="How many ideas were raised in a time, how many were answered, how fast, and what became of them.",
)
