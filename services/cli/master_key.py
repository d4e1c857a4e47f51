"""`qiledger master-key`: a new one, which one it is, and wrapping every person's key by another."""

import time
from pathlib import Path

import rich_click as click

from events.log.operations import note
from events.operations import MasterKeyRotated
from events.privacy.custody import MASTERS_MAX, NoMasterKey, custodian, entrust, keys_in, new_master_key
from events.privacy.rewrapping import rewrap_all, rewrap_invitations, under_others
from services.cli.as_operator import Connection, as_operator
from services.custody import custodian_of_house, master_key_file, write_master_keys
from services.settings import Settings
from services.webhooks import keeping

_ALONE = "SELECT pg_try_advisory_lock(hashtextextended('qiledger master key', 0))"
FOLLOWED_WITHIN_S = 3.0  # a key that is being made is in the database by then


@click.group("master-key")
def master_key() -> None:
    """The master key, which wraps the keys of persons and is in no database."""


@master_key.command("new")
def new() -> None:
    """Print a master key that nobody has seen, for QILEDGER_MASTER_KEY_FILE."""
    click.echo(new_master_key())


@master_key.command("show")
def show() -> None:
    """Say which master keys there are, by name and never the key, and how many keys each of them wraps."""
    with as_operator(name="master-key") as conn:
        current = custodian().current()
        counted = conn.execute(
            "SELECT master, count(*) FROM vault.keys WHERE wrapped IS NOT NULL"
            " GROUP BY master ORDER BY master LIMIT 1000"
        ).fetchall()
    click.echo(f"current: {current}")
    for name, count in counted:
        click.echo(f"{name} wraps {count:,} {'key' if count == 1 else 'keys'}")


@master_key.command("rotate")
@click.option("--keep-old", is_flag=True, help="Leave the old key in the file, behind the new one.")
def rotate(*, keep_old: bool) -> None:
    """Wrap every person's key by a new master key, and what signs webhooks. What the keys encrypt is not touched.

    Where the master key is in a file (QILEDGER_MASTER_KEY_FILE, or that of a house of its own), a new key is put in
    front in it, everything is wrapped anew, and the old key is taken out; processes that run follow by themselves. With
    a command or QILEDGER_MASTER_KEY you change the key first, and this wraps what the old one wrapped. It can be
    interrupted; run again, it goes on with the key that it had put in front.
    """
    with as_operator(name="master-key") as conn:
        _be_alone(conn)
        file = master_key_file(Settings.read())
        if file is not None:
            _put_in_front(conn, file)
            entrust(custodian_of_house(Settings.read()))
        has = custodian()
        was, done = rewrap_all(conn, has)
        if file is not None:
            # Whoever had read the file before makes a last key with the old one.
            time.sleep(FOLLOWED_WITHIN_S)
            for organisation, keys in rewrap_all(conn, has)[1].items():
                done[organisation] = done.get(organisation, 0) + keys
        while rewrap_invitations(conn, has):
            pass
        while keeping.rewrap(conn, has):  # what signs webhooks is encrypted with the master key itself
            pass
        for organisation, keys in done.items():
            noted = MasterKeyRotated(was=was, now=has.current(), keys=keys)
            with conn.transaction():
                note(conn, organisation, noted)
        if file is not None and not keep_old:
            _take_others_out(conn, file)
    total = sum(done.values())
    click.echo(f"{total:,} {'key is' if total == 1 else 'keys are'} wrapped by {has.current()}.")


def _be_alone(conn: Connection) -> None:
    """As long as this connection lives nobody else rotates: of two new keys one would be written over, and lost."""
    row = conn.execute(_ALONE).fetchone()
    if row is None or not row[0]:
        raise click.ClickException("Another rotation is under way. Run this again when it has ended.")


def _put_in_front(conn: Connection, file: Path) -> None:
    """A new key before those in the file, unless a rotation was interrupted: something is not wrapped by the first yet.

    Raises NoMasterKey where the file holds as many as it may.
    """
    text = file.read_text(encoding="ascii")
    current, *others = keys_in(text)
    if others and _others_are_used(conn, but=current):
        click.echo(f"A rotation to {current} was interrupted; this goes on with it.", err=True)
        return
    if len(others) + 1 == MASTERS_MAX:
        raise NoMasterKey(f"{file} holds {MASTERS_MAX} keys: take out those at its end that no backup needs.")
    write_master_keys(file, f"{new_master_key()}\n{text.strip()}")


def _take_others_out(conn: Connection, file: Path) -> None:
    """Leaves the first key in the file, unless something is wrapped by another after all. Raises NoMasterKey then."""
    words = file.read_text(encoding="ascii").replace(",", " ").split()
    if _others_are_used(conn, but=next(iter(keys_in(words[0])))):
        raise NoMasterKey(
            "Something was wrapped by an older key meanwhile, which stays in the file: run this again."
        )
    write_master_keys(file, words[0])


def _others_are_used(conn: Connection, *, but: str) -> bool:
    """Whether something is wrapped by a master key other than this."""
    return under_others(conn, but) or keeping.under_others(conn, but)
