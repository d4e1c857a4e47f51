"""Where values and points fall on a picture, and which of them are written beside it."""

from collections.abc import Sequence
from itertools import pairwise
from math import ceil, floor, inf, log10

import msgspec

from projections.charts.averages import known
from projections.charts.drawn import Chart

LABELS_MAX = 12  # written below one picture


class Axis(msgspec.Struct, frozen=True):
    """A straight line from `low` to `high`, laid out from pixel `start` to pixel `end`."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        """Where a value falls."""
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)


NARROWEST = 1e-300
"""Values closer together than this are drawn as one: no step between them could be worked out."""


def value_axis(chart: Chart, *, start: float, end: float, ticks_max: int = 6) -> tuple[Axis, list[float]]:
    """An axis that holds every value, limit and the target, and the round numbers to write beside it."""
    seen = known([v for p in chart.points for v in (p.value, p.centre, p.lower, p.upper)] + [chart.target])
    low, high = (min(seen), max(seen)) if seen else (0.0, 1.0)
    if high - low < NARROWEST:
        room = abs(low) / 10 or 1.0
        low, high = low - room, high + room
    step = _round_step((high - low) / ticks_max)
    first, last = floor(low / step), ceil(high / step)
    ticks = [number * step for number in range(first, last + 1)]
    return Axis(ticks[0], ticks[-1], start, end), ticks


def point_axis(count: int, *, start: float, end: float) -> Axis:
    """Points at equal distances, half a step from either end."""
    return Axis(-0.5, max(count, 1) - 0.5, start, end)


def labelled(labels: Sequence[str], *, room: float, letter_width: float) -> list[int]:
    """Which points have their label written, so that no two touch: every k-th, from the first."""
    if not labels:
        return []
    widest = max(map(len, labels)) * letter_width + letter_width
    fitting = max(1, min(LABELS_MAX, int(room // widest)))
    every = ceil(len(labels) / fitting)
    return list(range(0, len(labels), every))


def cut_short(label: str, letters: int) -> str:
    """A label in so many letters; where it is longer, its beginning and its end, which tell most of them apart."""
    if len(label) <= letters:
        return label
    end = letters // 3
    return f"{label[: letters - end - 1].rstrip()}…{label[-end:].lstrip()}"


def apart(places: Sequence[float], *, least: float, most: float = inf) -> list[float]:
    """The places moved as little as needed to lie `least` apart, in the order given, and none beyond `most`.

    For labels beside lines.
    """
    order = sorted(range(len(places)), key=lambda i: places[i])
    moved = list(places)
    for _ in range(MOVES_MAX):
        touching = False
        for a, b in pairwise(order):
            overlap = least - (moved[b] - moved[a])
            if overlap > 1e-6:
                moved[a], moved[b], touching = moved[a] - overlap / 2, moved[b] + overlap / 2, True
        if not touching:
            break
    for i in reversed(order):
        moved[i] = min(moved[i], most)
        most = moved[i] - least
    return moved


MOVES_MAX = 60


def _round_step(rough: float) -> float:
    size = 10.0 ** floor(log10(rough))
    return next(step * size for step in (1, 2, 2.5, 5, 10) if step * size >= rough * 0.999)
