"""How long work shows its progress, and how it is interrupted: Ctrl-C and SIGTERM end it alike, with status 130."""

import contextlib
import signal
from collections.abc import Iterator

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

INTERRUPTED = 130


def bars(console: Console) -> Progress:
    """Progress bars that are gone when the work is done."""
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=32),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
    )


@contextlib.contextmanager
def until_interrupted(console: Console) -> Iterator[None]:
    """What was made until Ctrl-C or SIGTERM is kept; the command says so and ends. A statement is rolled back."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    except KeyboardInterrupt:
        console.print("Interrupted. What was made is kept; run the same again to go on.")
        raise SystemExit(INTERRUPTED) from None
    finally:
        signal.signal(signal.SIGTERM, before)
