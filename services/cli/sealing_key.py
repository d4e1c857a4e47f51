"""`qiledger sealing-key`: makes the key that seals, and shows its public half."""

from pathlib import Path

import rich_click as click

from events.log.notes import SigningKey
from events.log.sealing_key import origin_of
from services.cli.as_worker import as_worker, codes
from services.proving import believed
from services.sealing import KEY_NAME, host_of, write_key
from services.settings import Settings, WrongSettings


@click.group("sealing-key")
def sealing_key() -> None:
    """The key that signs checkpoints. Only the sealer has it; everybody may have its public half."""


@sealing_key.command("new")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def new(file: Path) -> None:
    """Make a key and write it to FILE, for your eyes only. Prints its public half.

    Name the file in QILEDGER_SEALING_KEY_FILE of the sealer. When it follows another key, name that one's public half
    in QILEDGER_SEALING_KEYS_BEFORE: the new key signs the next checkpoint, and both go on being believed.
    """
    key = SigningKey.make(KEY_NAME)
    try:
        write_key(file.absolute(), key)
    except FileExistsError:
        raise click.ClickException(f"{file} is there already; a key is never overwritten.") from None
    except OSError as wrong:
        raise click.ClickException(f"{file} cannot be written: {wrong.strerror}.") from None
    click.echo(key.public.write())


@sealing_key.command("show")
@click.argument("organisations", nargs=-1)
def show(organisations: tuple[str, ...]) -> None:
    """Print the public key under the name of each log: what verifiers and witnesses are given."""
    try:
        settings = Settings.read()
        keys = believed(settings)
    except WrongSettings as wrong:
        raise click.ClickException(str(wrong)) from None
    if not keys:
        raise click.ClickException(
            "No sealing key is known here: QILEDGER_SEALING_KEY_FILE, or a house that is up."
        )
    with as_worker(name="sealing-key") as conn:
        named = dict(conn.execute("SELECT organisation, origin FROM proof.logs").fetchall())
        logs = codes(conn, organisations)
    for log in logs:
        for key in keys:
            click.echo(key.named(named.get(log) or origin_of(host_of(settings), log)).write())
