"""`qiledger rebuild`: makes the rows of projections anew from the log, beside those that readers are shown."""

import time
from collections.abc import Sequence
from typing import Any

import rich_click as click
from rich.console import Console
from rich.progress import Progress, TaskID

from projections.engine.beside import PROCESSES_MAX, processors
from projections.engine.checkpoint import LEASE_S, Fenced, Held
from projections.engine.feed import Progress as Fed
from projections.engine.found import found
from projections.engine.projection import Projection
from projections.engine.rebuild import Rebuilt, rebuild_together
from services.cli.as_worker import Connection, as_worker, codes
from services.cli.bars import bars, until_interrupted

ALL = "all"
HELD_FOR_S = 2.0 * LEASE_S  # so long we wait for whoever else is at it
LOOK_EVERY_S = 0.2
PROCESSES_AT_ALL = 64
ROUNDS_MAX = 1_000  # of catching up with a log that grows meanwhile


@click.command("rebuild")
@click.argument("projection")
@click.option("--organisation", "organisations", multiple=True, help="Whose rows; of all by default.")
@click.option(
    "--processes",
    type=click.IntRange(0, PROCESSES_AT_ALL),
    default=processors,
    help=f"How many others fold a long log. By default one a processor, {PROCESSES_MAX} at most; 0 for none.",
)
def rebuild(projection: str, organisations: tuple[str, ...], processes: int) -> None:
    """Make the rows of PROJECTION, or of `all`, anew from the log: of all of them in one pass over it.

    Readers are shown the old rows until the new ones have caught up. Ctrl-C interrupts; run the same again to go on
    where it stopped. Works as the workers' role on QILEDGER_DATABASE_URL, or on the house that is up.
    """
    console = Console(highlight=False)
    with until_interrupted(console), as_worker(name="rebuild") as conn:
        _rebuild_all(conn, _asked_for(projection), codes(conn, organisations), processes, console)


def _asked_for(name: str) -> list[Projection[Any]]:
    if name == ALL:
        return list(found().values())
    if name not in found():
        raise click.UsageError(
            f"There is no projection {name!r}. There are: {', '.join(found())}; or all of them: {ALL}."
        )
    return [found()[name]]


def _rebuild_all(
    conn: Connection,
    projections: Sequence[Projection[Any]],
    organisations: Sequence[str],
    processes: int,
    console: Console,
) -> None:
    """One organisation after the other, each in one pass over its log. What fails does not stop the rest."""
    failed: list[str] = []
    with bars(console) as progress:
        for organisation in organisations:
            what = projections[0].name if len(projections) == 1 else f"{len(projections)} projections"
            bar = progress.add_task(f"{organisation} {what}", total=None)
            failed += _rebuild_one(conn, projections, organisation, processes, progress, bar)
            progress.remove_task(bar)
    if failed:
        raise click.ClickException("\n".join(failed))


def _rebuild_one(
    conn: Connection,
    projections: Sequence[Projection[Any]],
    organisation: str,
    processes: int,
    progress: Progress,
    bar: TaskID,
) -> list[str]:
    """Until readers are shown all that can be made. Whoever else is at it is waited for, for a while.

    Returns what is to be said of the others.
    """

    def moved(fed: Fed) -> None:
        progress.update(bar, completed=fed.position, total=fed.head)

    left, failed = {projection.name: projection for projection in projections}, list[str]()
    began = time.monotonic()
    for _ in range(ROUNDS_MAX):
        rebuilt = rebuild_together(
            conn, list(left.values()), organisation, on_progress=moved, processes=processes
        )
        waits = time.monotonic() < began + HELD_FOR_S
        for name, how in rebuilt.items():
            said = _said(name, organisation, how, began, waits=waits)
            if said is None:
                continue
            del left[name]
            if isinstance(how, Exception):
                failed.append(said)
            else:
                progress.console.print(said)
        if not left:
            return failed
        if any(isinstance(how, Held | Fenced) for how in rebuilt.values()):
            time.sleep(LOOK_EVERY_S)
    return failed + [f"The log of {organisation} grows faster than {name} is made." for name in left]


def _said(name: str, organisation: str, how: Rebuilt | Exception, began: float, *, waits: bool) -> str | None:
    """What is to be said of a rebuild that has come to its end, None of one that is to go on."""
    match how:
        case Held() | Fenced():
            busy = f"Somebody else is rebuilding {name} of {organisation}. Try again in a while."
            return None if waits else busy
        case Exception():
            return f"{name} of {organisation} cannot be rebuilt: {type(how).__name__}: {how}"
        case Rebuilt(done=False):
            return None
        case _:
            took = time.monotonic() - began
            return f"{organisation} {name}: rebuilt to record {how.position:,} in {took:.1f} s"
