"""PowerBI-SPC 1.7.4: its four flags as separate functions, and the rule set of its defaults (shift 7, trend
5).

Flags are "upper", "lower" or "none", one for each point; where two patterns share a point, the later one
flags it. (github.com/AUS-DOH-Safety-and-Quality/PowerBI-SPC, test/Outlier Flagging.)
"""

from collections.abc import Sequence

from projections.charts.rules.limits_only import beyond_limits
from projections.charts.rules.patterns import Span, outside, shifts, signs, trends
from projections.charts.rules.rule import Rule, RuleSet, View, by_direction

Numbers = Sequence[float | None]


def shift_flags(values: Numbers, targets: Numbers, n: int) -> list[str]:
    """N consecutive points strictly on one side of the target; a point on it breaks the run. All of it is
    flagged.
    """
    return _flags(len(values), shifts(list(enumerate(signs(values, targets))), n))


def trend_flags(values: Numbers, n: int) -> list[str]:
    """N consecutive points, n - 1 strict moves, the same way; a tie breaks it."""
    return _flags(len(values), trends(list(enumerate(values)), n))


def two_in_three_flags(
    values: Numbers, lower_95: Numbers, upper_95: Numbers, *, whole_window: bool = False
) -> list[str]:
    """2 of the last 3 points beyond the same 2-sigma line, net of any beyond the other; those outside 3 sigma
    count too.

    `whole_window` flags the third point as well (`highlight_series` there).
    """
    return _flags(len(values), _two_in_three(values, lower_95, upper_95, whole_window=whole_window))


def astronomical_flags(values: Numbers, lower_99: Numbers, upper_99: Numbers) -> list[str]:
    """Strictly outside the 3-sigma lines."""
    return _flags(len(values), outside(values, lower_99, upper_99, range(len(values))))


def _flags(n: int, spans: list[Span]) -> list[str]:
    flags = ["none"] * n
    for span in spans:
        for i in span.points:
            flags[i] = "upper" if span.direction > 0 else "lower"
    return flags


def _two_in_three(
    values: Numbers, lower: Numbers, upper: Numbers, *, whole_window: bool = False
) -> list[Span]:
    side = [0] * len(values)
    for span in outside(values, lower, upper, range(len(values))):
        side[span.first] = span.direction
    spans = []
    for i in range(len(values)):
        window = range(max(0, i - 2), i + 1)
        net = sum(side[j] for j in window)
        if abs(net) >= 2:
            spans.append(Span(tuple(j for j in window if side[j] or whole_window), 1 if net > 0 else -1))
    return spans


def _two_in_three_of(view: View) -> list[Span]:
    lines, places = view.lines, view.counted
    columns = [[column[i] for i in places] for column in (lines.drawn, lines.lower_near, lines.upper_near)]
    return [Span(tuple(places[i] for i in s.points), s.direction) for s in _two_in_three(*columns)]


RULES = RuleSet(
    id="powerbi-spc-1",
    name="PowerBI-SPC defaults",
    source="AUS-DOH-Safety-and-Quality/PowerBI-SPC 1.7.4",
    rules=(
        Rule("astronomical", by_direction("Above the upper limit", "Below the lower limit"), beyond_limits),
        Rule(
            "shift-7",
            by_direction("Shift of 7 or more above", "Shift of 7 or more below"),
            lambda view: shifts(view.sides_in_turn(), 7),
        ),
        Rule(
            "trend-5",
            by_direction("Trend of 5 or more, up", "Trend of 5 or more, down"),
            lambda view: trends(view.in_turn(), 5),
        ),
        Rule(
            "two-in-three",
            by_direction("2 of 3 near the upper limit", "2 of 3 near the lower limit"),
            _two_in_three_of,
        ),
    ),
)
