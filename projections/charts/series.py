"""What is given to a chart: the measurements in their order, and what people noted beside them."""

from collections.abc import Hashable, Iterable, Sequence
from math import isnan

import msgspec

from projections.charts.averages import known, mean, standard_deviation

POINTS_MAX = 20_000
"""More points than this are refused: no picture of them can be read, and a page has to come back in time."""


LARGEST = 1e100
"""Beyond this, sums of squares overflow; no measure of care comes near."""


class CannotDraw(ValueError):
    """A series that a chart would misrepresent: what is wrong, and what to do about it."""

    def __init__(self, problem: str, cure: str) -> None:
        super().__init__(f"{problem}. {cure}.")
        self.problem = problem
        self.cure = cure


class Annotation(msgspec.Struct, frozen=True):
    """A note at a point (`at` counts from 0): what happened then, in a team's own words."""

    at: int
    text: str


class CycleMark(msgspec.Struct, frozen=True):
    """A PDSA cycle, marked where its change was first felt (`at` counts from 0)."""

    at: int
    name: str
    decision: str = ""  # adapt, adopt or abandon, once decided


class Series(msgspec.Struct, frozen=True, kw_only=True):
    """Measurements in order of time. All columns have one length; None is a missing value and stays a gap.

    `values` are what was measured, counted (the numerator) or, for Xbar and S, the subgroup means.
    `denominators` are what it was counted out of, or the subgroup sizes. `spreads` are the subgroups'
    standard deviations.
    """

    labels: tuple[str, ...]
    values: tuple[float | None, ...]
    denominators: tuple[float | None, ...] | None = None
    spreads: tuple[float | None, ...] | None = None
    title: str = ""
    unit: str = ""
    annotations: tuple[Annotation, ...] = ()
    cycles: tuple[CycleMark, ...] = ()

    def __post_init__(self) -> None:
        """Refuse columns of different lengths, values that are no numbers, and notes beside no point."""
        for name, column in (
            ("labels", self.labels),
            ("denominators", self.denominators),
            ("spreads", self.spreads),
        ):
            if column is not None and len(column) != len(self.values):
                raise CannotDraw(
                    f"There are {len(self.values)} values and {len(column)} {name}", "Give one for each point"
                )
        if len(self.values) > POINTS_MAX:
            raise CannotDraw(
                f"{len(self.values)} points are more than {POINTS_MAX}", "Draw a shorter time or wider steps"
            )
        for column in (self.values, self.denominators or (), self.spreads or ()):
            for label, value in zip(self.labels, column, strict=False):
                if value is not None and not abs(value) <= LARGEST:
                    raise CannotDraw(
                        f"Point {label} is {value}, which cannot be drawn", "Leave a missing value empty"
                    )
        for at in (*(note.at for note in self.annotations), *(cycle.at for cycle in self.cycles)):
            if not 0 <= at < len(self.values):
                raise CannotDraw(
                    f"A note stands at point {at + 1} of {len(self.values)}", "Put it at a point"
                )

    def __len__(self) -> int:
        """How many points, missing ones included."""
        return len(self.values)


def series_of(
    values: Iterable[float | None],
    denominators: Iterable[float | None] | None = None,
    *,
    labels: Iterable[str] | None = None,
    spreads: Iterable[float | None] | None = None,
    title: str = "",
    unit: str = "",
    annotations: Iterable[Annotation] = (),
    cycles: Iterable[CycleMark] = (),
) -> Series:
    """A series from plain columns. Labels default to 1, 2, 3…; NaN, as other tools write it, is a missing
    value.
    """
    column = _tidied(values)
    return Series(
        labels=tuple(labels) if labels is not None else tuple(str(i) for i in range(1, len(column) + 1)),
        values=column,
        denominators=_tidied(denominators) if denominators is not None else None,
        spreads=_tidied(spreads) if spreads is not None else None,
        title=title,
        unit=unit,
        annotations=tuple(annotations),
        cycles=tuple(cycles),
    )


def subgroups(keys: Sequence[Hashable], values: Sequence[float | None]) -> Series:
    """Raw measurements gathered by key into means, sizes and standard deviations: what Xbar and S charts
    draw.

    Subgroups stand in the order of their first measurement. Missing measurements are left out of their
    subgroup; a subgroup of one has no standard deviation.
    """
    if len(keys) != len(values):
        raise CannotDraw(f"There are {len(keys)} subgroup keys and {len(values)} values", "Give one for each")
    gathered: dict[Hashable, list[float | None]] = {}
    for key, value in zip(keys, values, strict=True):
        gathered.setdefault(key, []).append(value)
    members = [known(_tidied(group)) for group in gathered.values()]
    return series_of(
        [mean(group) for group in members],
        [len(group) for group in members],
        spreads=[standard_deviation(group) for group in members],
        labels=[str(key) for key in gathered],
    )


def _tidied(column: Iterable[float | None]) -> tuple[float | None, ...]:
    return tuple([value if value is None or _is_number(value) else _number(value) for value in column])


def _is_number(value: object) -> bool:
    """Whether it is what nearly everything is, and can stay as it is."""
    return value.__class__ is float and value == value  # NaN is the one that does not equal itself


def _number(value: float) -> float | None:
    try:
        number = float(str(value)) if isinstance(value, bool) else float(value)  # true is no number
    except (TypeError, ValueError, OverflowError):
        raise CannotDraw(
            f"{str(value)[:40]!r} is no number", "Correct it, or leave a missing value empty"
        ) from None
    return None if isnan(number) else number
