"""`qiledger witness`: a witness of other people's logs, with a directory and a key of its own."""

from pathlib import Path

import rich_click as click

from events.log.notes import NoteKey, WrongNoteKey
from services.witness.memory import NoWitness, make, trust
from services.witness.serving import serve, status

DIRECTORY = click.option(
    "--directory",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Where the witness keeps its key and what it has seen.",
)
LOGS = click.option(
    "--log", "logs", multiple=True, help="The public key of a log: name+id+key, as /v1/RWK/log/keys lists it."
)


@click.group("witness")
def witness() -> None:
    """Co-sign the checkpoints of logs that only ever add to what they have shown before.

    Run it on another machine than the log's, by other people. It needs no database: a directory is all it has.
    """


@witness.command("init")
@DIRECTORY
@click.option(
    "--name", required=True, help="What it is called: a name of yours, such as witness.example.org/w1."
)
@LOGS
def init(directory: Path, name: str, logs: tuple[str, ...]) -> None:
    """Make a witness: a key, and the logs that it co-signs for. Prints its public key, for QILEDGER_WITNESSES."""
    try:
        key = make(directory.absolute(), name, _keys(logs))
    except FileExistsError:
        raise click.ClickException(f"{directory} has a witness already.") from None
    except WrongNoteKey as wrong:
        raise click.ClickException(f"{wrong}.") from None
    click.echo(key.public.write())


@witness.command("trust")
@DIRECTORY
@LOGS
def trust_(directory: Path, logs: tuple[str, ...]) -> None:
    """Add a log, or a new key of one. A witness that is being served takes it up when it is started again."""
    try:
        trust(directory.absolute(), _keys(logs))
    except NoWitness as wrong:
        raise click.ClickException(f"{wrong}.") from None


@witness.command("serve")
@DIRECTORY
@click.option("--host", default="127.0.0.1", show_default=True, help="Where to listen.")
@click.option("--port", type=click.IntRange(1, 65535), default=8099, show_default=True, help="The port.")
def serve_(directory: Path, host: str, port: int) -> None:
    """Serve the witness: POST /add-checkpoint, as c2sp.org/tlog-witness says."""
    try:
        serve(directory.absolute(), host, port)
    except NoWitness as wrong:
        raise click.ClickException(f"{wrong}.") from None


@witness.command("status")
@DIRECTORY
def status_(directory: Path) -> None:
    """Print the witness's public key, and how far it has seen each log."""
    try:
        key, shown = status(directory.absolute())
    except NoWitness as wrong:
        raise click.ClickException(f"{wrong}.") from None
    click.echo(key)
    for log in shown:
        click.echo(f"{log.origin}  {log.size}  {log.root or '-'}")


def _keys(logs: tuple[str, ...]) -> list[NoteKey]:
    try:
        return [NoteKey.read(log) for log in logs]
    except WrongNoteKey as wrong:
        raise click.ClickException(f"--log: {wrong}.") from None
