"""`qiledger chart`: what a run chart or SPC chart says of a series in a file. Needs no database."""

import json
import sys
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import rich_click as click
from rich.console import Console

from events.counted import counted
from projections.charts.baseline import Rebase, rebases_on
from projections.charts.chart_type import ABOUT, ChartType
from projections.charts.drawn import Chart
from projections.charts.icons import Direction
from projections.charts.reference import Question, question
from projections.charts.reference_answers import answer, medians
from projections.charts.report import report
from projections.charts.rules import rule_sets
from projections.charts.series import CannotDraw
from projections.charts.series_csv import words_of_csv, words_of_rows
from projections.charts.svg import svg
from projections.charts.table import csv_table
from projections.charts.terminal import in_ascii, terminal
from projections.charts.written import moment

FILE_BYTES_MAX = 32 * 1024 * 1024
WINDOWS = "cp1252"
NO_TEXT = "".join(map(chr, (*range(9), *range(14, 32))))  # what no text file of Windows holds


@click.command(
    "chart", epilog="Charts: " + ", ".join(f"{kind} ({ABOUT[kind].shows})" for kind in ChartType) + "."
)
@click.argument("file", type=click.Path(allow_dash=True, dir_okay=False))
@click.option(
    "--chart",
    "kind",
    type=click.Choice([kind.value for kind in ChartType]),
    help="Which chart. XmR unless the file says.",
)
@click.option(
    "--rules", type=click.Choice(list(rule_sets())), help="Which rule set; the chart's own by default."
)
@click.option(
    "--case", "case_id", help="One case of a file of cases, by its id or number; `all` for every one."
)
@click.option("--direction", type=click.Choice([way.value for way in Direction]), help="Which way is better.")
@click.option("--target", type=float, help="The target, in the units drawn.")
@click.option("--multiply", type=float, help="Scale what is drawn: 1000 for a rate per 1,000.")
@click.option(
    "--freeze", type=click.IntRange(min=1), help="Take each phase's lines from its first so many points."
)
@click.option(
    "--rebase", "rebases", multiple=True, help="Begin a phase at this label or date; `label=reason` says why."
)
@click.option(
    "--exclude", type=click.IntRange(min=1), multiple=True, help="Leave this point (from 1) out of the lines."
)
@click.option("--screening/--no-screening", default=None, help="Leave out extreme moving ranges, once.")
@click.option("--centre", type=float, help="A given centre line.")
@click.option("--lower", type=float, help="A given lower limit.")
@click.option("--upper", type=float, help="A given upper limit.")
@click.option("--title", help="What is measured.")
@click.option("--unit", help="In what it is measured.")
@click.option("--draw", is_flag=True, help="Draw the chart here instead of printing JSON.")
@click.option(
    "--svg", "svg_to", type=click.Path(allow_dash=True, dir_okay=False), help="Write the chart as SVG."
)
@click.option("--csv", "as_csv", is_flag=True, help="Print the points as CSV instead of JSON.")
@click.option(
    "--expected", is_flag=True, help="Print the answer in the shape of a reference case's `expected`."
)
def chart(file: str, *, case_id: str | None, **asked: Any) -> None:
    """Say what a run chart or SPC chart makes of a series: limits, signals, icons.

    FILE is a CSV (date or label, value, and a denominator where the chart needs one), a JSON object with such
    columns, or a file of reference cases; `-` reads from standard input. Prints JSON unless told otherwise.
    """
    try:
        _answer(_read(file), case_id, asked)
    except (CannotDraw, msgspec.ValidationError) as wrong:
        raise click.ClickException(str(wrong)) from None
    except KeyError as missing:
        raise click.ClickException(f"The case has no {missing}. Give it as the reference cases do.") from None


def _answer(content: Mapping[str, Any], case_id: str | None, asked: dict[str, Any]) -> None:
    case = _case(content, case_id)
    if isinstance(case, list):
        _print(
            [{"id": _id(one, n), "expected": _expected(content, one, asked)} for n, one in enumerate(case, 1)]
        )
        return
    if asked["expected"] or "rule" in case or _asks_medians(case):
        _print(_expected(content, case, asked))
        return
    drawn = _overruled(question(case, chart=asked["kind"], rules=asked["rules"]), asked).drawn()
    if asked["svg_to"]:
        _write(asked["svg_to"], svg(drawn))
    if asked["draw"]:
        _draw(drawn)
    elif asked["as_csv"]:
        click.echo(csv_table(drawn), nl=False)
    elif not asked["svg_to"]:
        _print(msgspec.to_builtins(report(drawn)))


def _draw(drawn: Chart) -> None:
    console = Console()
    picture = terminal(drawn, width=min(console.width, 140))
    if console.encoding.startswith("utf"):
        console.print(picture)
        return
    with console.capture() as shown:
        console.print(picture)
    click.echo(in_ascii(shown.get()), nl=False)


def _read(file: str) -> Mapping[str, Any]:
    try:
        data = sys.stdin.buffer.read(FILE_BYTES_MAX + 1) if file == "-" else _bytes(Path(file))
        file = "The input" if file == "-" else file
        if len(data) > FILE_BYTES_MAX:
            raise click.ClickException(f"{file} is larger than 32 MiB. Cut it to one series.")
        text = _text(file, data)
    except OSError as wrong:
        raise click.ClickException(f"Cannot read {file}: {wrong.strerror}. Check the path.") from None
    except UnicodeDecodeError:
        raise click.ClickException(f"{file} is no text. Save it as CSV UTF-8 or as JSON.") from None
    if not text.lstrip().startswith(("{", "[")):
        return words_of_csv(text)
    return _words_of_json(file, text)


def _text(file: str, data: bytes) -> str:
    """UTF-8, or UTF-16 that says so; else as Excel saves a plain CSV on Windows. Raises UnicodeDecodeError."""
    if data[:2] in (BOM_UTF16_LE, BOM_UTF16_BE):
        return data.decode("utf-16")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode(WINDOWS)
    if any(character in text for character in NO_TEXT):
        raise UnicodeDecodeError(WINDOWS, data, 0, 1, "control characters")
    click.echo(
        f"{file} is not UTF-8: it was read as Windows text (code page 1252), as Excel saves a plain CSV. "
        "If a £ or an accent came out wrong, save it as CSV UTF-8.",
        err=True,
    )
    return text


def _words_of_json(file: str, text: str) -> Mapping[str, Any]:
    try:
        found = json.loads(text)  # which knows NaN, as Python and R write it
    except (ValueError, RecursionError) as wrong:
        raise click.ClickException(f"{file} is no JSON: {wrong}. Give a CSV or a JSON object.") from None
    if isinstance(found, dict):
        return found
    rows = [row for row in found if isinstance(row, dict)]
    return words_of_rows(rows) if rows and len(rows) == len(found) else {"values": found}


def _bytes(path: Path) -> bytes:
    with path.open("rb") as opened:
        return opened.read(FILE_BYTES_MAX + 1)


def _case(content: Mapping[str, Any], case_id: str | None) -> Any:
    cases = content.get("cases")
    if not isinstance(cases, list):
        if case_id is not None:
            raise CannotDraw("The file holds one series and no cases", "Leave --case away")
        return content
    if case_id == "all":
        return cases
    for number, case in enumerate(cases, 1):
        if case_id in (str(number), _id(case, number)):
            return case
    some = ", ".join(_id(case, n) for n, case in enumerate(cases[:6], 1))
    raise CannotDraw(
        f"The file holds {counted(len(cases), 'case')}"
        + (f" and none is called {case_id!r}" if case_id else ""),
        f"Choose one with --case: {some}…",
    )


def _id(case: Mapping[str, Any], number: int) -> str:
    return str(case.get("id", number))


def _asks_medians(case: Mapping[str, Any]) -> bool:
    return "median_points" in (case.get("options") or {})


def _expected(content: Mapping[str, Any], case: Mapping[str, Any], asked: dict[str, Any]) -> Any:
    if _asks_medians(case):
        return medians(content["input"], case["options"])
    return answer(case, chart=asked["kind"], rules=asked["rules"])


def _overruled(found: Question, asked: dict[str, Any]) -> Question:
    """What was asked on the command line goes before what the file says."""
    series = found.series
    words = {name: asked[name] for name in ("title", "unit") if asked[name] is not None}
    changes: dict[str, Any] = {
        name: asked[name]
        for name in ("freeze", "screening", "centre", "lower", "upper")
        if asked[name] is not None
    }
    beyond = [point for point in asked["exclude"] if point > len(series)]
    if beyond:
        raise CannotDraw(
            f"There is no point {beyond[0]}", f"Leave out one of the {len(series)}, counted from 1"
        )
    if asked["exclude"]:
        changes["exclude"] = frozenset(point - 1 for point in asked["exclude"])
    if asked["rebases"]:
        changes["rebases"] = tuple(_rebase(found, told) for told in asked["rebases"])
    return msgspec.structs.replace(
        found,
        series=msgspec.structs.replace(series, **words),
        baseline=msgspec.structs.replace(found.baseline, **changes),
        **{name: asked[name] for name in ("direction", "target", "multiply") if asked[name] is not None},
    )


def _rebase(found: Question, told: str) -> Rebase:
    label, _, reason = told.partition("=")
    labels = found.series.labels
    if label in labels:
        return Rebase(labels.index(label), reason)
    if (when := moment(label)) and (by_date := rebases_on(found.series, [when], reason)):
        return by_date[0]
    raise CannotDraw(f"No point is labelled {label!r}", f"Re-base at one of {', '.join(labels[:4])}…")


def _write(place: str, picture: str) -> None:
    if place == "-":
        click.echo(picture, nl=False)
        return
    try:
        Path(place).write_text(picture, encoding="utf-8")
    except OSError as wrong:
        raise click.ClickException(f"Cannot write {place}: {wrong.strerror}.") from None


def _print(found: Any) -> None:
    click.echo(json.dumps(found, ensure_ascii=False, indent=2, allow_nan=False))
