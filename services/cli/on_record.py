"""Reads in the database itself, by command: on record among the operations, like an auditor's reads over HTTP."""

import contextlib
from collections.abc import Iterator

import msgspec
import psycopg
import rich_click as click

from events.log.operations import ENDING
from services.cli.as_auditor import Connection

off_the_record = click.option(
    "--off-the-record", is_flag=True, help="Do not note it, where the database may only be read."
)


@contextlib.contextmanager
def fit_for_the_record() -> Iterator[None]:
    """Words that may not stand on record are said as an error of the command."""
    try:
        yield
    except (msgspec.ValidationError, UnicodeEncodeError) as wrong:
        raise click.ClickException(f"This may not stand on record: {wrong}.") from None


_NOTE = "SELECT log.note_read(%s, %s, %s, %s)"


def note_read(conn: Connection, organisation: str, door: str, *, first: int | None, last: int | None) -> None:
    """Puts it on record that these positions are about to be shown, by the role that logged in; and says so.

    Before anything is shown. Raises ClickException where that cannot be written down.
    """
    try:
        with conn.transaction():
            conn.execute("SET TRANSACTION READ WRITE")
            conn.execute(_NOTE, (organisation, door, first, last))
    except (psycopg.errors.ReadOnlySqlTransaction, psycopg.errors.FeatureNotSupported):
        raise click.ClickException(
            "This database may only be read, so that you read cannot be put on record. Read where it can be, or say "
            "--off-the-record and tell the operator."
        ) from None
    log = organisation.removesuffix(ENDING) + ENDING
    click.echo(f"That you read this is on record in {log}.", err=True)
