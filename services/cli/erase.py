"""`qiledger erase`: destroys the key of a person, on record, with a certificate of what that did."""

from pathlib import Path
from typing import get_args

import msgspec
import rich_click as click

from events.counted import counted
from events.log.outcomes import UnknownOrganisation
from events.privacy.erasing import (
    Certificate,
    ErasureGrounds,
    OnHold,
    erase,
    must_have_a_log,
    refuse,
    to_be_told,
)
from events.privacy.ledger import Ledger
from events.privacy.writing_anew import READ_JUST_NOW, write_anew
from events.rights import Grounds
from services.cli.as_operator import as_operator, person_of
from services.cli.on_record import fit_for_the_record
from services.custody import ledger_file
from services.settings import Settings


@click.command("erase")
@click.argument("person")
@click.option("--organisation", required=True, help="Whose log names the person.")
@click.option(
    "--grounds",
    type=click.Choice(get_args(ErasureGrounds)),
    help="On which grounds (UK GDPR, Article 17 (1)).",
)
@click.option(
    "--refuse",
    "refused",
    type=click.Choice(get_args(Grounds)),
    help="Do not erase: put on record that it was asked for and refused, on these grounds (Article 17 (3)).",
)
@click.option("--reason", help="Why, without a word about the person. It stays on record.")
@click.option(
    "--copy",
    "copies",
    multiple=True,
    help="A place outside that held a copy and was cleared, for the record.",
)
@click.option(
    "--certificate",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the certificate there, as JSON; it is printed in any case.",
)
@click.option("--yes", is_flag=True, help="Do not ask again.")
def erase_(
    person: str,
    organisation: str,
    grounds: ErasureGrounds | None,
    refused: Grounds | None,
    reason: str | None,
    copies: tuple[str, ...],
    file: Path | None,
    *,
    yes: bool,
) -> None:
    """Make the words of a person unreadable for ever, and forget how they are reached.

    PERSON is the opaque reference, such as person/8Qm2. Request, decision and execution are put on record. A legal
    hold on anything that names the person defers it: the request is on record, and the command ends with status 2.
    """
    if (grounds is None) == (refused is None):
        raise click.UsageError("Give --grounds to erase, or --refuse with the grounds of a refusal.")
    reference = person_of(person)
    with as_operator(name="erase") as conn, fit_for_the_record():
        try:
            must_have_a_log(conn, organisation)
            if refused is not None:
                with conn.transaction():
                    refuse(conn, organisation, reference, grounds=refused, reason=reason)
                click.echo(f"Refused, on record: {refused}.")
                return
            assert grounds is not None
            to_be_told(reason, copies)
            if not yes:
                asked = f"Destroy the key of {reference} of {organisation}? This cannot be undone."
                click.confirm(asked, abort=True)
            ledger = Ledger(ledger_file(Settings.read()))
            given = erase(
                conn, ledger, organisation, reference, grounds=grounds, reason=reason, copies=copies
            )
        except OnHold as held:
            click.echo(f"Nothing was erased: {held}.", err=True)
            raise SystemExit(2) from None
        except UnknownOrganisation as unknown:
            raise click.ClickException(str(unknown)) from None
        handed_over = _handed_over(given, file)
        if not write_anew(conn):
            click.echo(f"{READ_JUST_NOW}.", err=True)
        conn.execute("CHECKPOINT")
    _say(given)
    if not handed_over:
        raise SystemExit(1)


def _handed_over(given: Certificate, file: Path | None) -> bool:
    """Prints the certificate, which is made once, and writes it: where one fails the other is done all the same."""
    text = msgspec.json.format(msgspec.json.encode(given)).decode()
    try:
        click.echo(text)
    finally:
        written = file is None or _is_written(file, text)
    return written


def _is_written(file: Path, text: str) -> bool:
    try:
        file.write_text(f"{text}\n", encoding="utf-8")
    except OSError as refused:
        click.echo(f"The certificate was printed, and is not in {file}: {refused.strerror}.", err=True)
        return False
    return True


def _say(given: Certificate) -> None:
    """The gist, for whoever ran it."""
    if given.keys_destroyed:
        words = counted(given.words_unreadable, "text of theirs is", "texts of theirs are")
        click.echo(f"{given.person} is erased: {words} unreadable now.", err=True)
    else:
        click.echo(f"{given.person} had no key any more, or none yet; none will be made.", err=True)
