"""`qiledger backup` and `qiledger restore`: by Postgres's own programs, and safe to be served afterwards."""

from collections.abc import Sequence
from pathlib import Path

import rich_click as click
from rich.console import Console

from events.counted import counted
from events.log.earlier import Unreadable, earlier_in
from events.log.sealing_key import Remembered
from events.log.verdict import Earlier
from events.privacy.ledger import DamagedLedger, Ledger
from services import backups
from services.backups import NoTool, WrongBackup
from services.cli.as_auditor import database_url, speaking
from services.custody import ledger_file
from services.settings import Settings


@click.command("backup")
@click.argument("directory", type=click.Path(path_type=Path))
def backup(directory: Path) -> None:
    """Write everything that is in the database into the new DIRECTORY, of one moment. As an administrator.

    The sealing key, the master key and the ledger of erasures are not in it: keep them elsewhere.
    """
    with speaking():
        try:
            description = backups.backup(database_url(), directory)
        except (NoTool, WrongBackup) as wrong:
            raise click.ClickException(f"{wrong}") from None
        except FileExistsError:
            raise click.ClickException(f"{directory} is there already.") from None
    records = sum(log.position for log in description.logs)
    click.echo(
        f"{counted(len(description.logs), 'log')} with {counted(records, 'record')} in all: {directory}"
    )


@click.command("restore")
@click.argument("directory", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--checkpoint", "checkpoints", multiple=True, type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A checkpoint that was kept elsewhere; the log it is of must have had that root.",
)  # fmt: skip
@click.option(
    "--accept-loss", is_flag=True, help="Restore though what was sealed since is not in the backup."
)
def restore(directory: Path, checkpoints: Sequence[Path], *, accept_loss: bool) -> None:
    """Bring the backup in DIRECTORY into the empty database that QILEDGER_DATABASE_URL names.

    Nothing of the house may run meanwhile. Every log is held against the checkpoint kept outside; rules go on from now,
    so that nobody is told of the past again; erasures since the backup are done again. Then start the house.
    """
    console = Console(highlight=False, soft_wrap=True)
    earlier = [_earlier(path) for path in checkpoints]
    with speaking():
        settings, url = Settings.read(), database_url()
        ledger = Ledger(ledger_file(settings))
        kept = None if settings.seal_directory is None else Remembered(settings.seal_directory)
        try:
            description = backups.restore(url, directory)
            logs, destroyed = backups.made_safe(
                url, description, kept=kept, checkpoints=earlier, ledger=ledger, accept_loss=accept_loss
            )
        except (NoTool, WrongBackup, Unreadable, DamagedLedger) as wrong:
            raise click.ClickException(f"Do not serve this database: {wrong}") from None
    for log in logs:
        against = (
            ", ".join(log.held_against) or "no checkpoint from outside: nothing but the backup speaks for it"
        )
        console.print(
            f"{log.log}: {counted(log.position, 'record')}, root {log.root}, held against {against}"
        )
    console.print(
        f"{counted(destroyed, 'person was', 'persons were')} erased again. Next: qiledger migrate, qiledger doctor"
    )


def _earlier(path: Path) -> Earlier:
    try:
        return earlier_in(path.read_bytes(), [], called=path.name)
    except Unreadable as wrong:
        raise click.ClickException(f"{path}: {wrong}.") from None
