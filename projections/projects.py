"""Each project's own page: how it stands and how it came there. Its team and coach read it, and so does anyone who may.

Facts are shown as they were told, in whatever order they came; what is odd about a project's life is named in `flaws`
(`project_life.py` says what each means) and hides nothing. Dates are as exact as they were told: a project that started
in `2019` is shown so.

Of several who score it, the score shown is the forum's, or else the improvement advisor's, the coach's, the team's own;
one that is over half a year older than the latest stands back. `scores` has the latest of each, on each scale.
"""

from datetime import date
from typing import Any, Literal

import msgspec
from msgspec.structs import replace
from psycopg import sql

from events.aims import AimRevised, AimSet
from events.barriers import BarrierRaised, BarrierResolved
from events.changes import ChangeIdeaAdded, ChangeImplemented
from events.charters import CharterCompleted, CharterRevised
from events.fields import Audience, Direction
from events.learning import LearningCaptured
from events.log.record import Record
from events.measures import MeasureDefined, MeasurementRecorded, MeasureRetired, MeasureRevised
from events.programmes import ProjectJoinedProgramme, ProjectLeftProgramme
from events.projects import (
    Outcome,
    ProjectCompleted,
    ProjectMerged,
    ProjectProposed,
    ProjectRedescribed,
    ProjectSplit,
    ProjectStarted,
)
from events.spread import SpreadAdopted
from events.sustaining import HandedToQualityControl, SustainCheckRecorded
from events.vocabulary import Event
from projections.audience import shown_to_reader
from projections.endings import Endings, has_ended, with_ending
from projections.engine.projection import Projection
from projections.moments import as_written
from projections.project_life import ENDED, ENDINGS, State, outcome_after
from projections.project_work import TOLD_OF_PROJECTS, FollowedProject, followed

SHOWN_MAX = 100  # measures, programmes, barriers that one page shows; what goes beyond is in the timeline


class Aim(msgspec.Struct, frozen=True, kw_only=True):
    """How good, for whom, by when; in the words in force."""

    statement: str
    measure: str | None
    baseline: float | None
    target: float | None
    unit: str | None
    direction: Direction | None
    by: str | None
    since: str  # when it was set or last revised, as written
    revisions: int


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """A measure, and how far its data go. The data themselves are in `measure_series`."""

    measure: str
    name: str | None = None
    kind: str | None = None
    unit: str | None = None
    direction: Direction | None = None
    target: float | None = None
    readings: int = 0  # measurements told
    last_period: str | None = None  # the period of the one told last
    retired: bool = False


class ProjectPage(FollowedProject, frozen=True, kw_only=True):
    """One project."""

    problem: str | None = None
    proposed: str | None = None  # when it was proposed, as written
    started: str | None = None  # when it first became active, or was first said to start
    ended: str | None = None  # when it was last completed, cancelled or merged; empty once reopened
    outcome: Outcome | None = None  # whether its aim was met, if it was completed
    aim: Aim | None = None
    chartered: str | None = None  # when its charter was completed or last revised
    measures: tuple[Measured, ...] = ()
    programmes: tuple[str, ...] = ()  # those it belongs to now
    change_ideas: int = 0  # ideas added, whatever became of them
    changes_implemented: int = 0  # changes that became daily practice, reversed ones among them
    barriers_open: tuple[str, ...] = ()
    over: Endings = ()  # of barriers and programmes, where it is known only to the day, month or year
    learned: int = 0  # times that somebody wrote down what was learned
    adopted_elsewhere: int = 0  # times that a change of it was taken up in another place
    grew_from: str | None = None  # the stream of the idea or improvement that it grew from
    goes_on_in: tuple[str, ...] = ()  # the projects it was merged into or split into
    handed_over: str | None = None  # when quality control took its gains over
    sustained: str | None = None  # what the last look at its gains found


NEW = ProjectPage()

projects = Projection(
    "projects",
    revision=6,
    row=ProjectPage,
    doc=__doc__,
    streams=["project"],
    indexes=["(organisation, state)", "(organisation, forum)"],
)


def told(page: ProjectPage | None, event: Event, record: Record, **more: Any) -> ProjectPage:
    """Whatever is told of a project is folded so; the folds below add what only this page shows."""
    before = page or NEW
    after = followed(before, event, record, **more)
    if isinstance(event, ENDINGS) and after.state in ENDED:
        outcome = outcome_after(before.outcome, after.state, event)
        return replace(after, ended=as_written(record), outcome=outcome)
    if after.state == before.state or after.state != "active":
        return after
    return replace(after, started=after.started or as_written(record), ended=None, outcome=None)


@projects.on(ProjectProposed)
def proposed(page: ProjectPage | None, event: ProjectProposed, record: Record) -> ProjectPage:
    page = page or NEW
    from_idea = f"idea/{event.from_idea}" if event.from_idea else None
    from_improvement = f"improvement/{event.from_improvement}" if event.from_improvement else None
    return told(
        page,
        event,
        record,
        problem=event.problem or page.problem,
        proposed=page.proposed or as_written(record),
        grew_from=from_improvement or from_idea or page.grew_from,
    )


@projects.on(ProjectRedescribed)
def redescribed(page: ProjectPage | None, event: ProjectRedescribed, record: Record) -> ProjectPage:
    page = page or NEW
    return told(page, event, record, problem=event.problem or page.problem)


@projects.on(CharterCompleted)
@projects.on(CharterRevised)
def chartered(page: ProjectPage | None, event: CharterCompleted, record: Record) -> ProjectPage:
    return told(page, event, record, chartered=as_written(record), problem=event.problem)


@projects.on(ProjectCompleted)
def completed(page: ProjectPage | None, event: ProjectCompleted, record: Record) -> ProjectPage:
    page = page or NEW
    return told(page, event, record, learned=page.learned + (event.learned is not None))


@projects.on(ProjectStarted)
def started(page: ProjectPage | None, event: ProjectStarted, record: Record) -> ProjectPage:
    """It began, even if its end is known to the year and stands before that."""
    page = page or NEW
    return told(page, event, record, started=page.started or as_written(record))


@projects.on(ProjectMerged)
@projects.on(ProjectSplit)
def goes_on(page: ProjectPage | None, event: ProjectMerged | ProjectSplit, record: Record) -> ProjectPage:
    page = page or NEW
    into = (event.into,) if isinstance(event, ProjectMerged) else event.into
    return told(page, event, record, goes_on_in=_gathered(page.goes_on_in, *into))


@projects.on(AimSet)
@projects.on(AimRevised)
def aimed(page: ProjectPage | None, event: AimSet, record: Record) -> ProjectPage:
    page = page or NEW
    aim = Aim(
        statement=event.statement,
        measure=event.measure,
        baseline=event.baseline,
        target=event.target,
        unit=event.unit,
        direction=event.direction,
        by=event.by,
        since=as_written(record),
        revisions=0 if page.aim is None else page.aim.revisions + 1,
    )
    return told(page, event, record, aim=aim)


@projects.on(MeasureDefined)
@projects.on(MeasureRevised)
def measure_defined(page: ProjectPage | None, event: MeasureDefined, record: Record) -> ProjectPage:
    page = page or NEW
    known = _known(page, event.measure)
    new = replace(
        known or Measured(measure=event.measure),
        name=event.name,
        kind=event.kind,
        unit=event.unit,
        direction=event.direction,
        target=event.target,
        retired=False,
    )
    return told(page, event, record, measures=_instead(page, known, new))


@projects.on(MeasureRetired)
def measure_retired(page: ProjectPage | None, event: MeasureRetired, record: Record) -> ProjectPage:
    page = page or NEW
    known = _known(page, event.measure)
    new = replace(known or Measured(measure=event.measure), retired=True)
    return told(page, event, record, measures=_instead(page, known, new))


@projects.on(MeasurementRecorded)
def measured(page: ProjectPage | None, event: MeasurementRecorded, record: Record) -> ProjectPage:
    page = page or NEW
    known = _known(page, event.measure)
    if known is None:
        new = Measured(measure=event.measure, readings=1, last_period=event.period)
    else:
        new = replace(known, readings=known.readings + 1, last_period=event.period)
    return told(page, event, record, measures=_instead(page, known, new))


@projects.on(ProjectJoinedProgramme)
def joined_programme(page: ProjectPage | None, event: ProjectJoinedProgramme, record: Record) -> ProjectPage:
    page = page or NEW
    if has_ended(page.over, f"programme/{event.programme}", record):
        return told(page, event, record)
    return told(page, event, record, programmes=_gathered(page.programmes, event.programme))


@projects.on(ProjectLeftProgramme)
def left_programme(page: ProjectPage | None, event: ProjectLeftProgramme, record: Record) -> ProjectPage:
    page = page or NEW
    over = with_ending(page.over, f"programme/{event.programme}", record)
    return told(page, event, record, programmes=_but(page.programmes, event.programme), over=over)


@projects.on(BarrierRaised)
def barrier_raised(page: ProjectPage | None, event: BarrierRaised, record: Record) -> ProjectPage:
    page = page or NEW
    if has_ended(page.over, f"barrier/{event.barrier}", record):
        return told(page, event, record)
    return told(page, event, record, barriers_open=_gathered(page.barriers_open, event.barrier))


@projects.on(BarrierResolved)
def barrier_resolved(page: ProjectPage | None, event: BarrierResolved, record: Record) -> ProjectPage:
    page = page or NEW
    over = with_ending(page.over, f"barrier/{event.barrier}", record)
    return told(page, event, record, barriers_open=_but(page.barriers_open, event.barrier), over=over)


@projects.on(ChangeIdeaAdded)
@projects.on(ChangeImplemented)
@projects.on(SpreadAdopted)
@projects.on(LearningCaptured)
def counted(page: ProjectPage | None, event: Event, record: Record) -> ProjectPage:
    page = page or NEW
    counter = _COUNTERS[type(event)]
    return told(page, event, record, **{counter: getattr(page, counter) + 1})


@projects.on(HandedToQualityControl)
def handed_over(page: ProjectPage | None, event: HandedToQualityControl, record: Record) -> ProjectPage:
    return told(page, event, record, handed_over=as_written(record))


@projects.on(SustainCheckRecorded)
def sustain_checked(page: ProjectPage | None, event: SustainCheckRecorded, record: Record) -> ProjectPage:
    return told(page, event, record, sustained=event.result)


for _kind in TOLD_OF_PROJECTS:
    if _kind not in projects.folds:
        projects.on(_kind)(told)


_COUNTERS = {
    ChangeIdeaAdded: "change_ideas",
    ChangeImplemented: "changes_implemented",
    SpreadAdopted: "adopted_elsewhere",
    LearningCaptured: "learned",
}


def _gathered(known: tuple[str, ...], *more: str) -> tuple[str, ...]:
    """What was known and what is new, each once, as many as a page shows."""
    return tuple(dict.fromkeys((*known, *more)))[:SHOWN_MAX]


def _but(known: tuple[str, ...], gone: str) -> tuple[str, ...]:
    return tuple([one for one in known if one != gone])


def _known(page: ProjectPage, measure: str) -> Measured | None:
    for one in page.measures:
        if one.measure == measure:
            return one
    return None


def _instead(page: ProjectPage, known: Measured | None, new: Measured) -> tuple[Measured, ...]:
    """The measures with one of them changed, or added while there is room."""
    if known is None:
        return (*page.measures, new)[:SHOWN_MAX]
    return tuple([new if one is known else one for one in page.measures])


class OneProject(msgspec.Struct, frozen=True, kw_only=True):
    project: str
    on: date | None = None  # the day to say the age of the score on
    reader: Audience = "organisation"


class ShownProject(ProjectPage, frozen=True, kw_only=True, omit_defaults=False):
    """A project's page, and the age of its score."""

    project: str
    score_age_days: int | None  # by `on`, since it was surely scored last


ONE = sql.SQL(
    """
    SELECT split_part(key, '/', 2) AS project,
           %(on)s::date - scored_until AS score_age_days,
           title, problem, directorate, forum, areas, state, state_since, audience, said_for, flaws, ahead,
           proposed, started, ended, outcome, aim, chartered, measures, programmes,
           scores, assessor, score, scale, scored, scored_until, score_since, score_held_from, score_before,
           team, gone, involvement, sponsor_updated, next_review, barriers_open, over,
           cycles_tested, last_cycle, latest_cycles, change_ideas, changes_implemented, learned, adopted_elsewhere,
           last_data, last_data_until, last_sign_of_life, alive_until,
           grew_from, goes_on_in, handed_over, sustained
      FROM projects
     WHERE organisation = %(organisation)s
       AND key = 'project/' || %(project)s::text
       AND {seen}
"""
).format(seen=shown_to_reader("audience"))
projects.question(
    "one", ONE, asks=OneProject, answers=ShownProject, order=["project"], doc="One project's page."
)


class SomeProjects(msgspec.Struct, frozen=True, kw_only=True):
    state: State | Literal["active_or_completed"] | None = None
    forum: str | None = None
    directorate: str | None = None
    area: str | None = None
    reader: Audience = "organisation"


class ListedProject(msgspec.Struct, frozen=True, kw_only=True):
    """A line of a list of projects."""

    project: str
    title: str | None
    directorate: str | None
    forum: str | None
    areas: tuple[str, ...]
    state: State
    state_since: str | None
    score: float | None
    scored: str | None
    last_sign_of_life: str | None
    flaws: tuple[str, ...]


SOME = sql.SQL(
    """
    SELECT split_part(key, '/', 2) AS project, title, directorate, forum, areas, state, state_since,
           score, scored, last_sign_of_life, flaws
      FROM projects
     WHERE organisation = %(organisation)s
       AND (%(state)s::text IS NULL OR state = %(state)s
            OR (%(state)s = 'active_or_completed' AND state IN ('active', 'paused', 'completed')))
       AND (%(forum)s::text IS NULL OR forum = %(forum)s)
       AND (%(directorate)s::text IS NULL OR directorate = %(directorate)s)
       AND (%(area)s::text IS NULL OR areas ? %(area)s)
       AND {seen}
"""
).format(seen=shown_to_reader("audience"))
projects.question(
    "some",
    SOME,
    asks=SomeProjects,
    answers=ListedProject,
    order=["project"],
    doc="Projects by state, forum, directorate and area; `active_or_completed` is active, paused or completed.",
)
