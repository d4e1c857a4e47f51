"""`qiledger load`: brings the log of another installation here, as it was: positions, moments, leaves, checkpoint."""

from pathlib import Path
from typing import Any

import psycopg
import rich_click as click
from rich.console import Console

from events.counted import counted
from events.log import loading
from events.log.exported import Head, Seal
from events.log.loading import OtherRecords
from events.log.operations import ENDING
from events.log.sealing_key import Remembered
from events.log.verifying import verify_file
from services.cli.as_auditor import connected, speaking
from services.cli.bars import bars, until_interrupted
from services.operating import open_organisation
from services.sealing import host_of
from services.settings import Settings, WrongSettings


@click.command("load")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--name", help="What the organisation is called, if its log is not open here yet.")
@click.option("--unsigned", is_flag=True, help="Load an export that no checkpoint has signed.")
def load(file: Path, *, name: str | None, unsigned: bool) -> None:
    """Load an export into the empty log of its organisation. For administrators.

    The export is verified first. Nobody sees any of it before all is there; nobody is told of it then. Ctrl-C
    interrupts; run the same again to go on where it stopped.
    """
    console = Console(stderr=True, highlight=False)
    verdict = verify_file(file, unsigned=unsigned)
    head = verdict.head
    if head is None or not verdict.holds:
        raise click.ClickException(f"This export does not hold: qiledger verify {file}")
    if head.first != 1:
        raise click.ClickException("A load begins with the first record: export the whole log.")
    seal = loading.seal_of(file)
    with until_interrupted(console), speaking(), connected(name="load") as conn:
        _open(conn, head, name)
        try:
            with bars(console) as progress:
                bar = progress.add_task(head.organisation, total=head.records)
                loaded = loading.load(
                    conn, file, head, seal, on_progress=lambda done, _: progress.update(bar, completed=done)
                )
            _remember(head, seal, verdict.origin)
            _finish(conn, head, seal)
        except (OtherRecords, psycopg.errors.ObjectNotInPrerequisiteState, psycopg.DataError) as wrong:
            raise click.ClickException(f"{wrong}".partition("\n")[0].rstrip(".") + ".") from None
        except psycopg.errors.UniqueViolation:
            raise click.ClickException("Something else is kept in this log: nothing can be loaded.") from None
    records = counted(loaded.records, "record is", "records are")
    console.print(f"{loaded.organisation}: {records} loaded; the root is {loaded.root.hex()}.")


def _open(conn: psycopg.Connection[Any], head: Head, name: str | None) -> None:
    row = conn.execute(
        "SELECT position FROM log.heads WHERE organisation = %s", (head.organisation,)
    ).fetchone()
    if row is not None:
        if row[0]:
            raise click.ClickException(
                f"The log of {head.organisation} has {counted(row[0], 'record')}: it is not empty."
            )
        return
    if name is None or head.organisation.endswith(ENDING):
        raise click.ClickException(f"No log is open for {head.organisation}. Say what it is called: --name.")
    with conn.transaction():
        open_organisation(conn, head.organisation, name)


def _remember(head: Head, seal: Seal, origin: str | None) -> None:
    """Where a sealer here goes by the same name, it goes on from the last checkpoint, or refuses."""
    try:
        settings = Settings.read()
        ours = f"{host_of(settings)}/{head.organisation}"
    except WrongSettings as wrong:
        raise click.ClickException(str(wrong)) from None
    if seal.checkpoint is not None and settings.seal_directory is not None and origin == ours:
        remembered = Remembered(settings.seal_directory)
        if remembered.read(ours) is None:
            remembered.write(ours, seal.checkpoint)


def _finish(conn: psycopg.Connection[Any], head: Head, seal: Seal) -> None:
    """The head moves, and rules go on from there: in one transaction, so that nobody is told of the past."""
    with conn.transaction():
        loading.finish(conn, head, seal)
        if not head.organisation.endswith(ENDING):
            conn.execute("SET LOCAL ROLE qiledger_worker")
            conn.execute("SELECT notices.be_silent_until_now(%s)", (head.organisation,))
