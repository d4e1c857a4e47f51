"""Numbers and days as people write them in a file, and what they mean.

What can mean two things is refused, and not guessed: 1,234 where cells are parted by semicolons, 45% beside 0.5.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from math import isnan

from projections.charts.series import CannotDraw

MISSING = {"", "na", "n/a", "nan", "null", "none", "-", "–", "."}
"""What stands for no value, in small letters."""

_SPACES = re.compile(r"(?<=\d)[\u00a0\u2009\u202f '](?=\d{3}(\D|$))")
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?")
_THOUSANDS_BY_DOT = re.compile(r"[+-]?\d{1,3}(\.\d{3})+(,\d+)?")
_COMMA_AS_POINT = re.compile(r"[+-]?\d+,\d+")
_DAY_FORMS = (
    "%Y-%m-%d", "%d/%m/%Y", "%d/%m/%y", "%d.%m.%Y", "%d-%m-%Y", "%d-%b-%Y", "%d-%b-%y", "%d %b %Y", "%d %B %Y",
)  # fmt: skip
_MONTH_FORMS = ("%Y-%m", "%m/%Y", "%b %Y", "%B %Y", "%b-%Y", "%b-%y", "%B-%y")
_LIKE_A_DAY = re.compile(r"\d{1,4}/\d{1,2}/\d{1,4}")

Told = tuple[int, str]
"""A line of a file, counted from 1, and what a cell of it says."""


def numbers(column: Sequence[Told], *, decimal_comma: bool = False) -> list[float | None]:
    """The numbers of a column, None where there is none. 45% is 45, and so are all of them or none.

    Thousands may be set apart, and a currency sign may stand before. With `decimal_comma` a comma may be a decimal
    point (files parted by semicolons). Raises CannotDraw, naming the line.
    """
    by_comma = decimal_comma and any(_is_fraction(cell) for _, cell in column)
    found = [_number(line, cell, by_comma=by_comma, either=decimal_comma) for line, cell in column]
    _refuse_mixed_percent(column, found)
    return found


def is_number(text: str) -> bool:
    """Is that a number as people write them?"""
    try:
        return _number(0, text.strip(), by_comma=False, either=False) is not None
    except CannotDraw:
        return False


def _is_fraction(cell: str) -> bool:
    """Can the comma be nothing but a decimal point?"""
    plain = cell.removesuffix("%").strip()
    return bool(_COMMA_AS_POINT.fullmatch(plain)) and not _THOUSANDS.fullmatch(plain)


def _number(line: int, cell: str, *, by_comma: bool, either: bool) -> float | None:
    if cell.lower() in MISSING:
        return None
    plain = _SPACES.sub("", cell.replace("\u2212", "-")).removesuffix("%").strip().lstrip("£€$")
    if by_comma:
        whole = plain.replace(".", "") if _THOUSANDS_BY_DOT.fullmatch(plain) else plain
        plain = whole.replace(",", ".")
    elif _THOUSANDS.fullmatch(plain):
        if either:
            thousands = plain.replace(",", "")
            raise CannotDraw(
                f"Line {line} has {cell!r}, which may be {thousands} or {plain.replace(',', '.', 1)}",
                f"Write {thousands}, or with a point",
            )
        plain = plain.replace(",", "")
    try:
        number = float(plain) if "_" not in plain else None
    except ValueError:
        number = None
    if number is None:
        raise CannotDraw(
            f"Line {line} has {cell[:40]!r} where a number belongs",
            "Write 1234.5, or leave a missing value empty",
        )
    return None if isnan(number) else number


def _refuse_mixed_percent(column: Sequence[Told], found: Sequence[float | None]) -> None:
    told = [(line, cell) for (line, cell), number in zip(column, found, strict=True) if number]
    signed = [one for one in told if one[1].endswith("%")]
    bare = [one for one in told if not one[1].endswith("%")]
    if signed and bare:
        raise CannotDraw(
            f"Line {signed[0][0]} has {signed[0][1]!r} and line {bare[0][0]} has {bare[0][1]!r}",
            "Write % after all of them, or after none",
        )


def labels(column: Sequence[Told]) -> list[str]:
    """The labels of the points; where they are days or months, as ISO dates, which can be put in order.

    Labels of other kinds stay as they are. Raises CannotDraw where a day is none, or where something else stands among
    days, as the total below a table does.
    """
    found = [moment(cell) for _, cell in column]
    if not any(found):
        _refuse_no_days(column)
        return [cell for _, cell in column]
    for (line, cell), when in zip(column, found, strict=True):
        if when is None:
            said = f"is labelled {cell[:40]!r} among days" if cell else "has no date"
            raise CannotDraw(
                f"Line {line} {said}", "Write days as 2024-01-31 or 31/01/2024, or leave the line out"
            )
    timed = any("T" in when for when in found if when is not None)
    return [when if "T" in when or not timed else f"{when}T00:00:00" for when in found if when is not None]


def moment(written: str) -> str | None:
    """A day, month or time as ISO, however people write it; None where it is none. Days before months: 31/01/2024."""
    for form, kept in (
        *((form, "%Y-%m-%d") for form in _DAY_FORMS),
        *((form, "%Y-%m") for form in _MONTH_FORMS),
    ):
        if (when := _read(written, form)) is not None:
            return when.strftime(kept) if when.year >= 1000 else None
    if not re.match(r"\d{4}-\d\d-\d\d[ T]\d", written):
        return None
    try:
        time = datetime.fromisoformat(written.replace(" ", "T", 1).removesuffix("Z"))
    except ValueError:
        return None
    return time.date().isoformat() if time.timetz().isoformat() == "00:00:00" else time.isoformat()


def _read(written: str, form: str) -> date | None:
    try:
        return datetime.strptime(written, form).replace(tzinfo=UTC).date()
    except ValueError:
        return None


def _refuse_no_days(column: Iterable[Told]) -> None:
    told = list(column)
    if told and all(_LIKE_A_DAY.fullmatch(cell) for _, cell in told):
        raise CannotDraw(
            f"Line {told[0][0]} has the day {told[0][1]!r}, which there is not",
            "Write 2024-01-31 or 31/01/2024",
        )
