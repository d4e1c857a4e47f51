"""The lines of a phase, and what they are calculated from."""

from collections.abc import Callable, Sequence
from math import fsum

import msgspec

from projections.charts.averages import known
from projections.charts.baseline import Baseline
from projections.charts.series import CannotDraw

Column = list[float | None]


class Phase(msgspec.Struct):
    """One phase as a chart family sees it. `basis` are the points (from 0, within the phase) its lines come
    from: the frozen prefix without the excluded; missing values are still in it, since they break moving
    ranges.
    """

    values: Sequence[float | None]
    denominators: Sequence[float | None] | None
    spreads: Sequence[float | None] | None
    basis: list[int]
    baseline: Baseline

    def of_basis(self, column: Sequence[float | None]) -> Column:
        """The column at the points that the lines come from."""
        return [column[i] for i in self.basis]

    def sizes(self) -> Sequence[float | None]:
        """The denominators, which this chart cannot do without."""
        if self.denominators is None:
            raise CannotDraw(
                "This chart needs denominators", "Give one for each point, or choose an I or a run chart"
            )
        return self.denominators


class Lines(msgspec.Struct):
    """What is drawn, and its lines, point by point. None where there is no such line.

    `lower_near` and `upper_near` lie two thirds of the way to the limits (2 sigma); `sigma` is one third of
    the way, before any limit was clipped at a bound.
    """

    drawn: Column
    centre: Column
    lower: Column
    lower_near: Column
    upper_near: Column
    upper: Column
    sigma: Column


Family = Callable[[Phase], Lines]


def ratios(phase: Phase) -> Column:
    """Values over denominators, or the values where there are none. No ratio out of nothing: 0/0 is a gap."""
    if phase.denominators is None:
        return list(phase.values)
    return [
        None if value is None or not size else value / size
        for value, size in zip(phase.values, phase.denominators, strict=True)
    ]


def sizes_of_drawn(phase: Phase, drawn: Column) -> Column:
    """The denominators of the points that are drawn. A point without a value has no limits of its own either."""
    return [None if y is None else size for y, size in zip(drawn, phase.sizes(), strict=True)]


def pooled(phase: Phase, drawn: Column) -> float | None:
    """The sum of the numerators over the sum of the denominators, of the points that have both."""
    sizes = phase.sizes()
    both = [i for i in phase.basis if drawn[i] is not None]
    total = fsum(known([sizes[i] for i in both]))
    return fsum(known([phase.values[i] for i in both])) / total if total else None


def bare(drawn: Column, centre: float | None) -> Lines:
    """A centre line and no limits."""
    none: Column = [None] * len(drawn)
    return Lines(drawn, [centre] * len(drawn), none, none, none, none, none)


def around(
    drawn: Column,
    centre: float | None,
    sigma: Column,
    *,
    three: float = 3.0,
    two: float = 2.0,
    floor: float | None = None,
    ceiling: float | None = None,
) -> Lines:
    """Limits `three` sigma and near-limits `two` sigma about the centre, clipped at the bounds a value cannot
    pass.
    """

    def at(factor: float) -> Column:
        if centre is None:
            return [None] * len(sigma)
        line = [None if s is None else centre + factor * s for s in sigma]
        if floor is not None:
            line = [None if y is None else max(y, floor) for y in line]
        if ceiling is not None:
            line = [None if y is None else min(y, ceiling) for y in line]
        return line

    thirds: Column = [None if s is None else s * three / 3 for s in sigma]
    return Lines(drawn, [centre] * len(drawn), at(-three), at(-two), at(two), at(three), thirds)
