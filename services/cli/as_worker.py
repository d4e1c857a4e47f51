"""The database as the workers' role has it, for commands that do workers' work: feed, rebuild, try again."""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

import psycopg
import rich_click as click
from psycopg.conninfo import make_conninfo

from services.cli.way_in import unreachable, way_in
from services.operating import WORKER
from services.settings import Settings, WrongSettings

Connection: TypeAlias = psycopg.Connection[tuple[Any, ...]]

_ORGANISATIONS = "SELECT organisation FROM log.organisations ORDER BY organisation LIMIT 10000"


@contextlib.contextmanager
def as_worker(*, name: str) -> Iterator[Connection]:
    """A connection that commits each statement, to QILEDGER_DATABASE_URL or the house that is up.

    What cannot be done is said as an error of the command.
    """
    try:
        settings = Settings.read()
        conninfo = make_conninfo(way_in(settings), application_name=f"qiledger {name}", connect_timeout=10)
        with psycopg.connect(conninfo, autocommit=True) as conn:
            conn.execute(f"SET ROLE {WORKER}")
            conn.execute("SET timezone = 'UTC'")
            yield conn
    except WrongSettings as wrong:
        raise click.ClickException(str(wrong)) from None
    except psycopg.errors.InsufficientPrivilege:
        raise click.ClickException(f"Use a URL that may act as {WORKER}, or an administrator's.") from None
    except (
        psycopg.errors.UndefinedTable,
        psycopg.errors.UndefinedObject,
        psycopg.errors.InvalidParameterValue,
    ):
        raise click.ClickException("The database lacks part of the schema: qiledger migrate.") from None
    except psycopg.OperationalError as away:
        raise unreachable(away) from None


def codes(conn: Connection, asked: Sequence[str]) -> list[str]:
    """The organisations that were asked for, all by default. Raises ClickException for one without a log."""
    known = [code for (code,) in conn.execute(_ORGANISATIONS)]
    for code in asked:
        if code not in known:
            raise click.ClickException(f"No log is open for {code}. Open are: {', '.join(known) or 'none'}.")
    return [code for code in known if not asked or code in asked]
