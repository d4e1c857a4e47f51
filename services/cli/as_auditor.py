"""The database as an auditor has it: everything may be read, nothing written."""

import contextlib
from collections.abc import Iterator
from typing import Any, TypeAlias

import psycopg
import rich_click as click
from psycopg.conninfo import make_conninfo

from events.log.outcomes import UnknownOrganisation
from services.cli.way_in import unreachable, way_in
from services.settings import Settings, WrongSettings

AUDITOR = "qiledger_auditor"

Connection: TypeAlias = psycopg.Connection[tuple[Any, ...]]


def database_url() -> str:
    """QILEDGER_DATABASE_URL, or the database of the house that is up. Raises ClickException."""
    try:
        return way_in(Settings.read())
    except WrongSettings as wrong:
        raise click.ClickException(str(wrong)) from None


@contextlib.contextmanager
def as_auditor(*, name: str) -> Iterator[Connection]:
    """A connection that commits each statement and can only read. What cannot be done is an error of the command."""
    with speaking(), connected(name=name) as conn:
        conn.execute(f"SET ROLE {AUDITOR}")
        conn.execute("SET default_transaction_read_only = on")
        yield conn


@contextlib.contextmanager
def connected(*, name: str) -> Iterator[Connection]:
    """A connection that commits each statement, as whoever the URL names, in UTC."""
    conninfo = make_conninfo(database_url(), application_name=f"qiledger {name}", connect_timeout=10)
    with psycopg.connect(conninfo, autocommit=True) as conn:
        conn.execute("SET timezone = 'UTC'")
        yield conn


@contextlib.contextmanager
def speaking() -> Iterator[None]:
    """What the database refuses is said as an error of the command."""
    try:
        yield
    except UnknownOrganisation as unknown:
        code = unknown.organisation
        capitals = "" if code == code.upper() else f" Codes have capital letters: is {code.upper()} meant?"
        raise click.ClickException(f"No log is open for {code}.{capitals}") from None
    except psycopg.errors.InsufficientPrivilege as refused:
        raise click.ClickException(f"This URL may not do that: {refused.diag.message_primary}.") from None
    except (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedObject, psycopg.errors.UndefinedFunction):
        raise click.ClickException("The database lacks part of the schema: qiledger migrate.") from None
    except psycopg.OperationalError as away:
        raise unreachable(away) from None
