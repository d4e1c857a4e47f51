"""Charts: a measure of a project, drawn on the server, as picture, numbers, table or data.

The chart is the one that the measure's definition asks for, with the phases that people decided on. Nothing is a signal
without the id of the rule set that found it.
"""

import asyncio
from functools import partial
from importlib.metadata import version
from typing import Annotated, Literal
from urllib.parse import urlencode

import msgspec
from litestar import route
from litestar.types import ASGIApp
from msgspec import Meta

from events.fields import Audience, Id
from events.log.keys import ASK
from projections.charts.chart_type import ChartType
from projections.charts.drawn import Chart
from projections.charts.message import message
from projections.charts.rules import rule_sets
from projections.charts.series import CannotDraw
from projections.charts.svg import svg
from projections.charts.table import csv_table, html_table
from projections.engine.ask import NotYetBuilt, Snapshot, snapshot
from projections.measure_charts import MeasureChart, chart_of
from projections.measure_series import OfMeasure, OfProject, ShownMeasure, ShownPart, series
from services.api.answers import CSV, HTML, JSON, NotModified, encode, etag_of, representation
from services.api.asked import Asked, accepted, desk_of, has_etag, query
from services.api.doors import Door, at
from services.api.drawn import ChartPage, chart_page
from services.api.measured import measures_of, points_of
from services.api.pages import PLAIN, page_text
from services.api.problems import Problem, kinds
from services.api.unheard import no_measure
from services.api.when import When, cached, reflected, source

SVG = "image/svg+xml"
FORMS = {"json": JSON, "svg": SVG, "csv": "text/csv", "html": "text/html"}
DRAWN_AT_ONCE_MAX = 300  # points; more are drawn beside the event loop
NO_SCRIPT = {"content-security-policy": "default-src 'none'"}


class Drawing(When, frozen=True, forbid_unknown_fields=True):
    """Which chart is wanted, of which moment, in which form."""

    chart: Annotated[
        str,
        Meta(
            max_length=8,
            description="Another chart than the measure's own, by its short name.",
            extra_json_schema={"enum": [kind.value for kind in ChartType] + [""]},
        ),
    ] = ""
    rules: Annotated[
        str,
        Meta(
            max_length=64,
            description="Id of the rule set to read it by; by default the one for the chart.",
            extra_json_schema={"enum": [*rule_sets(), ""]},
        ),
    ] = ""
    reader: Annotated[
        Audience, Meta(description="Who is to read it: what is shown to fewer than these is left out.")
    ] = "organisation"
    format: Annotated[
        Literal["json", "svg", "csv", "html", ""],
        Meta(description="svg, csv, html or json, where an Accept header is hard to set."),
    ] = ""


@route(
    "/v1/{organisation:str}/charts/{project:str}/{measure:str}",
    http_method=["GET", "HEAD"],
    opt=at(
        Door(
            scope=ASK,
            query=Drawing,
            answers={JSON: ChartPage, SVG: str, "text/csv": str, "text/html": str},
            refuses=(404, 422, 503),
        )
    ),
)
async def chart(request: Asked) -> ASGIApp:
    """The run chart or SPC chart of a measure, as data, picture, table or CSV.

    With its phases and their reasons, notes, PDSA cycles, target and icons, each also in words; with `as_at` or
    `as_known`, as it would have been drawn then.
    """
    how = query(request, Drawing)
    form = FORMS[how.format] if how.format else accepted(request, tuple(FORMS.values()))
    of = _measure_asked_for(request, how)
    kind = _chart_asked_for(how)
    moment = await source(desk_of(request), series, request.auth.organisation, how)
    try:
        async with (
            desk_of(request).pool.connection() as conn,
            snapshot(conn, series, request.auth.organisation, build=moment.build) as snap,
        ):
            position = reflected(snap.place.position, moment, how)
            cache = cached(moment, snap.place.parked)
            etag = _etag(request, how, form, position, snap)
            if has_etag(request, etag):
                return NotModified(etag, cache)
            definition, parts, near = await _told(snap, of)
    except NotYetBuilt:
        raise Problem(kinds.NOT_BUILT if moment.build is None else kinds.PAST_NOT_READY) from None
    except CannotDraw as cannot:
        raise Problem(kinds.CANNOT_DRAW, str(cannot)) from None
    if definition is None:
        raise await no_measure(request, of, near, position=position)
    drawn = await _drawn(definition, parts, kind, how.rules or None)
    links = _links(request, how)
    page = chart_page(
        drawn,
        definition,
        parts,
        project=of.project,
        position=position,
        parked=snap.place.parked,
        revision=snap.place.build.revision,
        links=links,
    )
    show = partial(_shown, form, drawn.chart, page)
    body, media_type, headers = show() if len(parts) <= DRAWN_AT_ONCE_MAX else await asyncio.to_thread(show)
    headers |= {
        "qiledger-position": str(position),
        "qiledger-parked": str(page.parked),
        "link": ", ".join(
            f'<{links[name]}>; rel="alternate"; type="{FORMS[name]}"' for name in links if FORMS[name] != form
        ),
    }
    return representation(request, body, media_type, etag=etag, cache=cache, headers=headers)


def _measure_asked_for(request: Asked, how: Drawing) -> OfMeasure:
    try:
        project, measure = (msgspec.convert(request.path_params[name], Id) for name in ("project", "measure"))
    except msgspec.ValidationError:
        raise Problem(kinds.NO_MEASURE) from None
    return OfMeasure(project=project, measure=measure, reader=how.reader)


def _chart_asked_for(how: Drawing) -> ChartType | None:
    """The chart, if one was named. Raises Problem for a chart or rule set that there is not."""
    if how.rules and how.rules not in rule_sets():
        detail = f"The rule sets are {', '.join(rule_sets())}."
        raise Problem(kinds.WRONG_PARAMETER, detail, field="rules")
    try:
        return ChartType(how.chart) if how.chart else None
    except ValueError:
        detail = f"The charts are {', '.join(ChartType)}."
        raise Problem(kinds.WRONG_PARAMETER, detail, field="chart") from None


async def _told(snap: Snapshot, of: OfMeasure) -> tuple[ShownMeasure | None, list[ShownPart], list[str]]:
    """The definition, and the points with what stands beside them; or which measures there are. Raises CannotDraw."""
    known = await measures_of(snap, OfProject(project=of.project, reader=of.reader))
    for one in known:
        if one.measure == of.measure:
            return one, await points_of(snap, of), []
    return None, [], [one.measure for one in known]


async def _drawn(
    definition: ShownMeasure, parts: list[ShownPart], kind: ChartType | None, rules: str | None
) -> MeasureChart:
    """The chart. Raises Problem."""
    try:
        if len(parts) <= DRAWN_AT_ONCE_MAX:
            return chart_of(definition, parts, kind=kind, rules=rules)
        return await asyncio.to_thread(chart_of, definition, parts, kind=kind, rules=rules)
    except CannotDraw as cannot:
        raise Problem(kinds.CANNOT_DRAW, str(cannot)) from None


def _shown(form: str, chart: Chart, page: ChartPage) -> tuple[bytes, str, dict[str, str]]:
    """The chart in the form asked for, its media type, and what else is said of it."""
    name = f"{page.project}-{page.measure}"
    if form == SVG:
        return svg(chart, name=name).encode(), SVG, dict(NO_SCRIPT)
    if form == "text/csv":
        return csv_table(chart).encode(), CSV, {"content-disposition": f'attachment; filename="{name}.csv"'}
    if form == "text/html":
        return page_text(message(chart), svg(chart, name=name) + html_table(chart)), HTML, dict(PLAIN)
    return encode(page), JSON, {}


def _links(request: Asked, how: Drawing) -> dict[str, str]:
    """Where the same chart is to be had in each form."""
    place = request.path_params
    address = f"/v1/{request.auth.organisation}/charts/{place['project']}/{place['measure']}"
    asked = {
        name: getattr(how, name)
        for name in ("as_at", "as_known", "chart", "rules", "reader")
        if getattr(how, name) and (name, getattr(how, name)) != ("reader", "organisation")
    }
    return {form: f"{address}?{urlencode(asked | {'format': form})}" for form in FORMS}


def _etag(request: Asked, how: Drawing, form: str, position: int, snap: Snapshot) -> str:
    """By position: until the log goes on, or our code does, the same question draws the same chart."""
    told = encode(
        [
            request.scope["path"],
            msgspec.to_builtins(how),
            form,
            position,
            snap.place.parked,
            snap.place.build.revision,
            version("qiledger"),
        ]
    )
    return etag_of(told)
