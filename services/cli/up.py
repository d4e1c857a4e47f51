"""`qiledger up`: the whole house on this machine, its data kept."""

import os
import shlex
import time
from pathlib import Path

import psycopg
import rich_click as click
from rich.console import Console
from rich.markup import escape

from events.log.migrate import SchemaMismatch
from events.privacy.ledger import DamagedLedger
from services.cli.way_in import unreachable
from services.embedded import NoServerFound, ServerFailed
from services.embedded.claim import DirectoryInUse
from services.embedded.identity import NoIdentity
from services.house import ChildWillNotStay, told_to_stop
from services.ports import PortTaken
from services.settings import Settings, WrongSettings
from services.whole_house import PLACARD, Home, NotReady, Plan, passwords_given, whole_house

CANNOT_START = (
    ChildWillNotStay,
    DirectoryInUse,
    NoIdentity,
    NoServerFound,
    NotReady,
    PortTaken,
    SchemaMismatch,
    ServerFailed,
)


@click.command("up")
@click.option(
    "--data-directory",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where the data lie; QILEDGER_DATA_DIRECTORY by default.",
)
@click.option("--host", help="Where to listen; QILEDGER_HOST by default.")
@click.option("--port", type=click.IntRange(0, 65535), help="The port; QILEDGER_PORT by default, 0 for any.")
@click.option(
    "--fresh", type=click.IntRange(1, 64), default=2, show_default=True, help="Workers for projections."
)
@click.option(
    "--deliver",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    help="Workers that deliver messages to people.",
)
@click.option(
    "--long", type=click.IntRange(1, 64), default=1, show_default=True, help="Workers for long work."
)
def up(
    data_directory: Path | None, host: str | None, port: int | None, fresh: int, deliver: int, long: int
) -> None:
    """Start the whole house on this machine, and keep its data.

    Postgres and Valkey are our own unless QILEDGER_DATABASE_URL (an administrator's) or QILEDGER_REDIS_URL name others.
    Ctrl-C stops everything.
    """
    console = Console()
    began = time.monotonic()
    try:
        settings = Settings.read()
        plan = Plan(
            directory=(data_directory or settings.data_directory).absolute(),
            host=host or settings.host,
            port=settings.port if port is None else port,
            fresh=fresh,
            deliver=deliver,
            long=long,
            database_url=settings.database_url,
            redis_url=settings.redis_url,
            passwords=passwords_given(os.environ),
        )
        with (
            told_to_stop() as told,
            whole_house(plan, told=told, say=lambda said: console.print(f"{said} …")) as home,
        ):
            _welcome(console, home, time.monotonic() - began)
            home.house.wait()
        console.print("Stopped. The data are kept.")
    except (WrongSettings, DamagedLedger, *CANNOT_START) as wrong:
        raise click.ClickException(str(wrong)) from None
    except psycopg.OperationalError as away:
        raise unreachable(away) from None


def _welcome(console: Console, home: Home, took_s: float) -> None:
    lines = (
        f"\n[bold]qiledger is up[/] at [bold]{home.url}[/] after {took_s:.1f} s. Ctrl-C stops it.",
        f"Data and logs: {escape(str(home.directory))}",
        "",
        "In another terminal, as its operator:",
        f"  . {escape(shlex.quote(str(home.directory / PLACARD)))}",
        '  qiledger organisations open RWK --name "East London NHS Foundation Trust"',
        "  qiledger keys create RWK --client lifeqi --source https://lifeqi.example",
        "  qiledger status",
    )
    console.print("\n".join(lines), highlight=False, soft_wrap=True)
