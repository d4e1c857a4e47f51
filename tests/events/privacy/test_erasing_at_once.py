"""Erasure, and whoever keeps something of the person at that very moment: nothing of it is left either way."""

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from events.privacy.erasing import erase
from events.privacy.ledger import Ledger
from events.privacy.vault import PUT, Erased, Reach, key_for, put_contact, sealed
from events.privacy.writing_anew import write_anew
from services.channels.inbox import Inbox
from services.channels.letter import Letter
from tests.events.privacy.conftest import entered
from tests.patience import wait_until

Conn = psycopg.Connection[Any]
PERSON = "person/8Qm2"
AMINA = Reach(name="Amina Example", email="amina@example.org")
LETTER = Letter(id="m" * 16, at=datetime.now(UTC), subject="To you", text="To you", marked="To you", html="")


@pytest.fixture
def admin(database_url: str) -> Iterator[Conn]:
    with psycopg.connect(database_url, autocommit=True) as conn:
        yield conn


@pytest.fixture
def erased(admin: Conn, organisation: str, tmp_path: Path) -> Callable[[], threading.Thread]:
    """Begins to erase the person; returns once that is done, or waits for somebody."""

    def at_it() -> threading.Thread:
        ledger = Ledger(tmp_path / "erasures.ndjson")
        thread = threading.Thread(
            target=lambda: erase(admin, ledger, organisation, PERSON, grounds="consent_withdrawn")
        )
        thread.start()
        wait_until(lambda: not thread.is_alive() or waits(admin), within_s=20, what="it is erased, or waits")
        return thread

    return at_it


def waits(conn: Conn) -> bool:
    with psycopg.connect(conn.info.dsn, password=conn.info.password) as other:
        row = other.execute(
            "SELECT cardinality(pg_blocking_pids(%s)) > 0", [conn.info.backend_pid]
        ).fetchone()
    return bool(row and row[0])


def count(conn: Conn, table: str, organisation: str) -> int:
    (number,) = conn.execute(
        f"SELECT count(*) FROM {table} WHERE organisation = %s", [organisation]
    ).fetchone() or (-1,)  # type: ignore[call-overload]
    return int(number)


def test_a_letter_that_comes_while_the_person_is_erased_is_in_no_inbox(
    worker: Conn, admin: Conn, organisation: str, erased: Callable[[], threading.Thread]
) -> None:
    with worker.transaction():
        Inbox(worker, organisation).send(LETTER, PERSON)
        erasing = erased()
    erasing.join()
    assert count(admin, "notices.inbox", organisation) == 0
    Inbox(worker, organisation).send(LETTER, PERSON)
    assert count(admin, "notices.inbox", organisation) == 0


def test_a_contact_that_is_told_while_the_person_is_erased_is_not_kept(
    api: Conn, admin: Conn, organisation: str, erased: Callable[[], threading.Thread]
) -> None:
    key_for(api, organisation, PERSON)
    with api.transaction():
        put_contact(api, organisation, PERSON, AMINA)
        erasing = erased()
    erasing.join()
    assert count(admin, "vault.contacts", organisation) == 0


def test_a_contact_sealed_with_a_key_that_was_destroyed_meanwhile_is_not_kept(
    api: Conn, admin: Conn, organisation: str, erased: Callable[[], threading.Thread]
) -> None:
    """A process of the API believes a key for some seconds."""
    key = key_for(api, organisation, PERSON)
    erased().join()
    told = {"organisation": organisation, "person": PERSON}
    kept = api.execute(PUT, told | {"sealed": sealed(key, organisation, PERSON, AMINA)})
    assert kept.rowcount == 0
    assert count(admin, "vault.contacts", organisation) == 0
    with pytest.raises(Erased):
        put_contact(api, organisation, PERSON, AMINA)


def test_pages_are_not_written_anew_while_somebody_reads_them_and_nobody_waits_for_that(
    api: Conn, worker: Conn, admin: Conn
) -> None:
    """A backup of the vault reads it for as long as it takes: the API would wait behind whoever waits for its end."""
    read = "SELECT count(*) FROM vault.keys"
    with worker.transaction():
        worker.execute(read)
        assert not write_anew(admin, within_s=0.0)
        api.execute("SET statement_timeout = '20s'")
        api.execute(read)
    assert write_anew(admin)
    assert admin.execute("SHOW lock_timeout").fetchone() == ("0",)


def test_two_who_erase_at_once_destroy_one_key_and_each_has_a_certificate(
    api: Conn, admin: Conn, organisation: str, database_url: str, tmp_path: Path
) -> None:
    put_contact(api, organisation, PERSON, AMINA)
    ledger, certificates = Ledger(tmp_path / "erasures.ndjson"), []

    def one() -> None:
        with psycopg.connect(database_url, autocommit=True) as conn:
            certificates.append(erase(conn, ledger, organisation, PERSON, grounds="consent_withdrawn"))

    threads = [threading.Thread(target=one) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(len(one.keys_destroyed) for one in certificates) == [0, 0, 0, 1]
    assert {one.person for one in ledger.erasures()} == {PERSON}
    assert count(admin, "vault.contacts", organisation) == 0
    with entered(database_url, "qiledger_worker", organisation) as worker:
        assert worker.execute("SELECT wrapped FROM vault.keys").fetchall() == [(None,)]
