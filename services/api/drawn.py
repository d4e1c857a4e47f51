"""A drawn chart as the API shows it: the report of `projections.charts`, with what stands beside the points."""

from collections.abc import Mapping, Sequence

import msgspec

from projections.charts.report import Report, report
from projections.measure_charts import MeasureChart
from projections.measure_series import ShownMeasure, ShownPart


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
    chart: Report
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
        chart=report(drawn.chart),
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
