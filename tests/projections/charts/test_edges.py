"""Series at the edge: empty, alone, all equal, with gaps, frozen too long, left out altogether."""

import math

import pytest

from projections.charts.baseline import Baseline, Rebase, rebases_on
from projections.charts.chart import draw
from projections.charts.chart_type import ChartType
from projections.charts.icons import Variation
from projections.charts.rules import rule_sets
from projections.charts.series import CannotDraw, Series, series_of, subgroups

SIZED = {"p", "pp", "u", "up", "ip"}
GROUPED = {"xbar", "s"}


def of(kind: str, values: list[float | None], size: float = 50) -> Series:
    if kind in GROUPED:
        return series_of(values, [4] * len(values), spreads=[None if v is None else 1.0 for v in values])
    return series_of(values, [size] * len(values) if kind in SIZED else None)


@pytest.mark.parametrize("kind", [kind.value for kind in ChartType])
@pytest.mark.parametrize(
    "values", [[], [7], [7, 7, 7, 7], [None, None], [3, None, 5, None, None, 4], [1] * 40]
)
def test_every_chart_of_every_small_series_can_be_drawn(kind: str, values: list[float | None]) -> None:
    chart = draw(of(kind, values), chart=kind, direction="increase", target=3)
    assert len(chart.points) == len(values)
    for point in chart.points:
        for line in (point.centre, point.lower, point.upper):
            assert line is None or math.isfinite(line)


def test_an_empty_series_is_an_empty_chart() -> None:
    chart = draw(series_of([]), chart="xmr", target=3, direction="increase")
    assert (chart.points, chart.phases, chart.signals) == ((), (), ())
    assert (chart.variation, chart.assurance, chart.progress) == (None, None, None)


def test_one_point_has_a_mean_and_no_limits() -> None:
    point = draw(series_of([7]), chart="xmr").points[0]
    assert (point.centre, point.lower, point.upper, point.outside_limits) == (7, None, None, None)


def test_a_constant_series_has_no_limits_once_screened_and_has_them_on_the_mean_unscreened() -> None:
    values = [0.1] * 15
    screened = draw(series_of(values), chart="xmr", direction="increase", target=0.2)
    assert {point.upper for point in screened.points} == {None}
    assert screened.assurance is None
    unscreened = draw(series_of(values), chart="xmr", baseline=Baseline(screening=False))
    assert {(p.lower, p.centre, p.upper) for p in unscreened.points} == {(0.1, 0.1, 0.1)}
    assert screened.signals == unscreened.signals == ()


def test_a_missing_value_breaks_the_moving_ranges_and_an_excluded_point_does_not() -> None:
    gap = draw(series_of([1, 2, None, 9, 10]), chart="i", baseline=Baseline(screening=False)).points[0]
    left_out = draw(
        series_of([1, 2, 500, 9, 10]), chart="i", baseline=Baseline(screening=False, exclude=frozenset({2}))
    ).points[0]
    assert gap.centre == left_out.centre == 5.5
    assert gap.upper == pytest.approx(5.5 + 3 * 1 / 1.128)
    assert left_out.upper == pytest.approx(5.5 + 3 * 3 / 1.128)


def test_an_excluded_point_is_still_tested_against_the_limits() -> None:
    values = [10.0, 11, 9, 10, 12, 40, 11, 9, 10, 11]
    chart = draw(series_of(values), chart="i", baseline=Baseline(exclude=frozenset({5})))
    assert [s.points for s in chart.signals] == [(5,)]
    ghosted = draw(
        series_of(values), chart="i", baseline=Baseline(exclude=frozenset({5}), test_excluded=False)
    )
    assert ghosted.signals == ()


def test_everything_excluded_leaves_points_without_lines() -> None:
    chart = draw(series_of([1, 2, 3]), chart="xmr", baseline=Baseline(exclude=frozenset({0, 1, 2})))
    assert {point.centre for point in chart.points} == {None}


def test_freezing_longer_than_the_series_freezes_nothing() -> None:
    values = [3.0, 5, 4, 6, 5, 7]
    assert draw(series_of(values), chart="i", baseline=Baseline(freeze=99)) == draw(
        series_of(values), chart="i"
    )


def test_a_frozen_baseline_does_not_follow_later_points() -> None:
    values = [3.0, 5, 4, 6, 5, 7, 30, 31, 29]
    frozen = draw(series_of(values), chart="i", baseline=Baseline(freeze=6))
    alone = draw(series_of(values[:6]), chart="i")
    assert frozen.points[-1].upper == alone.points[0].upper


def test_a_baseline_somewhere_in_a_phase_gives_that_phase_its_lines_and_no_other() -> None:
    values = [50.0, 3, 5, 4, 6, 30, 9, 8, 10, 9]
    chosen = Baseline(lines_from=(1, 5), rebases=(Rebase(6),))
    chart = draw(series_of(values), chart="i", baseline=chosen)
    alone, later = draw(series_of(values[1:5]), chart="i"), draw(series_of(values[6:]), chart="i")
    assert [p.upper for p in chart.points[:6]] == [alone.points[0].upper] * 6
    assert [p.upper for p in chart.points[6:]] == [later.points[0].upper] * 4
    assert [p.in_baseline for p in chart.points] == [
        False,
        True,
        True,
        True,
        True,
        False,
        True,
        True,
        True,
        True,
    ]
    assert all(p.included for p in chart.points)
    assert chart.phases[0].runs.n_obs == 6


def test_a_baseline_that_runs_into_the_next_phase_ends_where_that_begins() -> None:
    values = [3.0, 5, 4, 6, 9, 8, 10, 9]
    chart = draw(series_of(values), chart="i", baseline=Baseline(lines_from=(0, 6), rebases=(Rebase(4),)))
    assert chart == draw(series_of(values), chart="i", baseline=Baseline(rebases=(Rebase(4),)))
    with pytest.raises(CannotDraw, match="ends before it begins"):
        Baseline(lines_from=(4, 4))


def test_each_phase_stands_alone_even_a_phase_of_one_point() -> None:
    chart = draw(
        series_of([1, 2, 1, 9, 5, 6, 5]),
        chart="xmr",
        baseline=Baseline(rebases=(Rebase(3), Rebase(4, "why"))),
    )
    assert [(p.first, p.last, p.centre, p.reason) for p in chart.phases][1:] == [
        (3, 3, 9, ""),
        (4, 6, 16 / 3, "why"),
    ]
    assert chart.points[3].upper is None


def test_a_pattern_does_not_cross_a_rebase() -> None:
    rising = series_of([float(i) for i in range(12)])
    assert any(s.rule == "trend-7" for s in draw(rising, chart="xmr").signals)
    assert draw(rising, chart="xmr", baseline=Baseline(rebases=(Rebase(6),))).signals == ()


def test_a_rebase_date_takes_the_first_point_on_or_after_it_and_none_outside_the_series() -> None:
    series = series_of([1, 2, 3], labels=["2024-01-01", "2024-02-01", "2024-03-01"])
    assert [r.at for r in rebases_on(series, ["2024-02-01", "2024-02-15"])] == [1, 2]
    assert rebases_on(series, ["2023-06-01", "2024-06-01"]) == ()


@pytest.mark.parametrize(
    ("kind", "values", "sizes"), [("p", [1, 0, 2], [10, 0, 10]), ("u", [1, 0, 2], [5, 0, 5])]
)
def test_nothing_out_of_nothing_is_a_gap(kind: str, values: list[float], sizes: list[float]) -> None:
    chart = draw(series_of(values, sizes), chart=kind)
    assert (chart.points[1].value, chart.points[1].upper) == (None, None)
    assert chart.points[0].centre == pytest.approx(3 / sum(sizes))


def test_limits_of_proportions_stay_between_none_and_all() -> None:
    points = draw(series_of([9, 10, 10, 10], [10] * 4), chart="p").points
    assert {p.upper for p in points} == {1.0}
    assert all(p.lower is not None and p.lower >= 0 for p in points)


def test_a_prime_chart_of_no_events_has_no_limits() -> None:
    assert {p.upper for p in draw(series_of([0, 0, 0], [9, 8, 7]), chart="pp").points} == {None}


def test_subgroups_of_one_have_no_limits_and_sizes_that_differ_pool_the_spread() -> None:
    chart = draw(subgroups([1, 1, 2, 2, 2, 3], [4, 6, 5, 7, 9, 5]), chart="xbar")
    assert (chart.points[2].lower, chart.points[2].upper) == (None, None)
    assert chart.points[0].centre == 6
    pooled = math.sqrt((1 * 2 + 2 * 4) / 3)
    c4 = math.sqrt(2 / math.pi)
    assert chart.points[0].upper == pytest.approx(6 + 3 * pooled / (c4 * math.sqrt(2)))


def test_a_mean_of_subgroups_that_are_all_alike_lies_on_them() -> None:
    chart = draw(subgroups([1, 1, 1, 2, 2, 2], [0, 2, 8.882128794857456] * 2), chart="xbar")
    assert {point.relative_to_centre for point in chart.points} == {0}


def test_a_given_centre_line_and_given_limits_are_drawn_as_given() -> None:
    points = draw(
        series_of([1, 9, 5, 4]), chart="i", baseline=Baseline(centre=5, lower=2, upper=8), multiply=10
    ).points
    assert {(p.lower, p.centre, p.upper) for p in points} == {(20, 50, 80)}
    assert [p.outside_limits for p in points] == [True, True, False, False]


def test_a_given_mean_of_a_g_chart_is_drawn_as_its_median() -> None:
    point = draw(series_of([3, 1, 5]), chart="g", baseline=Baseline(centre=10)).points[0]
    assert point.centre == 6.93
    assert point.upper == 10 + 3 * math.sqrt(110)


def test_i_prime_of_equal_denominators_is_the_i_chart_but_for_its_constant() -> None:
    counts = [30, 34, 28, 31, 36, 29]
    prime = draw(series_of(counts, [100] * 6), chart="ip").points[0]
    plain = draw(series_of(counts, [100] * 6), chart="i").points[0]
    assert prime.centre == pytest.approx(plain.centre)
    assert prime.upper is not None
    assert plain.upper is not None
    assert plain.centre is not None
    ratio = (prime.upper - plain.centre) / (plain.upper - plain.centre)
    assert ratio == pytest.approx(math.sqrt(math.pi) / 2 * 1.128)


def test_a_trend_skips_ties_for_ihi_and_is_broken_by_them_for_making_data_count() -> None:
    values = [5.0, 1, 2, 3, 3, 4, 5, 6, 7, 2]
    ihi = draw(series_of(values), chart="run", rules="ihi-run-chart-1")
    assert [(s.first, s.last) for s in ihi.signals if s.rule == "trend-5"] == [(1, 8)]
    nhs = draw(series_of(values), chart="xmr")
    assert not [s for s in nhs.signals if s.rule == "trend-7"]


def test_a_turning_point_is_typed_by_the_way_it_goes_next() -> None:
    values = [float(v) for v in (1, 2, 3, 4, 5, 6, 7, 6, 5, 4, 3, 2, 1)]
    flags = [flag for point in draw(series_of(values), chart="xmr").points[5:8] for flag in point.flags]
    assert [flag.direction for flag in flags if flag.rule == "trend-7"] == [1, -1, -1]


def test_a_moving_range_chart_is_only_tested_against_its_limits() -> None:
    values = [1.0, 2, 4, 7, 11, 16, 22, 29, 37, 46, 56, 67]
    for rules in rule_sets():
        found = draw(series_of(values), chart="mr", rules=rules).signals
        assert {s.rule for s in found} <= {"outside", "astronomical"}


def test_every_signal_says_whose_rule_it_is() -> None:
    values = [1.0] * 12 + [9.0] * 12
    for rules in rule_sets():
        chart = draw(series_of(values), chart="i", rules=rules)
        assert {s.rule_set for s in chart.signals} <= {rules} == {chart.rule_set}


def test_a_finding_about_a_whole_phase_blames_no_point_and_leaves_no_icon() -> None:
    values = [1.0, 1, 1, 1, 9, 9, 9, 9, 1, 1, 1, 1, 9, 9, 9, 9, 1, 1, 1, 1, 9, 9, 9, 9]
    chart = draw(series_of(values), chart="run", direction="increase")
    assert [s.rule for s in chart.signals] == ["few-crossings"]
    assert chart.variation is None
    assert not any(point.flags for point in chart.points)


def test_progress_is_the_share_of_the_way_from_the_first_centre_line_to_the_target() -> None:
    series = series_of([20, 20, 20, 15, 15, 15])
    rebased = Baseline(rebases=(Rebase(3),))
    assert draw(series, chart="run", baseline=rebased, target=10).progress == 0.5
    assert draw(series, chart="run", baseline=rebased, target=30).progress == -0.5
    assert draw(series, chart="run", baseline=rebased, target=20).progress is None
    assert draw(series, chart="run", baseline=rebased).progress is None


def test_a_concern_where_less_is_better_is_a_high_one() -> None:
    values = [5.0, 6, 5, 4, 5, 6, 5, 4, 5, 6, 5, 4, 30]
    assert draw(series_of(values), chart="xmr", direction="decrease").variation is Variation.CONCERN_HIGH
    assert draw(series_of(values), chart="xmr", direction="increase").variation is Variation.IMPROVEMENT_HIGH
    assert draw(series_of(values), chart="xmr").variation is Variation.NEUTRAL_HIGH


@pytest.mark.parametrize(
    ("kind", "values", "sizes", "said"),
    [
        ("p", [11, 2], [10, 10], "counts 11 out of 10"),
        ("p", [1, 2], None, "needs denominators"),
        ("p", [-1, 2], [10, 10], "counts"),
        ("u", [3, 2], [0, 10], "out of 0"),
        ("u", [3, 2], [-4, 10], "denominator -4"),
        ("c", [-3, 2], None, "counts"),
        ("g", [-3, 2], None, "counts"),
        ("t", [0, 2], None, "more than 0"),
        ("t", [-2, 2], None, "more than 0"),
        ("xbar", [1, 2], [3, 3], "standard deviation"),
        ("run", [math.inf], None, "cannot be drawn"),
        ("run", ["x"], None, "no number"),
        ("pie", [1], None, "no chart 'pie'"),
    ],
)
def test_what_a_chart_would_misrepresent_is_refused_with_a_cure(
    kind: str, values: list[float], sizes: list[float] | None, said: str
) -> None:
    with pytest.raises(CannotDraw, match=said) as refused:
        draw(series_of(values, sizes), chart=kind)
    assert refused.value.cure


def test_a_subgroup_has_a_whole_number_of_measurements() -> None:
    with pytest.raises(CannotDraw, match=r"subgroup of 2\.5"):
        draw(series_of([1, 2], [3, 2.5], spreads=[1, 1]), chart="xbar")


def test_a_run_chart_is_refused_rules_that_need_limits_and_unknown_rules_are_named() -> None:
    with pytest.raises(CannotDraw, match="Choose anhoej-1"):
        draw(series_of([1, 2]), chart="run", rules="making-data-count-1")
    with pytest.raises(CannotDraw, match="ihi-run-chart-1"):
        draw(series_of([1, 2]), chart="run", rules="made-up-1")
    with pytest.raises(CannotDraw, match="increase"):
        draw(series_of([1, 2]), chart="run", direction="up")
    with pytest.raises(CannotDraw, match="above 0"):
        draw(series_of([1, 2]), chart="run", multiply=0)


@pytest.mark.parametrize("target", [math.nan, math.inf, -1e200])
def test_a_target_is_a_number_that_can_be_drawn(target: float) -> None:
    with pytest.raises(CannotDraw, match="The target is"):
        draw(series_of([1, 2]), chart="xmr", target=target)


def test_a_point_on_the_centre_line_of_a_t_chart_lies_on_it() -> None:
    """The line comes from roots, and rounding must not move it off the values."""
    for value in (5.5, 0.1, 3.0, 17.3, 1e6 / 7):
        chart = draw(series_of([value] * 30), chart="t")
        assert {point.relative_to_centre for point in chart.points} == {0}
        assert chart.signals == ()


def test_the_lower_bound_of_times_and_ranges_is_0_even_where_no_limit_can_be_calculated() -> None:
    for kind in ("t", "mr"):
        (point,) = draw(series_of([4.0]), chart=kind).points
        assert (point.lower, point.upper) == (0, None)


def test_frozen_limits_of_i_prime_do_not_move_unless_ranges_of_all_points_are_asked_for() -> None:
    series = series_of([30, 34, 28, 31, 90, 20], [100, 120, 90, 110, 100, 105])
    frozen = draw(series, chart="ip", baseline=Baseline(freeze=4)).points[0]
    alone = draw(series_of([30, 34, 28, 31], [100, 120, 90, 110]), chart="ip").points[0]
    of_all = draw(series, chart="ip", baseline=Baseline(freeze=4, ranges_of_all=True)).points[0]
    assert frozen.upper == alone.upper != of_all.upper
    assert frozen.centre == of_all.centre


def test_nan_as_other_tools_write_it_is_a_missing_value() -> None:
    assert series_of([1, math.nan, 3]).values == (1, None, 3)
