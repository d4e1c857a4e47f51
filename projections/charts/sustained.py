"""Where a run chart's median might be re-based: runs long enough to be a new normal. Proposals, for people to
decide.
"""

from collections.abc import Sequence

import msgspec

from projections.charts.averages import known, median
from projections.charts.rules.patterns import shifts, signs
from projections.charts.series import CannotDraw

_SIDES = {"both": (1, -1), "above": (1,), "below": (-1,)}


class Median(msgspec.Struct, frozen=True, kw_only=True):
    """A median, the points (from 0, both ends included) it comes from, and the point up to which it holds."""

    median: float
    first: int
    last: int
    extends_to: int
    kind: str  # baseline or sustained


def sustained_medians(
    values: Sequence[float | None], *, median_points: int, run_length: int, direction: str = "both"
) -> list[Median]:
    """The baseline median of the first points, then one for each run of `run_length` points on one side of
    the last.

    Points on the median are skipped, neither adding nor breaking. A new median is that of the run's first
    `run_length` points, without those skipped; the search goes on after them. Each median is drawn up to
    where the next begins. As runcharter does (github.com/johnmackintosh/runcharter).
    """
    if direction not in _SIDES:
        raise CannotDraw(f"{direction!r} is no direction of a run", f"Choose one of {', '.join(_SIDES)}")
    if median_points < 1 or run_length < 2:
        raise CannotDraw("A median needs a point and a run needs two", "Ask for more points")
    baseline = median(known(values[:median_points]))
    if baseline is None:
        return []
    found = [(baseline, 0, min(median_points, len(values)) - 1)]
    while run := _next_run(values, found[-1][2] + 1, found[-1][0], run_length, _SIDES[direction]):
        middle = median(known([values[i] for i in run]))
        assert middle is not None, "a run has points"
        found.append((middle, run[0], run[-1]))
    ends = [first for _, first, _ in found[1:]] + [len(values) - 1]
    return [
        Median(median=m, first=a, last=b, extends_to=end, kind="sustained" if number else "baseline")
        for number, ((m, a, b), end) in enumerate(zip(found, ends, strict=True))
    ]


def _next_run(
    values: Sequence[float | None], start: int, line: float, run_length: int, sides: tuple[int, ...]
) -> tuple[int, ...]:
    rest = range(start, len(values))
    column = signs(values[start:], [line] * len(rest))
    for run in shifts(zip(rest, column, strict=True), run_length, on_line="skipped", gap="skipped"):
        if run.direction in sides:
            return run.points[:run_length]
    return ()
