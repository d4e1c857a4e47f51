"""The numbers beside the picture: as CSV, and as rows of an accessible HTML table."""

import csv
from collections.abc import Sequence
from html import escape
from io import StringIO

from projections.charts.chart_type import ABOUT
from projections.charts.drawn import Chart, DrawnPoint
from projections.charts.message import message, number_in_words, plain
from projections.spreadsheets import may_run

COLUMNS = (
    "point",
    "value",
    "centre",
    "lower_limit",
    "upper_limit",
    "phase",
    "in_lines",
    "point_type",
    "signals",
    "rule_set",
)
_COLUMN = 'th scope="col"'


def csv_table(chart: Chart) -> str:
    """Every point with its lines and signals; RFC 4180, with a header. Numbers are exact, missing ones empty.

    Text that a spreadsheet would take for a formula gets an apostrophe before it; numbers never do.
    """
    out = StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for point in chart.points:
        signals = "; ".join(plain(flag.label) for flag in point.flags)
        writer.writerow(
            [
                harmless(point.label),
                *map(_exact, (point.value, point.centre, point.lower, point.upper)),
                point.phase,
                "yes" if point.included else "no",
                point.type.value,
                harmless(signals),
                chart.rule_set,
            ]
        )
    return out.getvalue()


def harmless(text: str) -> str:
    """Text as a spreadsheet cell that is never run: an apostrophe before what is no number and may be a formula."""
    return f"'{text}" if may_run(text) and not _is_number(text) else text


def html_table(chart: Chart) -> str:
    """The same as an HTML table: a caption that carries the message, a header for each row and column."""
    heads = (
        "Point",
        "Value",
        ABOUT[chart.chart].centre.capitalize(),
        "Lower limit",
        "Upper limit",
        "Signals",
    )
    rows = "\n".join(_html_row(point) for point in chart.points)
    return (
        f"<table>\n<caption>{escape(message(chart))}. Signals by {escape(chart.rule_set)}.</caption>\n"
        f"<thead><tr>{_cells(heads, _COLUMN)}</tr></thead>\n"
        f"<tbody>\n{rows}\n</tbody>\n</table>\n"
    )


def _html_row(point: DrawnPoint) -> str:
    numbers = [
        number_in_words(v) if v is not None else "–"
        for v in (point.value, point.centre, point.lower, point.upper)
    ]
    signals = "; ".join(plain(flag.label) for flag in point.flags) or "none"
    left_out = "" if point.included else " (left out of the lines)"
    return (
        f'<tr><th scope="row">{escape(point.label)}</th>{_cells([*numbers, signals + left_out], "td")}</tr>'
    )


def _cells(texts: Sequence[str], tag: str) -> str:
    return "".join(f"<{tag}>{escape(text)}</{tag.split()[0]}>" for text in texts)


def _exact(value: float | None) -> str:
    return "" if value is None else repr(value)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
