"""What became of messages that GOV.UK Notify had taken: asked by the official client, to a server on this machine."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from services.channels.notify import Notify
from services.worker.delivering.arrivals import ASKED_AFTER
from services.worker.duty import Connection
from tests.roles import as_role
from tests.services.channels.http_server import KEY, TEMPLATE, NotifyServer
from tests.services.worker.messages import Telling, deliver, with_master_key


@pytest.fixture(autouse=True)
def _master_key() -> Iterator[None]:
    take_away = with_master_key()
    yield
    take_away()


class House:
    """A trust that sends by Notify, and Notify."""

    def __init__(self, telling: Telling, conn: Connection, channel: Notify, server: NotifyServer) -> None:
        self.telling = telling
        self.conn = conn
        self.channel = channel
        self.server = server

    def sends(self) -> str:
        id_ = self.telling.plans("notify")
        deliver(self.conn, self.telling, self.channel)
        return id_

    def asks(self, **later: float) -> None:
        self.telling.later(**later)
        assert deliver(self.conn, self.telling, self.channel, asks=True)

    def arrival(self, id_: str) -> tuple[Any, ...]:
        (row,) = self.telling.does(
            "SELECT outcome, asked FROM notices.arrivals WHERE organisation = %s AND message = %s", id_
        )
        return row


@pytest.fixture
def house(database_url: str) -> Iterator[House]:
    telling = Telling(database_url)
    telling.knows()
    telling.now = datetime.now(UTC)  # addresses are changed by the database's clock
    worker = as_role(database_url, "qiledger_worker")
    with NotifyServer() as server, psycopg.connect(worker, autocommit=True) as conn:
        channel = Notify(KEY, TEMPLATE, server.url)
        yield House(telling, conn, channel, server)
        channel.drop()


def test_a_message_that_arrives_stays_sent_and_is_asked_for_no_more(house: House) -> None:
    id_ = house.sends()
    house.asks(seconds=30)
    assert house.arrival(id_) == (None, 0), "not so soon"
    house.asks(minutes=1)
    assert house.arrival(id_) == (None, 1)
    house.server.ends("delivered")
    house.asks(minutes=5)
    house.asks(hours=100)
    assert house.arrival(id_) == ("arrived", 2)
    assert house.telling.state(id_) == "sent"


def test_an_address_that_does_not_exist_is_marked_and_nothing_more_is_sent_there_until_it_is_changed(
    house: House,
) -> None:
    id_ = house.sends()
    house.server.ends("permanent-failure")
    house.asks(minutes=2)
    assert house.arrival(id_)[0] == "bounced"
    assert (house.telling.state(id_), house.telling.reason(id_)[:17]) == ("dead", "permanent-failure")
    another = house.sends()
    assert len(house.server.taken) == 1
    assert "nothing arrives at this person's address" in house.telling.reason(another)
    house.telling.knows(email="jo.new@nhs.test")
    third = house.sends()
    assert house.telling.state(third) == "sent"


def test_a_mailbox_that_was_full_is_the_senders_to_look_at_and_can_be_tried_again(house: House) -> None:
    id_ = house.sends()
    house.server.ends("temporary-failure")
    house.asks(minutes=2)
    assert house.arrival(id_)[0] == "failed"
    assert house.telling.state(id_) == "dead"
    house.telling.does(
        "UPDATE notices.messages SET state = 'waiting', try_at = NULL WHERE organisation = %s AND id = %s",
        id_,
    )
    deliver(house.conn, house.telling, house.channel)
    assert len(house.server.taken) == 2
    assert house.telling.state(id_) == "sent"
    assert house.arrival(id_) == (None, 0), "it is on its way again"


def test_nobody_is_asked_for_ever(house: House) -> None:
    id_ = house.sends()
    house.server.silent = True
    for _ in range(len(ASKED_AFTER) + 3):
        house.asks(hours=50)
    assert house.arrival(id_) == ("unheard", len(ASKED_AFTER))
    assert house.telling.state(id_) == "sent", "nothing says that it did not arrive"


def test_a_late_bounce_at_an_old_address_is_not_held_against_the_new_one(house: House) -> None:
    house.sends()
    house.telling.knows(email="jo.new@nhs.test")
    house.server.ends("permanent-failure")
    house.asks(minutes=2)
    assert house.telling.state(house.sends()) == "sent"
