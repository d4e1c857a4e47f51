"""Drawing a chart: from a series and people's decisions to points, lines, signals and icons.

`draw` depends on its arguments alone. It raises CannotDraw where a chart would mislead; it never re-bases by
itself.
"""

from collections.abc import Sequence

import msgspec

from projections.charts.baseline import Baseline, Stretch, based_on, stretches
from projections.charts.chart_type import ABOUT, ChartType
from projections.charts.drawn import Chart, DrawnPhase, DrawnPoint, Flag, Signal
from projections.charts.icons import (
    Direction,
    PointType,
    Variation,
    assurance,
    direction_of,
    point_type,
    progress,
    variation,
)
from projections.charts.limits.lines import Column, Lines, Phase
from projections.charts.refusals import refuse_given, refuse_misuse
from projections.charts.rules import rule_set
from projections.charts.rules.limits_only import beyond_limits
from projections.charts.rules.patterns import Span
from projections.charts.rules.rule import RuleSet, View, view_of
from projections.charts.rules.runs import runs_about_centre
from projections.charts.series import LARGEST, CannotDraw, Series

COMMON_CAUSE = "Common Cause"
TRIAL_BELOW = 13
"""A phase of fewer points has trial limits, to be revised with each point (NHSRplotthedots 0.2.2)."""


def draw(
    series: Series,
    *,
    chart: ChartType | str,
    rules: str | None = None,
    baseline: Baseline = Baseline(),  # noqa: B008 (frozen)
    direction: Direction | str = Direction.NEUTRAL,
    target: float | None = None,
    multiply: float = 1.0,
) -> Chart:
    """The chart of a series under a rule set (by default Making Data Count for XmR, Anhøj for all others).

    `multiply` scales what is drawn after it was calculated (1,000 for a rate per 1,000 bed days); `target` is
    in the units drawn. An empty series is an empty chart. Raises CannotDraw.
    """
    kind, better = _chart_type(chart), direction_of(direction)
    found_by = rule_set(rules or default_rules(kind))
    _refuse_wish(kind, found_by, multiply, target)
    refuse_misuse(series, kind)
    refuse_given(baseline, kind)
    points: list[DrawnPoint] = []
    phases: list[DrawnPhase] = []
    signals: list[Signal] = []
    reasons = {rebase.at: rebase.reason for rebase in reversed(baseline.rebases)}
    for stretch in stretches(baseline, len(series)):
        judged = _judged(series, kind, found_by, baseline, stretch)
        points += _points(series, judged, found_by, baseline, stretch, better, multiply)
        reason = reasons.get(stretch.first, "")
        phases.append(_phase(judged, found_by, stretch, reason=reason, multiply=multiply))
        signals += _signals(judged, found_by, stretch)
    last = phases[-1].first if phases else 0
    bounds = next(((p.lower, p.upper) for p in reversed(points[last:]) if p.upper is not None), (None, None))
    return Chart(
        chart=kind,
        rule_set=found_by.id,
        series=series,
        points=tuple(points),
        phases=tuple(phases),
        signals=tuple(sorted(signals, key=lambda signal: (signal.first, signal.last))),
        direction=better,
        target=target,
        variation=_variation(points, phases, signals, found_by, better),
        assurance=assurance(target, better, lower=bounds[0], upper=bounds[1]),
        progress=_progress(phases, target),
    )


def _refuse_wish(kind: ChartType, rules: RuleSet, multiply: float, target: float | None) -> None:
    """Raises CannotDraw for what cannot be drawn of any series."""
    if rules.needs_limits and kind is ChartType.RUN:
        raise CannotDraw(
            f"A run chart has no limits, and {rules.id} needs them", "Choose anhoej-1 or ihi-run-chart-1"
        )
    if not 0 < multiply <= LARGEST:
        raise CannotDraw(f"The values are to be multiplied by {multiply:g}", "Multiply by a number above 0")
    if target is not None and not abs(target) <= LARGEST:
        raise CannotDraw(f"The target is {target:g}", "Give a number, in the units drawn")


def default_rules(chart: ChartType) -> str:
    """Making Data Count is made for XmR; the Anhøj rules suit every other chart."""
    return "making-data-count-1" if chart is ChartType.XMR else "anhoej-1"


class _Judged(msgspec.Struct):
    """A phase with its lines and what the rules found, rule by rule."""

    lines: Lines
    view: View
    found: list[list[Span]]


def _chart_type(name: ChartType | str) -> ChartType:
    try:
        return ChartType(name)
    except ValueError:
        raise CannotDraw(
            f"There is no chart {str(name)!r}", f"Choose one of {', '.join(ChartType)}"
        ) from None


def _judged(series: Series, kind: ChartType, rules: RuleSet, baseline: Baseline, stretch: Stretch) -> _Judged:
    span = slice(stretch.first, stretch.end)
    length = stretch.end - stretch.first
    included = [stretch.first + i not in baseline.exclude for i in range(length)]
    basis = based_on(baseline, stretch)
    phase = Phase(
        values=series.values[span],
        denominators=series.denominators[span] if series.denominators is not None else None,
        spreads=series.spreads[span] if series.spreads is not None else None,
        basis=[i for i in range(length) if included[i] and stretch.first + i in basis],
        baseline=baseline,
    )
    lines = _given_limits(ABOUT[kind].lines(phase), baseline)
    view = view_of(
        lines, included=included, test_excluded=baseline.test_excluded, runs_apply=kind is not ChartType.MR
    )
    return _Judged(
        lines,
        view,
        [rule.find(view) if view.runs_apply or rule.find is beyond_limits else [] for rule in rules.rules],
    )


def _given_limits(lines: Lines, baseline: Baseline) -> Lines:
    """Limits that people gave replace those calculated, and move the near lines with them."""

    def near(limit: float) -> Column:
        return [None if c is None else c + (limit - c) * 2 / 3 for c in lines.centre]

    n = len(lines.drawn)
    if baseline.lower is not None:
        lines = msgspec.structs.replace(lines, lower=[baseline.lower] * n, lower_near=near(baseline.lower))
    if baseline.upper is not None:
        sigma = [None if c is None else (baseline.upper - c) / 3 for c in lines.centre]
        lines = msgspec.structs.replace(
            lines, upper=[baseline.upper] * n, upper_near=near(baseline.upper), sigma=list(sigma)
        )
    return lines


def _flags(judged: _Judged, rules: RuleSet) -> list[dict[str, Flag]]:
    """Every point's flags in order of precedence. A point in two signals of one rule takes the later one's
    direction.
    """
    flags: list[dict[str, Flag]] = [{} for _ in judged.lines.drawn]
    for rule, spans in zip(rules.rules, judged.found, strict=True):
        for span in spans if rule.flags_points else ():
            flag = Flag(rule.id, span.direction, rule.words(span.direction))
            for i in span.points:
                flags[i][rule.id] = flag
    return flags


def _points(
    series: Series,
    judged: _Judged,
    rules: RuleSet,
    baseline: Baseline,
    stretch: Stretch,
    better: Direction,
    multiply: float,
) -> list[DrawnPoint]:
    lines, flags, basis = judged.lines, _flags(judged, rules), based_on(baseline, stretch)
    scaled = [
        _scaled(column, multiply)
        for column in (
            lines.drawn,
            lines.centre,
            lines.lower,
            lines.lower_near,
            lines.upper_near,
            lines.upper,
        )
    ]
    points = []
    for i, (value, centre, lower, lower_near, upper_near, upper) in enumerate(zip(*scaled, strict=True)):
        y, low, high = lines.drawn[i], lines.lower[i], lines.upper[i]
        outside = None if y is None or (low is None and high is None) else _beyond(y, low, high)
        mine = tuple(flags[i].values()) if flags[i] else ()
        points.append(
            DrawnPoint(
                point=stretch.first + i + 1,
                label=series.labels[stretch.first + i],
                value=value,
                centre=centre,
                lower=lower,
                lower_near=lower_near,
                upper_near=upper_near,
                upper=upper,
                phase=stretch.group,
                included=stretch.first + i not in baseline.exclude,
                in_baseline=stretch.first + i in basis,
                outside_limits=outside,
                close_to_limits=None
                if outside is None or y is None
                else not outside and _beyond(y, lines.lower_near[i], lines.upper_near[i]),
                relative_to_centre=judged.view.sides[i],
                special_cause=mine[0].label if mine else COMMON_CAUSE,
                type=point_type(bool(mine), mine[0].direction if mine else 0, better),
                flags=mine,
            )
        )
    return points


def _beyond(y: float, lower: float | None, upper: float | None) -> bool:
    return (upper is not None and y > upper) or (lower is not None and y < lower)


def _scaled(column: Sequence[float | None], factor: float) -> Sequence[float | None]:
    return column if factor == 1 else [None if y is None else y * factor for y in column]


def _phase(judged: _Judged, rules: RuleSet, stretch: Stretch, *, reason: str, multiply: float) -> DrawnPhase:
    view, centre = judged.view, judged.lines.centre[0]
    return DrawnPhase(
        number=stretch.group,
        first=stretch.first,
        last=stretch.end - 1,
        reason=reason,
        trial=stretch.end - stretch.first < TRIAL_BELOW,
        centre=None if centre is None else centre * multiply,
        runs=runs_about_centre(view.sides_in_turn(), judged=view.runs_apply, floored=rules.floored),
    )


def _signals(judged: _Judged, rules: RuleSet, stretch: Stretch) -> list[Signal]:
    return [
        Signal(
            rule_set=rules.id,
            rule=rule.id,
            label=rule.words(span.direction),
            direction=span.direction,
            phase=stretch.group,
            first=stretch.first + span.first,
            last=stretch.first + span.last,
            points=tuple(stretch.first + i for i in span.points),
        )
        for rule, spans in zip(rules.rules, judged.found, strict=True)
        for span in spans
    ]


def _variation(
    points: list[DrawnPoint],
    phases: list[DrawnPhase],
    signals: list[Signal],
    rules: RuleSet,
    better: Direction,
) -> Variation | None:
    """What the latest point that has a value says; None where only a signal about its whole phase says anything."""
    latest = next((point for point in reversed(points) if point.value is not None), None)
    if latest is None:
        return None
    if latest.type is PointType.COMMON_CAUSE and _about_the_whole(signals, rules, phases[-1]):
        return None
    return variation(latest.type, better)


def _about_the_whole(signals: list[Signal], rules: RuleSet, phase: DrawnPhase) -> bool:
    """Is there a signal about the whole of the phase? Its last point is then not "common cause"."""
    whole = {rule.id for rule in rules.rules if not rule.flags_points}
    return any(signal.rule in whole and signal.phase == phase.number for signal in signals)


def _progress(phases: list[DrawnPhase], target: float | None) -> float | None:
    return progress(baseline=phases[0].centre, current=phases[-1].centre, target=target) if phases else None
