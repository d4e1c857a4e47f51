"""`qiledger organisations`: opens the logs of organisations, and lists them."""

import contextlib
from collections.abc import Iterator
from typing import Any

import psycopg
import rich_click as click

from services.cli.listing import listing, print_table
from services.cli.way_in import unreachable, way_in
from services.operating import WrongOrganisation, open_organisation
from services.operating import organisations as open_ones
from services.settings import Settings, WrongSettings


@click.group("organisations")
def organisations() -> None:
    """Open the log of an organisation; list those that are open.

    Works on QILEDGER_DATABASE_URL as an administrator, or on the house that is up at the data directory.
    """


@organisations.command("open")
@click.argument("code")
@click.option("--name", required=True, help="What it is called. Told again, it is called so from then on.")
def open_(code: str, name: str) -> None:
    """Open the log of an organisation under its ODS code, such as RWK."""
    with _database() as conn:
        open_organisation(conn, code, name)
    click.echo(f"{code} is open. Next: qiledger keys create {code} --client … --source …")


@organisations.command("list")
def list_() -> None:
    """List the organisations with the position that their log has come to."""
    with _database() as conn:
        found = open_ones(conn)
    table = listing("code", "name", "records", whole=("code",), right=("records",))
    for organisation in found:
        table.add_row(organisation.code, organisation.name, f"{organisation.position:,}")
    print_table(table)


@contextlib.contextmanager
def _database() -> Iterator[psycopg.Connection[Any]]:
    """A transaction on the database; what cannot be done is said as an error of the command."""
    try:
        settings = Settings.read()
        with psycopg.connect(
            way_in(settings), connect_timeout=10, application_name="qiledger organisations"
        ) as conn:
            yield conn
    except (WrongSettings, WrongOrganisation) as wrong:
        raise click.ClickException(str(wrong)) from None
    except psycopg.errors.InsufficientPrivilege:
        raise click.ClickException("This role may not open logs: use an administrator's URL.") from None
    except psycopg.errors.UndefinedTable:
        raise click.ClickException("The database has no schema yet: qiledger migrate.") from None
    except psycopg.OperationalError as away:
        raise unreachable(away) from None
