"""The measures of each project, their data after corrections, and what people decided about their charts.

Teams, dashboards and analysts read it. A measure has one value for each period and subgroup: corrections have been
made and what was retracted is left out, by the engine; a second value for the same period takes the place of the first
and `told` counts both, so that nothing is hidden. What a chart says of a series (limits, signals, icons) is no part of
the rows: `measure_charts.py` draws it from the answers given here.

Beside the points stand notes, baselines, the starts of new phases, points left out, signals that somebody acknowledged,
and the PDSA cycles of the project, so that a chart can show what was done and when.
"""

from datetime import date
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta
from msgspec.structs import replace
from psycopg import sql

from events.charts import (
    BaselineSet,
    ChartAnnotated,
    LimitsRecalculated,
    MeasurementExcluded,
    SignalAcknowledged,
)
from events.comments import VisibilitySet
from events.cycles import CycleActed, CycleTested
from events.fields import Audience, Direction, first_day
from events.log.record import Record
from events.measures import (
    ChartKind,
    Interval,
    MeasureDefined,
    MeasureKind,
    MeasurementRecorded,
    MeasureRetired,
    MeasureRevised,
)
from projections.audience import SaidFor, narrowest, said_after, shown_to_reader
from projections.engine.projection import Projection
from projections.moments import as_written, first_day_of

TEXT_MAX = 1_000  # characters of a reason or note beside a chart
PROJECTS_LETTERS_MAX = 8_000  # of the ids of several projects

Sort = Literal["measure", "point", "note", "baseline", "phase", "signal", "cycle", "project"]


class About(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What is said once of a measure, a phase, a signal or a project, and never of a point."""

    # of a measure
    kind: MeasureKind | None = None
    definition: str | None = None
    unit: str | None = None
    multiply: float | None = None
    chart: ChartKind | None = None
    interval: Interval | None = None
    direction: Direction | None = None
    target: float | None = None
    revisions: int = 0
    retired: str | None = None  # since when it is no longer collected, as written
    # of a phase or signal
    rule_set: str | None = None
    rule: str | None = None
    # of the project
    audience: Audience | None = None
    said_for: SaidFor = ()  # by all that may have been said last; the fewest of those may see it


class SeriesPart(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A measure, one of its points, or something that stands beside its points. Fields of other sorts are empty."""

    sort: Sort
    measure: str | None = None  # none of a cycle, which belongs to all measures of its project
    period: str | None = None  # of a point: what it is of; else when it stands, as written
    at: date | None = None  # the first day of that, to sort by
    # of a point
    subgroup: str | None = None
    value: float | None = None
    numerator: float | None = None
    denominator: float | None = None
    n: float | None = None
    told: int = 0  # times that a value was told for this period and subgroup
    left_out: str | None = None  # why people left it out of the limits
    # of what is no point: nine rows in ten are points, and have no column for the rest
    name: str | None = None  # of a measure, or the cycle
    text: str | None = None  # the note, reason or cause; of a cycle, its decision
    until: str | None = None  # the end of a period, baseline or signal, as written
    about: About | None = None

    @property
    def says(self) -> About:
        """What is said of it, or nothing."""
        return self.about or NOTHING


NOTHING = About()

series = Projection(
    "measure_series",
    revision=3,
    row=SeriesPart,
    doc=__doc__,
    streams=["project"],
    indexes=["(organisation, key, measure, sort, at)"],
)


def measure_of(event: MeasureDefined | MeasureRetired) -> str:
    return f"measure/{event.measure}"


def point_of(event: MeasurementRecorded | MeasurementExcluded) -> str:
    return f"point/{event.measure}/{event.period}/{event.subgroup or ''}"


def note_of(event: ChartAnnotated) -> str:
    return f"note/{event.measure}/{event.on}/{event.text}"


def baseline_of(event: BaselineSet) -> str:
    """One baseline at a time: a new one takes the place of the old."""
    return f"baseline/{event.measure}"


def phase_of(event: LimitsRecalculated) -> str:
    return f"phase/{event.measure}/{event.since}"


def signal_of(event: SignalAcknowledged) -> str:
    return f"signal/{event.measure}/{event.rule_set}/{event.rule}/{event.since}"


def cycle_of(event: CycleTested | CycleActed) -> str:
    return f"cycle/{event.cycle}"


@series.on(MeasureDefined, part=measure_of)
@series.on(MeasureRevised, part=measure_of)
def defined(row: SeriesPart | None, event: MeasureDefined, record: Record) -> SeriesPart:
    """Told in full each time; a measure that is defined anew is collected again."""
    return SeriesPart(
        sort="measure",
        measure=event.measure,
        name=event.name,
        about=About(
            kind=event.kind,
            definition=event.definition,
            unit=event.unit,
            multiply=event.multiply,
            chart=event.chart,
            interval=event.interval,
            direction=event.direction,
            target=event.target,
            revisions=0 if row is None else row.says.revisions + 1,
        ),
    )


@series.on(MeasureRetired, part=measure_of)
def retired(row: SeriesPart | None, event: MeasureRetired, record: Record) -> SeriesPart:
    row = row or SeriesPart(sort="measure", measure=event.measure)
    return replace(row, about=replace(row.says, retired=as_written(record)))


@series.on(MeasurementRecorded, part=point_of)
def recorded(row: SeriesPart | None, event: MeasurementRecorded, record: Record) -> SeriesPart:
    return SeriesPart(
        sort="point",
        measure=event.measure,
        period=event.period,
        at=first_day(event.period),
        subgroup=event.subgroup,
        value=event.value,
        numerator=event.numerator,
        denominator=event.denominator,
        n=event.n,
        told=1 if row is None else row.told + 1,
        left_out=None if row is None else row.left_out,
        text=_short(event.note),
        until=event.until,
    )


@series.on(MeasurementExcluded, part=point_of)
def left_out(row: SeriesPart | None, event: MeasurementExcluded, record: Record) -> SeriesPart:
    row = row or SeriesPart(
        sort="point",
        measure=event.measure,
        period=event.period,
        at=first_day(event.period),
        subgroup=event.subgroup,
    )
    return replace(row, left_out=_short(event.reason))


@series.on(ChartAnnotated, part=note_of)
def annotated(row: SeriesPart | None, event: ChartAnnotated, record: Record) -> SeriesPart:
    return _beside("note", event.measure, event.on, text=event.text)


@series.on(BaselineSet, part=baseline_of)
def baseline_set(row: SeriesPart | None, event: BaselineSet, record: Record) -> SeriesPart:
    """Its `period` is its first point's, and empty if it begins with the earliest of all."""
    placed = _beside("baseline", event.measure, event.until, text=event.reason, until=event.until)
    return replace(placed, period=event.since)


@series.on(LimitsRecalculated, part=phase_of)
def rebased(row: SeriesPart | None, event: LimitsRecalculated, record: Record) -> SeriesPart:
    return _beside(
        "phase", event.measure, event.since, text=event.reason, about=About(rule_set=event.rule_set)
    )


@series.on(SignalAcknowledged, part=signal_of)
def acknowledged(row: SeriesPart | None, event: SignalAcknowledged, record: Record) -> SeriesPart:
    return _beside(
        "signal",
        event.measure,
        event.since,
        text=event.cause,
        until=event.until,
        about=About(rule_set=event.rule_set, rule=event.rule),
    )


@series.on(CycleTested, part=cycle_of)
@series.on(CycleActed, part=cycle_of)
def tested(row: SeriesPart | None, event: CycleTested | CycleActed, record: Record) -> SeriesPart:
    """A cycle stands where it was last told of, with what was decided of its change."""
    decision = event.decision or (row.text if row is not None else None)
    return SeriesPart(
        sort="cycle", period=as_written(record), at=first_day_of(record), text=decision, name=event.cycle
    )


@series.on(VisibilitySet, part=lambda event: "project")
def visible(row: SeriesPart | None, event: VisibilitySet, record: Record) -> SeriesPart:
    said_for = said_after(() if row is None else row.says.said_for, event.audience, record)
    return SeriesPart(sort="project", about=About(audience=narrowest(said_for), said_for=said_for))


def _beside(sort: Sort, measure: str, on: str, *, text: str | None, **more: Any) -> SeriesPart:
    return SeriesPart(sort=sort, measure=measure, period=on, at=first_day(on), text=_short(text), **more)


def _short(text: str | None) -> str | None:
    return None if text is None else text[:TEXT_MAX]


class OfProject(msgspec.Struct, frozen=True, kw_only=True):
    project: str
    reader: Audience = "organisation"


class ShownMeasure(msgspec.Struct, frozen=True, kw_only=True):
    """A measure as it is defined now, and how many points it has. One that has data and no definition is there too."""

    measure: str
    name: str | None
    kind: MeasureKind | None
    definition: str | None
    unit: str | None
    multiply: float | None
    chart: ChartKind | None
    interval: Interval | None
    direction: Direction | None
    target: float | None
    revisions: int
    retired: str | None
    points: int
    last_period: str | None


AUDIENCE = """coalesce((SELECT about ->> 'audience'
                      FROM measure_series
                     WHERE organisation = %(organisation)s AND key = 'project/' || %(project)s::text
                       AND part = 'project'), 'organisation')"""  # of the project
MEASURES = sql.SQL(
    """
    SELECT measure, name, kind, definition, unit, multiply, chart, interval, direction, target,
           coalesce(revisions, 0) AS revisions, retired, coalesce(points, 0) AS points, last_period
      FROM (SELECT measure, name, said.*
              FROM measure_series
              LEFT JOIN LATERAL jsonb_to_record(about) AS said (
                       kind text, definition text, unit text, multiply double precision, chart text, "interval" text,
                       direction text, target double precision, revisions bigint, retired text) ON true
             WHERE organisation = %(organisation)s AND key = 'project/' || %(project)s::text
               AND sort = 'measure') AS defined
      FULL JOIN (SELECT measure, count(*) AS points, (array_agg(period ORDER BY at DESC, period DESC))[1] AS last_period
                   FROM measure_series
                  WHERE organisation = %(organisation)s AND key = 'project/' || %(project)s::text
                    AND sort = 'point' AND told > 0
                  GROUP BY measure) AS counted USING (measure)
     WHERE {seen}
"""
).format(seen=shown_to_reader(AUDIENCE))
series.question(
    "measures",
    MEASURES,
    asks=OfProject,
    answers=ShownMeasure,
    order=["measure"],
    doc="The measures of a project.",
)


class OfMeasure(msgspec.Struct, frozen=True, kw_only=True):
    project: str
    measure: str
    reader: Audience = "organisation"


class ShownPart(msgspec.Struct, frozen=True, kw_only=True):
    """A point of a measure, or what stands beside its points."""

    sort: Sort
    part: str
    period: str | None
    at: date | None
    subgroup: str | None
    value: float | None
    numerator: float | None
    denominator: float | None
    n: float | None
    told: int
    left_out: str | None
    name: str | None
    text: str | None
    until: str | None
    rule_set: str | None
    rule: str | None


SERIES = sql.SQL(
    """
    SELECT sort, part, period, at, subgroup, value, numerator, denominator, n, told, left_out, name, text, until,
           about ->> 'rule_set' AS rule_set, about ->> 'rule' AS rule
      FROM measure_series AS shown
     WHERE organisation = %(organisation)s
       AND key = 'project/' || %(project)s::text
       AND (measure = %(measure)s::text AND (sort <> 'point' OR told > 0) AND sort <> 'measure' OR sort = 'cycle')
       AND {seen}
"""
).format(seen=shown_to_reader(AUDIENCE))
series.question(
    "series",
    SERIES,
    asks=OfMeasure,
    answers=ShownPart,
    order=["at", "part"],
    doc="The points of a measure in the order of their periods, with what stands beside them.",
)


class OfProjects(msgspec.Struct, frozen=True, kw_only=True):
    projects: Annotated[str, Meta(max_length=PROJECTS_LETTERS_MAX)]  # ids, with commas between them
    kind: Literal["outcome", "process", "balancing", "all"] = "outcome"
    reader: Audience = "organisation"


class ProjectPart(ShownPart, frozen=True, kw_only=True):
    """A measure of a project, a point of one, or what stands beside. A cycle belongs to all measures of its project."""

    project: str
    measure: str | None
    kind: MeasureKind | None
    unit: str | None
    multiply: float | None
    chart: ChartKind | None
    interval: Interval | None
    direction: Direction | None
    target: float | None
    revisions: int
    retired: str | None


OF_PROJECTS = sql.SQL(
    """
    WITH whose AS MATERIALIZED (  -- once for all points: each would else look through its whole project
        SELECT key, part, about ->> 'audience' AS audience, about ->> 'kind' AS kind
          FROM measure_series
         WHERE organisation = %(organisation)s
           AND key = ANY (string_to_array('project/' || replace(%(projects)s::text, ',', ',project/'), ','))
           AND sort IN ('project', 'measure')
    )
    SELECT split_part(shown.key, '/', 2) AS project, shown.sort, shown.part, shown.measure, shown.period, shown.at,
           shown.subgroup, shown.value, shown.numerator, shown.denominator, shown.n, shown.told, shown.left_out,
           shown.name, shown.text, shown.until, said.rule_set, said.rule, said.kind, said.unit, said.multiply,
           said.chart, said."interval", said.direction, said.target, coalesce(said.revisions, 0) AS revisions,
           said.retired
      FROM measure_series AS shown
      LEFT JOIN LATERAL jsonb_to_record(shown.about) AS said (
               rule_set text, rule text, kind text, unit text, multiply double precision, chart text, "interval" text,
               direction text, target double precision, revisions bigint, retired text) ON true
      LEFT JOIN whose AS seen ON seen.key = shown.key AND seen.part = 'project'
      LEFT JOIN whose AS defined ON defined.key = shown.key AND defined.part = 'measure/' || shown.measure
     WHERE shown.organisation = %(organisation)s
       AND shown.key = ANY (string_to_array('project/' || replace(%(projects)s::text, ',', ',project/'), ','))
       AND shown.sort <> 'project'
       AND (shown.sort <> 'point' OR shown.told > 0)
       AND (shown.sort = 'cycle' OR %(kind)s::text = 'all' OR defined.kind = %(kind)s::text)
       AND {seen}
"""
).format(seen=shown_to_reader("coalesce(seen.audience, 'organisation')"))
series.question(
    "of_projects",
    OF_PROJECTS,
    asks=OfProjects,
    answers=ProjectPart,
    order=["project", "at", "part"],
    doc="The measures of several projects, their points in the order of their periods, and what stands beside them.",
)
