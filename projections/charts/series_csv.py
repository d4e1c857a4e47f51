"""A series as people keep it: a CSV of dates or labels, values, perhaps denominators, notes and PDSA cycles."""

import csv
from datetime import date
from io import StringIO
from typing import Any

from projections.charts.series import CannotDraw

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
        "subgroup",
        "x",
        "key",
        "point",
    },
    "values": {"value", "values", "y", "numerator", "numerators", "count", "measurement", "mean"},
    "denominators": {"denominator", "denominators", "n", "size", "out of", "opportunities"},
    "spreads": {"sd", "spread", "standard deviation"},
    "notes": {"note", "notes", "annotation", "annotations", "comment"},
    "cycles": {"cycle", "cycles", "pdsa"},
}
_BY_PLACE = ("labels", "values", "denominators")
_MISSING = {"", "na", "n/a", "nan", "null", "none", "-", "–", "."}


def words_of_csv(text: str) -> dict[str, Any]:
    """The columns of a CSV by our names for them, ready for `reference.question`.

    With a heading, columns are found by name; without one they are label, value, denominator, or value alone.
    Cells may be parted by commas, semicolons or tabs; one that is empty, NA or - is a missing value, 45% is 45, and
    days written 31/01/2024 throughout are 2024-01-31. Raises CannotDraw, naming the line.
    """
    first = text.partition("\n")[0]
    parted_by = next((mark for mark in "\t;" if mark in first and "," not in first), ",")
    try:
        rows = [
            (n, row)
            for n, row in enumerate(csv.reader(StringIO(text), delimiter=parted_by), 1)
            if any(map(str.strip, row))
        ]
    except csv.Error as wrong:
        raise CannotDraw(f"The file is no CSV: {wrong}", "Save it as CSV in UTF-8") from None
    if not rows:
        return {"values": [], "labels": []}
    places = _headed(rows[0][1])
    body = rows[1:] if places else rows
    places = places or _unheaded(rows[0][1])
    if "values" not in places:
        raise CannotDraw(
            f"No column of {', '.join(rows[0][1])} is called value",
            "Head the columns date,value or date,value,denominator",
        )
    words: dict[str, Any] = {
        name: [_number(_cell(row, places[name]), line) for line, row in body]
        for name in ("values", "denominators", "spreads")
        if name in places
    }
    if "labels" in places:
        words["labels"] = _labels([_cell(row, places["labels"]) for _, row in body])
    for name, key in (("notes", "annotations"), ("cycles", "cycles")):
        told = [(at, _cell(row, places[name])) for at, (_, row) in enumerate(body)] if name in places else []
        words[key] = [{"at": at, "text" if name == "notes" else "name": said} for at, said in told if said]
    return words


def _labels(told: list[str]) -> list[str]:
    """The labels; days written the British way throughout as ISO dates, which can be put in order."""
    try:
        return [_day(label).isoformat() for label in told]
    except ValueError:
        return told


def _day(written: str) -> date:
    day, month, year = written.split("/")
    return date(int(year), int(month), int(day))


def _headed(row: list[str]) -> dict[str, int]:
    heads = [cell.strip().lower() for cell in row]
    if any(_is_number(head) for head in heads):
        return {}
    found = {
        name: next(i for i, head in enumerate(heads) if head in known)
        for name, known in _NAMES.items()
        if any(head in known for head in heads)
    }
    return found or {"": 0}


def _unheaded(row: list[str]) -> dict[str, int]:
    return {"values": 0} if len(row) == 1 else {name: i for i, name in enumerate(_BY_PLACE[: len(row)])}


def _cell(row: list[str], place: int) -> str:
    return row[place].strip() if place < len(row) else ""


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return text.strip().lower() not in _MISSING


def _number(text: str, line: int) -> float | None:
    if text.lower() in _MISSING:
        return None
    try:
        return float(text.removesuffix("%"))
    except ValueError:
        raise CannotDraw(
            f"Line {line} has {text[:40]!r} where a number belongs",
            "Write 1234.5, or leave a missing value empty",
        ) from None
