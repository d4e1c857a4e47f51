"""`qiledger refusals`: what the sealer would not sign, and what an operator decides about it."""

import rich_click as click

from events.log.refusals import NothingToDecide, begin_anew, try_again, undecided
from services.cli.as_worker import as_worker


@click.command("refusals")
@click.argument("log", required=False)
@click.option(
    "--try-again", "again", metavar="WHY", help="What was wrong is mended: let the sealer look again."
)
@click.option(
    "--begin-anew",
    "anew",
    metavar="WHY",
    help="What was signed is lost for good: seal from the first record on.",
)
def refusals(log: str | None, again: str | None, anew: str | None) -> None:
    """List what the sealer refused to sign, or decide about the LOG that a refusal stands on.

    After --begin-anew the log has another origin: whoever trusts its checkpoints, witnesses too, has to be told why,
    and given the new name. Ends with status 1 while a refusal stands.
    """
    if (again or anew) and log is None:
        raise click.ClickException("Say which log: qiledger refusals RWK --try-again WHY")
    if again and anew:
        raise click.ClickException("Decide one or the other.")
    with as_worker(name="refusals") as conn:
        try:
            if log is not None and again:
                try_again(conn, log, again)
                click.echo(f"The sealer looks at {log} again.")
            if log is not None and anew:
                click.echo(f"{log} is sealed from its first record on, as {begin_anew(conn, log, anew)}.")
        except NothingToDecide:
            raise click.ClickException(f"No refusal stands on {log}.") from None
        standing = [refusal for refusal in undecided(conn) if log in (None, refusal.log)]
    for refusal in standing:
        click.echo(f"{refusal.log}  {refusal.refused_at:%Y-%m-%d %H:%M}  {refusal.reason}")
    if standing:
        raise SystemExit(1)
