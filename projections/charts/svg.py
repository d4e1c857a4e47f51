"""A chart as an accessible SVG, made on the server, without a script.

The title carries the message; the description says what is drawn; signals are told by shape and words as well
as by colour; icons have letters and words. All text is escaped. Colours keep 4.5:1 (text) or 3:1 (marks) on
white, and the picture can be read in black and white. Set `table.html` beside it: the same numbers for those
who want them.
"""

from collections.abc import Iterable
from html import escape
from textwrap import wrap

from projections.charts.averages import known
from projections.charts.axes import Axis, apart, labelled, point_axis, value_axis
from projections.charts.chart_type import ABOUT
from projections.charts.drawn import Chart, DrawnPoint
from projections.charts.icons import Assurance, PointType, Variation
from projections.charts.message import description, headline, message, number_in_words, plain

WIDTH = 800
LETTERS = 64  # of the headline that fit in a line beside the icons
LEFT, RIGHT, TOP, BOTTOM = 62.0, 680.0, 92.0, 316.0

_INK, _QUIET, _LINE, _GRID = "#212b32", "#4c6272", "#425563", "#e8edee"
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
    values, ticks = value_axis(chart, start=BOTTOM, end=TOP)
    places = point_axis(len(chart.points), start=LEFT, end=RIGHT)
    notes, height = _notes(chart)
    name = "".join(c if c.isalnum() or c in "-_" else "-" for c in name)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
        f'aria-labelledby="{name}-title {name}-desc" font-family="Arial, Helvetica, sans-serif" font-size="11" '
        f'fill="{_INK}">',
        f'<title id="{name}-title">{_text(message(chart))}</title>',
        f'<desc id="{name}-desc">{_text(description(chart))}</desc>',
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
        *_headline(chart),
        *_icons(chart),
        *_grid(values, ticks),
        *_moments(chart, places),
        *_phases(chart, places),
        *_lines(chart, places, values),
        *_marks(chart, places, values),
        *_line_names(chart, values),
        *_dates(chart, places),
        *_legend(chart),
        *notes,
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _text(words: str) -> str:
    """Words as XML text: escaped, and without the control characters that XML cannot hold."""
    return escape(
        "".join(
            c for c in words if c >= " " and c not in "\x7f\ufffe\uffff" and not "\ud800" <= c <= "\udfff"
        )
    )


def _at(x: float, y: float) -> str:
    return f'x="{x:.1f}" y="{y:.1f}"'


def _stroke(path: str, colour: str, *, width: float = 1.2, dash: str = "") -> str:
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    return f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="{width}"{dashed}/>'


def _headline(chart: Chart) -> Iterable[str]:
    lines = wrap(headline(chart, letters_max=2 * LETTERS - 12), LETTERS, max_lines=2, placeholder="…")
    for number, line in enumerate(lines):
        yield f'<text {_at(16, 25 + 20 * number)} font-size="16" font-weight="bold">{_text(line)}</text>'
    unit = f" · {chart.series.unit}" if chart.series.unit else ""
    on_its_way = chart.progress is not None and len(chart.phases) > 1
    way = f" · {chart.progress:.0%} of the way to the target" if on_its_way else ""
    under = f"{ABOUT[chart.chart].name}{unit}{way} · signals by {chart.rule_set}"
    yield f'<text {_at(16, 27 + 20 * len(lines))} fill="{_QUIET}">{_text(under)}</text>'


def _icons(chart: Chart) -> Iterable[str]:
    icons: list[tuple[Variation | Assurance, str]] = []
    if chart.variation is not None:
        icons.append((chart.variation, "variation"))
    if chart.assurance is not None:
        icons.append((chart.assurance, "assurance"))
    for number, (icon, kind) in enumerate(reversed(icons)):
        x = WIDTH - 46 - 80 * number
        yield f"<g><title>{_text(icon.words)}</title>"
        yield f'<circle cx="{x}" cy="28" r="18" fill="#fff" stroke="{icon.colour}" stroke-width="5"/>'
        yield f'<text {_at(x, 34)} text-anchor="middle" font-size="17" font-weight="bold">{icon.letter or "∿"}</text>'
        yield f'<text {_at(x, 62)} text-anchor="middle" font-size="10">{_text(_short(icon))}</text>'
        yield f'<text {_at(x, 73)} text-anchor="middle" font-size="10" fill="{_QUIET}">{kind}</text></g>'


def _short(icon: Variation | Assurance) -> str:
    if isinstance(icon, Assurance):
        return {"consistent_pass": "will meet", "consistent_fail": "will miss"}.get(
            icon.value, "hit and miss"
        )
    return icon.value.split("_")[0] if icon is not Variation.COMMON_CAUSE else "common cause"


def _grid(values: Axis, ticks: list[float]) -> Iterable[str]:
    for tick in ticks:
        y = values.at(tick)
        yield _stroke(f"M{LEFT},{y:.1f}H{RIGHT}", _GRID, width=1)
        yield f'<text {_at(LEFT - 6, y + 4)} text-anchor="end" fill="{_QUIET}">{number_in_words(tick)}</text>'
    yield _stroke(f"M{LEFT},{BOTTOM}H{RIGHT}", _QUIET, width=1)


def _phases(chart: Chart, places: Axis) -> Iterable[str]:
    for number, phase in enumerate(chart.phases, 1):
        x = places.at(phase.first - 0.5)
        if number > 1:
            yield _stroke(f"M{x:.1f},{TOP - 8}V{BOTTOM}", _QUIET, dash="2 3")
        if len(chart.phases) > 1:
            room = (places.at(phase.last + 0.5) - x) / 5.4
            words = f"Phase {number}" + (f": {phase.reason}" if phase.reason else "")
            short = words if len(words) <= room else words[: max(int(room) - 1, 1)] + "…"
            yield f'<text {_at(x + 3, TOP - 2)} font-size="10" fill="{_QUIET}">{_text(short)}</text>'


def _lines(chart: Chart, places: Axis, values: Axis) -> Iterable[str]:
    for phase in chart.phases:
        span = range(phase.first, phase.last + 1)
        for name, dash in (("lower", "6 4"), ("upper", "6 4"), ("centre", "")):
            column = [getattr(chart.points[i], name) for i in span]
            if known(column):
                yield _stroke(
                    _steps(span, column, places, values), _LINE, dash=dash, width=1.4 if not dash else 1.2
                )
    if chart.target is not None:
        yield _stroke(f"M{LEFT},{values.at(chart.target):.1f}H{RIGHT}", _TARGET, dash="10 3 2 3", width=1.6)
    pen = "M"
    drawn = ""
    for i, point in enumerate(chart.points):
        if point.value is None or i in {phase.first for phase in chart.phases}:
            pen = "M"
        if point.value is not None:
            drawn += f"{pen}{places.at(i):.1f},{values.at(point.value):.1f}"
            pen = "L"
    if drawn:
        yield _stroke(drawn, "#768692")


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


def _marks(chart: Chart, places: Axis, values: Axis) -> Iterable[str]:
    for i, point in enumerate(chart.points):
        if point.value is None:
            continue
        path, fill, stroke, _ = _SHAPES[point.type]
        said = f"{point.label}: {number_in_words(point.value)}{_flags(point)}"
        yield (
            f'<g transform="translate({places.at(i):.1f},{values.at(point.value):.1f})"><title>{_text(said)}</title>'
            f'<path d="{path}" fill="{fill if point.included else "#fff"}" stroke="{stroke}"/></g>'
        )


def _flags(point: DrawnPoint) -> str:
    left_out = "" if point.included else ", left out of the lines"
    return left_out + "".join(f", {plain(flag.label)}" for flag in point.flags)


def _line_names(chart: Chart, values: Axis) -> Iterable[str]:
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
    ends = apart([values.at(value) for _, value, _ in lines], least=24)
    for (name, value, colour), y in zip(lines, ends, strict=True):
        yield f'<text {_at(RIGHT + 8, y - 1)} fill="{colour}">{_text(name)}</text>'
        yield f'<text {_at(RIGHT + 8, y + 11)} fill="{colour}" font-weight="bold">{number_in_words(value)}</text>'


def _dates(chart: Chart, places: Axis) -> Iterable[str]:
    labels = [point.label for point in chart.points]
    for i in labelled(labels, room=RIGHT - LEFT, letter_width=6.2):
        x = places.at(i)
        yield _stroke(f"M{x:.1f},{BOTTOM}v4", _QUIET, width=1)
        yield f'<text {_at(x, BOTTOM + 17)} text-anchor="middle" fill="{_QUIET}">{_text(labels[i][:24])}</text>'


def _moments(chart: Chart, places: Axis) -> Iterable[str]:
    """PDSA cycles and notes: a line at their point and a numbered flag, P for a cycle and N for a note."""
    for sign, at, level in _flagged(chart):
        x = places.at(at)
        y = BOTTOM - 12 - 15 * level
        yield _stroke(f"M{x:.1f},{TOP}V{BOTTOM}", "#aeb7bd", width=1, dash="1 3")
        yield f'<rect {_at(x - 11, y - 10)} width="22" height="13" rx="2" fill="#fff" stroke="{_QUIET}"/>'
        yield f'<text {_at(x, y)} text-anchor="middle" font-size="10" font-weight="bold">{sign}</text>'


def _flagged(chart: Chart) -> list[tuple[str, int, int]]:
    marks = [(f"P{n}", cycle.at) for n, cycle in enumerate(chart.series.cycles, 1)]
    marks += [(f"N{n}", note.at) for n, note in enumerate(chart.series.annotations, 1)]
    near = max(1, round(len(chart.points) / 24))
    levels: list[tuple[str, int, int]] = []
    for sign, at in sorted(marks, key=lambda mark: mark[1]):
        taken = {level for _, other, level in levels if abs(other - at) < near}
        levels.append((sign, at, min(set(range(len(taken) + 1)) - taken)))
    return levels


def _legend(chart: Chart) -> Iterable[str]:
    x, y = LEFT, BOTTOM + 40
    seen: dict[str, PointType] = {}
    for point in chart.points:
        seen.setdefault(_SHAPES[point.type][3], point.type)
    for words, kind in seen.items():
        path, fill, stroke, _ = _SHAPES[kind]
        yield f'<path transform="translate({x:.1f},{y - 4:.1f})" d="{path}" fill="{fill}" stroke="{stroke}"/>'
        yield f"<text {_at(x + 9, y)}>{words}</text>"
        x += 30 + 6.4 * len(words)
    kinds = [("", ABOUT[chart.chart].centre)] + (
        [("6 4", "limits")] if any(p.upper is not None for p in chart.points) else []
    )
    kinds += [("10 3 2 3", "target")] if chart.target is not None else []
    for dash, words in kinds:
        yield _stroke(
            f"M{x:.1f},{y - 4:.1f}h26", _TARGET if words == "target" else _LINE, dash=dash, width=1.4
        )
        yield f"<text {_at(x + 31, y)}>{words}</text>"
        x += 50 + 6.4 * len(words)
    if any(not point.included for point in chart.points):
        yield f"<text {_at(x, y)}>hollow: left out of the lines</text>"


def _notes(chart: Chart) -> tuple[list[str], int]:
    """The cycles and notes in words below the picture, and how high the picture becomes."""
    words = [
        f"P{n}  PDSA cycle at {chart.points[cycle.at].label}: {cycle.name}"
        + (f" — {cycle.decision}" if cycle.decision else "")
        for n, cycle in enumerate(chart.series.cycles, 1)
    ]
    words += [
        f"N{n}  {chart.points[note.at].label}: {note.text}"
        for n, note in enumerate(chart.series.annotations, 1)
    ]
    lines = [
        line
        for text in words
        for line in wrap(text, 120, max_lines=3, placeholder="…", subsequent_indent="      ")
    ]
    top = BOTTOM + 62
    drawn = [
        f'<text {_at(LEFT, top + 15 * n)} xml:space="preserve">{_text(line)}</text>'
        for n, line in enumerate(lines)
    ]
    return drawn, max(380, round(top + 15 * len(lines) + 4))
