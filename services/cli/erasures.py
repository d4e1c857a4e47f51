"""`qiledger erasures`: the ledger of erasures, which a restored backup knows nothing of."""

import rich_click as click

from events.privacy.ledger import DamagedLedger, Ledger
from events.privacy.reapplying import reapply
from events.privacy.writing_anew import READ_JUST_NOW, write_anew
from services.cli.as_operator import as_operator
from services.custody import ledger_file
from services.custody_found import unwritten
from services.settings import Settings, WrongSettings


@click.group("erasures")
def erasures() -> None:
    """List what was erased; erase it again after a restore."""


@erasures.command("list")
def list_() -> None:
    """List every erasure in the ledger: when, whose key, and which it was."""
    try:
        for erasure in _ledger().erasures():
            click.echo(f"{erasure.at}  {erasure.organisation}  {erasure.person}  {erasure.key}")
    except DamagedLedger as wrong:
        raise click.ClickException(str(wrong)) from None


@erasures.command("apply")
def apply() -> None:
    """Destroy again what the ledger says was destroyed: after a restore, before anybody reads.

    Whose key is destroyed here, and of whom the ledger does not know, is written down in it. Applying it twice does no
    harm. Ends with status 1 if there is no ledger where it should be.
    """
    ledger = _ledger()
    if not ledger.file.exists():
        raise click.ClickException(
            f"There is no ledger of erasures at {ledger.file}. Set QILEDGER_ERASURE_LEDGER if it is elsewhere."
        )
    with as_operator(name="erasures") as conn:
        if missing := unwritten(conn, ledger):
            ledger.add(*missing)
        with conn.transaction():
            destroyed = reapply(conn, ledger)
        if not write_anew(conn):
            click.echo(f"{READ_JUST_NOW}.", err=True)
    known = sum(1 for _ in ledger.erasures())
    click.echo(
        f"{known:,} in the ledger; {destroyed:,} had come back and {'is' if destroyed == 1 else 'are'} gone again."
    )


def _ledger() -> Ledger:
    try:
        return Ledger(ledger_file(Settings.read()))
    except WrongSettings as wrong:
        raise click.ClickException(str(wrong)) from None
