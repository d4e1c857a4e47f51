"""The series that a JSON object tells: columns by any of their names, put in order, one point for each moment."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from projections.charts.averages import mean
from projections.charts.chart_type import ChartType
from projections.charts.series import Annotation, CannotDraw, CycleMark, Series, series_of, subgroups
from projections.charts.written import MISSING, moment

Words = Mapping[str, Any]

_VALUES = ("values", "y", "numerators", "value", "val", "sds")
_DENOMINATORS = ("denominators", "n", "denominator")
_LABELS = ("dates", "labels", "keys", "x")
_SUMMED = {ChartType.P, ChartType.P_PRIME, ChartType.U, ChartType.U_PRIME, ChartType.C, ChartType.I_PRIME}
_WITHOUT_RATIOS = {ChartType.C, ChartType.G, ChartType.T, ChartType.XBAR, ChartType.S}


class ToldNote(msgspec.Struct, frozen=True):
    """A note in a file: at a point of the file, by its number from 1 or by its label."""

    at: int | str
    text: str


class ToldCycle(msgspec.Struct, frozen=True):
    """A PDSA cycle in a file, likewise."""

    at: int | str
    name: str
    decision: str = ""


def series_from(words: Words, kind: ChartType) -> Series:
    """The series a JSON object tells, in the order of its dates, with one point for each moment. Raises CannotDraw."""
    values, labels = _numbers(words, _VALUES), _column(words, _LABELS)
    if values is None:
        raise CannotDraw("There are no values", f"Give them as one of {', '.join(_VALUES)}")
    same_for_all = next(
        (words[name] for name in _DENOMINATORS if isinstance(words.get(name), int | float)), None
    )
    sizes = _numbers(words, _DENOMINATORS) if same_for_all is None else [same_for_all] * len(values)
    if sizes is None and kind is ChartType.I_PRIME:  # each measurement counts once, as in qicharts2
        sizes = [None if value is None else 1 for value in values]
    if isinstance(dates := words.get("dates"), list) and labels is dates:
        labels = _as_days(dates)
    spreads = _numbers(words, ("spreads", "sds", "xbar_sds"))
    _refuse_uneven(values, denominators=sizes, labels=labels, spreads=spreads)
    if sizes is not None and kind not in _WITHOUT_RATIOS:
        values, sizes = _complete(values, sizes)
    members = _moments(labels, len(values), by_number=labels is not None and labels is words.get("x"))
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
    return _with_words(series, words, labels or [], place)


def _with_words(series: Series, words: Words, labels: list[Any], place: Mapping[int, int]) -> Series:
    """The series with its title, unit, notes and cycles; `place` is where each row of the file stands in it."""
    notes = msgspec.convert(words.get("annotations") or [], list[ToldNote])
    cycles = msgspec.convert(words.get("cycles") or [], list[ToldCycle])

    def stands(at: int | str) -> int:
        row = at - 1 if isinstance(at, int) else _row_of(at, labels)
        return place.get(row, row)

    return msgspec.structs.replace(
        series,
        title=str(words.get("title") or words.get("id") or ""),
        unit=str(words.get("unit") or ""),
        annotations=tuple(Annotation(stands(note.at), note.text) for note in notes),
        cycles=tuple(CycleMark(stands(one.at), one.name, one.decision) for one in cycles),
    )


def _row_of(label: str, labels: list[Any]) -> int:
    words = [str(one) for one in labels]
    for told in (label, moment(label)):
        if told in words:
            return words.index(told)
    raise CannotDraw(f"A note stands at {label!r}, which no point is", "Name a point by its number or label")


def _moments(labels: list[Any] | None, count: int, *, by_number: bool) -> list[list[int]]:
    """Which rows make each point: dates put themselves in order, and several rows of one label are one point.

    So do the numbers of an `x`, `by_number`; other labels stand as they are given, since weeks 51, 52, 1, 2 do.
    """
    if labels is None:
        return [[i] for i in range(count)]
    if None in labels:
        raise CannotDraw(f"Point {labels.index(None) + 1} has no label", "Give each point its date or label")
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


def _as_days(labels: list[Any]) -> list[Any]:
    """Days that people wrote in another way as ISO dates, which can be put in order."""
    days = [] if _are_dates(labels) else [moment(str(label)) for label in labels]
    return labels if not days or None in days else list(days)


def _complete(values: list[Any], sizes: list[Any]) -> tuple[list[Any], list[Any]]:
    """Measurements that have both their numbers: a count without its denominator says nothing, nor does the other
    way round, when several measurements of a moment are taken together (as in qicharts2).
    """
    both = [value is not None and size is not None for value, size in zip(values, sizes, strict=True)]
    return (
        [value if whole else None for value, whole in zip(values, both, strict=True)],
        [size if whole else None for size, whole in zip(sizes, both, strict=True)],
    )


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


def _numbers(words: Words, names: Sequence[str]) -> list[Any] | None:
    """The first column of those names. NaN and NA, as other tools write them, are missing values."""
    found = _column(words, names)
    return None if found is None else [None if _is_missing(cell) else cell for cell in found]


def _is_missing(cell: Any) -> bool:
    return cell is None or cell != cell or (isinstance(cell, str) and cell.strip().lower() in MISSING)
