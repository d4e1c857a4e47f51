"""Questions to a chart, as reference cases and analysts' files ask them.

Reads one JSON object: a bare input (`{"values": [...]}`), or a case with `input`, `options` and `chart`. The
words of the collections in `tests/projections/charts/oracle` are all understood (`values`, `y` or
`numerators`; `n` or `denominators`; `dates`, `x` or `keys`; …), so that their cases can be asked as they
stand. Points in files count from 1, ours from 0.
"""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

import msgspec

from projections.charts.baseline import Baseline, Rebase, rebases_on
from projections.charts.chart import draw
from projections.charts.chart_type import ChartType
from projections.charts.drawn import Chart
from projections.charts.reference_series import Words, series_from
from projections.charts.series import CannotDraw, Series
from projections.charts.written import moment

_LONG = {"i_prime": "ip", "p_prime": "pp", "u_prime": "up", "i'": "ip", "p'": "pp", "u'": "up", "i-mr": "i"}
_METHODS = {
    "ihi": "provost-murray-1",
    "nelson": "nelson-1",
    "weco": "western-electric-1",
    "anhoej": "anhoej-1",
}


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that `draw` needs to answer."""

    series: Series
    chart: ChartType
    rules: str | None = None
    baseline: Baseline = Baseline()
    direction: str = "neutral"
    target: float | None = None
    multiply: float = 1.0

    def drawn(self) -> Chart:
        """The answer."""
        return draw(
            self.series,
            chart=self.chart,
            rules=self.rules,
            baseline=self.baseline,
            direction=self.direction,
            target=self.target,
            multiply=self.multiply,
        )


def question(case: Words, *, chart: str | None = None, rules: str | None = None) -> Question:
    """The question a JSON object asks; `chart` and `rules`, where given, go before what it says itself."""
    words = _gathered(case)
    kind = _kind(words, chart)
    series = series_from(words, kind)
    named = rules or words.get("rules") or _METHODS.get(str(words.get("method", "")))
    if named is None and "frozen_median" in words:
        named = "ihi-run-chart-1"
    if named is None and words["shape_of_qikit"]:
        named = "anhoej-floored-1"
    return Question(
        series=series,
        chart=kind,
        rules=named,
        baseline=_baseline(words, series),
        direction=words.get("improvement_direction") or words.get("direction") or "neutral",
        target=_number(words, "target"),
        multiply=_multiplier(words),
    )


def _gathered(case: Words) -> dict[str, Any]:
    """The case's own words, its options and its input in one; columns named within `data` are put in their
    places.
    """
    inside = case.get("input", case)
    if not isinstance(inside, Mapping):
        raise CannotDraw("The input is a list of several series", "Give one series, or name a case")
    words = {
        **{k: v for k, v in case.items() if k not in ("input", "options", "expected")},
        **(case.get("options") or {}),
    }
    words.update(inside)
    data = words.pop("data", None)
    if isinstance(data, Mapping):
        words.update(
            {name: data[column] for name in ("x", "y", "n") if isinstance(column := words.get(name), str)}
        )
    if inside is case:
        _refuse_misspelt(words)
    words["shape_of_qikit"] = "check" in case
    return words


_KNOWN = (
    *(
        "values",
        "denominators",
        "dates",
        "labels",
        "spreads",
        "annotations",
        "cycles",
        "title",
        "unit",
        "chart",
        "rules",
    ),
    *(
        "direction",
        "improvement_direction",
        "target",
        "multiply",
        "rebase_dates",
        "fix_after_n_points",
        "screening",
    ),
    *("screen_outliers", "screened_moving_ranges", "freeze", "part", "exclude", "centre", "lower", "upper"),
    *("numerators", "keys", "groupings", "frozen_median", "ranges_of_all", "value", "denominator", "method"),
)


def _refuse_misspelt(words: Words) -> None:
    """A word that is nearly one of ours is an error, since it would be passed over. Others may say what they like."""
    for told in words:
        near = () if told in _KNOWN else get_close_matches(told, _KNOWN, n=1, cutoff=0.8)
        if near and near[0] not in words:
            raise CannotDraw(f"There is no {told!r}", f"Say {near[0]!r}")


def _kind(words: Words, chart: str | None) -> ChartType:
    named = chart or words.get("chart")
    if named is None:
        named = "run" if "frozen_median" in words else "xmr"
    short = str(named).lower()
    try:
        return ChartType(_LONG.get(short, short))
    except ValueError:
        raise CannotDraw(f"There is no chart {named!r}", f"Choose one of {', '.join(ChartType)}") from None


def _baseline(words: Words, series: Series) -> Baseline:
    parts, groups = _wholes(words, "part"), words.get("groupings") or []
    rebases = rebases_on(series, _dates(words, "rebase_dates"))
    rebases += tuple(Rebase(at) for at in parts if 0 < at < len(series))
    rebases += tuple(Rebase(i) for i in range(1, len(groups)) if groups[i] != groups[i - 1])
    freeze = _wholes(words, "fix_after_n_points") or ([] if parts else _wholes(words, "freeze"))
    screening = words.get(
        "screen_outliers", words.get("screened_moving_ranges", words.get("screening", True))
    )
    return Baseline(
        rebases=rebases,
        freeze=freeze[0] if freeze else None,
        exclude=frozenset(at - 1 for at in _wholes(words, "exclude")),
        screening=bool(screening),
        centre=_number(words, "cl", "clOverride", "frozen_median", "centre"),
        lower=_number(words, "lower"),
        upper=_number(words, "upper"),
        spread=_number(words, "sBar"),
        g_from_median=words["shape_of_qikit"],
        laney_floor=words["shape_of_qikit"],
        ranges_of_all=bool(words.get("ranges_of_all", "screened_moving_ranges" in words)),
        test_excluded=not words["shape_of_qikit"],
    )


def _wholes(words: Words, name: str) -> list[int]:
    """One whole number, or a list of them, or nothing."""
    several = _several(words, name)
    if any(type(one) not in (int, float) or one != int(one) for one in several):
        raise CannotDraw(f"{name} is {words[name]!r}", "Give points by their number, counted from 1")
    return [int(one) for one in several]


def _several(words: Words, name: str) -> list[Any]:
    found = words.get(name)
    return found if isinstance(found, list) else [] if found is None else [found]


def _dates(words: Words, name: str) -> list[str]:
    """One date, or a list of them, or nothing; as people write dates."""
    found = []
    for told in _several(words, name):
        when = moment(str(told))
        if when is None:
            raise CannotDraw(f"{name} has {told!r}, which is no date", "Write 2024-01-31")
        found.append(when)
    return found


def _number(words: Words, *names: str) -> float | None:
    found = next((words[name] for name in names if words.get(name) is not None), None)
    if found is not None and (isinstance(found, bool) or not isinstance(found, int | float)):
        raise CannotDraw(f"{' or '.join(names)} is {found!r}", "Give a number")
    return found


def _multiplier(words: Words) -> float:
    """What was told; else PowerBI-SPC's, whose settings are lines of code: the one that scales is `multiplier`, and
    proportions are drawn in per cent.
    """
    if (told := _number(words, "multiply")) is not None:
        return told
    for line in words.get("settings") or []:
        if "multiplier = " in line:
            return float(line.split("multiplier = ")[1].strip(" ;"))
    return 100.0 if "settings" in words and words.get("chart") in ("p", "pp") else 1.0
