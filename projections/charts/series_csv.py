"""A series as people keep it: a CSV, or a JSON list of rows, of dates or labels, values, perhaps denominators, notes
and PDSA cycles.
"""

import csv
from collections.abc import Mapping, Sequence
from io import StringIO
from typing import Any

from projections.charts.series import CannotDraw
from projections.charts.written import Told, is_number, labels, numbers

_NAMES = {
    "labels": {
        "label",
        "labels",
        "date",
        "dates",
        "day",
        "week",
        "month",
        "period",
        "time",
        "quarter",
        "year",
        "week ending",
        "week commencing",
        "month ending",
        "subgroup",
        "x",
        "key",
        "point",
    },
    "values": {
        "value",
        "values",
        "y",
        "numerator",
        "numerators",
        "count",
        "measurement",
        "mean",
        "rate",
        "percentage",
        "percent",
        "events",
    },
    "denominators": {
        "denominator",
        "denominators",
        "n",
        "size",
        "out of",
        "opportunities",
        "total",
        "sample size",
    },
    "spreads": {"sd", "spread", "standard deviation"},
    "notes": {"note", "notes", "annotation", "annotations", "comment"},
    "cycles": {"cycle", "cycles", "pdsa"},
}
_BY_PLACE = ("labels", "values", "denominators")

Row = tuple[int, Sequence[str]]
"""A line's number, counted from 1, and its cells."""


def words_of_csv(text: str) -> dict[str, Any]:
    """The columns of a CSV by our names for them, ready for `reference.question`.

    With a heading, columns are found by name; without one they are label, value, denominator, or value alone.
    Cells may be parted by commas, semicolons or tabs. What numbers and days mean is said in `written`. Raises
    CannotDraw, naming the line.
    """
    first = text.lstrip("\r\n").partition("\n")[0]
    parted_by = next((mark for mark in "\t;" if mark in first and "," not in first), ",")
    try:
        told = StringIO(text, newline=None)
        rows = [
            (n, [cell.strip() for cell in row])
            for n, row in enumerate(csv.reader(told, delimiter=parted_by, strict=True), 1)
            if any(map(str.strip, row))
        ]
    except csv.Error as wrong:
        raise CannotDraw(f"The file is no CSV: {wrong}", "Save it as CSV in UTF-8") from None
    if not rows:
        return {"values": [], "labels": []}
    places = _headed(rows[0][1])
    body = rows[1:] if places else rows
    return _words(body, places or _unheaded(rows[0][1]), heads=rows[0][1], decimal_comma=parted_by != ",")


def words_of_rows(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The same of a JSON list of objects, such as `[{"date": "2024-01-01", "value": 3}]`: one object a point."""
    heads = list(dict.fromkeys(str(name) for row in rows for name in row))
    body = [(n, [_written(row.get(head)) for head in heads]) for n, row in enumerate(rows, 1)]
    return _words(body, _headed(heads), heads=heads, decimal_comma=False)


def _written(value: Any) -> str:
    return "" if value is None else str(value).strip()


def _words(
    body: Sequence[Row], places: Mapping[str, int], *, heads: Sequence[str], decimal_comma: bool
) -> dict[str, Any]:
    if "values" not in places:
        raise CannotDraw(
            f"No column of {', '.join(heads)} is called value",
            "Head the columns date,value or date,value,denominator",
        )
    words: dict[str, Any] = {
        name: numbers(_column(body, places[name]), decimal_comma=decimal_comma)
        for name in ("values", "denominators", "spreads")
        if name in places
    }
    if "labels" in places:
        words["labels"] = labels(_column(body, places["labels"]))
    for name, key in (("notes", "annotations"), ("cycles", "cycles")):
        told = _column(body, places[name]) if name in places else []
        words[key] = [
            {"at": at, "text" if name == "notes" else "name": said}
            for at, (_, said) in enumerate(told, 1)
            if said
        ]
    return words


def _column(body: Sequence[Row], place: int) -> list[Told]:
    return [(line, row[place] if place < len(row) else "") for line, row in body]


def _headed(row: Sequence[str]) -> dict[str, int]:
    heads = [cell.strip().lower() for cell in row]
    if any(is_number(head) for head in heads):
        return {}
    found = {
        name: next(i for i, head in enumerate(heads) if head in known)
        for name, known in _NAMES.items()
        if any(head in known for head in heads)
    }
    return found or {"": 0}


def _unheaded(row: Sequence[str]) -> dict[str, int]:
    return {"values": 0} if len(row) == 1 else {name: i for i, name in enumerate(_BY_PLACE[: len(row)])}
