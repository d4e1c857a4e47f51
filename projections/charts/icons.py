"""The Making Data Count icons, and how far a measure has come on its way to the target.

The variation icon says what the *latest* point is part of; the assurance icon whether the process, left as it
is, will meet the target. Each has a name, a letter and words, so that none is told by its colour alone.
"""

from enum import StrEnum

from projections.charts.series import CannotDraw


class Direction(StrEnum):
    """Which way is better."""

    INCREASE = "increase"
    DECREASE = "decrease"
    NEUTRAL = "neutral"

    @property
    def sign(self) -> int:
        """1 where more is better, -1 where less is, 0 where neither."""
        return {"increase": 1, "decrease": -1, "neutral": 0}[self.value]


class PointType(StrEnum):
    """What a point is, once a rule flags it or none does."""

    COMMON_CAUSE = "common_cause"
    IMPROVEMENT = "special_cause_improvement"
    CONCERN = "special_cause_concern"
    NEUTRAL_HIGH = "special_cause_neutral_high"
    NEUTRAL_LOW = "special_cause_neutral_low"
    UNDIRECTED = (
        "special_cause"  # a signal that is neither high nor low, such as 15 points in the inner third
    )


class Variation(StrEnum):
    """The variation icon."""

    COMMON_CAUSE = "common_cause"
    IMPROVEMENT_HIGH = "improvement_high"
    IMPROVEMENT_LOW = "improvement_low"
    CONCERN_HIGH = "concern_high"
    CONCERN_LOW = "concern_low"
    NEUTRAL_HIGH = "neutral_high"
    NEUTRAL_LOW = "neutral_low"

    @property
    def words(self) -> str:
        """The icon, said."""
        return _VARIATION[self][0]

    @property
    def letter(self) -> str:
        """H, L, or nothing for common cause."""
        return _VARIATION[self][1]

    @property
    def colour(self) -> str:
        """The colour NHS England gives it."""
        return _VARIATION[self][2]


_VARIATION = {
    Variation.COMMON_CAUSE: ("Common cause variation: no significant change", "", "#a6a6a6"),
    Variation.IMPROVEMENT_HIGH: ("Special cause variation: improvement, higher values", "H", "#00b0f0"),
    Variation.IMPROVEMENT_LOW: ("Special cause variation: improvement, lower values", "L", "#00b0f0"),
    Variation.CONCERN_HIGH: ("Special cause variation: concern, higher values", "H", "#e46c0a"),
    Variation.CONCERN_LOW: ("Special cause variation: concern, lower values", "L", "#e46c0a"),
    Variation.NEUTRAL_HIGH: (
        "Special cause variation: higher values, neither better nor worse",
        "H",
        "#490092",
    ),
    Variation.NEUTRAL_LOW: (
        "Special cause variation: lower values, neither better nor worse",
        "L",
        "#490092",
    ),
}


class Assurance(StrEnum):
    """The assurance icon."""

    MEETS = "consistent_pass"
    MISSES = "consistent_fail"
    HIT_AND_MISS = "inconsistent"

    @property
    def words(self) -> str:
        """The icon, said."""
        return _ASSURANCE[self][0]

    @property
    def letter(self) -> str:
        """P, F or ?."""
        return _ASSURANCE[self][1]

    @property
    def colour(self) -> str:
        """The colour NHS England gives it."""
        return _ASSURANCE[self][2]


_ASSURANCE = {
    Assurance.MEETS: ("The process will consistently meet the target", "P", "#00b0f0"),
    Assurance.MISSES: ("The process will consistently miss the target", "F", "#e46c0a"),
    Assurance.HIT_AND_MISS: ("The process will hit and miss the target by chance", "?", "#a6a6a6"),
}


def point_type(flagged: bool, signal: int, better: Direction) -> PointType:
    """What a point is: its signal's direction against the direction that is better."""
    if not flagged:
        return PointType.COMMON_CAUSE
    if signal == 0:
        return PointType.UNDIRECTED
    if better is Direction.NEUTRAL:
        return PointType.NEUTRAL_HIGH if signal > 0 else PointType.NEUTRAL_LOW
    return PointType.IMPROVEMENT if signal == better.sign else PointType.CONCERN


def variation(latest: PointType, better: Direction) -> Variation | None:
    """The icon of the latest point's type; None for a signal without a direction, which has no icon."""
    higher = better is Direction.INCREASE
    match latest:
        case PointType.COMMON_CAUSE:
            return Variation.COMMON_CAUSE
        case PointType.IMPROVEMENT:
            return Variation.IMPROVEMENT_HIGH if higher else Variation.IMPROVEMENT_LOW
        case PointType.CONCERN:
            return Variation.CONCERN_LOW if higher else Variation.CONCERN_HIGH
        case PointType.NEUTRAL_HIGH:
            return Variation.NEUTRAL_HIGH
        case PointType.NEUTRAL_LOW:
            return Variation.NEUTRAL_LOW
        case _:
            return None


def assurance(
    target: float | None, better: Direction, *, lower: float | None, upper: float | None
) -> Assurance | None:
    """Where the target lies against the latest limits; on a limit is still between them.

    None without a target, without limits, or where neither direction is better: nothing can be assured then.
    """
    if target is None or better is Direction.NEUTRAL or lower is None or upper is None:
        return None
    if target > upper:
        return Assurance.MISSES if better is Direction.INCREASE else Assurance.MEETS
    if target < lower:
        return Assurance.MEETS if better is Direction.INCREASE else Assurance.MISSES
    return Assurance.HIT_AND_MISS


def progress(*, baseline: float | None, current: float | None, target: float | None) -> float | None:
    """The share of the way from the baseline to the target: (baseline - current) / (baseline - target).

    Below 0 when going the wrong way, above 1 beyond the target; None when there is no way to go.
    """
    if baseline is None or current is None or target is None or baseline == target:
        return None
    return (baseline - current) / (baseline - target)


def direction_of(name: str) -> Direction:
    """The direction of that name. Raises CannotDraw, naming those there are."""
    try:
        return Direction(name)
    except ValueError:
        raise CannotDraw(f"{name!r} is no direction", f"Choose one of {', '.join(Direction)}") from None
