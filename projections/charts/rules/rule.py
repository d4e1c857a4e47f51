"""What a rule set is: an id that is never reused, a source, and rules in the order of their precedence."""

from collections.abc import Callable, Sequence

import msgspec

from projections.charts.limits.lines import Lines
from projections.charts.rules.patterns import Sign, Span, signs


class View(msgspec.Struct):
    """One phase as a rule sees it: its values and lines, and which points take part in runs (the not
    excluded).
    """

    lines: Lines
    counted: list[int]
    tested: list[int]  # the points tested against the limits
    sides: list[Sign]
    runs_apply: bool  # not where neighbouring points share a measurement (MR)
    counted_sides: list[tuple[int, Sign]]

    def in_turn(self) -> list[tuple[int, float | None]]:
        """The counted points and their values."""
        return [(i, self.lines.drawn[i]) for i in self.counted]

    def sides_in_turn(self) -> list[tuple[int, Sign]]:
        """The counted points and their side of the centre line."""
        return self.counted_sides

    def beyond(self, lower: Sequence[float | None], upper: Sequence[float | None]) -> list[tuple[int, Sign]]:
        """The counted points: 2 or -2 beyond a line, 1 or -1 on that side of the centre, 0 on it."""
        found: list[tuple[int, Sign]] = []
        for i in self.counted:
            y, low, high, side = self.lines.drawn[i], lower[i], upper[i], self.sides[i]
            if y is not None and high is not None and y > high:
                found.append((i, 2))
            elif y is not None and low is not None and y < low:
                found.append((i, -2))
            else:
                found.append((i, side))
        return found

    def at(self, factor: float) -> list[float | None]:
        """The line `factor` sigma from the centre, unclipped, where the chart has a sigma."""
        return [
            None if c is None or s is None else c + factor * s
            for c, s in zip(self.lines.centre, self.lines.sigma, strict=True)
        ]


def view_of(lines: Lines, *, included: Sequence[bool], test_excluded: bool, runs_apply: bool) -> View:
    """The view of a phase's lines."""
    counted = [i for i, is_in in enumerate(included) if is_in]
    sides = signs(lines.drawn, lines.centre)
    return View(
        lines=lines,
        counted=counted,
        tested=list(range(len(included))) if test_excluded else counted,
        sides=sides,
        runs_apply=runs_apply,
        counted_sides=[(i, sides[i]) for i in counted],
    )


class Rule(msgspec.Struct, frozen=True):
    """One rule: its id within the set, what it says of a signal in words, and how it finds its points."""

    id: str
    words: Callable[[int], str]  # of the direction
    find: Callable[[View], list[Span]]
    flags_points: bool = (
        True  # False: a finding about a whole phase, such as too few runs, that blames no point
    )


class RuleSet(msgspec.Struct, frozen=True, kw_only=True):
    """Rules that are applied together, under an id. A changed rule is a new id: signals keep what they were
    found by.
    """

    id: str
    name: str
    source: str
    rules: tuple[Rule, ...]  # in order of precedence: the first that flags a point labels it
    needs_limits: bool = True
    floored: bool = False  # the longest run that chance explains is reckoned with log2 n rounded down


def by_direction(above: str, below: str, neither: str = "") -> Callable[[int], str]:
    """The words for each direction."""
    return lambda direction: above if direction > 0 else below if direction < 0 else (neither or above)
