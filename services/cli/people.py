"""`qiledger people`: how persons are reached, by reference. Every look is on record."""

import msgspec
import rich_click as click

from events.log.operations import note
from events.log.outcomes import UnknownOrganisation
from events.log.read import FOR_ORGANISATION
from events.operations import ContactChanged, ContactEmptied, ContactRead
from events.privacy.vault import Erased, Reach, contact_of, empty_contact, put_contact
from services.cli import people_moving
from services.cli.as_operator import Connection, as_operator, person_of

OPERATOR = "operator"  # the client, on record, of what is done by command


@click.group("people")
def people() -> None:
    """Say, show or forget how a person is reached; move people. Works as an administrator; every look is on record."""


people.add_command(people_moving.invite)
people.add_command(people_moving.pack)
people.add_command(people_moving.unpack)


@people.command("show")
@click.argument("organisation")
@click.argument("person")
def show(organisation: str, person: str) -> None:
    """Show how a person is reached."""
    reference = person_of(person)
    with as_operator(name="people") as conn, conn.transaction():
        _note(conn, organisation, ContactRead(person=reference, client=OPERATOR))
        contact = contact_of(conn, organisation, reference)
    if contact is None:
        raise click.ClickException(f"Nothing is known of how to reach {reference}.")
    click.echo(msgspec.json.format(msgspec.json.encode(contact)))


@people.command("put")
@click.argument("organisation")
@click.argument("person")
@click.option("--name", help="What they are called.")
@click.option("--email", help="Where they get e-mail.")
@click.option("--phone", help="Where they are called.")
def put(organisation: str, person: str, name: str | None, email: str | None, phone: str | None) -> None:
    """Say how a person is reached, in place of what was known."""
    reference = person_of(person)
    try:
        reach = msgspec.convert({"name": name, "email": email, "phone": phone}, Reach)
    except msgspec.ValidationError as wrong:
        raise click.ClickException(str(wrong)) from None
    with as_operator(name="people") as conn, conn.transaction():
        try:
            put_contact(conn, organisation, reference, reach)
        except Erased as erased:
            raise click.ClickException(f"{erased}.") from None
        _note(conn, organisation, ContactChanged(person=reference, client=OPERATOR))
    click.echo(f"{reference} is kept.")


@people.command("forget")
@click.argument("organisation")
@click.argument("person")
def forget(organisation: str, person: str) -> None:
    """Forget how a person is reached. Their words stay readable until `qiledger erase`."""
    reference = person_of(person)
    with as_operator(name="people") as conn, conn.transaction():
        emptied = empty_contact(conn, organisation, reference)
        _note(conn, organisation, ContactEmptied(person=reference, client=OPERATOR))
    click.echo(f"{reference} is forgotten." if emptied else f"Nothing was known of {reference}.")


def _note(conn: Connection, organisation: str, event: ContactRead | ContactChanged | ContactEmptied) -> None:
    """On record by the transaction that does it. An organisation without a log is said as an error of the command."""
    conn.execute(FOR_ORGANISATION, (organisation,))
    try:
        note(conn, organisation, event)
    except UnknownOrganisation as unknown:
        raise click.ClickException(str(unknown)) from None
