"""Runs about a centre line: how many, how long, and how many there should be."""

from collections.abc import Iterable
from functools import lru_cache
from math import comb, log2

import msgspec

from projections.charts.rules.patterns import Sign


class Runs(msgspec.Struct, frozen=True):
    """The runs of a phase. Useful points are those not on the centre line; without one, nothing can be said
    (None).

    `runs_signal` is judged by the Anhøj rules: `longest_run > longest_run_max` or `n_crossings <
    n_crossings_min`.
    """

    n_obs: int
    n_useful: int
    n_runs: int
    longest_run: int | None
    longest_run_max: int | None
    n_crossings: int | None
    n_crossings_min: int | None
    runs_signal: bool
    rule_set: str = "anhoej-1"


def runs_about_centre(
    sides: Iterable[tuple[int, Sign]], *, judged: bool = True, floored: bool = False
) -> Runs:
    """Count the runs. Points on the line and missing ones neither add to a run nor break it.

    Not judged: the numbers are given and no signal is (MR charts, whose neighbouring points share a
    measurement).
    """
    column = [sign for _, sign in sides]
    useful = [sign for sign in column if sign]
    if not useful:
        return Runs(len(column), 0, 0, None, None, None, None, runs_signal=False)
    crossings = longest = 0
    length, before = 0, useful[0]
    for sign in useful:
        if sign != before:
            crossings, length = crossings + 1, 0
        length, before = length + 1, sign
        if length > longest:
            longest = length
    longest_max, crossings_min = longest_run_max(len(useful), floored=floored), crossings_least(len(useful))
    signal = judged and (longest > longest_max or crossings < crossings_min)
    return Runs(
        n_obs=len(column),
        n_useful=len(useful),
        n_runs=crossings + 1,
        longest_run=longest,
        longest_run_max=longest_max,
        n_crossings=crossings,
        n_crossings_min=crossings_min,
        runs_signal=signal,
        rule_set="anhoej-floored-1" if floored else "anhoej-1",
    )


def longest_run_max(n_useful: int, *, floored: bool = False) -> int:
    """The longest run that chance explains: round(log2 n) + 3 (Anhøj & Olesen 2014; Schilling 2012).

    `floored` is for one reference, clinical-qikit 0.5.0, which rounds log2 n down.
    """
    return (n_useful.bit_length() - 1 if floored else round(log2(n_useful))) + 3


@lru_cache(maxsize=4096)
def crossings_least(n_useful: int) -> int:
    """The fewest crossings that chance explains: the smallest k with P(Bin(n - 1, 1/2) <= k) >= 5% (Chen
    2010).
    """
    moves = max(n_useful - 1, 0)
    total, k, ways = 1, 0, 1
    while total * 20 < 1 << moves:
        ways = ways * (moves - k) // (k + 1)
        k += 1
        total += ways
    return k


@lru_cache(maxsize=4096)
def run_count_limits(n_useful: int) -> tuple[int, int] | None:
    """The fewest and the most runs that chance explains: the exact two-sided runs test, at most 2.5% in each
    tail.

    For n // 2 points on one side and the rest on the other; None for fewer than 10 useful points. The table
    printed with the run chart rules is not used: the copies of it in circulation differ from this test at
    many n.
    """
    if n_useful < 10:
        return None
    fewer = n_useful // 2
    more = n_useful - fewer
    ways = [_ways(r, fewer, more) for r in range(2, n_useful + 1)]
    total = comb(n_useful, fewer)
    low, tail = 2, ways[0]
    while tail * 40 <= total:
        low += 1
        tail += ways[low - 2]
    high, tail = n_useful, ways[-1]
    while tail * 40 <= total:
        high -= 1
        tail += ways[high - 2]
    return low, high


def _ways(runs: int, a: int, b: int) -> int:
    half, odd = divmod(runs, 2)
    if odd:
        return comb(a - 1, half) * comb(b - 1, half - 1) + comb(a - 1, half - 1) * comb(b - 1, half)
    return 2 * comb(a - 1, half - 1) * comb(b - 1, half - 1)
