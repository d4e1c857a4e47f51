"""What the rules say of a series: its phases with their lines, and the signals found in them, without a picture.

`judge` depends on its arguments alone. It says what a chart of the same would show, at a part of the cost, for whoever
looks at no points. It raises CannotDraw where a chart would mislead.
"""

import msgspec

from projections.charts.baseline import Baseline, Stretch, based_on, stretches
from projections.charts.chart_type import ABOUT, ChartType
from projections.charts.drawn import Signal
from projections.charts.icons import Direction, direction_of
from projections.charts.limits.lines import Column, Lines, Phase
from projections.charts.refusals import refuse_given, refuse_misuse
from projections.charts.rules import rule_set
from projections.charts.rules.limits_only import beyond_limits
from projections.charts.rules.patterns import Span
from projections.charts.rules.rule import RuleSet, View, view_of
from projections.charts.series import LARGEST, CannotDraw, Series


class JudgedPhase(msgspec.Struct):
    """A phase with its lines and what the rules found, rule by rule."""

    stretch: Stretch
    lines: Lines
    view: View
    found: list[list[Span]]


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """What the rules say of a series. A signal's points count from 0 over the whole of it."""

    chart: ChartType
    rules: RuleSet
    series: Series
    direction: Direction
    phases: tuple[JudgedPhase, ...]
    signals: tuple[Signal, ...]


def judge(
    series: Series,
    *,
    chart: ChartType | str,
    rules: str | None = None,
    baseline: Baseline = Baseline(),  # noqa: B008 (frozen)
    direction: Direction | str = Direction.NEUTRAL,
    target: float | None = None,
    multiply: float = 1.0,
) -> Judgement:
    """What the chart that `draw` makes of the same arguments says. Raises CannotDraw where that does."""
    kind, better = _chart_type(chart), direction_of(direction)
    found_by = rule_set(rules or default_rules(kind))
    _refuse_wish(kind, found_by, multiply, target)
    refuse_misuse(series, kind)
    refuse_given(baseline, kind)
    parts = stretches(baseline, len(series))
    phases = tuple(_judged(series, kind, found_by, baseline, stretch) for stretch in parts)
    signals = [signal for phase in phases for signal in _signals(phase, found_by)]
    return Judgement(
        chart=kind,
        rules=found_by,
        series=series,
        direction=better,
        phases=phases,
        signals=tuple(sorted(signals, key=lambda signal: (signal.first, signal.last))),
    )


def default_rules(chart: ChartType) -> str:
    """Making Data Count is made for XmR; the Anhøj rules suit every other chart."""
    return "making-data-count-1" if chart is ChartType.XMR else "anhoej-1"


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


def _chart_type(name: ChartType | str) -> ChartType:
    try:
        return ChartType(name)
    except ValueError:
        raise CannotDraw(
            f"There is no chart {str(name)!r}", f"Choose one of {', '.join(ChartType)}"
        ) from None


def _judged(
    series: Series, kind: ChartType, rules: RuleSet, baseline: Baseline, stretch: Stretch
) -> JudgedPhase:
    span = slice(stretch.first, stretch.end)
    length = stretch.end - stretch.first
    included = [stretch.first + i not in baseline.exclude for i in range(length)]
    basis = based_on(baseline, stretch)
    phase = Phase(
        values=series.values[span],
        denominators=series.denominators[span] if series.denominators is not None else None,
        spreads=series.spreads[span] if series.spreads is not None else None,
        basis=[i - stretch.first for i in basis if included[i - stretch.first]],
        baseline=baseline,
    )
    lines = _given_limits(ABOUT[kind].lines(phase), baseline)
    view = view_of(
        lines, included=included, test_excluded=baseline.test_excluded, runs_apply=kind is not ChartType.MR
    )
    return JudgedPhase(
        stretch,
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


def _signals(judged: JudgedPhase, rules: RuleSet) -> list[Signal]:
    stretch = judged.stretch
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
