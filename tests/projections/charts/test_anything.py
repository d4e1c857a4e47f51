"""Whatever a chart is asked to draw, it is drawn with finite lines and in every form, or refused with a cure."""

import json
import math
import random
from contextlib import suppress
from io import StringIO
from typing import Any
from xml.etree import ElementTree

import msgspec
import pytest
from rich.console import Console

from projections.charts.baseline import Baseline, Rebase
from projections.charts.chart import draw
from projections.charts.chart_type import ChartType
from projections.charts.drawn import Chart
from projections.charts.report import report
from projections.charts.rules import rule_sets
from projections.charts.series import Annotation, CannotDraw, CycleMark, Series, series_of
from projections.charts.svg import svg
from projections.charts.table import csv_table, html_table
from projections.charts.terminal import terminal

DRAWN = 25  # charts of each type
VALUES: list[list[float | None]] = [
    *([0, 1, 2, 3], [5], [None, 1, 2], [-1, -2], [0.1, 0.2, 0.30000000000000004]),
    *([1e100, -1e100, 0], [1e-100, 1e-99], [1e15, 1e15 + 1], [1e-300, 5e-324], [1e99, 1]),
]
SIZES = [1, 2, 10, 0, 1e-100, 1e100, 1e6, None]


def decided(chance: random.Random, count: int) -> Baseline:
    pick: Any = chance.choice
    return Baseline(
        rebases=tuple(Rebase(chance.randrange(-2, count + 3)) for _ in range(chance.randrange(3))),
        freeze=pick((None, 1, 12, 99)),
        lines_from=pick((None, None, (0, 3), (1, 50))),
        exclude=frozenset(chance.sample(range(count), min(count, chance.randrange(4)))),
        screening=chance.random() < 0.7,
        centre=pick((None, None, 0, 0.5, 1e100)),
        lower=pick((None, None, -1)),
        upper=pick((None, None, 1e100)),
    )


def told(chance: random.Random, kind: ChartType, count: int) -> Series:
    some = chance.choice(VALUES)
    grouped = kind in (ChartType.XBAR, ChartType.S)
    notes = [chance.randrange(count) for _ in range(2)] if count else []
    return series_of(
        [chance.choice(some) for _ in range(count)],
        [chance.choice(SIZES) for _ in range(count)] if chance.random() < 0.7 else None,
        spreads=[chance.choice((0, 1, None, 1e100)) for _ in range(count)] if grouped else None,
        title=chance.choice(("", "T" * 200, "Falls")),
        annotations=[Annotation(at, "x" * 200) for at in notes],
        cycles=[CycleMark(at, "C-1") for at in notes],
    )


def drawn(chance: random.Random, kind: ChartType) -> Chart:
    count = chance.choice((0, 1, 2, 3, 7, 13, 14, 30))
    return draw(
        told(chance, kind, count),
        chart=kind,
        rules=chance.choice([None, *rule_sets()]),
        baseline=decided(chance, count),
        direction=chance.choice(("increase", "decrease", "neutral")),
        target=chance.choice((None, 0, 1e100, -5, 0.1)),
        multiply=chance.choice((1, 1, 100, 1e-50, 1e50)),
    )


def looked_at(chart: Chart) -> None:
    for point in chart.points:
        for line in (point.value, point.centre, point.lower, point.lower_near, point.upper_near, point.upper):
            assert line is None or math.isfinite(line)
    ElementTree.fromstring(svg(chart))
    ElementTree.fromstring(html_table(chart))
    assert csv_table(chart).count("\n") == len(chart.points) + 1
    json.dumps(msgspec.to_builtins(report(chart)), allow_nan=False)
    Console(file=StringIO(), width=80).print(terminal(chart, width=80))


@pytest.mark.parametrize("kind", list(ChartType))
def test_anything_is_drawn_in_every_form_or_refused_with_a_cure(kind: ChartType) -> None:
    chance = random.Random(kind.value)
    for _ in range(DRAWN):
        with suppress(CannotDraw):  # which cannot be raised without a cure
            looked_at(drawn(chance, kind))
