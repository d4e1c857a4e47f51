"""`qiledger backup` and `qiledger restore`: by Postgres's own programs, and safe to be served afterwards."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psycopg
import rich_click as click
from rich.console import Console
from rich.markup import escape

from events.counted import counted
from events.log.earlier import Unreadable, earlier_in
from events.log.sealing_key import Remembered
from events.log.verdict import Earlier
from events.privacy.ledger import DamagedLedger, Ledger
from services import backups
from services.backups import Description, NoTool, WrongBackup
from services.cli.as_auditor import database_url, speaking
from services.custody import ledger_file
from services.embedded import NoServerFound, Postgres, ServerFailed
from services.embedded.claim import DirectoryInUse
from services.embedded.identity import NoIdentity
from services.operating import drop_database, make_database
from services.sealing import LAST_DIRECTORY
from services.settings import Settings, WrongSettings
from services.whole_house import DATABASE, house_at


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
    click.echo(
        "Not in it, and to be kept elsewhere: the master key, the sealing key, the ledger of erasures, the checkpoints "
        "(in a house of its own: the directories custody and sealing).",
        err=True,
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

    If none is named, into a Postgres of our own in QILEDGER_DATA_DIRECTORY, where `qiledger up` will find it: bring the
    directories `custody` and `sealing` of the old house there first. Nothing of the house may run meanwhile. Every log
    is held against the checkpoint kept outside; rules go on from now, so that nobody is told of the past again;
    erasures since the backup are done again. Then start the house.
    """
    console = Console(highlight=False, soft_wrap=True)
    earlier = [_earlier(path) for path in checkpoints]
    with speaking():
        settings = _settings()
        with _where_to(settings) as (url, take_out), _all_of_it(url, take_out):
            description = _brought(url, directory)
            logs, destroyed = backups.made_safe(
                url,
                description,
                kept=_checkpoints_kept(settings),
                checkpoints=earlier,
                ledger=Ledger(ledger_file(settings)),
                accept_loss=accept_loss,
            )
    for log in logs:
        against = (
            ", ".join(log.held_against) or "no checkpoint from outside: nothing but the backup speaks for it"
        )
        console.print(
            f"{log.log}: {counted(log.position, 'record')}, root {log.root}, held against {escape(against)}"
        )
    following = "qiledger up" if settings.database_url is None else "qiledger migrate, qiledger doctor"
    console.print(f"{counted(destroyed, 'person was', 'persons were')} erased again. Next: {following}")


def _settings() -> Settings:
    try:
        return Settings.read()
    except WrongSettings as wrong:
        raise click.ClickException(str(wrong)) from None


@contextmanager
def _where_to(settings: Settings) -> Iterator[tuple[str, Callable[[], None] | None]]:
    """The database to restore into, and how to take out what was restored where it is ours. Raises ClickException."""
    if settings.database_url is not None:
        yield settings.database_url, None
        return
    ours = settings.data_directory / "postgres"
    if house_at(settings.data_directory):
        raise click.ClickException(
            f"A house is up at {settings.data_directory}: nothing was restored. Stop it, and restore into another data "
            "directory (QILEDGER_DATA_DIRECTORY), or move its `postgres` away first."
        )
    try:
        with Postgres(ours) as server:
            make_database(server.url(), DATABASE)

            def take_out() -> None:
                drop_database(server.url(), DATABASE)
                make_database(server.url(), DATABASE)

            if backups.was_interrupted(server.url(DATABASE)):
                take_out()  # what one left that was killed
            yield server.url(DATABASE), take_out
    except (DirectoryInUse, NoIdentity, NoServerFound, ServerFailed) as wrong:
        raise click.ClickException(str(wrong)) from None


@contextmanager
def _all_of_it(url: str, take_out: Callable[[], None] | None) -> Iterator[None]:
    """What does not come to its end, for whatever reason, is taken out again where the database is ours.

    A crash here leaves the mark of the restore: `up` and `migrate` refuse the database, and a restore begins anew.
    """
    try:
        yield
    except (Unreadable, DamagedLedger, WrongBackup) as wrong:
        raise click.ClickException(f"{_undone(url, take_out)}: {wrong}") from None
    except click.ClickException:
        raise  # nothing was brought
    except BaseException:
        if said := _undone(url, take_out):
            click.echo(f"The restore was not finished. {said}.", err=True)
        raise


def _undone(url: str, take_out: Callable[[], None] | None) -> str | None:
    """What is to be said of a database whose restore ended early; None where nothing of it was brought, or all."""
    try:
        if not backups.was_interrupted(url):
            return None
        if take_out is None:
            return "Do not serve this database"
        take_out()
    except psycopg.Error:
        return "Do not serve what there is of it"
    return "It was taken out again"


def _brought(url: str, directory: Path) -> Description:
    """The backup is in the database, and not safe to be served yet. Raises ClickException; then nothing is in it."""
    try:
        return backups.restore(url, directory)
    except (NoTool, WrongBackup) as wrong:
        raise click.ClickException(f"Nothing was restored: {wrong}") from None


def _checkpoints_kept(settings: Settings) -> Remembered | None:
    """The checkpoints outside the database: where the operator keeps them, or as a house at the data directory does."""
    ours = settings.data_directory / LAST_DIRECTORY
    kept = settings.seal_directory or (ours if settings.database_url is None and ours.exists() else None)
    return None if kept is None else Remembered(kept)


def _earlier(path: Path) -> Earlier:
    try:
        return earlier_in(path.read_bytes(), [], called=path.name)
    except Unreadable as wrong:
        raise click.ClickException(f"{path}: {wrong}.") from None
