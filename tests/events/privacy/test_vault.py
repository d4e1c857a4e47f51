"""The vault: people are found by reference, by those who may, and not at all once it is emptied."""

from typing import Any

import psycopg
import pytest
from psycopg import errors

from events.privacy.custody import KeysInHand, NoMasterKey, custodian, entrust, new_master_key
from events.privacy.person_key import KeyRow, PersonKey, Unreadable, new_key, rewrapped
from events.privacy.vault import KEYS, Contact, Erased, Reach, contact_of, empty_contact, key_for, put_contact
from tests.conftest import MASTER_KEY
from tests.events.privacy.conftest import entered

Conn = psycopg.Connection[Any]
AMINA = Reach(name="Amina Example", email="amina@example.org", phone="+44 20 7946 0000")


def test_a_worker_finds_a_person_by_reference(api: Conn, worker: Conn, organisation: str):
    put_contact(api, organisation, "person/8Qm2", AMINA)
    assert contact_of(worker, organisation, "person/8Qm2") == Contact(
        person="person/8Qm2", name="Amina Example", email="amina@example.org", phone="+44 20 7946 0000"
    )
    assert contact_of(worker, organisation, "person/other") is None


def test_what_is_told_last_counts(api: Conn, organisation: str):
    put_contact(api, organisation, "person/8Qm2", AMINA)
    put_contact(api, organisation, "person/8Qm2", Reach(name="Amina"))
    assert contact_of(api, organisation, "person/8Qm2") == Contact(person="person/8Qm2", name="Amina")


def test_an_emptied_entry_is_gone(api: Conn, organisation: str):
    put_contact(api, organisation, "person/8Qm2", AMINA)
    assert empty_contact(api, organisation, "person/8Qm2")
    assert not empty_contact(api, organisation, "person/8Qm2")
    assert contact_of(api, organisation, "person/8Qm2") is None


def test_no_word_of_a_contact_stands_in_the_database(api: Conn, organisation: str, database_url: str):
    put_contact(api, organisation, "person/8Qm2", AMINA)
    with psycopg.connect(database_url) as conn:
        row = conn.execute(
            "SELECT sealed FROM vault.contacts WHERE organisation = %s", (organisation,)
        ).fetchone()
    assert row is not None
    assert b"mina" not in bytes(row[0])


def test_another_organisation_sees_nothing(api: Conn, organisation: str, database_url: str):
    put_contact(api, organisation, "person/8Qm2", AMINA)
    with entered(database_url, "qiledger_worker", "OTHER") as conn:
        assert contact_of(conn, organisation, "person/8Qm2") is None
        assert conn.execute("SELECT count(*) FROM vault.keys").fetchone() == (0,)
        with pytest.raises(errors.InsufficientPrivilege):
            put_contact(conn, organisation, "person/8Qm2", AMINA)


@pytest.mark.parametrize("role", ["qiledger_report", "qiledger_auditor"])
@pytest.mark.parametrize("table", ["keys", "contacts"])
def test_reporting_roles_do_not_get_in(database_url: str, organisation: str, role: str, table: str):
    with entered(database_url, role, organisation) as conn, pytest.raises(errors.InsufficientPrivilege):
        conn.execute(f"SELECT count(*) FROM vault.{table}")  # type: ignore[call-overload]


def test_a_destroyed_key_is_never_revived(api: Conn, organisation: str, database_url: str):
    put_contact(api, organisation, "person/8Qm2", AMINA)
    with psycopg.connect(database_url, autocommit=True) as conn:
        conn.execute(
            "UPDATE vault.keys SET wrapped = NULL, destroyed_at = now() WHERE organisation = %s",
            (organisation,),
        )
        for way in (
            "UPDATE vault.keys SET wrapped = 'x', destroyed_at = NULL WHERE organisation = %s",
            "DELETE FROM vault.keys WHERE organisation = %s",
        ):
            with pytest.raises(errors.InsufficientPrivilege):
                conn.execute(way, (organisation,))
    assert contact_of(api, organisation, "person/8Qm2") is None
    with pytest.raises(Erased):
        put_contact(api, organisation, "person/8Qm2", AMINA)


def test_a_key_wrapped_for_one_person_opens_for_nobody_else(organisation: str):
    row = new_key(organisation, "person/8Qm2", custodian())
    assert row.unwrapped(custodian()) is not None
    for other in (
        KeyRow(organisation, "person/T7x3", row.id, row.master, row.wrapped),
        KeyRow("OTHER", row.person, row.id, row.master, row.wrapped),
    ):
        with pytest.raises(NoMasterKey):
            other.unwrapped(custodian())


def test_a_new_master_key_takes_over_without_touching_what_was_encrypted(api: Conn, organisation: str):
    old, new = new_master_key(), new_master_key()
    before = custodian()
    try:
        entrust(KeysInHand(old))
        put_contact(api, organisation, "person/8Qm2", AMINA)
        key_for(api, organisation, "person/8Qm2")
        both, alone = KeysInHand(f"{new} {old}"), KeysInHand(new)
        row = KeyRow(
            *api.execute(KEYS, {"organisation": organisation, "persons": ["person/8Qm2"]}).fetchone()
        )  # type: ignore[misc]
        with pytest.raises(NoMasterKey, match=row.master):
            row.unwrapped(alone)
        again = rewrapped(row, both)
        assert again.master == both.current() != row.master
        key = again.unwrapped(alone)
        assert key is not None
        assert key.id == row.id
    finally:
        entrust(before)


def test_a_running_process_follows_a_change_of_the_master_key():
    old, new = new_master_key(), new_master_key()
    wrapped_anew = new_key("RWK", "person/8Qm2", KeysInHand(new))
    running = KeysInHand(old, again=lambda: f"{new}\n{old}\n")
    assert wrapped_anew.unwrapped(running) is not None
    assert new_key("RWK", "person/T7x3", running).master == KeysInHand(new).current(), (
        "never by the old one again"
    )


@pytest.mark.parametrize("text", ["", "   ", "short", "!" * 43, f"{MASTER_KEY} x"])
def test_a_text_that_is_no_master_key_is_refused(text: str):
    with pytest.raises(NoMasterKey):
        KeysInHand(text)


def test_the_same_words_at_the_same_place_are_the_same_bytes_and_elsewhere_others():
    key = PersonKey("k", b"\x07" * 32)
    assert key.seal_words(b"yes", b"here") == key.seal_words(b"yes", b"here")
    assert key.seal_words(b"yes", b"here") != key.seal_words(b"yes", b"there")
    assert key.seal_words(b"yes", b"here")[:12] != key.seal_words(b"yet", b"here")[:12]
    assert key.open_words(key.seal_words(b"yes", b"here"), b"here") == b"yes"
    with pytest.raises(Unreadable):
        key.open_words(key.seal_words(b"yes", b"here"), b"there")
    with pytest.raises(Unreadable):
        PersonKey("k", b"\x08" * 32).open_words(key.seal_words(b"yes", b"here"), b"here")
    with pytest.raises(Unreadable):
        key.open_words(b"", b"here")
