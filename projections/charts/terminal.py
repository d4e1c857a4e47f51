"""A chart drawn in the terminal with letters and dots; needs nothing but rich.

Signals have shapes of their own (● none, ■ improvement, ▲ concern, ◆ other), so colour is never needed.
"""

from collections.abc import Callable, Sequence
from math import isclose

from rich.console import Group, RenderableType
from rich.text import Text

from projections.charts.axes import cut_short, labelled, point_axis, value_axis
from projections.charts.chart_type import ABOUT
from projections.charts.drawn import Chart
from projections.charts.icons import PointType
from projections.charts.message import frozen, message, number_in_words, plain, warnings

_MARKS = {
    PointType.COMMON_CAUSE: ("●", "default"),
    PointType.IMPROVEMENT: ("■", "bold bright_blue"),
    PointType.CONCERN: ("▲", "bold dark_orange"),
    PointType.NEUTRAL_HIGH: ("◆", "bold magenta"),
    PointType.NEUTRAL_LOW: ("◆", "bold magenta"),
    PointType.UNDIRECTED: ("◆", "bold magenta"),
}
_WORDS = {"●": "common cause", "■": "improvement", "▲": "concern", "◆": "special cause"}

Cell = tuple[str, str]
At = Callable[[float], int]


def terminal(chart: Chart, *, width: int = 100, height: int = 18) -> RenderableType:
    """The picture, `width` letters wide: headline, plot, labels, legend, signals in words."""
    gutter = 9
    values, ticks = value_axis(chart, start=height - 1, end=0, ticks_max=6)
    step = ticks[1] - ticks[0]
    named = _line_names(chart, lambda value: round(values.at(value)), height, step)
    beside = 1 + max(map(len, named.values()), default=0)
    inner = max(20, width - gutter - 1 - beside)
    places = point_axis(len(chart.points), start=0, end=inner)
    columns = [min(inner - 1, int(places.at(i))) for i in range(len(chart.points))]
    grid: list[list[Cell]] = [[(" ", "")] * inner for _ in range(height)]
    _draw_phases(chart, grid, columns)
    _draw_lines(chart, grid, columns, lambda value: round(values.at(value)))
    for i, point in enumerate(chart.points):
        if point.value is not None:
            mark, style = _MARKS[point.type]
            grid[round(values.at(point.value))][columns[i]] = (mark if point.included else "○", style)
    written = {round(values.at(tick)): number_in_words(tick, step=10 * step) for tick in ticks}
    rows = [_row(written.get(y, ""), grid[y], named.get(y, ""), gutter) for y in range(height)]
    chosen = f" · {points}" if (points := frozen(chart)) else ""
    return Group(
        _said(message(chart), "bold"),
        Text(f"{ABOUT[chart.chart].name}{chosen} · signals by {chart.rule_set}", style="dim"),
        *rows,
        Text(" " * gutter + "└" + "─" * inner, style="dim"),
        _labels(chart, columns, inner, room=inner + beside, gutter=gutter),
        *_legend(chart),
    )


def in_ascii(shown: str) -> str:
    """What was drawn, for a terminal that knows no other letters: the same marks, plainer."""
    return shown.translate(_PLAINER).encode("ascii", "replace").decode("ascii")


_PLAINER = str.maketrans(
    {
        **dict(zip("┤│└┆─╌●○■▲◆", "||+:--oO#^*", strict=True)),
        **dict(zip("·—–′×", ".--'x", strict=True)),
        **dict(zip("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789", strict=True)),
        "…": "...",
    }
)


def _said(words: str, style: str = "") -> Text:
    """Words as they are: no markup, and no control characters that would steer somebody's terminal."""
    return Text("".join(c if c.isprintable() else " " for c in words), style=style)


def _row(tick: str, cells: Sequence[Cell], name: str, gutter: int) -> Text:
    row = Text(f"{tick[: gutter - 1]:>{gutter - 1}} ", style="dim", end="\n")
    row.append("┤" if tick else "│")
    for letter, style in cells:
        row.append(letter, style=style or None)
    row.append(f" {name}", style="dim")
    row.no_wrap = True
    return row


def _draw_phases(chart: Chart, grid: list[list[Cell]], columns: list[int]) -> None:
    for phase in chart.phases[1:]:
        x = max(0, columns[phase.first] - 1)
        for row in grid:
            row[x] = ("┆", "dim")


def _draw_lines(chart: Chart, grid: list[list[Cell]], columns: list[int], at: At) -> None:
    inner = len(grid[0])
    if chart.target is not None:
        for x in range(0, inner, 2):
            grid[at(chart.target)][x] = ("·", "green")
    for phase in chart.phases:
        for i in range(phase.first, phase.last + 1):
            point = chart.points[i]
            end = columns[i + 1] if i < phase.last else inner if i == len(columns) - 1 else columns[i + 1] - 1
            for value, letter in ((point.lower, "╌"), (point.upper, "╌"), (point.centre, "─")):
                for x in range(columns[i], end) if value is not None else ():
                    grid[at(value or 0.0)][x] = (letter, "dim")


def _line_names(chart: Chart, at: At, height: int, step: float) -> dict[int, str]:
    last = next((p for p in reversed(chart.points) if p.centre is not None), None)
    if last is None:
        return {}
    named: dict[int, str] = {}
    for value, name in (
        (last.centre, "CL"),
        (last.upper, "UCL"),
        (last.lower, "LCL"),
        (chart.target, "target"),
    ):
        if value is not None:
            y = at(value)
            while y in named and y < height - 1:
                y += 1
            named.setdefault(y, f"{name} {number_in_words(value, step=step)}")
    return named


def _labels(chart: Chart, columns: list[int], inner: int, *, room: int, gutter: int) -> Text:
    line = [" "] * room
    labels = [cut_short(point.label, 16) for point in chart.points]
    for i in labelled(labels, room=inner, letter_width=1.1):
        end = columns[i] + len(labels[i])
        if end <= room:  # a date that is cut off is another date
            line[columns[i] : end] = labels[i]
    text = _said(" " * (gutter + 1) + "".join(line).rstrip(), "dim")
    text.no_wrap = True
    return text


def _legend(chart: Chart) -> list[Text]:
    marks = dict.fromkeys(_MARKS[point.type][0] for point in chart.points if point.value is not None)
    keys = [f"{mark} {_WORDS[mark]}" for mark in marks] + ["○ left out of the lines"] * any(
        not point.included for point in chart.points
    )
    said = [Text("   ".join(keys), style="dim")] if keys else []
    said += [_said(f"{icon.words}.") for icon in (chart.variation, chart.assurance) if icon is not None]
    if chart.progress is not None and len(chart.phases) > 1 and not isclose(chart.progress, 0):
        said.append(_said(f"{chart.progress:.0%} of the way from the first centre line to the target."))
    for signal in chart.signals[:SIGNALS_TOLD]:
        first, last = chart.points[signal.first].label, chart.points[signal.last].label
        said.append(_said(f"  {plain(signal.label)}: {first}" + (f" to {last}" if last != first else "")))
    for n, cycle in enumerate(chart.series.cycles, 1):
        said.append(
            Text(
                f"  P{n} PDSA cycle at {chart.points[cycle.at].label}: {cycle.name} {cycle.decision}".rstrip()
            )
        )
    said += [_said(f"  {chart.points[note.at].label}: {note.text}") for note in chart.series.annotations]
    return said + [Text(warning, style="yellow") for warning in warnings(chart)]


SIGNALS_TOLD = 20
"""More signals than this are left to the JSON: they would push the picture off the screen."""
