"""What people decided about a chart's lines: where phases begin, what is frozen, what is left out, what is
given.

A chart never re-bases itself: a new phase is a human decision with a reason.
"""

from bisect import bisect_left
from collections.abc import Iterable
from itertools import pairwise

import msgspec

from projections.charts.series import CannotDraw, Series


class Rebase(msgspec.Struct, frozen=True):
    """From this point on (counted from 0) the lines are calculated anew, and why."""

    at: int
    reason: str = ""


class Baseline(msgspec.Struct, frozen=True, kw_only=True):
    """The decisions behind the lines. Points are counted from 0; everything has a default that decides
    nothing.
    """

    rebases: tuple[Rebase, ...] = ()
    freeze: int | None = None  # the lines of each phase come from its first so many points
    lines_from: tuple[int, int] | None = (
        None  # those of the phase where they begin come from these points, end excluded
    )
    exclude: frozenset[int] = (
        frozenset()
    )  # left out of lines and runs; still drawn, still tested against limits
    screening: bool = True  # drop moving ranges >= 3.267 x their mean, once (Nelson 1982)
    centre: float | None = None  # a given centre line
    lower: float | None = None  # given limits, in the units of the drawn values before `multiply`
    upper: float | None = None
    spread: float | None = None  # a given average standard deviation, for Xbar and S
    g_from_median: bool = False  # G: limits from the median count, as in clinical-qikit, not from the mean
    ranges_of_all: bool = False  # I': ranges of all points of a phase, as in qicharts2, not of the baseline
    laney_floor: bool = False  # P' and U': never narrower than P and U
    test_excluded: bool = True  # are excluded points tested against the limits?

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        if self.freeze is not None and self.freeze < 1:
            raise CannotDraw(f"The lines are frozen at {self.freeze} points", "Freeze at one point or more")
        if self.lines_from is not None and not 0 <= self.lines_from[0] < self.lines_from[1]:
            raise CannotDraw("The baseline ends before it begins", "Swap the two")
        if self.lower is not None and self.upper is not None and self.lower > self.upper:
            raise CannotDraw(f"The lower limit {self.lower} is above the upper {self.upper}", "Swap the two")


class Stretch(msgspec.Struct, frozen=True):
    """The points from `first` up to, not including, `end`: one phase. `group` counts the re-bases before it."""

    first: int
    end: int
    group: int


def based_on(baseline: Baseline, stretch: Stretch) -> range:
    """The points, counted over the whole series, that the lines of a phase come from, the excluded among them."""
    if baseline.lines_from is not None and stretch.first <= baseline.lines_from[0] < stretch.end:
        return range(baseline.lines_from[0], min(baseline.lines_from[1], stretch.end))
    frozen = stretch.end if baseline.freeze is None else min(stretch.first + baseline.freeze, stretch.end)
    return range(stretch.first, frozen)


def stretches(baseline: Baseline, length: int) -> list[Stretch]:
    """The phases of a series of `length` points. Re-bases outside the series, or twice at a point, change
    nothing.

    A re-base at the very first point starts group 1 instead of 0, as in NHSRplotthedots.
    """
    if length == 0:
        return []
    cuts = sorted({rebase.at for rebase in baseline.rebases if 0 <= rebase.at < length})
    begins_at_first = bool(cuts) and cuts[0] == 0
    edges = ([] if begins_at_first else [0]) + cuts + [length]
    return [
        Stretch(first, end, number + begins_at_first) for number, (first, end) in enumerate(pairwise(edges))
    ]


def rebases_on(series: Series, dates: Iterable[str], reason: str = "") -> tuple[Rebase, ...]:
    """Re-bases by date: each at the first point on or after it. Labels must be ISO dates in order.

    A date before the first point or after the last one changes nothing.
    """
    found = []
    for date in dates:
        at = bisect_left(series.labels, date)
        if at < len(series) and (at > 0 or series.labels[0] == date):
            found.append(Rebase(at, reason))
    return tuple(found)
