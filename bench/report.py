"""How a measurement is printed: a row with its medians, its spread, and the ratio to what it is set against."""

import statistics
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import msgspec
from rich.console import Console
from rich.table import Table

console = Console(width=None if sys.stdout.isatty() else 120)


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One measurement against its peer. Where the design asks for it: `reach` of the ratio, `at_most` of the median."""

    what: str
    unit: str
    ours: list[float]
    peer: list[float] = []
    peer_is: str = ""
    reach: float | None = None
    at_most: float | None = None

    @property
    def ratio(self) -> float | None:
        return statistics.median(self.ours) / statistics.median(self.peer) if self.peer else None


def pairs(runs: int, ours: Callable[[], float], peer: Callable[[], float]) -> tuple[list[float], list[float]]:
    """Runs the two in turn, A B A B …, so that a machine that slows down slows both."""
    measured = [(ours(), peer()) for _ in range(runs)]
    return [a for a, _ in measured], [b for _, b in measured]


def show(title: str, rows: list[Row]) -> None:
    """Prints a table of measurements."""
    table = Table(title=title, title_justify="left", title_style="bold")
    for heading in ("what", "median", "spread", "against", "its median", "ratio", "reach"):
        table.add_column(heading, justify="left" if heading in ("what", "against") else "right")
    for row in rows:
        ratio = row.ratio
        table.add_row(
            row.what,
            f"{_figure(statistics.median(row.ours))} {row.unit}",
            _spread(row.ours),
            row.peer_is,
            _figure(statistics.median(row.peer)) if row.peer else "",
            f"{ratio:.2f}" if ratio is not None else "",
            _reach(row),
        )
    console.print(table)


def _reach(row: Row) -> str:
    if row.at_most is not None:
        return f"≤ {row.at_most:g} {row.unit}"
    return f"≥ {row.reach:g}" if row.reach is not None else ""


@contextmanager
def doing(what: str) -> Iterator[None]:
    """Says what is going on while it does."""
    with console.status(f"{what} …"):
        yield


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _spread(values: list[float]) -> str:
    return f"{_figure(min(values))} – {_figure(max(values))}" if len(values) > 1 else ""
