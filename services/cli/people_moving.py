"""`qiledger people invite`, `pack` and `unpack`: an organisation's people move house, beside their log."""

import os
from pathlib import Path

import rich_click as click

from events.counted import counted
from events.log.notes import NoteKey, SigningKey, WrongNoteKey
from events.log.outcomes import UnknownOrganisation
from events.privacy import moving, moving_people
from events.privacy.custody import custodian
from events.privacy.ledger import Ledger
from events.privacy.moving import CannotMove, Invitation
from services.cli.as_operator import as_operator
from services.custody import ledger_file
from services.sealing import sealing_key_of_house
from services.settings import Settings, WrongSettings

_VACUUM = "VACUUM (FULL) vault.keys, vault.contacts, vault.invitations"  # no page keeps the private half


@click.command("invite")
@click.argument("organisation")
def invite(organisation: str) -> None:
    """Print an invitation for the people of ORGANISATION, at the installation that they come to.

    It is a public key, good for one file: hand it to the operator of the installation that has them, and compare its
    name, the 16 letters in its middle, by telephone.
    """
    with as_operator(name="people") as conn, conn.transaction():
        invitation = moving_people.invite(conn, organisation, custodian())
    click.echo(invitation.written())


@click.command("pack")
@click.argument("invitation")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), required=True)
def pack(invitation: str, output: Path) -> None:
    """Write the keys and addresses of an organisation's people into one file, sealed to an INVITATION.

    At the installation that has them. Nobody but the one that made the invitation can read it. It is signed by the key
    that seals the log, named by QILEDGER_SEALING_KEY_FILE or kept by the house. That it was packed is on record.
    """
    try:
        if output.exists():
            raise CannotMove(f"{output} is there already")
        invited, settings = Invitation.read(invitation), Settings.read()
        signing = _signing_key(settings)
        with as_operator(name="people") as conn, conn.transaction():
            ledger = Ledger(ledger_file(settings))
            content = moving_people.pack(conn, invited, ledger, custodian(), signing)
        _write(output, content)
    except (CannotMove, WrongSettings, UnknownOrganisation) as wrong:
        raise _said(wrong) from None
    click.echo(f"The people of {invited.organisation} are in {output}, sealed to invitation {invited.id}.")


@click.command("unpack")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--public-key", "keys", multiple=True, help="Whose signature is believed, as name+id+key.")
def unpack(file: Path, keys: tuple[str, ...]) -> None:
    """Take the people in FILE in, at the installation that made the invitation, beside their log.

    `qiledger load` comes first. Who was erased, there or here, is not taken in and stays erased. On record.
    """
    try:
        known = [NoteKey.read(text) for text in keys]
        if file.stat().st_size > moving.BYTES_MAX:
            raise CannotMove(f"a file of people has at most {moving.BYTES_MAX:,} bytes")
        read = moving.read(file.read_bytes())
        with as_operator(name="people") as conn:
            with conn.transaction():
                ledger = Ledger(ledger_file(Settings.read()))
                taken = moving_people.take_in(conn, read, ledger, custodian(), keys=known)
            conn.execute(_VACUUM)
    except (CannotMove, WrongNoteKey, WrongSettings, UnknownOrganisation) as wrong:
        raise _said(wrong) from None
    click.echo(
        f"{taken.organisation}: {counted(taken.persons, 'person is', 'persons are')} taken in; "
        f"{counted(taken.were_there, 'was', 'were')} there, "
        f"{counted(taken.erased, 'is erased and stays', 'are erased and stay')} so."
    )


def _signing_key(settings: Settings) -> SigningKey:
    key = sealing_key_of_house(settings)
    if key is None:
        raise CannotMove(
            "the file is signed by the key that seals the log, which is not here: QILEDGER_SEALING_KEY_FILE"
        )
    return key


def _write(output: Path, content: bytes) -> None:
    try:
        descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as wrong:
        raise CannotMove(f"{output} cannot be written: {wrong.strerror}") from None
    with os.fdopen(descriptor, "wb") as opened:
        opened.write(content)
        opened.flush()
        os.fsync(opened.fileno())


def _said(wrong: Exception) -> click.ClickException:
    said = str(wrong).rstrip(".")
    return click.ClickException(f"{said[:1].upper()}{said[1:]}.")
