"""Projects and improvements like one that somebody is about to propose, to stop work from being done twice.

Whoever proposes a project reads it, and the forum that is to approve it. AMaT and Life QI users tell of teams who
repeated each other's work unknowingly. Ended work is shown as well, for what it learned.

Two pieces of work are alike by their words: any form of a word counts, most in the title, then in the aim, then in what
else is told. A word that more than a third of all works use says nothing and is passed over; so are numbers. Shared
strategy areas make likeness stronger and never make it alone. Each answer names the words and areas it rests on, so
that everybody can see why it is there. Words are compared as English.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta
from psycopg import sql

from events.aims import AimRevised, AimSet
from events.changes import ChangeIdeaAdded
from events.charters import CharterCompleted, CharterRevised
from events.fields import END, Audience, DirectorateId, ProjectId, Text, Title
from events.improvements import (
    ImprovementPromoted,
    ImprovementReported,
    ImprovementStopped,
    ImprovementSustained,
    ImprovementUpdated,
)
from events.learning import LearningCaptured
from events.log.record import Record
from events.projects import (
    ProjectCancelled,
    ProjectCompleted,
    ProjectProposed,
    ProjectRedescribed,
    ProjectReported,
)
from events.vocabulary import Event
from projections.audience import shown_to_reader
from projections.engine.projection import Projection
from projections.project_life import LIFE, ProjectLife, State, lived

WORDS_MAX = 3_000  # characters of one piece of work that are compared, beside its title and aim
LEARNED_MAX = 500  # characters of what it learned


class Comparable(ProjectLife, frozen=True, kw_only=True):
    """A project or an improvement in the words that can be compared."""

    kind: Literal["project", "improvement"]
    aim: str = ""  # of a project: its aim in force; of an improvement: what is done differently
    problem: str = ""  # the quality issue, in its latest wording
    words: str = ""  # summaries, change ideas, what was noticed
    learned: str | None = None  # what it learned, as it was told last
    stopped: bool = False  # of an improvement: it is no longer practised
    became: str | None = None  # of an improvement: the stream of the project it grew into


TOLD = """
    setweight(to_tsvector('english', coalesce(title, '')), 'A')
    || setweight(to_tsvector('english', coalesce(aim, '')), 'B')
    || setweight(to_tsvector('english', coalesce(problem, '') || ' ' || coalesce(words, '')), 'C')
"""

works = Projection(
    "similar_work",
    revision=5,
    row=Comparable,
    doc=__doc__,
    streams=["project", "improvement"],
    indexes=["(organisation, directorate)"],
    lexemes=TOLD,
)


def _row(row: Comparable | None, record: Record) -> Comparable:
    project = record.stream.startswith("project/")
    return row or Comparable(kind="project" if project else "improvement")


def stood(row: Comparable | None, event: Event, record: Record) -> Comparable:
    """Name, place, areas and state of a project; and of both, who may see it."""
    return lived(_row(row, record), event, record)


@works.on(ProjectProposed)
@works.on(ProjectRedescribed)
def described(
    row: Comparable | None, event: ProjectProposed | ProjectRedescribed, record: Record
) -> Comparable:
    row = stood(row, event, record)
    return msgspec.structs.replace(row, problem=(event.problem or row.problem)[:WORDS_MAX])


@works.on(ProjectReported)
def reported(row: Comparable | None, event: ProjectReported, record: Record) -> Comparable:
    return _saying(stood(row, event, record), event.summary, *event.tools)


@works.on(ProjectCompleted)
@works.on(ProjectCancelled)
def ended(row: Comparable | None, event: ProjectCompleted | ProjectCancelled, record: Record) -> Comparable:
    return _learning(stood(row, event, record), event.learned)


@works.on(CharterCompleted)
@works.on(CharterRevised)
def chartered(row: Comparable | None, event: CharterCompleted, record: Record) -> Comparable:
    return msgspec.structs.replace(_row(row, record), problem=event.problem[:WORDS_MAX])


@works.on(AimSet)
@works.on(AimRevised)
def aimed(row: Comparable | None, event: AimSet, record: Record) -> Comparable:
    return msgspec.structs.replace(_row(row, record), aim=event.statement[:WORDS_MAX])


@works.on(ChangeIdeaAdded)
def idea_added(row: Comparable | None, event: ChangeIdeaAdded, record: Record) -> Comparable:
    return _saying(_row(row, record), event.text)


@works.on(LearningCaptured)
def learned(row: Comparable | None, event: LearningCaptured, record: Record) -> Comparable:
    return _learning(_row(row, record), event.text)


@works.on(ImprovementReported)
def improvement(row: Comparable | None, event: ImprovementReported, record: Record) -> Comparable:
    row = msgspec.structs.replace(
        _row(row, record),
        title=event.title or event.what_changed[:200].partition("\n")[0],
        aim=event.what_changed[:WORDS_MAX],
        areas=event.areas,
        directorate=event.directorate,
    )
    return _saying(row, event.noticed, *event.tools)


@works.on(ImprovementUpdated)
def updated(row: Comparable | None, event: ImprovementUpdated, record: Record) -> Comparable:
    return _saying(_row(row, record), event.note, event.noticed, *event.tools)


@works.on(ImprovementStopped)
def stopped(row: Comparable | None, event: ImprovementStopped, record: Record) -> Comparable:
    return msgspec.structs.replace(_row(row, record), stopped=True)


@works.on(ImprovementSustained)
def sustained(row: Comparable | None, event: ImprovementSustained, record: Record) -> Comparable:
    """Sustained after it was stopped, it is practised again."""
    return msgspec.structs.replace(_row(row, record), stopped=False)


@works.on(ImprovementPromoted)
def promoted(row: Comparable | None, event: ImprovementPromoted, record: Record) -> Comparable:
    return msgspec.structs.replace(_row(row, record), became=f"project/{event.project}")


for _kind in LIFE:
    if _kind not in works.folds:
        works.on(_kind)(stood)


def _saying(row: Comparable, *more: str | None) -> Comparable:
    """With more words to compare; the earliest are kept when there are too many."""
    words = "\n".join(filter(None, (row.words, *more)))
    return msgspec.structs.replace(row, words=words[:WORDS_MAX])


def _learning(row: Comparable, text: str | None) -> Comparable:
    return row if text is None else msgspec.structs.replace(row, learned=text[:LEARNED_MAX])


# Questions

ManyAreas = Annotated[
    str,
    Meta(
        max_length=1_300,
        pattern=r"^([a-z][a-z0-9_]*(,[a-z][a-z0-9_]*)*)?" + END,
        description="Strategy areas, with commas between them.",
    ),
]


class Proposal(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody is about to propose."""

    title: Title
    aim: Text | None = None  # the aim or the quality issue, in their words
    areas: ManyAreas = ""
    directorate: DirectorateId | None = None  # look only there
    but: ProjectId | None = None  # leave this project out: the proposal itself, where it is on record
    reader: Audience = "organisation"


class Alike(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of work like the proposal, and why."""

    stream: str
    kind: Literal["project", "improvement"]
    title: str | None
    aim: str
    directorate: str | None
    state: State  # of a project
    stopped: bool  # of an improvement
    learned: str | None
    likeness: float  # 0 to 1.5; only their order means anything
    shared_words: tuple[str, ...]  # the words of the proposal that it shares, those in its title first
    shared_areas: tuple[str, ...]


LIKE = sql.SQL(
    """
    WITH work AS MATERIALIZED (
        SELECT key, kind, title, aim, directorate, state, stopped, learned, areas,
               lexemes AS told
          FROM similar_work AS one
         WHERE organisation = %(organisation)s
           AND (%(directorate)s::text IS NULL OR directorate = %(directorate)s)
           AND key <> 'project/' || coalesce(%(but)s::text, '')
           AND {seen}
           AND NOT EXISTS (
               SELECT FROM similar_work AS project
                WHERE project.organisation = one.organisation AND project.key = one.became)
    ),
    shared AS (
        SELECT key, lexeme, min(weight) AS weight
          FROM work
         CROSS JOIN unnest(told) AS in_work
         CROSS JOIN unnest(weights) AS weight
          JOIN unnest(to_tsvector('english', %(title)s::text || ' ' || coalesce(%(aim)s::text, ''))) AS asked
               USING (lexeme)
         GROUP BY key, lexeme
    ),
    rare AS (
        SELECT lexeme
          FROM shared
         WHERE lexeme !~ '^[-+0-9.]+$'
         GROUP BY lexeme
        HAVING count(*) <= greatest(3, (SELECT count(*) FROM work) / 3.0)
    ),
    said AS MATERIALIZED (
        SELECT DISTINCT ON (lexeme) lexeme, word
          FROM (SELECT DISTINCT lower(word) AS word
                  FROM regexp_split_to_table(%(title)s::text || ' ' || coalesce(%(aim)s::text, ''),
                                             '[^[:alnum:]''’-]+') AS word) AS told
         CROSS JOIN LATERAL unnest(to_tsvector('english', word)) AS of_word
         ORDER BY lexeme, length(word), word
    ),
    asked AS (
        SELECT string_agg('''' || replace(replace(lexeme, '\\', '\\\\'), '''', '''''') || '''',
                          ' | ')::tsquery AS words,
               string_to_array(nullif(%(areas)s::text, ''), ',') AS areas
          FROM rare
    )
    SELECT key AS stream, kind, title, left(aim, 500) AS aim, directorate, state, stopped, learned, words.shared_words,
           to_jsonb(ours.areas) AS shared_areas,
           ts_rank('{{0.1, 0.3, 0.6, 1.0}}', told, asked.words)
               * (1 + 0.5 * cardinality(ours.areas) / greatest(cardinality(asked.areas), 1)) AS likeness
      FROM work
     CROSS JOIN asked
     CROSS JOIN LATERAL (
           SELECT jsonb_agg(coalesce(word, lexeme) ORDER BY weight, lexeme) AS shared_words
             FROM shared
             JOIN rare USING (lexeme)
             LEFT JOIN said USING (lexeme)
            WHERE shared.key = work.key) AS words
     CROSS JOIN LATERAL (
           SELECT ARRAY(SELECT area FROM unnest(asked.areas) AS area WHERE work.areas ? area) AS areas) AS ours
     WHERE told @@ asked.words
"""
).format(seen=shown_to_reader("audience"))
works.question(
    "like",
    LIKE,
    asks=Proposal,
    answers=Alike,
    order=("-likeness", "stream"),
    doc="Projects and improvements like a proposal, with the words and areas they share; the most alike come first.",
)
