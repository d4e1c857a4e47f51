"""A mail server says at once that an address is no good: it is marked, and nothing more is sent there."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from events.privacy.vault import empty_contact
from services.channels.letter import Letter
from services.channels.outcome import Outcome, Refused
from services.channels.smtp import Smtp, way_of
from services.worker.duty import Connection
from tests.roles import as_role
from tests.services.channels.mail_server import Scripted
from tests.services.worker.messages import PERSON, Peer, Telling, deliver, with_master_key


@pytest.fixture(autouse=True)
def _master_key() -> Iterator[None]:
    take_away = with_master_key()
    yield
    take_away()


@pytest.fixture
def conn(database_url: str) -> Iterator[Connection]:
    with psycopg.connect(as_role(database_url, "qiledger_worker"), autocommit=True) as connection:
        yield connection


@pytest.fixture
def telling(database_url: str) -> Telling:
    told = Telling(database_url)
    told.knows()
    told.now = datetime.now(UTC)  # addresses are changed by the database's clock
    return told


def marked(telling: Telling) -> list[tuple[Any, ...]]:
    return telling.does("SELECT person, said FROM notices.bad_addresses WHERE organisation = %s")


def test_an_address_that_a_server_does_not_know_is_marked_and_used_no_more_until_it_is_changed(
    conn: Connection, telling: Telling
) -> None:
    """Not by the next message that was taken up with it, nor by another channel."""
    ids = [telling.plans() for _ in range(2)]
    with Scripted({"rcpt": b"550 5.1.1 <jo.bloggs@nhs.test>: no such user"}) as server:
        channel = Smtp(way_of(f"smtp://127.0.0.1:{server.port}?tls=none"), "qi@trust.test")
        deliver(conn, telling, channel)
        del server.answers["rcpt"]
        assert marked(telling) == [(PERSON, "550 5.1.1 <…>: no such user")]
        reasons = {telling.reason(id_)[:40] for id_ in ids}
        assert reasons == {"550 5.1.1 <…>: no such user", "nothing arrives at this person's address"}
        ids += [telling.plans(), telling.plans("notify")]
        deliver(conn, telling, channel, notify := Peer("notify"))
        assert [telling.state(id_) for id_ in ids] == ["dead"] * 4
        assert (server.taken, notify.letters) == (0, [])
        telling.knows(email="jo.new@nhs.test")
        last = telling.plans()
        deliver(conn, telling, channel)
        assert (telling.state(last), server.taken) == ("sent", 1)


class Meanwhile(Peer):
    """While it speaks to a server that does not know the address, something happens to the address here."""

    def __init__(self, happens: Any) -> None:
        super().__init__("email", Refused("550 5.1.1 no such user", bad_address=True))
        self._happens = happens

    def send(self, letter: Letter, to: str) -> Outcome:
        self._happens()
        return super().send(letter, to)


def test_an_address_that_was_changed_while_a_server_refused_the_old_one_is_not_marked(
    conn: Connection, telling: Telling
) -> None:
    telling.plans()
    deliver(conn, telling, Meanwhile(lambda: telling.knows(email="jo.new@nhs.test")))
    assert marked(telling) == []
    last = telling.plans()
    deliver(conn, telling, Peer())
    assert telling.state(last) == "sent"


def test_nothing_is_kept_of_one_whose_address_was_emptied_meanwhile(
    conn: Connection, telling: Telling
) -> None:
    def emptied() -> None:
        with telling.admin() as admin:
            empty_contact(admin, telling.code, PERSON)

    id_ = telling.plans()
    deliver(conn, telling, Meanwhile(emptied))
    assert (telling.state(id_), marked(telling)) == ("dead", [])
