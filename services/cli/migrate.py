"""`qiledger migrate`: brings a database to the schema of this code, and lets the house's roles in."""

import os

import psycopg
import rich_click as click

from events.log.migrate import SchemaMismatch
from events.log.migrate import migrate as bring_up_to_date
from events.privacy.ledger import DamagedLedger
from services.cli.way_in import unreachable
from services.custody import ledger_file
from services.operating import API, WORKER, let_in
from services.settings import Settings, WrongSettings
from services.whole_house import erase_again, passwords_given


@click.command("migrate")
@click.option(
    "--let-in", "open_doors", is_flag=True, help="Let the API and the workers log in without passwords."
)
def migrate(*, open_doors: bool) -> None:
    """Apply the migrations that are missing, as an administrator of QILEDGER_DATABASE_URL.

    Roles are made without a way in. QILEDGER_API_PASSWORD, QILEDGER_WORKER_PASSWORD, QILEDGER_REPORT_PASSWORD and
    QILEDGER_AUDITOR_PASSWORD give the roles qiledger_api and so on a password, and let them log in. Who came back with
    a backup and was erased since, by the ledger of erasures, is erased again.
    """
    try:
        settings = Settings.read()
        url = settings.database_url
        if url is None:
            raise click.ClickException(
                "Set QILEDGER_DATABASE_URL to an administrator's way into the database."
            )
        applied = bring_up_to_date(url)
        for name in applied:
            click.echo(f"applied {name}")
        if not applied:
            click.echo("Nothing to do: the database is up to date.")
        erase_again(url, ledger_file(settings), click.echo)
        for role in _let_in(url, open_doors=open_doors):
            click.echo(f"{role} may log in")
    except (WrongSettings, SchemaMismatch, DamagedLedger) as wrong:
        raise click.ClickException(str(wrong)) from None
    except psycopg.errors.InsufficientPrivilege as refused:
        raise click.ClickException(f"This role may not migrate: {refused.diag.message_primary}.") from None
    except psycopg.OperationalError as away:
        raise unreachable(away) from None


def _let_in(url: str, *, open_doors: bool) -> list[str]:
    passwords: dict[str, str | None] = dict(passwords_given(os.environ))
    if open_doors:
        for role in (API, WORKER):
            passwords.setdefault(role, None)
    with psycopg.connect(url, autocommit=True, application_name="qiledger migrate") as conn:
        for role, password in passwords.items():
            let_in(conn, role, password=password)
    return list(passwords)
