"""Questions to a chart, as reference cases and analysts' files ask them.

Reads one JSON object: a bare input (`{"values": [...]}`), or a case with `input`, `options` and `chart`. The
words of the collections in `tests/projections/charts/oracle` are all understood (`values`, `y` or
`numerators`; `n` or `denominators`; `dates`, `x` or `keys`; …), so that their cases can be asked as they
stand. Points in files count from 1, ours from 0.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from projections.charts.averages import mean
from projections.charts.baseline import Baseline, Rebase, rebases_on
from projections.charts.chart import draw
from projections.charts.chart_type import ChartType
from projections.charts.drawn import Chart
from projections.charts.series import Annotation, CannotDraw, CycleMark, Series, series_of, subgroups

Words = Mapping[str, Any]

_VALUES = ("values", "y", "numerators", "value", "val", "sds")
_DENOMINATORS = ("denominators", "n", "denominator")
_LABELS = ("dates", "labels", "keys", "x")
_SUMMED = {ChartType.P, ChartType.P_PRIME, ChartType.U, ChartType.U_PRIME, ChartType.C, ChartType.I_PRIME}
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
    series = _series(words, kind)
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
        multiply=_number(words, "multiply") or _multiplier(words),
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
    words["shape_of_qikit"] = "check" in case
    return words


def _kind(words: Words, chart: str | None) -> ChartType:
    named = chart or words.get("chart")
    if named is None:
        named = "run" if "frozen_median" in words else "xmr"
    try:
        return ChartType(str(named).lower())
    except ValueError:
        raise CannotDraw(f"There is no chart {named!r}", f"Choose one of {', '.join(ChartType)}") from None


def _series(words: Words, kind: ChartType) -> Series:
    values, labels = _column(words, _VALUES), _column(words, _LABELS)
    if values is None:
        raise CannotDraw("There are no values", f"Give them as one of {', '.join(_VALUES)}")
    same_for_all = next(
        (words[name] for name in _DENOMINATORS if isinstance(words.get(name), int | float)), None
    )
    sizes = _column(words, _DENOMINATORS) if same_for_all is None else [same_for_all] * len(values)
    if sizes is None and kind is ChartType.I_PRIME:  # each measurement counts once, as in qicharts2
        sizes = [None if value is None else 1 for value in values]
    spreads = _column(words, ("spreads", "sds", "xbar_sds"))
    _refuse_uneven(values, denominators=sizes, labels=labels, spreads=spreads)
    members = _moments(labels, len(values), by_number=labels is words.get("x"))
    place = {i: at for at, several in enumerate(members) for i in several}
    if kind in (ChartType.XBAR, ChartType.S) and spreads is None and labels is not None:
        series = subgroups([str(labels[i]) for i in place], [values[i] for i in place])
    else:
        summed = sizes is not None or kind in _SUMMED
        series = series_of(
            _together(values, members, add=summed),
            _together(sizes, members, add=True) if sizes is not None else None,
            labels=[str(labels[several[0]]) for several in members] if labels is not None else None,
            spreads=_together(spreads, members, add=False) if spreads is not None else None,
        )
    notes = msgspec.convert(words.get("annotations", []), list[Annotation])
    cycles = msgspec.convert(words.get("cycles", []), list[CycleMark])
    return msgspec.structs.replace(
        series,
        title=str(words.get("title") or words.get("id") or ""),
        unit=str(words.get("unit") or ""),
        annotations=tuple(Annotation(place.get(note.at, note.at), note.text) for note in notes),
        cycles=tuple(CycleMark(place.get(one.at, one.at), one.name, one.decision) for one in cycles),
    )


def _moments(labels: list[Any] | None, count: int, *, by_number: bool) -> list[list[int]]:
    """Which rows make each point: dates put themselves in order, and several rows of one label are one point.

    So do the numbers of an `x`, `by_number`; other labels stand as they are given, since weeks 51, 52, 1, 2 do.
    """
    if labels is None:
        return [[i] for i in range(count)]
    words = [str(label) for label in labels]
    order: Iterable[int] = range(count)
    if _are_dates(labels):
        order = sorted(order, key=words.__getitem__)
    elif by_number and all(type(label) in (int, float) for label in labels):
        order = sorted(order, key=labels.__getitem__)
    members: dict[str, list[int]] = {}
    for i in order:
        members.setdefault(words[i], []).append(i)
    return list(members.values())


def _together(column: list[Any], members: list[list[int]], *, add: bool) -> list[Any]:
    """Several measurements of one moment become one: summed where they are counts, else averaged."""
    found = []
    for several in members:
        known = [column[i] for i in several if column[i] is not None]
        found.append(
            known[0] if len(known) == 1 else None if not known else sum(known) if add else mean(known)
        )
    return found


def _refuse_uneven(values: list[Any], **columns: list[Any] | None) -> None:
    for name, column in columns.items():
        if column is not None and len(column) != len(values):
            raise CannotDraw(
                f"There are {len(values)} values and {len(column)} {name}", "Give one for each point"
            )


def _are_dates(labels: list[Any]) -> bool:
    """Labels that are all ISO dates say their order themselves; others stand as they are given."""
    return len({len(str(label)) for label in labels}) == 1 and all(
        re.fullmatch(r"\d{4}-\d\d(-\d\d(T[\d:.]+Z?)?)?", str(label)) for label in labels
    )


def _column(words: Words, names: Sequence[str]) -> list[Any] | None:
    return next((words[name] for name in names if isinstance(words.get(name), list)), None)


def _baseline(words: Words, series: Series) -> Baseline:
    parts, groups = _wholes(words, "part"), words.get("groupings") or []
    rebases = rebases_on(series, map(str, words.get("rebase_dates") or []))
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
    found = words.get(name)
    several = found if isinstance(found, list) else [] if found is None else [found]
    if any(isinstance(one, bool) or not isinstance(one, int) for one in several):
        raise CannotDraw(f"{name} is {found!r}", "Give points by their number, counted from 1")
    return several


def _number(words: Words, *names: str) -> float | None:
    found = next((words[name] for name in names if words.get(name) is not None), None)
    if found is not None and (isinstance(found, bool) or not isinstance(found, int | float)):
        raise CannotDraw(f"{' or '.join(names)} is {found!r}", "Give a number")
    return found


def _multiplier(words: Words) -> float:
    """PowerBI-SPC's settings are lines of code; the one that scales is `multiplier`. It draws proportions in
    per cent.
    """
    for line in words.get("settings", []):
        if "multiplier = " in line:
            return float(line.split("multiplier = ")[1].strip(" ;"))
    return 100.0 if "settings" in words and words.get("chart") in ("p", "pp") else 1.0
