"""PDSA cycles and notes on a chart: a numbered flag at their point, in a strip below the values, and their words."""

from collections.abc import Iterable, Sequence
from math import ceil
from textwrap import wrap

import msgspec

from projections.charts.axes import Axis
from projections.charts.drawn import Chart
from projections.charts.svg_paper import BOTTOM, LEFT, QUIET, TOP, placed, stroke, text

FLAG_WIDTH, FLAG_HEIGHT = 26.0, 15.0
LEVELS_MAX = 6  # flags above one another; more share a place


class Mark(msgspec.Struct, frozen=True):
    """A flag: P for a cycle, N for a note, with its number; its point; how high it stands above the axis."""

    sign: str
    at: int
    level: int


def marked(chart: Chart, places: Axis) -> list[Mark]:
    """The flags of a chart, raised where they would touch one another."""
    told = [(f"P{n}", cycle.at) for n, cycle in enumerate(chart.series.cycles, 1)]
    told += [(f"N{n}", note.at) for n, note in enumerate(chart.series.annotations, 1)]
    near = max(1, ceil(FLAG_WIDTH / (places.at(1) - places.at(0))))
    marks: list[Mark] = []
    for sign, at in sorted(told, key=lambda one: one[1]):
        taken = {mark.level for mark in marks if abs(mark.at - at) < near}
        free = set(range(LEVELS_MAX)) - taken
        marks.append(Mark(sign, at, min(free) if free else len(marks) % LEVELS_MAX))
    return marks


def strip_of(marks: Sequence[Mark]) -> float:
    """How high the strip is that holds the flags, so that none covers a value."""
    return FLAG_HEIGHT * (1 + max(mark.level for mark in marks)) + 4 if marks else 0.0


def flags(marks: Iterable[Mark], places: Axis) -> Iterable[str]:
    """A line at the point of each flag, then the flags, so that no line runs through one."""
    for mark in marks:
        yield stroke(f"M{places.at(mark.at):.1f},{TOP}V{BOTTOM}", "#aeb7bd", width=1, dash="1 3")
    for mark in marks:
        x, y = places.at(mark.at), BOTTOM - 5 - FLAG_HEIGHT * mark.level
        yield f'<rect {placed(x - 11, y - 10)} width="22" height="13" rx="2" fill="#fff" stroke="{QUIET}"/>'
        size = 10 if len(mark.sign) < 4 else 8.5
        yield f'<text {placed(x, y)} text-anchor="middle" font-size="{size}" font-weight="bold">{mark.sign}</text>'


def notes(chart: Chart) -> tuple[list[str], int]:
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
        for one in words
        for line in wrap(one, 120, max_lines=3, placeholder="…", subsequent_indent="      ")
    ]
    top = BOTTOM + 62
    drawn = [
        f'<text {placed(LEFT, top + 15 * n)} xml:space="preserve">{text(line)}</text>'
        for n, line in enumerate(lines)
    ]
    return drawn, max(380, round(top + 15 * len(lines) + 4))
