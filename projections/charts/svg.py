"""A chart as an accessible SVG, made on the server, without a script.

The title carries the message; the description says what is drawn; signals are told by shape and words as well
as by colour; icons have letters and words. All text is escaped. Colours keep 4.5:1 (text) or 3:1 (marks) on
white, and the picture can be read in black and white. Set `table.html` beside it: the same numbers for those
who want them.
"""

from collections.abc import Iterable
from textwrap import wrap

from projections.charts.averages import known
from projections.charts.axes import Axis, apart, cut_short, labelled, point_axis, value_axis
from projections.charts.chart_type import ABOUT
from projections.charts.drawn import Chart, DrawnPoint
from projections.charts.icons import Assurance, PointType, Variation
from projections.charts.message import description, frozen, headline, message, number_in_words, plain
from projections.charts.svg_moments import flags, marked, notes, strip_of
from projections.charts.svg_paper import BOTTOM, LEFT, QUIET, RIGHT, TOP, WIDTH, placed, stroke, text

LABEL_LETTERS_MAX = 24  # of a point's label below the axis
LETTERS = 64  # of the headline that fit in a line beside the icons

_INK, _LINE, _GRID = "#212b32", "#425563", "#e8edee"
_TARGET = "#006747"

_SHAPES: dict[PointType, tuple[str, str, str, str]] = {
    # the path about 0,0; fill; stroke; and what it is called in the legend
    PointType.COMMON_CAUSE: (
        "M-3.4,0a3.4,3.4 0 1,0 6.8,0a3.4,3.4 0 1,0 -6.8,0z",
        "#a6a6a6",
        _LINE,
        "common cause",
    ),
    PointType.IMPROVEMENT: ("M-4,-4h8v8h-8z", "#00b0f0", "#003087", "improvement"),
    PointType.CONCERN: ("M0,-5.2L5,4.2L-5,4.2z", "#e46c0a", "#7a3600", "concern"),
    PointType.NEUTRAL_HIGH: ("M0,-5.4L5.4,0L0,5.4L-5.4,0z", "#490092", "#250049", "special cause"),
    PointType.NEUTRAL_LOW: ("M0,-5.4L5.4,0L0,5.4L-5.4,0z", "#490092", "#250049", "special cause"),
    PointType.UNDIRECTED: ("M0,-5.4L5.4,0L0,5.4L-5.4,0z", "#490092", "#250049", "special cause"),
}


def svg(chart: Chart, *, name: str = "chart") -> str:
    """The picture, about 800 x 400; taller where there are notes. `name` begins its ids: give each on a page
    its own.
    """
    places = point_axis(len(chart.points), start=LEFT, end=RIGHT)
    moments = marked(chart, places)
    values, ticks = value_axis(chart, start=BOTTOM - strip_of(moments), end=TOP)
    words, height = notes(chart)
    name = "".join(c if c.isalnum() or c in "-_" else "-" for c in name)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
        f'aria-labelledby="{name}-title {name}-desc" font-family="Arial, Helvetica, sans-serif" font-size="11" '
        f'fill="{_INK}">',
        f'<title id="{name}-title">{text(message(chart))}</title>',
        f'<desc id="{name}-desc">{text(description(chart))}</desc>',
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
        *_headline(chart),
        *_icons(chart),
        *_grid(values, ticks),
        *flags(moments, places),
        *_phases(chart, places),
        *_lines(chart, places, values),
        *_marks(chart, places, values),
        *_line_names(chart, values, ticks[1] - ticks[0]),
        *_dates(chart, places),
        *_legend(chart),
        *words,
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _headline(chart: Chart) -> Iterable[str]:
    lines = wrap(headline(chart, letters_max=2 * LETTERS - 12), LETTERS, max_lines=2, placeholder="…")
    for number, line in enumerate(lines):
        yield f'<text {placed(16, 25 + 20 * number)} font-size="16" font-weight="bold">{text(line)}</text>'
    unit = f" · {chart.series.unit}" if chart.series.unit else ""
    on_its_way = chart.progress is not None and len(chart.phases) > 1
    way = f" · {chart.progress:.0%} of the way to the target" if on_its_way else ""
    chosen = f" · {points}" if (points := frozen(chart)) else ""
    under = f"{ABOUT[chart.chart].name}{unit}{way}{chosen} · signals by {chart.rule_set}"
    yield f'<text {placed(16, 27 + 20 * len(lines))} fill="{QUIET}">{text(under)}</text>'


def _icons(chart: Chart) -> Iterable[str]:
    icons: list[tuple[Variation | Assurance, str]] = []
    if chart.variation is not None:
        icons.append((chart.variation, "variation"))
    if chart.assurance is not None:
        icons.append((chart.assurance, "assurance"))
    for number, (icon, kind) in enumerate(reversed(icons)):
        x = WIDTH - 46 - 80 * number
        yield f"<g><title>{text(icon.words)}</title>"
        yield f'<circle cx="{x}" cy="28" r="18" fill="#fff" stroke="{icon.colour}" stroke-width="5"/>'
        if icon.letter:
            yield f'<text {placed(x, 34)} text-anchor="middle" font-size="17" font-weight="bold">{icon.letter}</text>'
        else:
            yield stroke(f"M{x - 9},29c3,-8 6,-8 9,0s6,8 9,0", _INK, width=2)
        yield f'<text {placed(x, 62)} text-anchor="middle" font-size="10">{text(_short(icon))}</text>'
        yield f'<text {placed(x, 73)} text-anchor="middle" font-size="10" fill="{QUIET}">{kind}</text></g>'


def _short(icon: Variation | Assurance) -> str:
    if isinstance(icon, Assurance):
        return {"consistent_pass": "will meet", "consistent_fail": "will miss"}.get(
            icon.value, "hit and miss"
        )
    return icon.value.split("_")[0] if icon is not Variation.COMMON_CAUSE else "common cause"


def _grid(values: Axis, ticks: list[float]) -> Iterable[str]:
    step = ticks[1] - ticks[0]
    for tick in ticks:
        y = values.at(tick)
        yield stroke(f"M{LEFT},{y:.1f}H{RIGHT}", _GRID, width=1)
        written = number_in_words(tick, step=10 * step)
        yield f'<text {placed(LEFT - 6, y + 4)} text-anchor="end" fill="{QUIET}">{written}</text>'
    yield stroke(f"M{LEFT},{BOTTOM}H{RIGHT}", QUIET, width=1)


def _phases(chart: Chart, places: Axis) -> Iterable[str]:
    for number, phase in enumerate(chart.phases, 1):
        x = places.at(phase.first - 0.5)
        if number > 1:
            yield stroke(f"M{x:.1f},{TOP - 8}V{BOTTOM}", QUIET, dash="2 3")
        if len(chart.phases) > 1:
            room = (places.at(phase.last + 0.5) - x) / 5.4
            words = f"Phase {number}" + (f": {phase.reason}" if phase.reason else "")
            least = next((one for one in (f"Phase {number}", str(number), "") if len(one) <= room), "")
            short = words if len(words) <= room else words[: int(room) - 1] + "…" if room > 14 else least
            yield f'<text {placed(x + 3, TOP - 2)} font-size="10" fill="{QUIET}">{text(short)}</text>'


def _lines(chart: Chart, places: Axis, values: Axis) -> Iterable[str]:
    for phase in chart.phases:
        span = range(phase.first, phase.last + 1)
        for name, dash in (("lower", "6 4"), ("upper", "6 4"), ("centre", "")):
            column = [getattr(chart.points[i], name) for i in span]
            if known(column):
                yield stroke(
                    _steps(span, column, places, values), _LINE, dash=dash, width=1.4 if not dash else 1.2
                )
    if chart.target is not None:
        yield stroke(f"M{LEFT},{values.at(chart.target):.1f}H{RIGHT}", _TARGET, dash="10 3 2 3", width=1.6)
    pen = "M"
    drawn = ""
    for i, point in enumerate(chart.points):
        if point.value is None or i in {phase.first for phase in chart.phases}:
            pen = "M"
        if point.value is not None:
            drawn += f"{pen}{places.at(i):.1f},{values.at(point.value):.1f}"
            pen = "L"
    if drawn:
        yield stroke(drawn, "#768692", width=1.2 * _size(chart))


def _steps(span: range, column: list[float | None], places: Axis, values: Axis) -> str:
    """A line that is level across each point, and steps between points where limits vary; a gap where there
    is none.
    """
    path, before = "", None
    for i, value in zip(span, column, strict=True):
        if value is not None:
            y = values.at(value)
            left, right = places.at(i - 0.5), places.at(i + 0.5)
            path += (
                f"H{right:.1f}"
                if value == before
                else f"{'M' if before is None else 'L'}{left:.1f},{y:.1f}H{right:.1f}"
            )
        before = value
    return path


def _size(chart: Chart) -> float:
    """How large marks are: smaller where so many points would cover one another."""
    return max(0.4, min(1.0, 110 / max(len(chart.points), 1)))


def _marks(chart: Chart, places: Axis, values: Axis) -> Iterable[str]:
    size = _size(chart)
    scaled = f" scale({size:.2f})" if size < 1 else ""
    for i, point in enumerate(chart.points):
        if point.value is None:
            continue
        path, fill, edge, _ = _SHAPES[point.type]
        said = f"{point.label}: {number_in_words(point.value)}{_flags(point)}"
        yield (
            f'<g transform="translate({places.at(i):.1f},{values.at(point.value):.1f}){scaled}">'
            f"<title>{text(said)}</title>"
            f'<path d="{path}" fill="{fill if point.included else "#fff"}" stroke="{edge}"/></g>'
        )


def _flags(point: DrawnPoint) -> str:
    left_out = "" if point.included else ", left out of the lines"
    return left_out + "".join(f", {plain(flag.label)}" for flag in point.flags)


def _line_names(chart: Chart, values: Axis, step: float) -> Iterable[str]:
    """The lines' names and numbers at the right edge, moved apart where they would touch."""
    known_points = [p for p in chart.points if p.centre is not None]
    if not known_points:
        return
    last = known_points[-1]
    named = [
        ("Upper limit", last.upper),
        (ABOUT[chart.chart].centre.capitalize(), last.centre),
        ("Lower limit", last.lower),
    ]
    lines = [(name, value, _INK) for name, value in named if value is not None]
    if chart.target is not None:
        lines.append(("Target", chart.target, _TARGET))
    ends = apart([values.at(value) for _, value, _ in lines], least=24, most=BOTTOM - 10)
    for (name, value, colour), y in zip(lines, ends, strict=True):
        yield f'<text {placed(RIGHT + 8, y - 1)} fill="{colour}">{text(name)}</text>'
        written = number_in_words(value, step=step)
        yield f'<text {placed(RIGHT + 8, y + 11)} fill="{colour}" font-weight="bold">{written}</text>'


def _dates(chart: Chart, places: Axis) -> Iterable[str]:
    labels = [cut_short(point.label, LABEL_LETTERS_MAX) for point in chart.points]
    for i in labelled(labels, room=RIGHT - LEFT, letter_width=6.2):
        x = places.at(i)
        middle = max(x, 3.1 * len(labels[i]) + 4)  # within the picture
        yield stroke(f"M{x:.1f},{BOTTOM}v4", QUIET, width=1)
        yield f'<text {placed(middle, BOTTOM + 17)} text-anchor="middle" fill="{QUIET}">{text(labels[i])}</text>'


def _legend(chart: Chart) -> Iterable[str]:
    x, y = LEFT, BOTTOM + 40
    seen: dict[str, PointType] = {}
    for point in chart.points:
        seen.setdefault(_SHAPES[point.type][3], point.type)
    for words, kind in seen.items():
        path, fill, edge, _ = _SHAPES[kind]
        yield f'<path transform="translate({x:.1f},{y - 4:.1f})" d="{path}" fill="{fill}" stroke="{edge}"/>'
        yield f"<text {placed(x + 9, y)}>{words}</text>"
        x += 30 + 6.4 * len(words)
    kinds = [("", ABOUT[chart.chart].centre)] + (
        [("6 4", "limits")] if any(p.upper is not None for p in chart.points) else []
    )
    kinds += [("10 3 2 3", "target")] if chart.target is not None else []
    for dash, words in kinds:
        yield stroke(
            f"M{x:.1f},{y - 4:.1f}h26", _TARGET if words == "target" else _LINE, dash=dash, width=1.4
        )
        yield f"<text {placed(x + 31, y)}>{words}</text>"
        x += 50 + 6.4 * len(words)
    if any(not point.included for point in chart.points):
        yield f"<text {placed(x, y)}>hollow: left out of the lines</text>"
