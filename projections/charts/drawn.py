"""What a drawn chart holds: its points with their lines, its phases, its signals, its icons."""

import msgspec

from projections.charts.chart_type import ChartType
from projections.charts.icons import Assurance, Direction, PointType, Variation
from projections.charts.rules.runs import Runs
from projections.charts.series import Series


class Flag(msgspec.Struct, frozen=True):
    """One rule that flags one point. `direction` is 1 high or rising, -1 low or falling, 0 neither."""

    rule: str
    direction: int
    label: str


class LinedPoint(msgspec.Struct, frozen=True, kw_only=True):
    """One point, counted from 1, with the lines at its place. None: no such value or line."""

    point: int
    label: str
    value: float | None
    centre: float | None
    lower: float | None
    lower_near: float | None
    upper_near: float | None
    upper: float | None
    phase: int
    included: bool
    in_baseline: bool
    outside_limits: bool | None
    close_to_limits: bool | None
    relative_to_centre: int | None


class DrawnPoint(LinedPoint, frozen=True, kw_only=True):
    """A point as drawn, and what the rules say of it.

    `special_cause` is the label of the first rule, in the rule set's order, that flags it; `flags` are all
    that do.
    """

    special_cause: str
    type: PointType
    flags: tuple[Flag, ...]


class Signal(msgspec.Struct, frozen=True, kw_only=True):
    """Something other than chance, and by whose rule. Points count from 0 over the whole series."""

    rule_set: str
    rule: str
    label: str
    direction: int
    phase: int
    first: int
    last: int
    points: tuple[int, ...]


class DrawnPhase(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch with its own lines. `trial`: too few points to trust the limits. `runs` are judged by their
    own rule set.
    """

    number: int
    first: int
    last: int
    reason: str
    trial: bool
    centre: float | None
    runs: Runs


class Chart(msgspec.Struct, frozen=True, kw_only=True):
    """What is drawn, and what it says. `progress` is the share of the way from the first centre line to the
    target.
    """

    chart: ChartType
    rule_set: str
    series: Series
    points: tuple[DrawnPoint, ...]
    phases: tuple[DrawnPhase, ...]
    signals: tuple[Signal, ...]
    direction: Direction
    target: float | None
    variation: Variation | None
    assurance: Assurance | None
    progress: float | None
