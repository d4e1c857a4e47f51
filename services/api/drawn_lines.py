"""What the chart of each measure says, in a line: for a page of many projects, where no chart would fit. Pure."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any
from urllib.parse import urlencode

import msgspec

from events.measures import MeasureKind
from projections.charts.message import message
from projections.charts.report import Icon, icon_of
from projections.charts.series import CannotDraw
from projections.measure_charts import chart_of
from projections.measure_series import ProjectPart, ShownMeasure

DEFINED = ("name", "kind", "unit", "multiply", "chart", "interval", "direction", "target", "retired")


class MeasureLine(msgspec.Struct, frozen=True, kw_only=True):
    """What a measure of a project says. Without a chart where none can be drawn of its data, and `because` says why.

    The latest period and value are of the last point that has a value, as the chart shows it.
    """

    project: str
    measure: str
    name: str | None
    kind: MeasureKind | None
    unit: str | None
    retired: str | None
    chart: str | None = None
    instead_of: str | None = None
    because: str | None = None
    rule_set: str | None = None
    message: str | None = None
    variation: Icon | None = None
    assurance: Icon | None = None
    improvement_direction: str | None
    target: float | None
    progress_toward_target: float | None = None
    points: int
    latest_period: str | None = None
    latest_value: float | None = None
    links: dict[str, str]


class CsvLine(msgspec.Struct, frozen=True, kw_only=True):
    """The same with a column for each thing that is said."""

    project: str
    measure: str
    name: str | None
    kind: MeasureKind | None
    unit: str | None
    retired: str | None
    chart: str | None
    instead_of: str | None
    because: str | None
    rule_set: str | None
    message: str | None
    variation: str | None
    variation_letter: str | None
    variation_words: str | None
    assurance: str | None
    assurance_letter: str | None
    assurance_words: str | None
    improvement_direction: str | None
    target: float | None
    progress_toward_target: float | None
    points: int
    latest_period: str | None
    latest_value: float | None
    json: str
    svg: str


def lines_of(parts: Sequence[ProjectPart], *, address: str, asked: Mapping[str, str]) -> list[MeasureLine]:
    """A line for each measure, by project. `parts` are all answers to `of_projects`, each project's in their order.

    The links lead to charts below `address`, and ask there what was `asked` here.
    """
    return [
        _line(project, measure, of_measure, address, asked)
        for project, of_project in groupby(parts, key=lambda part: part.project)
        for measure, of_measure in _by_measure(list(of_project))
    ]


def _by_measure(parts: Sequence[ProjectPart]) -> list[tuple[str, list[ProjectPart]]]:
    """The measures with what belongs to each, in order; the cycles of the project belong to all."""
    told = sorted({part.measure for part in parts if part.measure and part.sort in ("measure", "point")})
    found: dict[str, list[ProjectPart]] = {measure: [] for measure in told}
    for part in parts:
        for measure in told if part.sort == "cycle" else (part.measure,):
            if measure in found:
                found[measure].append(part)
    return list(found.items())


def _line(
    project: str, measure: str, parts: Sequence[ProjectPart], address: str, asked: Mapping[str, str]
) -> MeasureLine:
    definition = _definition(measure, parts)
    return MeasureLine(
        project=project,
        measure=measure,
        name=definition.name,
        kind=definition.kind,
        unit=definition.unit,
        retired=definition.retired,
        improvement_direction=definition.direction,
        target=definition.target,
        points=definition.points,
        links=_links(f"{address}/{project}/{measure}", asked),
        **_said(definition, parts),
    )


def _said(definition: ShownMeasure, parts: Sequence[ProjectPart]) -> dict[str, Any]:
    """What the chart says; or why there is none."""
    try:
        drawn = chart_of(definition, [part for part in parts if part.sort != "measure"])
    except CannotDraw as cannot:
        return {"because": str(cannot)}
    chart = drawn.chart
    latest = next((point for point in reversed(chart.points) if point.value is not None), None)
    return {
        "chart": chart.chart.value,
        "instead_of": None if drawn.instead_of is None else drawn.instead_of.value,
        "because": drawn.because,
        "rule_set": chart.rule_set,
        "message": message(chart),
        "variation": icon_of(chart.variation),
        "assurance": icon_of(chart.assurance),
        "progress_toward_target": chart.progress,
        "latest_period": None if latest is None else latest.label,
        "latest_value": None if latest is None else latest.value,
    }


def _definition(measure: str, parts: Sequence[ProjectPart]) -> ShownMeasure:
    """The measure as `measures` answers it; one that has data and no definition is there too."""
    told = next((part for part in parts if part.sort == "measure"), None)
    points = [part for part in parts if part.sort == "point"]
    said: dict[str, Any] = {name: getattr(told, name, None) for name in DEFINED}
    return ShownMeasure(
        **said,
        measure=measure,
        definition=None,  # no chart is drawn by its words
        revisions=0 if told is None else told.revisions,
        points=len(points),
        last_period=points[-1].period if points else None,
    )


def _links(address: str, asked: Mapping[str, str]) -> dict[str, str]:
    return {form: f"{address}?{urlencode({**asked, 'format': form})}" for form in ("json", "svg")}


def csv_line(line: MeasureLine) -> CsvLine:
    """The line with a column for each thing that is said."""
    said: dict[str, Any] = {
        name: getattr(line, name) for name in CsvLine.__struct_fields__ if hasattr(line, name)
    }
    for name, icon in (("variation", line.variation), ("assurance", line.assurance)):
        said[name] = icon and icon.icon
        said[f"{name}_letter"] = icon and icon.letter
        said[f"{name}_words"] = icon and icon.words
    return CsvLine(**said, json=line.links["json"], svg=line.links["svg"])
