"""A drawn chart as the API shows it: the report of `projections.charts`, with what stands beside the points."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from projections.charts.report import report
from projections.measure_charts import MeasureChart
from projections.measure_series import ShownMeasure, ShownPart


class Icon(msgspec.Struct, frozen=True, kw_only=True):
    """An icon of Making Data Count, said."""

    icon: str
    letter: str
    words: str


class ChartPhase(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of points, counted from 1, with its own lines, and why people began it."""

    phase: int
    first: int
    last: int
    reason: str
    centre: float | None
    trial_limits: bool
    runs: dict[str, Any]


class ChartSignal(msgspec.Struct, frozen=True, kw_only=True, rename={"since": "from", "until": "to"}):
    """Something other than chance, by a rule of a rule set. `points` count from 1."""

    rule_set: str
    rule: str
    label: str
    direction: str | None
    phase: int
    points: list[int]
    since: str
    until: str


class ChartPoint(msgspec.Struct, frozen=True, kw_only=True):
    """A point with the lines at its place."""

    point: int
    label: str
    value: float | None
    centre: float | None
    lower: float | None
    lower_near: float | None
    upper_near: float | None
    upper: float | None
    phase: int
    included: bool
    in_baseline: bool
    outside_limits: bool | None
    close_to_limits: bool | None
    relative_to_centre: int | None
    special_cause_type: str
    point_type: str
    flags: list[str]


class DrawnChart(msgspec.Struct, frozen=True, kw_only=True):
    """What the chart says: limits, phases, signals and icons, by the rule set named."""

    title: str
    message: str
    chart: str
    chart_name: str
    rule_set: str
    rule_set_name: str
    improvement_direction: str
    target: float | None
    variation: Icon | None
    assurance: Icon | None
    progress_toward_target: float | None
    warnings: list[str]
    phases: list[ChartPhase]
    signals: list[ChartSignal]
    points: list[ChartPoint]


class Beside(msgspec.Struct, frozen=True, kw_only=True):
    """A note or a PDSA cycle, at a point counted from 1; of a cycle, `decision` is adapt, adopt or abandon."""

    point: int
    label: str
    text: str
    decision: str = ""


class Acknowledged(msgspec.Struct, frozen=True, kw_only=True):
    """A signal that somebody saw and answered."""

    rule_set: str | None
    rule: str | None
    since: str | None
    until: str | None
    cause: str | None


class ChartPage(msgspec.Struct, frozen=True, kw_only=True):
    """The chart of a measure. `position` is the part of the log it reflects; `parked` records of it are left out.

    `instead_of` is the chart that the measure asks for where it cannot be drawn of these data, and `because` says why.
    """

    project: str
    measure: str
    position: int
    parked: int
    revision: int
    definition: ShownMeasure
    chart: DrawnChart
    instead_of: str | None
    because: str | None
    annotations: list[Beside]
    cycles: list[Beside]
    acknowledged: list[Acknowledged]
    links: dict[str, str]


def chart_page(
    drawn: MeasureChart,
    definition: ShownMeasure,
    parts: Sequence[ShownPart],
    *,
    project: str,
    position: int,
    parked: int,
    revision: int,
    links: Mapping[str, str],
) -> ChartPage:
    """The whole page."""
    series = drawn.chart.series
    return ChartPage(
        project=project,
        measure=definition.measure,
        position=position,
        parked=parked,
        revision=revision,
        definition=definition,
        chart=msgspec.convert(report(drawn.chart), DrawnChart),
        instead_of=None if drawn.instead_of is None else drawn.instead_of.value,
        because=drawn.because,
        annotations=[
            Beside(point=note.at + 1, label=series.labels[note.at], text=note.text)
            for note in series.annotations
        ],
        cycles=[
            Beside(
                point=cycle.at + 1,
                label=series.labels[cycle.at],
                text=cycle.name,
                decision=cycle.decision,
            )
            for cycle in series.cycles
        ],
        acknowledged=[
            Acknowledged(
                rule_set=part.rule_set, rule=part.rule, since=part.period, until=part.until, cause=part.text
            )
            for part in parts
            if part.sort == "signal"
        ],
        links=dict(links),
    )
