"""Laws that hold for any series: what a change of unit, of sign or of time must and must not change."""

from collections.abc import Iterable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.charts.baseline import Baseline, Rebase
from projections.charts.chart import draw
from projections.charts.chart_type import ChartType
from projections.charts.drawn import Chart
from projections.charts.icons import Direction
from projections.charts.rules import rule_sets
from projections.charts.rules.patterns import Span, shifts, trends
from projections.charts.rules.runs import runs_about_centre
from projections.charts.series import Series, series_of

# Quarters, and changes of unit by powers of two, are exact in binary: a tie stays a tie.
quarters = st.integers(-400, 400).map(lambda n: n / 4)
series = st.lists(st.one_of(quarters, st.none()), max_size=45)
whole = st.lists(quarters, min_size=1, max_size=45)
INDIVIDUAL = ["xmr", "i", "mr", "run"]
LIMITED = [rules for rules in rule_sets() if rules != "ihi-run-chart-1"]

every_rule_set = pytest.mark.parametrize("rules", LIMITED)
every_individual_chart = pytest.mark.parametrize("kind", INDIVIDUAL)


def flags(chart: Chart) -> list[list[tuple[str, int]]]:
    return [[(flag.rule, flag.direction) for flag in point.flags] for point in chart.points]


def lines(chart: Chart) -> list[list[float | None]]:
    return [[p.lower, p.lower_near, p.centre, p.upper_near, p.upper] for p in chart.points]


def near(found: Iterable[list[float | None]], expected: Iterable[list[float | None]]) -> None:
    for one, other in zip(found, expected, strict=True):
        assert one == [None if y is None else pytest.approx(y, rel=1e-9, abs=1e-9) for y in other]


@every_individual_chart
@given(values=series, by=st.integers(-1000, 1000))
def test_adding_to_every_value_moves_the_lines_as_much(
    kind: str, values: list[float | None], by: int
) -> None:
    before = draw(series_of(values), chart=kind)
    after = draw(series_of([None if y is None else y + by for y in values]), chart=kind)
    moved = 0 if kind == "mr" else by  # a range does not see where its values lie
    near(lines(after), [[None if y is None else y + moved for y in row] for row in lines(before)])


@every_individual_chart
@given(values=series, by=st.sampled_from([0.25, 0.5, 2.0, 8.0]))
def test_a_change_of_unit_scales_the_lines_and_changes_no_flag(
    kind: str, values: list[float | None], by: float
) -> None:
    before = draw(series_of(values), chart=kind)
    after = draw(series_of([None if y is None else y * by for y in values]), chart=kind)
    near(lines(after), [[None if y is None else y * by for y in row] for row in lines(before)])
    assert flags(after) == flags(before)
    assert draw(series_of(values), chart=kind, multiply=by).points == after.points


@every_rule_set
@given(values=whole)
def test_a_series_upside_down_has_its_signals_upside_down(rules: str, values: list[float]) -> None:
    before = flags(draw(series_of(values), chart="i", rules=rules))
    after = flags(draw(series_of([-y for y in values]), chart="i", rules=rules))
    assert after == [[(rule, -direction) for rule, direction in point] for point in before]


@given(values=whole)
def test_upside_down_the_other_direction_is_better_and_the_icon_says_so(values: list[float]) -> None:
    before = draw(series_of(values), chart="xmr", direction=Direction.INCREASE)
    after = draw(series_of([-y for y in values]), chart="xmr", direction=Direction.DECREASE)
    assert [p.type for p in after.points] == [p.type for p in before.points]


@given(values=st.lists(quarters, max_size=60), n=st.integers(2, 9))
def test_a_shift_read_backwards_is_the_same_shift(values: list[float], n: int) -> None:
    sides = [(y > 0) - (y < 0) for y in values]
    for on_line in ("breaks", "skipped"):
        forwards = shifts(enumerate(sides), n, on_line=on_line)
        backwards = shifts(enumerate(reversed(sides)), n, on_line=on_line)
        last = len(sides) - 1
        turned = [Span(tuple(last - i for i in reversed(s.points)), s.direction) for s in reversed(backwards)]
        assert turned == forwards


@given(values=st.lists(quarters, max_size=60), n=st.integers(2, 9))
def test_a_trend_read_backwards_goes_the_other_way(values: list[float], n: int) -> None:
    for ties in ("break", "skipped"):
        forwards = trends(enumerate(values), n, ties=ties)
        backwards = trends(enumerate(reversed(values)), n, ties=ties)
        last = len(values) - 1
        turned = [
            Span(tuple(last - i for i in reversed(s.points)), -s.direction) for s in reversed(backwards)
        ]
        assert turned == forwards


@given(values=st.lists(quarters, max_size=60))
def test_runs_read_backwards_are_as_many_and_as_long(values: list[float]) -> None:
    sides = [(y > 0) - (y < 0) for y in values]
    assert runs_about_centre(enumerate(sides)) == runs_about_centre(enumerate(reversed(sides)))


@every_individual_chart
@given(earlier=whole, later=series, again=series)
def test_a_new_phase_never_changes_an_earlier_one(
    kind: str, earlier: list[float], later: list[float | None], again: list[float | None]
) -> None:
    alone = draw(series_of(earlier), chart=kind)
    rebased = Baseline(rebases=(Rebase(len(earlier)), Rebase(len(earlier) + len(later))))
    together = draw(series_of([*earlier, *later, *again]), chart=kind, baseline=rebased)
    assert together.points[: len(earlier)] == alone.points
    assert together.phases[0] == alone.phases[0]


@given(values=whole, later=whole)
def test_what_is_frozen_does_not_follow_what_comes_later(values: list[float], later: list[float]) -> None:
    frozen = Baseline(freeze=len(values))
    alone = draw(series_of(values), chart="xmr", baseline=frozen)
    together = draw(series_of([*values, *later]), chart="xmr", baseline=frozen)
    assert lines(together)[: len(values)] == lines(alone)


counted = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=40)


@given(pairs=counted)
def test_proportions_have_limits_between_0_and_1_on_either_side_of_the_centre(
    pairs: list[tuple[int, int]],
) -> None:
    few = [min(pair) for pair in pairs]
    many = [max(pair) for pair in pairs]
    for kind in ("p", "pp"):
        for p in draw(series_of(few, many), chart=kind).points:
            if p.lower is not None and p.upper is not None and p.centre is not None:
                assert 0 <= p.lower <= p.centre <= p.upper <= 1


@pytest.mark.parametrize("kind", [kind.value for kind in ChartType])
@given(values=st.lists(st.one_of(st.none(), st.integers(1, 99)), max_size=40), data=st.data())
def test_any_sensible_series_can_be_drawn_and_is_drawn_the_same_twice(
    kind: str, values: list[int | None], data: st.DataObject
) -> None:
    sizes = data.draw(st.lists(st.integers(99, 400), min_size=len(values), max_size=len(values)))
    given_series = series_of(values, sizes, spreads=[v and v / 7 for v in values])
    decided = Baseline(
        rebases=tuple(Rebase(at) for at in data.draw(st.lists(st.integers(0, 45), max_size=3))),
        freeze=data.draw(st.one_of(st.none(), st.integers(1, 50))),
        exclude=frozenset(data.draw(st.lists(st.integers(0, 45), max_size=5))),
        screening=data.draw(st.booleans()),
    )
    chart = draw(given_series, chart=kind, baseline=decided, target=9, direction="decrease")
    assert chart == draw(given_series, chart=kind, baseline=decided, target=9, direction="decrease")
    assert sum(phase.last - phase.first + 1 for phase in chart.phases) == len(values)
    assert msgspec.json.decode(msgspec.json.encode(chart), type=Chart) == chart
    for signal in chart.signals:
        phase = next(phase for phase in chart.phases if phase.number == signal.phase)
        assert phase.first <= signal.first <= signal.last <= phase.last


def test_a_series_keeps_its_own_columns() -> None:
    given_values = [1.0, 2.0]
    kept: Series = series_of(given_values)
    given_values.append(3.0)
    assert kept.values == (1.0, 2.0)
