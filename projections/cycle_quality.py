"""How well PDSA cycles are told: predicted, linked, learned from, small at first, with data over time.

Improvement advisors and coaches read it, to help teams; it never names a person. The criteria are those by which
Taylor et al. reviewed published PDSA cycles (2014, doi 10.1136/bmjqs-2013-001862): iterative cycles, a
prediction, small-scale testing, data over time, documentation. They are read from what was told as follows.

- **predicted before**: the plan with its prediction happened before the result; **beside**: both were told at once, or
  the plan is dated after the result, so that nobody can tell which came first.
- **linked**: the cycle names the one it follows from or the one that follows, or is named so by another.
- **small scale**: the plan says how small the test is. **learned**: it says what was learned.
- **monthly data**: of some measure of the project, data of at least three months, at most one month in ten missing.

A cycle counts, once, from the first day on which it may have been tested; one that is only planned does not count.
"""

from datetime import date
from typing import Literal, TypeAlias

import msgspec
from psycopg import sql

from events.cycles import (
    Comparison,
    CycleAbandoned,
    CycleActed,
    CycleDone,
    CyclePlanned,
    CycleStarted,
    CycleStudied,
    CycleTested,
    Decision,
)
from events.fields import Audience, DirectorateId, ForumId, ProjectId
from events.log.record import Record
from events.measures import MeasurementRecorded
from events.vocabulary import Event
from projections.audience import shown_to_reader
from projections.engine.projection import Projection
from projections.moments import as_written, first_day_of
from projections.project_life import LIFE, ProjectLife, lived

MONTHS_MAX = 120  # of data, of one measure; the latest are kept
DAY = len("2022-05-20")  # a written date of this length is known to the day
MONTH = len("2022-05")

Standing: TypeAlias = Literal["planned", "started", "done", "studied", "decided", "abandoned"]
_ONWARD: tuple[Standing, ...] = ("planned", "abandoned", "started", "done", "studied", "decided")


class QualityPart(ProjectLife, frozen=True, kw_only=True):
    """A project, a cycle of it, or a measure of it with the months that have data."""

    what: Literal["project", "cycle", "measure"]
    cycle: str | None = None
    number: int | None = None
    ramp: str | None = None
    standing: Standing | None = None  # how far a cycle has come
    predicted: Literal["before", "beside"] | None = None
    small_scale: bool = False
    data_planned: bool = False
    learned: bool = False
    compared: Comparison | None = None
    decision: Decision | None = None
    previous: str | None = None  # the cycle it follows from
    next_cycle: str | None = None  # the cycle that goes on from it
    due: str | None = None  # when it is to be studied
    began: str | None = None  # when it was planned or started, whichever was first; as written
    tested: str | None = None  # when the first result was told, as written
    tested_from: date | None = None  # the first day on which that may have been
    over: str | None = None  # when it was decided, or else studied, as written
    days: int | None = None  # from its beginning to its end, where both are known to the day
    months: tuple[str, ...] = ()  # of a measure: the months that have data, in their order


quality = Projection(
    "cycle_quality",
    revision=3,
    row=QualityPart,
    doc=__doc__,
    streams=[
        "project"
    ],  # no index: the key finds a project's rows, and a question reads all of an organisation's
)


def cycle_of(event: CyclePlanned | CycleStarted | CycleDone | CycleStudied | CycleActed | CycleTested) -> str:
    """The part of a project's rows that a cycle is."""
    return f"cycle/{event.cycle}"


def stood(row: QualityPart | None, event: Event, record: Record) -> QualityPart:
    """The project's own name, place and state."""
    return lived(row or QualityPart(what="project"), event, record)


for _kind in LIFE:
    quality.on(_kind, part=lambda _: "project")(stood)


@quality.on(CyclePlanned, part=cycle_of)
def planned(row: QualityPart | None, event: CyclePlanned, record: Record) -> QualityPart:
    """A plan. Its prediction counts as such only if no result had been told."""
    row = _onward(row, event.cycle, "planned", record)
    before: Literal["before", "beside"] = "before" if row.tested is None else "beside"
    return msgspec.structs.replace(
        row,
        number=event.number or row.number,
        ramp=event.ramp or row.ramp,
        predicted=row.predicted or (None if event.prediction is None else before),
        small_scale=row.small_scale or event.scale is not None,
        data_planned=row.data_planned or event.data_plan is not None,
        previous=event.previous or row.previous,
        due=event.due or row.due,
    )


@quality.on(CycleStarted, part=cycle_of)
def started(row: QualityPart | None, event: CycleStarted, record: Record) -> QualityPart:
    return _onward(row, event.cycle, "started", record)


@quality.on(CycleDone, part=cycle_of)
def done(row: QualityPart | None, event: CycleDone, record: Record) -> QualityPart:
    return _onward(row, event.cycle, "done", record)


@quality.on(CycleStudied, part=cycle_of)
def studied(row: QualityPart | None, event: CycleStudied, record: Record) -> QualityPart:
    row = _onward(row, event.cycle, "studied", record)
    return msgspec.structs.replace(
        row, compared=event.compared or row.compared, learned=row.learned or event.learned is not None
    )


@quality.on(CycleActed, part=cycle_of)
def acted(row: QualityPart | None, event: CycleActed, record: Record) -> QualityPart:
    """The decision ends the cycle."""
    row = _onward(row, event.cycle, "decided", record)
    return msgspec.structs.replace(
        row, decision=event.decision, next_cycle=event.next_cycle or row.next_cycle
    )


@quality.on(CycleTested, part=cycle_of)
def tested(row: QualityPart | None, event: CycleTested, record: Record) -> QualityPart:
    """All told at once. Whatever was told step by step before stays."""
    row = _onward(row, event.cycle, "studied" if event.decision is None else "decided", record)
    return msgspec.structs.replace(
        row,
        number=event.number or row.number,
        ramp=event.ramp or row.ramp,
        predicted=row.predicted or (None if event.prediction is None else "beside"),
        compared=event.compared or row.compared,
        learned=row.learned or event.learned is not None,
        decision=event.decision or row.decision,
        previous=event.previous or row.previous,
    )


@quality.on(CycleAbandoned, part=lambda event: f"cycle/{event.cycle}")
def abandoned(row: QualityPart | None, event: CycleAbandoned, record: Record) -> QualityPart:
    """It will not be carried out. What was carried out, started at least, cannot be abandoned as a plan."""
    row = row or QualityPart(what="cycle", cycle=event.cycle)
    return msgspec.structs.replace(row, standing=_later(row.standing, "abandoned"))


@quality.on(MeasurementRecorded, part=lambda event: f"measure/{event.measure}")
def measured(row: QualityPart | None, event: MeasurementRecorded, _: Record) -> QualityPart:
    """A month has data. Of a year's measurement nobody knows the months."""
    row = row or QualityPart(what="measure")
    month = event.period[:MONTH]
    if len(month) < MONTH or month in row.months:
        return row
    return msgspec.structs.replace(row, months=tuple(sorted((*row.months, month)))[-MONTHS_MAX:])


def _onward(row: QualityPart | None, cycle: str, to: Standing, record: Record) -> QualityPart:
    """The cycle as far as it has come now; it never goes back. A first result is a test."""
    row = row or QualityPart(what="cycle", cycle=cycle)
    when = as_written(record)
    changes: dict[str, object] = {"standing": _later(row.standing, to)}
    if to in ("planned", "started"):
        changes["began"] = row.began or when
    elif row.tested is None:
        changes |= {"tested": when, "tested_from": first_day_of(record)}
    if to in ("studied", "decided") and (to == "decided" or row.standing != "decided"):
        changes |= {"over": when, "days": _days(row.began, when)}
    return msgspec.structs.replace(row, **changes)


def _later(standing: Standing | None, to: Standing) -> Standing:
    return to if standing is None or _ONWARD.index(to) > _ONWARD.index(standing) else standing


def _days(began: str | None, over: str) -> int | None:
    """Whole days between dates that are known to the day."""
    if began is None or len(began) < DAY or len(over) < DAY:
        return None
    return (date.fromisoformat(over) - date.fromisoformat(began)).days


# Questions


class OfAProject(msgspec.Struct, frozen=True, kw_only=True):
    project: ProjectId
    reader: Audience = "organisation"


class CycleTold(msgspec.Struct, frozen=True, kw_only=True):
    """One cycle, and what was told of it."""

    cycle: str
    number: int | None
    ramp: str | None
    standing: Standing
    predicted: Literal["before", "beside"] | None
    small_scale: bool
    data_planned: bool
    linked: bool
    learned: bool
    compared: Comparison | None
    decision: Decision | None
    began: str | None
    tested: str | None
    over: str | None
    days: int | None


CYCLES = sql.SQL(
    """
    SELECT one.cycle, one.number, one.ramp, one.standing, one.predicted, one.small_scale, one.data_planned,
           one.learned, one.compared, one.decision, one.began, one.tested, one.over, one.days,
           coalesce(one.began, one.tested) AS since,
           one.previous IS NOT NULL OR one.next_cycle IS NOT NULL OR EXISTS (
               SELECT FROM cycle_quality AS other
                WHERE other.organisation = one.organisation AND other.key = one.key
                  AND one.cycle IN (other.previous, other.next_cycle)) AS linked
      FROM cycle_quality AS one
      LEFT JOIN cycle_quality AS whole
             ON whole.organisation = one.organisation AND whole.key = one.key AND whole.part = 'project'
     WHERE one.organisation = %(organisation)s AND one.key = 'project/' || %(project)s::text AND one.what = 'cycle'
       AND {seen}
"""
).format(seen=shown_to_reader("coalesce(whole.audience, 'organisation')"))
quality.question(
    "cycles",
    CYCLES,
    asks=OfAProject,
    answers=CycleTold,
    order=("began", "tested", "cycle"),
    doc="The cycles of a project, and which of the criteria each meets.",
)


class CyclesBetween(msgspec.Struct, frozen=True, kw_only=True):
    """Cycles tested from the first day to the last, by forum, by directorate, by project, or all together."""

    since: date
    until: date
    by: Literal["forum", "directorate", "project", "organisation"] = "forum"
    forum: ForumId | None = None
    directorate: DirectorateId | None = None


class CyclesCounted(msgspec.Struct, frozen=True, kw_only=True):
    """How many cycles were tested somewhere, and how many of them meet a criterion. Shares are of `cycles`, 0 to 1."""

    place: str  # the id of the forum, directorate or project; empty where none is told
    cycles: int
    predicted: int
    predicted_before: int  # of those, surely before the result
    linked: int
    small_scale: int
    learned: int
    adapt: int
    adopt: int
    abandon: int
    undecided: int
    predicted_share: float
    linked_share: float
    learned_share: float
    median_days: float | None  # from plan to decision
    projects: int  # that tested
    iterating: int  # of those, with linked cycles
    with_monthly_data: int  # of those


TESTS = """
    WITH data AS (
        SELECT DISTINCT key
          FROM cycle_quality
         WHERE organisation = %(organisation)s AND what = 'measure' AND jsonb_array_length(months) >= 3
           AND jsonb_array_length(months) >= 0.9 * (1
               + 12 * (left(months ->> -1, 4)::int - left(months ->> 0, 4)::int)
               + right(months ->> -1, 2)::int - right(months ->> 0, 2)::int)
    ),
    links AS (
        SELECT key, unnest(ARRAY[cycle, previous, next_cycle]) AS cycle
          FROM cycle_quality
         WHERE organisation = %(organisation)s AND what = 'cycle'
           AND (previous IS NOT NULL OR next_cycle IS NOT NULL)
    ),
    cycles AS (
        SELECT one.*, (one.key, one.cycle) IN (SELECT key, cycle FROM links WHERE cycle IS NOT NULL) AS linked,
               one.key IN (SELECT key FROM data) AS monthly,
               coalesce(CASE %(by)s::text WHEN 'forum' THEN whole.forum WHEN 'directorate' THEN whole.directorate
                        WHEN 'project' THEN split_part(one.key, '/', 2) END, '') AS place
          FROM cycle_quality AS one
          LEFT JOIN cycle_quality AS whole
                 ON whole.organisation = one.organisation AND whole.key = one.key AND whole.part = 'project'
         WHERE one.organisation = %(organisation)s AND one.what = 'cycle'
           AND one.tested_from BETWEEN %(since)s::date AND %(until)s::date
           AND (%(forum)s::text IS NULL OR whole.forum = %(forum)s)
           AND (%(directorate)s::text IS NULL OR whole.directorate = %(directorate)s)
    )
    SELECT place, count(*) AS cycles,
           count(predicted) AS predicted,
           count(*) FILTER (WHERE predicted = 'before') AS predicted_before,
           count(*) FILTER (WHERE linked) AS linked,
           count(*) FILTER (WHERE small_scale) AS small_scale,
           count(*) FILTER (WHERE learned) AS learned,
           count(*) FILTER (WHERE decision = 'adapt') AS adapt,
           count(*) FILTER (WHERE decision = 'adopt') AS adopt,
           count(*) FILTER (WHERE decision = 'abandon') AS abandon,
           count(*) FILTER (WHERE decision IS NULL) AS undecided,
           count(predicted)::float8 / count(*) AS predicted_share,
           count(*) FILTER (WHERE linked)::float8 / count(*) AS linked_share,
           count(*) FILTER (WHERE learned)::float8 / count(*) AS learned_share,
           percentile_cont(0.5) WITHIN GROUP (ORDER BY days) AS median_days,
           count(DISTINCT key) AS projects,
           count(DISTINCT key) FILTER (WHERE linked) AS iterating,
           count(DISTINCT key) FILTER (WHERE monthly) AS with_monthly_data
      FROM cycles
     GROUP BY place
"""
quality.question(
    "tests",
    TESTS,
    asks=CyclesBetween,
    answers=CyclesCounted,
    order=("place",),
    doc="How well the cycles tested in a time were told, and what was decided: by forum, directorate or project.",
)


class ToLookAt(msgspec.Struct, frozen=True, kw_only=True):
    """On which day, and for whom."""

    on: date
    forum: ForumId | None = None
    reader: Audience = "forum"


class CycleToLookAt(msgspec.Struct, frozen=True, kw_only=True):
    """A cycle that a coach may ask a team about."""

    project: str
    title: str | None
    cycle: str
    lacking: Literal["study", "prediction", "learning", "next_cycle"]
    since: str | None  # when it was due, began or was tested, as written


TO_LOOK_AT = sql.SQL(
    """
    WITH followed AS (
        SELECT DISTINCT key, previous AS cycle
          FROM cycle_quality
         WHERE organisation = %(organisation)s AND what = 'cycle' AND previous IS NOT NULL
    )
    SELECT split_part(one.key, '/', 2) AS project, whole.title, one.cycle, lacking.lacking,
           coalesce(CASE lacking.lacking WHEN 'study' THEN one.due END, one.tested, one.began) AS since
      FROM cycle_quality AS one
      JOIN cycle_quality AS whole
        ON whole.organisation = one.organisation AND whole.key = one.key AND whole.part = 'project'
     CROSS JOIN LATERAL (VALUES
           ('study', one.standing IN ('planned', 'started', 'done')
                     AND one.due < left(%(on)s::date::text, length(one.due))),
           ('prediction', one.standing <> 'abandoned' AND one.predicted IS NULL),
           ('learning', one.standing IN ('studied', 'decided') AND NOT one.learned),
           ('next_cycle', one.decision = 'adapt' AND one.next_cycle IS NULL
                           AND (one.key, one.cycle) NOT IN (SELECT key, cycle FROM followed))
           ) AS lacking (lacking, is_so)
     WHERE one.organisation = %(organisation)s AND one.what = 'cycle' AND lacking.is_so
       AND whole.state IN ('active', 'paused')
       AND (%(forum)s::text IS NULL OR whole.forum = %(forum)s)
       AND {seen}
"""
).format(seen=shown_to_reader("whole.audience"))
quality.question(
    "to_look_at",
    TO_LOOK_AT,
    asks=ToLookAt,
    answers=CycleToLookAt,
    order=("project", "cycle", "lacking"),
    doc="Cycles of projects under way that lack a study, a prediction, learning, or the cycle that was to follow.",
)
