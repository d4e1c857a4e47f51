"""Drawing a chart: from a series and people's decisions to points, lines, signals and icons.

`draw` shows what `judge` finds, and depends on its arguments alone. It raises CannotDraw where a chart would mislead;
it never re-bases by itself.
"""

from collections.abc import Sequence

from projections.charts.baseline import Baseline, based_on
from projections.charts.chart_type import ChartType
from projections.charts.drawn import Chart, DrawnPhase, DrawnPoint, Flag
from projections.charts.icons import (
    Direction,
    PointType,
    Variation,
    assurance,
    point_type,
    progress,
    variation,
)
from projections.charts.judging import JudgedPhase, Judgement, judge
from projections.charts.rules.rule import RuleSet
from projections.charts.rules.runs import runs_about_centre
from projections.charts.series import Series

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
    judged = judge(
        series,
        chart=chart,
        rules=rules,
        baseline=baseline,
        direction=direction,
        target=target,
        multiply=multiply,
    )
    points: list[DrawnPoint] = []
    phases: list[DrawnPhase] = []
    reasons = {rebase.at: rebase.reason for rebase in reversed(baseline.rebases)}
    for phase in judged.phases:
        points += _points(judged, phase, baseline, multiply)
        reason = reasons.get(phase.stretch.first, "")
        phases.append(_phase(phase, judged.rules, reason=reason, multiply=multiply))
    last = phases[-1].first if phases else 0
    bounds = next(((p.lower, p.upper) for p in reversed(points[last:]) if p.upper is not None), (None, None))
    return Chart(
        chart=judged.chart,
        rule_set=judged.rules.id,
        series=series,
        points=tuple(points),
        phases=tuple(phases),
        signals=judged.signals,
        direction=judged.direction,
        target=target,
        variation=_variation(judged, points, phases),
        assurance=assurance(target, judged.direction, lower=bounds[0], upper=bounds[1]),
        progress=_progress(phases, target),
    )


def _flags(judged: JudgedPhase, rules: RuleSet) -> list[dict[str, Flag]]:
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


def _points(judged: Judgement, phase: JudgedPhase, baseline: Baseline, multiply: float) -> list[DrawnPoint]:
    series, lines, stretch = judged.series, phase.lines, phase.stretch
    flags, basis = _flags(phase, judged.rules), based_on(baseline, stretch)
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
                relative_to_centre=phase.view.sides[i],
                special_cause=mine[0].label if mine else COMMON_CAUSE,
                type=point_type(bool(mine), mine[0].direction if mine else 0, judged.direction),
                flags=mine,
            )
        )
    return points


def _beyond(y: float, lower: float | None, upper: float | None) -> bool:
    return (upper is not None and y > upper) or (lower is not None and y < lower)


def _scaled(column: Sequence[float | None], factor: float) -> Sequence[float | None]:
    return column if factor == 1 else [None if y is None else y * factor for y in column]


def _phase(judged: JudgedPhase, rules: RuleSet, *, reason: str, multiply: float) -> DrawnPhase:
    view, centre, stretch = judged.view, judged.lines.centre[0], judged.stretch
    return DrawnPhase(
        number=stretch.group,
        first=stretch.first,
        last=stretch.end - 1,
        reason=reason,
        trial=stretch.end - stretch.first < TRIAL_BELOW,
        centre=None if centre is None else centre * multiply,
        runs=runs_about_centre(view.sides_in_turn(), judged=view.runs_apply, floored=rules.floored),
    )


def _variation(judged: Judgement, points: list[DrawnPoint], phases: list[DrawnPhase]) -> Variation | None:
    """What the latest point that has a value says; None where only a signal about its whole phase says anything."""
    latest = next((point for point in reversed(points) if point.value is not None), None)
    if latest is None:
        return None
    if latest.type is PointType.COMMON_CAUSE and _about_the_whole(judged, phases[-1]):
        return None
    return variation(latest.type, judged.direction)


def _about_the_whole(judged: Judgement, phase: DrawnPhase) -> bool:
    """Is there a signal about the whole of the phase? Its last point is then not "common cause"."""
    whole = {rule.id for rule in judged.rules.rules if not rule.flags_points}
    return any(signal.rule in whole and signal.phase == phase.number for signal in judged.signals)


def _progress(phases: list[DrawnPhase], target: float | None) -> float | None:
    return progress(baseline=phases[0].centre, current=phases[-1].centre, target=target) if phases else None
