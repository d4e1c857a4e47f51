"""Programmes, collaboratives and learning systems: which projects take part, and how they get on together.

Programme leads read it. A project says in its own stream which programmes it joined and left, so a programme's picture
is made from the rows of its projects; a project in two programmes shows in both and is one project. A programme that
projects joined without anybody having told of its start shows by its id. Measures of different projects belong together
when they have the same name, kind and unit, whatever the case of their letters; their points are in `measure_series`.
"""

from typing import Literal, LiteralString

import msgspec
from psycopg import sql

from events.fields import Audience, ProgrammeId
from events.log.record import Record
from events.measures import MeasureDefined, MeasureKind, MeasurementRecorded, MeasureRetired, MeasureRevised
from events.programmes import (
    ProgrammeAimSet,
    ProgrammeCompleted,
    ProgrammeKind,
    ProgrammePaused,
    ProgrammeReported,
    ProgrammeResumed,
    ProgrammeStarted,
    ProjectJoinedProgramme,
    ProjectLeftProgramme,
)
from events.scores import ProgressScored
from events.vocabulary import Event
from projections.aligned_measures import Aligned, with_definition, with_end, with_reading
from projections.audience import shown_to_reader
from projections.endings import Endings, has_ended, with_ending
from projections.engine.projection import Projection
from projections.moments import as_written
from projections.project_life import LIFE, State, lived
from projections.project_score import WithScore, score_after

PROGRAMMES_MAX = 50  # that one project is in at once


class Taking(WithScore, frozen=True, kw_only=True):
    """A programme, or a project that may take part in some. A programme is active, paused or completed too.

    Neither's team is followed here.
    """

    what: Literal["programme", "project"]
    kind: ProgrammeKind | None = None  # of a programme: how its teams work together
    aim: str | None = None
    target: float | None = None
    unit: str | None = None
    by: str | None = None  # when the aim is to be met
    directorates: tuple[str, ...] = ()
    started: str | None = None  # as written
    ended: str | None = None
    teams_started: int | None = None  # as the programme told it; so are the next two
    teams_completed: int | None = None
    teams_improved: int | None = None
    programmes: tuple[str, ...] = ()  # of a project: those it takes part in now
    over: Endings = ()  # those it left, where that is known only to the day, month or year
    measures: tuple[Aligned, ...] = ()


taking_part = Projection(
    "programmes",
    revision=6,
    row=Taking,
    doc=__doc__,
    streams=["programme", "project"],
    indexes=["(organisation, what)"],
)


def _row(row: Taking | None, record: Record) -> Taking:
    return row or Taking(what="programme" if record.stream.startswith("programme/") else "project")


def stood(row: Taking | None, event: Event, record: Record) -> Taking:
    """A project's name, place and state, and who may see it; the last also of a programme."""
    return lived(_row(row, record), event, record)


for _kind in LIFE:
    taking_part.on(_kind)(stood)


@taking_part.on(ProgrammeStarted)
def started(row: Taking | None, event: ProgrammeStarted, record: Record) -> Taking:
    """Told again, a programme has its later words; it began when its start was first told."""
    row = _stands(_row(row, record), "active", record)
    return msgspec.structs.replace(
        row,
        title=event.title,
        kind=event.kind or row.kind,
        aim=row.aim or event.aim,
        areas=event.areas or row.areas,
        directorates=event.directorates or row.directorates,
        started=row.started or as_written(record),
        by=row.by or event.ends,
        teams_started=row.teams_started if event.teams is None else event.teams,
    )


@taking_part.on(ProgrammeAimSet)
def aimed(row: Taking | None, event: ProgrammeAimSet, record: Record) -> Taking:
    row = _row(row, record)
    return msgspec.structs.replace(
        row, aim=event.statement, target=event.target, unit=event.unit, by=event.by or row.by
    )


@taking_part.on(ProgrammePaused)
def paused(row: Taking | None, event: ProgrammePaused, record: Record) -> Taking:
    return _stands(_row(row, record), "paused", record)


@taking_part.on(ProgrammeResumed)
def resumed(row: Taking | None, event: ProgrammeResumed, record: Record) -> Taking:
    """Whatever was told before, it is active from now on; only this takes up again what had ended."""
    row = _row(row, record)
    return msgspec.structs.replace(row, state="active", state_since=as_written(record), ended=None)


@taking_part.on(ProgrammeCompleted)
def completed(row: Taking | None, event: ProgrammeCompleted, record: Record) -> Taking:
    row = _stands(_row(row, record), "completed", record)
    return msgspec.structs.replace(
        row,
        ended=as_written(record),
        teams_started=row.teams_started if event.teams_started is None else event.teams_started,
        teams_completed=event.teams_completed,
        teams_improved=event.teams_improved,
    )


@taking_part.on(ProgrammeReported)
def reported(row: Taking | None, event: ProgrammeReported, record: Record) -> Taking:
    """A page's words stand in only for what nobody closer has told."""
    row = _row(row, record)
    return msgspec.structs.replace(
        row, title=row.title or event.title, directorates=row.directorates or event.directorates
    )


@taking_part.on(ProjectJoinedProgramme)
def joined(row: Taking | None, event: ProjectJoinedProgramme, record: Record) -> Taking:
    """It takes part, unless it left on that day or in that month, as far as that is known."""
    row = _row(row, record)
    if has_ended(row.over, event.programme, record):
        return row
    programmes = tuple(dict.fromkeys((*row.programmes, event.programme)))[:PROGRAMMES_MAX]
    return msgspec.structs.replace(row, programmes=programmes)


@taking_part.on(ProjectLeftProgramme)
def left(row: Taking | None, event: ProjectLeftProgramme, record: Record) -> Taking:
    row = _row(row, record)
    stays = tuple(p for p in row.programmes if p != event.programme)
    over = with_ending(row.over, event.programme, record)
    return msgspec.structs.replace(row, programmes=stays, over=over)


@taking_part.on(ProgressScored)
def scored(row: Taking | None, event: ProgressScored, record: Record) -> Taking:
    """A project has one score, here as on its page, whoever of several gave it."""
    row = _row(row, record)
    return msgspec.structs.replace(row, **score_after(row, event, record))


@taking_part.on(MeasureDefined)
@taking_part.on(MeasureRevised)
def defined(row: Taking | None, event: MeasureDefined, record: Record) -> Taking:
    row = _row(row, record)
    return msgspec.structs.replace(row, measures=with_definition(row.measures, event))


@taking_part.on(MeasureRetired)
def retired(row: Taking | None, event: MeasureRetired, record: Record) -> Taking:
    row = _row(row, record)
    return msgspec.structs.replace(row, measures=with_end(row.measures, event))


@taking_part.on(MeasurementRecorded)
def measured(row: Taking | None, event: MeasurementRecorded, record: Record) -> Taking:
    row = _row(row, record)
    return msgspec.structs.replace(row, measures=with_reading(row.measures, event))


def _stands(row: Taking, state: State, record: Record) -> Taking:
    """Only resuming takes a programme up again once it has ended."""
    if row.state in (state, "completed"):
        return row
    return msgspec.structs.replace(row, state=state, state_since=as_written(record))


# Questions


class AllOfThem(msgspec.Struct, frozen=True, kw_only=True):
    """Without an id, all programmes. One that the reader may not see is counted, and says neither title nor aim."""

    programme: ProgrammeId | None = None
    reader: Audience = "organisation"


class ProgrammeStands(msgspec.Struct, frozen=True, kw_only=True):
    """A programme, and its projects as they stand: each in one of the states."""

    programme: str
    title: str | None  # not shown to readers whom it is not for; nor is its aim
    kind: ProgrammeKind | None
    state: State
    started: str | None
    ended: str | None
    aim: str | None
    by: str | None
    teams_started: int | None
    teams_completed: int | None
    teams_improved: int | None
    projects: int  # that take part now
    waiting: int  # proposed, submitted, deferred or approved, and not begun
    active: int
    paused: int
    completed: int
    stopped: int  # declined, cancelled or merged
    active_or_completed: int  # active, paused and completed
    improving: int  # of those, with a progress score of 3 or more: at least a modest improvement
    median_score: float | None  # of those


PROGRAMMES = sql.SQL(
    """
    WITH taking AS (
        SELECT programme, state, score
          FROM programmes, jsonb_array_elements_text(programmes) AS joined (programme)
         WHERE organisation = %(organisation)s AND what = 'project'
    ),
    counted AS (
        SELECT programme,
               count(*) AS projects,
               count(*) FILTER (WHERE state IN ('proposed', 'submitted', 'deferred', 'approved')) AS waiting,
               count(*) FILTER (WHERE state = 'active') AS active,
               count(*) FILTER (WHERE state = 'paused') AS paused,
               count(*) FILTER (WHERE state = 'completed') AS completed,
               count(*) FILTER (WHERE state IN ('declined', 'cancelled', 'merged')) AS stopped,
               count(*) FILTER (WHERE state IN ('active', 'paused', 'completed')) AS active_or_completed,
               count(*) FILTER (WHERE state IN ('active', 'paused', 'completed') AND score >= 3) AS improving,
               percentile_cont(0.5) WITHIN GROUP (ORDER BY score)
                   FILTER (WHERE state IN ('active', 'paused', 'completed')) AS median_score
          FROM taking
         GROUP BY programme
    ),
    known AS (
        SELECT split_part(key, '/', 2) AS programme, CASE WHEN {seen} THEN title END AS title, kind, state, started,
               ended, CASE WHEN {seen} THEN aim END AS aim, by,
               teams_started, teams_completed, teams_improved
          FROM programmes
         WHERE organisation = %(organisation)s AND what = 'programme'
    )
    SELECT programme, title, kind, coalesce(known.state, 'unknown') AS state, started, ended, aim, by,
           teams_started, teams_completed, teams_improved,
           coalesce(projects, 0) AS projects, coalesce(waiting, 0) AS waiting, coalesce(active, 0) AS active,
           coalesce(paused, 0) AS paused, coalesce(completed, 0) AS completed, coalesce(stopped, 0) AS stopped,
           coalesce(active_or_completed, 0) AS active_or_completed, coalesce(improving, 0) AS improving,
           median_score
      FROM known
      FULL JOIN counted USING (programme)
     WHERE %(programme)s::text IS NULL OR programme = %(programme)s
"""
).format(seen=shown_to_reader("audience"))
taking_part.question(
    "programmes",
    PROGRAMMES,
    asks=AllOfThem,
    answers=ProgrammeStands,
    order=("programme",),
    doc="Every programme and collaborative: the funnel of its projects by state, and their scores.",
)


class OfAProgramme(msgspec.Struct, frozen=True, kw_only=True):
    programme: ProgrammeId
    reader: Audience = "organisation"


class ProjectOfIt(msgspec.Struct, frozen=True, kw_only=True):
    """A project that takes part in a programme."""

    project: str
    title: str | None
    directorate: str | None
    forum: str | None
    state: State
    state_since: str | None
    score: float | None
    scale: str | None
    scored: str | None
    measures: int
    readings: int


PROJECTS = sql.SQL(
    """
    SELECT split_part(key, '/', 2) AS project, title, directorate, forum, state, state_since, score, scale, scored,
           jsonb_array_length(measures) AS measures,
           (SELECT coalesce(sum((measure ->> 'readings')::bigint), 0)::bigint
              FROM jsonb_array_elements(measures) AS measure) AS readings
      FROM programmes
     WHERE organisation = %(organisation)s AND what = 'project' AND programmes ? %(programme)s::text
       AND {seen}
"""
).format(seen=shown_to_reader("audience"))
taking_part.question(
    "projects",
    PROJECTS,
    asks=OfAProgramme,
    answers=ProjectOfIt,
    order=("-score", "project"),
    doc="The projects that take part in a programme, those that have come furthest first.",
)


class AlignedMeasure(msgspec.Struct, frozen=True, kw_only=True):
    """Measures of a programme's projects that have the same name, kind and unit."""

    measure: str  # their name as the first of them writes it
    kind: MeasureKind | None
    unit: str | None
    projects: int
    with_data: int  # of those
    readings: int  # each of a period of its own; so are those of a project
    target_met: int  # projects whose latest value is at its target or beyond, on the better side
    first_period: str | None
    latest_period: str | None
    series: tuple[
        tuple[str, str, float | None, float | None], ...
    ]  # project, its measure, first and latest value


def _as_shown(end: LiteralString) -> sql.Composed:
    """SQL for the first or latest value of `told`: as it was told, or its ratio times what the definition says."""
    ratio = """
        coalesce((told -> {end} ->> 'value')::float8,
                 (told -> {end} ->> 'numerator')::float8 / nullif((told -> {end} ->> 'denominator')::float8, 0)
                 * coalesce((told ->> 'multiply')::float8, CASE WHEN told ->> 'unit' = '%%' THEN 100 ELSE 1 END))"""
    return sql.SQL(ratio).format(end=sql.Literal(end))


MEASURES = sql.SQL(
    """
    WITH one AS (
        SELECT split_part(key, '/', 2) AS project, told ->> 'measure' AS id,
               coalesce(told ->> 'name', told ->> 'measure') AS name,
               told ->> 'kind' AS kind, told ->> 'unit' AS unit, told ->> 'direction' AS direction,
               (told ->> 'target')::float8 AS target, (told ->> 'readings')::bigint AS readings,
               told -> 'first' ->> 'period' AS first_period, told -> 'latest' ->> 'period' AS latest_period,
               {first} AS first, {latest} AS latest
          FROM programmes, jsonb_array_elements(measures) AS told
         WHERE organisation = %(organisation)s AND what = 'project' AND programmes ? %(programme)s::text
           AND {seen}
    )
    SELECT min(name) AS measure, kind, unit,
           count(DISTINCT project) AS projects,
           count(DISTINCT project) FILTER (WHERE readings > 0) AS with_data,
           sum(readings)::bigint AS readings,
           count(DISTINCT project) FILTER (WHERE (direction = 'increase' AND latest >= target)
                                              OR (direction = 'decrease' AND latest <= target)) AS target_met,
           min(first_period) AS first_period, max(latest_period) AS latest_period,
           jsonb_agg(jsonb_build_array(project, id, first, latest) ORDER BY project, id) AS series
      FROM one
     GROUP BY lower(name), kind, unit
"""
).format(seen=shown_to_reader("audience"), first=_as_shown("first"), latest=_as_shown("latest"))
taking_part.question(
    "measures",
    MEASURES,
    asks=OfAProgramme,
    answers=AlignedMeasure,
    order=("-projects", "measure", "kind", "unit"),
    doc="The measures that a programme's projects share, those of most projects first, with where each series stands.",
)
