"""Drawing charts: 10,000 of 60 points, from the series to limits, signals and icons; and on to picture and table."""

import random
import time

from bench.report import Row
from projections.charts.chart import draw
from projections.charts.drawn import Chart
from projections.charts.series import Series, series_of
from projections.charts.svg import svg
from projections.charts.table import csv_table
from services.embedded import Postgres

CHARTS, POINTS = 10_000, 60
PICTURES = 1_000
KINDS = ("xmr", "run", "p")


def measure(_: Postgres, runs: int, charts: int = CHARTS) -> list[Row]:
    """Charts a second, each kind under its own rule set; every third series has a shift to be found."""
    told = [_series(random.Random(number), shifted=number % 3 == 0) for number in range(charts)]
    rows = [
        Row(
            what=f"{charts:,} charts of {POINTS} points: {kind}",
            unit="charts/s",
            ours=[_drawn(told, kind) for _ in range(runs)],
        )
        for kind in KINDS
    ]
    drawn = [_draw(series, "xmr") for series in told[:PICTURES]]
    return [
        *rows,
        Row(what="  and each as SVG and CSV", unit="charts/s", ours=[_shown(drawn) for _ in range(runs)]),
    ]


def _drawn(told: list[Series], kind: str) -> float:
    began = time.perf_counter()
    signals = sum(bool(_draw(series, kind).signals) for series in told)
    seconds = time.perf_counter() - began
    assert signals >= len(told) // 4, "the shifts are found"
    return len(told) / seconds


def _draw(series: Series, kind: str) -> Chart:
    return draw(series, chart=kind, direction="increase", target=0.9)


def _shown(drawn: list[Chart]) -> float:
    began = time.perf_counter()
    letters = sum(len(svg(chart)) + len(csv_table(chart)) for chart in drawn)
    assert letters > 1_000 * len(drawn)
    return len(drawn) / (time.perf_counter() - began)


def _series(chance: random.Random, *, shifted: bool) -> Series:
    """Five years by the month: how many of how many were seen in time."""
    counted = [chance.randint(80, 120) for _ in range(POINTS)]
    seen = [
        min(n, round(n * chance.gauss(0.85 if shifted and at >= 40 else 0.7, 0.03)))
        for at, n in enumerate(counted)
    ]
    months = [f"{2020 + at // 12}-{at % 12 + 1:02}" for at in range(POINTS)]
    return series_of(seen, counted, labels=months, title="Seen in time")
