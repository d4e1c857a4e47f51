"""Each rule of each rule set, at its threshold: one point fewer and it is silent."""

import pytest

from projections.charts.baseline import Baseline
from projections.charts.chart import draw
from projections.charts.icons import Assurance, Direction, assurance
from projections.charts.rules import rule_sets
from projections.charts.rules.patterns import Span, alternations
from projections.charts.series import series_of

FIXED = Baseline(centre=0, lower=-3, upper=3)  # one sigma is 1


def found(values: list[float], rules: str) -> set[tuple[str, tuple[int, ...]]]:
    return {
        (s.rule, s.points) for s in draw(series_of(values), chart="i", rules=rules, baseline=FIXED).signals
    }


def shift(n: int) -> list[float]:
    return [-0.5, *([0.5, 0.9] * n)[:n], -0.5]


def trend(n: int) -> list[float]:
    return [0.0, *[-1.0 + i / 4 for i in range(n)], -0.5]


@pytest.mark.parametrize(
    ("rules", "rule", "values"),
    [
        ("making-data-count-1", "shift-7", shift(7)),
        ("powerbi-spc-1", "shift-7", shift(7)),
        ("provost-murray-1", "shift-8", shift(8)),
        ("western-electric-1", "shift-8", shift(8)),
        ("nelson-1", "shift-9", shift(9)),
        ("ihi-run-chart-1", "shift-6", shift(6)),
        ("making-data-count-1", "trend-7", trend(7)),
        ("powerbi-spc-1", "trend-5", trend(5)),
        ("provost-murray-1", "trend-6", trend(6)),
        ("nelson-1", "trend-6", trend(6)),
        ("ihi-run-chart-1", "trend-5", trend(5)),
    ],
)
def test_a_pattern_counts_from_its_threshold_on(rules: str, rule: str, values: list[float]) -> None:
    inside = tuple(range(1, len(values) - 1))
    assert (rule, inside) in found(values, rules)
    shorter = values[:2] + values[3:]
    assert not [signal for signal in found(shorter, rules) if signal[0] == rule]


@pytest.mark.parametrize(
    ("rules", "skips"),
    [
        ("making-data-count-1", False),
        ("nelson-1", False),
        ("western-electric-1", False),
        ("provost-murray-1", True),
        ("ihi-run-chart-1", True),
        ("anhoej-1", True),
    ],
)
def test_a_point_on_the_line_breaks_a_shift_or_is_skipped_as_each_rule_set_says(
    rules: str, skips: bool
) -> None:
    values = [0.5] * 6 + [0.0] + [0.5] * 6
    runs = [s for s in found(values, rules) if s[0].startswith(("shift", "long"))]
    assert bool(runs) is skips


@pytest.mark.parametrize("rules", ["provost-murray-1", "nelson-1", "western-electric-1", "powerbi-spc-1"])
def test_two_of_three_beyond_two_sigma_count_those_outside_and_let_the_third_lie_anywhere(rules: str) -> None:
    assert ("two-in-three", (1, 3)) in found([0, 2.5, -1, 3.5, 0], rules)
    assert not [s for s in found([0, 2.0, 0, 2.5, 0], rules) if s[0] == "two-in-three"]
    assert not [s for s in found([0, 2.5, 0, -2.5, 0], rules) if s[0] == "two-in-three"]


def test_two_of_three_of_making_data_count_want_all_three_on_one_side_and_none_outside() -> None:
    def pairs(values: list[float]) -> set[tuple[int, ...]]:
        return {points for rule, points in found(values, "making-data-count-1") if rule == "two-in-three"}

    assert pairs([0, 2.5, 1, 2.5, 0]) == {(1, 3)}
    assert pairs([0, 2.5, -1, 2.5, 0]) == set()
    assert pairs([0, 2.5, 1, 3.5, 0]) == set()


def test_four_of_five_beyond_one_sigma_are_a_signal_and_three_are_none() -> None:
    for rules in ("nelson-1", "western-electric-1"):
        assert ("four-in-five", (0, 1, 3, 4)) in found([1.5, 1.5, -0.5, 1.5, 1.5], rules)
        assert not [s for s in found([1.5, 1.5, -0.5, 1.0, 1.5], rules) if s[0] == "four-in-five"]


def test_fifteen_within_one_sigma_are_too_quiet() -> None:
    quiet = [0.5, -0.5, 0.2, -0.9, 0.9] * 3
    for rules in ("nelson-1", "provost-murray-1"):
        assert ("inner-third-15", tuple(range(15))) in found(quiet, rules)
        assert not [s for s in found(quiet[1:], rules) if s[0] == "inner-third-15"]


def test_eight_beyond_one_sigma_on_either_side_are_a_mixture() -> None:
    mixed = [1.5, -1.5, 1.2, 1.5, -1.2, -1.5, 1.1, -1.1]
    assert ("outer-8", tuple(range(8))) in found(mixed, "nelson-1")
    assert not [s for s in found([*mixed[:7], 0.5], "nelson-1") if s[0] == "outer-8"]


def test_fourteen_up_and_down_in_turn_are_a_signal() -> None:
    assert ("alternating-14", tuple(range(14))) in found([0.2, -0.2] * 7, "nelson-1")
    assert not [s for s in found([0.2, -0.2] * 6 + [0.2], "nelson-1") if s[0] == "alternating-14"]
    assert alternations(enumerate([1, 2, 1, 1, 2, 1]), 3) == [Span((0, 1, 2), 0), Span((3, 4, 5), 0)]


def test_on_the_limit_is_within_it_by_every_rule_set() -> None:
    for rules in rule_sets():
        assert not [s for s in found([0, 3, 0, -3, 0], rules) if s[0] in ("outside", "astronomical")]


def test_a_target_on_a_limit_is_neither_met_nor_missed_for_sure() -> None:
    for better in (Direction.INCREASE, Direction.DECREASE):
        assert assurance(3, better, lower=1, upper=3) is Assurance.HIT_AND_MISS
        assert assurance(1, better, lower=1, upper=3) is Assurance.HIT_AND_MISS
    assert assurance(4, Direction.DECREASE, lower=1, upper=3) is Assurance.MEETS
    assert assurance(4, Direction.NEUTRAL, lower=1, upper=3) is None


def test_every_rule_set_has_an_id_of_its_own_with_a_version_and_a_source() -> None:
    for name, rules in rule_sets().items():
        assert name == rules.id
        assert name.rpartition("-")[2].isdigit()
        assert rules.source
        assert len({rule.id for rule in rules.rules}) == len(rules.rules)
