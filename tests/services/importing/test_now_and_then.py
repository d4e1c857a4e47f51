"""How far long work is, in a pipe and on a terminal."""

from io import StringIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn

from services.importing.now_and_then import ProgressInLines


def said(*, every_s: float, terminal: bool = False) -> list[str]:
    """What is said of a piece of work with three steps."""
    out = StringIO()
    console = Console(file=out, force_terminal=terminal, width=80)
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn())
    with ProgressInLines(*columns, console=console, transient=True, every_s=every_s) as progress:
        bar = progress.add_task("Loading [/x]", total=3)
        for _ in range(2):
            progress.advance(bar)
        progress.update(bar, completed=3)
    return [line for line in out.getvalue().splitlines() if line]


def test_in_a_pipe_there_is_a_line_at_once_and_then_every_so_often() -> None:
    assert said(every_s=3_600) == ["Loading [/x] …"]
    assert said(every_s=0) == ["Loading [/x] …", *(f"Loading [/x]  {done}/3" for done in (1, 2, 3))]


def test_a_terminal_shows_a_bar_instead() -> None:
    assert not any("…" in line for line in said(every_s=0, terminal=True))
