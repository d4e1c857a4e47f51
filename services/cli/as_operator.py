"""The database as an administrator has it, for commands that only an operator may run."""

import contextlib
import re
from collections.abc import Iterator
from typing import Any, TypeAlias

import psycopg
import rich_click as click

from events.privacy.custody import NoMasterKey, entrust
from events.privacy.ledger import DamagedLedger, Ledger, heed
from services.cli.way_in import unreachable, way_in
from services.custody import custodian_of_house, ledger_file
from services.settings import Settings, WrongSettings

Connection: TypeAlias = psycopg.Connection[tuple[Any, ...]]

_PERSON = re.compile(r"(person/)?([A-Za-z0-9_-]{1,64})")


@contextlib.contextmanager
def as_operator(*, name: str) -> Iterator[Connection]:
    """A connection that commits each statement, to QILEDGER_DATABASE_URL or the house that is up.

    This process has the master key, if one is named. What cannot be done is said as an error of the command.
    """
    try:
        settings = Settings.read()
        entrust(custodian_of_house(settings))
        heed(Ledger(ledger_file(settings)))
        with psycopg.connect(
            way_in(settings), autocommit=True, connect_timeout=10, application_name=f"qiledger {name}"
        ) as conn:
            conn.execute("SET timezone = 'UTC'")
            yield conn
    except (WrongSettings, NoMasterKey, DamagedLedger) as wrong:
        raise click.ClickException(str(wrong)) from None
    except psycopg.errors.InsufficientPrivilege:
        raise click.ClickException("This role may not do that: use an administrator's URL.") from None
    except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName):
        raise click.ClickException("The database lacks part of the schema: qiledger migrate.") from None
    except psycopg.OperationalError as away:
        raise unreachable(away) from None


def person_of(text: str) -> str:
    """An opaque reference, with or without `person/` in front. Raises ClickException for a name or an address."""
    found = _PERSON.fullmatch(text)
    if found is None:
        raise click.ClickException(
            f"{text!r} is no reference: person/ and up to 64 of letters, digits, _ and -."
        )
    return f"person/{found[2]}"
