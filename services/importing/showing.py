"""How an import is shown to the person at the terminal, and written down for a machine."""

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from services.importing.bringing import TROUBLES, WORDS, Became, LineOutcome
from services.importing.reading import Check

STYLES: dict[Became, str] = {
    "kept": "green",
    "known": "cyan",
    "would_be_kept": "green",
    "check": "dim",
    "refused": "bold red",
    "not_understood": "bold red",
    "no_key": "yellow",
}
CHECKS_SHOWN_MAX = 200
_encode = msgspec.json.Encoder().encode


class Report:
    """Takes each outcome: counts it, writes it down if asked to, keeps the counters for the table at the end."""

    def __init__(self, file: Path | None) -> None:
        self.lines: Counter[Became] = Counter()
        self.events: Counter[tuple[str, Became]] = Counter()
        self.checks: list[Check] = []
        self._file = None if file is None else file.open("wb")

    def take(self, outcome: LineOutcome) -> None:
        """Notes one outcome."""
        self.lines[outcome.became] += 1
        if outcome.organisation is not None:
            self.events[outcome.organisation, outcome.became] += max(1, len(outcome.events))
        if outcome.check is not None and len(self.checks) < CHECKS_SHOWN_MAX:
            self.checks.append(outcome.check)
        if self._file is not None:
            self._file.write(_encode(outcome) + b"\n")

    @property
    def troubled(self) -> bool:
        """Whether some line became nothing that it should have become."""
        return any(self.lines[became] for became in TROUBLES)

    def close(self) -> None:
        """What was written is whole on the disk."""
        if self._file is not None:
            self._file.close()


@contextmanager
def report_to(file: Path | None) -> Iterator[Report]:
    """A report, written to `file` line by line if there is one."""
    report = Report(file)
    try:
        yield report
    finally:
        report.close()


def progress_on(console: Console, *, kind: type[Progress] = Progress) -> Progress:
    """A bar that stands below what is printed."""
    return kind(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=32),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
    )


def line_said(outcome: LineOutcome) -> str:
    """One outcome as one or more lines with markup: which fact, what became of it, as which event, where."""
    style = STYLES[outcome.became]
    name = outcome.name or f"line {outcome.line}"
    said = [f"{escape(f'{name:<16}')} [{style}]{WORDS[outcome.became]}[/]"]
    if outcome.check is not None:
        said.append(escape(f"{outcome.check.title}, {outcome.check.written}: {figures(outcome.check)}"))
    elif not outcome.events:
        said.append(escape(outcome.why or ""))
    shown = [said]
    for event in outcome.events:
        place = "" if event.position is None else f"{outcome.organisation} {event.position}"
        words = [
            escape(word) for word in (f"{event.type:<24}", f"{event.stream:<40}", place, event.why or "")
        ]
        shown.append([" " * 16, *words] if event is not outcome.events[0] else [*shown.pop(), *words])
    return "\n".join("  ".join(part for part in line if part).rstrip() for line in shown)


def figures(check: Check) -> str:
    """The figures of a counter in words: `active projects at least 100`."""
    return "; ".join(f"{_words(name)} {value:,}" for name, value in check.figures.items()) or "no figure"


def _words(name: str) -> str:
    for end, said in (("_min", " at least"), ("_max", " at most"), ("_pct", " %")):
        if name.endswith(end):
            return _words(name.removesuffix(end)) + said
    return name.replace("_", " ")


def summary_table(report: Report) -> Table:
    """How many lines became what, and how many events that was for each organisation."""
    organisations = sorted({organisation for organisation, _ in report.events})
    table = Table(title="What became of the lines", title_justify="left")
    table.add_column("")
    table.add_column("lines", justify="right")
    for organisation in organisations:
        table.add_column(escape(f"{organisation} events"), justify="right")
    for became, lines in report.lines.most_common():
        counted = "" if became == "check" else None
        row = [
            counted if counted is not None else f"{report.events[organisation, became]:,}"
            for organisation in organisations
        ]
        table.add_row(f"[{STYLES[became]}]{WORDS[became]}[/]", f"{lines:,}", *row)
    return table


def checks_table(checks: Iterable[Check]) -> Table:
    """The counters that were published, to compare a dashboard with as at their dates."""
    table = Table(title="Published counters, to check against (no events)", title_justify="left")
    for column in ("", "as at", "counted", "what", "figures"):
        table.add_column(column)
    for check in sorted(checks, key=lambda check: (check.organisation, check.written)):
        counted = check.counted.replace("_", " ")
        told = (check.organisation, check.written, counted, check.title, figures(check))
        table.add_row(*(escape(cell) for cell in told))
    return table
