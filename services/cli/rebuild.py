"""`qiledger rebuild`: makes the rows of projections anew from the log, beside those that readers are shown."""

import contextlib
import signal
import time
from collections.abc import Iterator, Sequence
from typing import Any

import rich_click as click
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from projections.engine.checkpoint import LEASE_S, Fenced, Held
from projections.engine.feed import Progress as Fed
from projections.engine.found import found
from projections.engine.projection import Projection
from projections.engine.rebuild import Rebuilt
from projections.engine.rebuild import rebuild as make_anew
from services.cli.as_worker import Connection, as_worker, codes

ALL = "all"
INTERRUPTED = 130
HELD_FOR_S = 2.0 * LEASE_S  # so long we wait for whoever else is at it
LOOK_EVERY_S = 0.2
ROUNDS_MAX = 1_000  # of catching up with a log that grows meanwhile


@click.command("rebuild")
@click.argument("projection")
@click.option("--organisation", "organisations", multiple=True, help="Whose rows; of all by default.")
def rebuild(projection: str, organisations: tuple[str, ...]) -> None:
    """Make the rows of PROJECTION, or of `all`, anew from the log.

    Readers are shown the old rows until the new ones have caught up. Ctrl-C interrupts; run the same again to go on
    where it stopped. Works as the workers' role on QILEDGER_DATABASE_URL, or on the house that is up.
    """
    console = Console(highlight=False)
    with _stopped_by_sigterm(), as_worker(name="rebuild") as conn:
        try:
            _rebuild_all(conn, _asked_for(projection), codes(conn, organisations), console)
        except KeyboardInterrupt:
            console.print("Interrupted. What was made is kept; run the same again to go on.")
            raise SystemExit(INTERRUPTED) from None


def _asked_for(name: str) -> list[Projection[Any]]:
    if name == ALL:
        return list(found().values())
    if name not in found():
        raise click.UsageError(
            f"There is no projection {name!r}. There are: {', '.join(found())}; or all of them: {ALL}."
        )
    return [found()[name]]


def _rebuild_all(
    conn: Connection, projections: Sequence[Projection[Any]], organisations: Sequence[str], console: Console
) -> None:
    with _bars(console) as progress:
        for projection in projections:
            for organisation in organisations:
                bar = progress.add_task(f"{organisation} {projection.name}", total=None)
                began = time.monotonic()
                rebuilt = _rebuild_one(conn, projection, organisation, progress, bar)
                progress.remove_task(bar)
                console.print(
                    f"{organisation} {projection.name}: rebuilt to record {rebuilt.position:,} "
                    f"in {time.monotonic() - began:.1f} s"
                )


def _rebuild_one(
    conn: Connection, projection: Projection[Any], organisation: str, progress: Progress, bar: TaskID
) -> Rebuilt:
    """Until readers are shown it. Whoever else is at it is waited for, for a while."""

    def moved(fed: Fed) -> None:
        progress.update(bar, completed=fed.position, total=fed.head)

    waits_until = time.monotonic() + HELD_FOR_S
    for _ in range(ROUNDS_MAX):
        try:
            rebuilt = make_anew(conn, projection, organisation, on_progress=moved)
        except (Held, Fenced):
            if time.monotonic() > waits_until:
                raise click.ClickException(
                    f"Somebody else is rebuilding {projection.name} of {organisation}. Try again in a while."
                ) from None
            time.sleep(LOOK_EVERY_S)
            continue
        if rebuilt.done:
            return rebuilt
    raise click.ClickException(f"The log of {organisation} grows faster than {projection.name} is made.")


def _bars(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=32),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
    )


@contextlib.contextmanager
def _stopped_by_sigterm() -> Iterator[None]:
    """A SIGTERM ends the work as Ctrl-C does: the statement is cancelled, its transaction rolled back."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
