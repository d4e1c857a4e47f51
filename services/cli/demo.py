"""`qiledger demo`: the whole house in a throw-away directory, with real history loaded and something to try next."""

import contextlib
import secrets
import shlex
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import psycopg
import rich_click as click
from rich.console import Console
from rich.markup import escape

from events.log import keys
from services.cli.up import CANNOT_START
from services.cli.way_in import unreachable
from services.data import public_history
from services.embedded.lifeline import Descent, launch
from services.embedded.places import throwaway_directory
from services.house import Told, told_to_stop
from services.importing import synthetic_history
from services.importing.loading import CatchUpTooSlow, load_public, load_synthetic, wait_until_caught_up
from services.importing.public_history import SOURCE
from services.importing.sending import CannotTell
from services.operating import drop_database, in_database, make_database, open_organisation
from services.ports import PortTaken, must_be_free
from services.settings import Settings, WrongSettings
from services.whole_house import PLACARD, Home, Plan, whole_house, write_env

TRUSTS = {
    "RWK": "East London NHS Foundation Trust",
    "RV3": "Central and North West London NHS Foundation Trust",
}
SYNTHETIC = synthetic_history.ORGANISATION
READS_AND_WRITES = (keys.WRITE, keys.READ, keys.ASK)
PORT = 8080


@click.command("demo")
@click.option(
    "--port", type=click.IntRange(0, 65535), help=f"The port; {PORT}, or any free one if that is taken."
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Where to listen.")
@click.option(
    "--env-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write QILEDGER_URL, QILEDGER_API_KEY and more here for scripts, as plain NAME=value lines, once real history "
    "is loaded; removed at the end.",
)
@click.option("--keep", is_flag=True, help="Keep the data directory when the demo ends.")
@click.option("--no-synthetic", is_flag=True, help="Real history only.")
@click.option(
    "--synthetic-projects",
    type=click.IntRange(1, 20_000),
    default=synthetic_history.PROJECTS,
    show_default=True,
    help="How many projects the invented trust has; about 130 events each.",
)
@click.option("--seed", type=int, default=1, show_default=True, help="Which invented history.")
def demo(
    port: int | None,
    host: str,
    env_file: Path | None,
    synthetic_projects: int,
    seed: int,
    *,
    keep: bool,
    no_synthetic: bool,
) -> None:
    """Show the whole house at work: real history of two trusts, loaded through the API.

    Everything lives in a directory of its own, which is removed at the end. Ctrl-C ends the demo. On a server that
    QILEDGER_DATABASE_URL names, the demo has a database of its own, dropped at the end.
    """
    console = Console(highlight=False)
    projects = 0 if no_synthetic else synthetic_projects
    try:
        settings = Settings.read()
        with (
            told_to_stop() as told,
            _directory(keep=keep, env_file=env_file) as directory,
            _database(settings.database_url) as database_url,
        ):
            plan = Plan(
                directory=directory,
                host=host,
                port=_port(host, port),
                database_url=database_url,
                redis_url=settings.redis_url,
            )
            _show(plan, told, console, env_file=env_file, projects=projects, seed=seed)
        console.print(f"Stopped. {'The data are kept.' if keep else 'Nothing is left behind.'}")
    except (WrongSettings, CannotTell, CatchUpTooSlow, *CANNOT_START) as wrong:
        raise click.ClickException(str(wrong)) from None
    except psycopg.OperationalError as away:
        raise unreachable(away) from None


def _show(
    plan: Plan, told: Told, console: Console, *, env_file: Path | None, projects: int, seed: int
) -> None:
    began = time.monotonic()
    with whole_house(plan, told=told, say=lambda said: console.print(f"[dim]{said} …[/]")) as home:
        console.print(f"The API answers at [bold]{home.url}[/] after {time.monotonic() - began:.1f} s.\n")
        organisations = TRUSTS | ({SYNTHETIC: synthetic_history.ORGANISATION_NAME} if projects else {})
        importers, guests = _open(home, organisations)
        load_public(public_history(), home.url, {code: importers[code] for code in TRUSTS}, console)
        wait_until_caught_up(home.ways.worker, console, organisations=tuple(TRUSTS))
        with _env_file(env_file, home, guests):
            console.print(_what_next(home, guests), soft_wrap=True)
            if projects:
                load_synthetic(home.url, importers[SYNTHETIC], console, projects=projects, seed=seed)
                wait_until_caught_up(home.ways.worker, console, organisations=(SYNTHETIC,))
            console.print(
                f"\nAll is loaded, {time.monotonic() - began:.0f} s after the start. Ctrl-C ends the demo."
            )
            home.house.wait()


def _open(home: Home, organisations: Mapping[str, str]) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """Opens the logs. Keys for the importers, each for its own source, and for the guest, for any."""
    importers, guests = {}, {}
    with psycopg.connect(home.ways.admin, application_name="qiledger demo") as conn:
        for code, name in organisations.items():
            open_organisation(conn, code, name)
            source = synthetic_history.SOURCE if code == SYNTHETIC else SOURCE
            client = "synthetic-history" if code == SYNTHETIC else "public-history"
            importers[code] = keys.create(conn, code, client, scopes=(keys.WRITE,), sources=(source,)).text
            guests[code] = keys.create(conn, code, "guest", scopes=READS_AND_WRITES, sources=("*",)).text
    return importers, guests


def _port(host: str, port: int | None) -> int:
    if port is not None:
        return port
    try:
        must_be_free(host, PORT)
    except PortTaken:
        return 0
    return PORT


@contextlib.contextmanager
def _database(server_url: str | None) -> Iterator[str | None]:
    """On a server that is given: a database of the demo's own, dropped at the end. None: a Postgres of our own."""
    if server_url is None:
        yield None
        return
    name = f"qiledger_demo_{secrets.token_hex(4)}"
    make_database(server_url, name)
    try:
        yield in_database(server_url, name)
    finally:
        drop_database(server_url, name)


@contextlib.contextmanager
def _directory(*, keep: bool, env_file: Path | None) -> Iterator[Path]:
    """A directory that goes with the demo, also when the demo is killed; or one that stays."""
    if keep:
        directory = Path.cwd() / f"qiledger-demo-{time.strftime('%Y%m%d-%H%M%S')}"
        directory.mkdir(mode=0o711)
        yield directory
        return
    with throwaway_directory("qiledger-demo-") as directory:
        files = () if env_file is None else (str(env_file.absolute()),)
        sweeper = launch(
            (sys.executable, "-P", "-m", "services.embedded.leavings", str(directory), *files),
            Descent(death_signal=signal.SIGTERM),
            output=None,
        )
        try:
            yield directory
        finally:
            sweeper.kill()
            sweeper.wait()


@contextlib.contextmanager
def _env_file(file: Path | None, home: Home, guests: Mapping[str, str]) -> Iterator[None]:
    """The file for scripts, while what it says is true."""
    if file is None:
        yield
        return
    lines = {"QILEDGER_URL": home.url, "QILEDGER_ORGANISATION": "RWK", "QILEDGER_API_KEY": guests["RWK"]}
    write_env(file, lines | {f"QILEDGER_API_KEY_{code}": key for code, key in guests.items()})
    try:
        yield
    finally:
        file.unlink(missing_ok=True)


def _what_next(home: Home, guests: Mapping[str, str]) -> str:
    """Lines that work as they stand, pasted into another terminal."""
    others = "\n".join(
        f"  export QILEDGER_API_KEY_{code}={key}" for code, key in guests.items() if code != "RWK"
    )
    return f"""
[bold]qiledger[/] at [bold]{home.url}[/]    data and logs: {escape(str(home.directory))}

[bold]Try next[/], in another terminal. A key for each organisation, as the guides in docs/ use them:
  export QILEDGER_URL={home.url}
  export QILEDGER_API_KEY={guests["RWK"]}
{others}

  [dim]# the first records of East London's log, as they were published[/]
  curl -sH "Authorization: Bearer $QILEDGER_API_KEY" "$QILEDGER_URL/v1/RWK/events?limit=3"

  [dim]# one project's whole story[/]
  curl -sH "Authorization: Bearer $QILEDGER_API_KEY" "$QILEDGER_URL/v1/RWK/streams/project/ivory-ward-length-of-stay"

  [dim]# what is made of the log, and what one may ask of it[/]
  curl -sH "Authorization: Bearer $QILEDGER_API_KEY" "$QILEDGER_URL/v1/RWK/projections"

  [dim]# tell an event of your own[/]
  curl -sH "Authorization: Bearer $QILEDGER_API_KEY" -H "Content-Type: application/cloudevents+json" \\
    "$QILEDGER_URL/v1/RWK/events" -d '{EXAMPLE}'

  [dim]# as the operator or the auditor of this house: the command `qiledger`, and its way in[/]
  export PATH={escape(shlex.quote(str(Path(sys.executable).parent)))}:$PATH
  . {escape(shlex.quote(str(home.directory / PLACARD)))}
  qiledger status

  [dim]# every door, in the browser[/]
  {home.url}/
"""


EXAMPLE = (
    '{"specversion":"1.0","id":"my-first","source":"https://example.org/me","type":"improvement.reported",'
    '"subject":"improvement/I-1","time":"2026-01-15T09:00:00Z","data":{"level":"team",'
    '"what_changed":"The huddle starts with one thing that went well yesterday."}}'
)
