"""In somebody's quiet hours nothing goes to them, whenever it was planned and however often it was tried."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from services.channels.outcome import TryLater
from services.worker.duty import Connection
from tests.roles import as_role
from tests.services.worker.messages import PERSON, Peer, Telling, deliver

EVENING, MORNING = datetime(2026, 11, 24, 21, tzinfo=UTC), datetime(2026, 11, 25, 7, tzinfo=UTC)


@pytest.fixture
def conn(database_url: str) -> Iterator[Connection]:
    with psycopg.connect(as_role(database_url, "qiledger_worker"), autocommit=True) as connection:
        yield connection


@pytest.fixture
def telling(database_url: str) -> Telling:
    told = Telling(database_url)
    told.knows()
    told.now = EVENING
    return told


def rest(telling: Telling, person: str = PERSON) -> None:
    telling.does(
        "INSERT INTO notices.quiet_hours (organisation, person, starts, ends) VALUES (%s, %s, '22:00', '07:00')",
        person,
    )


@pytest.mark.parametrize("person", [PERSON, "*"])
def test_what_failed_in_the_evening_is_not_tried_again_in_the_night(
    conn: Connection, telling: Telling, person: str
) -> None:
    rest(telling, person)
    id_ = telling.plans()
    peer = Peer("email", TryLater("450 busy", after=timedelta(hours=2)))
    deliver(conn, telling, peer)
    for _ in range(3):
        telling.later(hours=3)  # at midnight, at three, at six
        assert deliver(conn, telling, peer), "nothing is due"
    assert len(peer.letters) == 1
    telling.now = MORNING
    deliver(conn, telling, peer)
    assert telling.state(id_) == "sent"
    assert telling.does("SELECT tries FROM notices.messages WHERE organisation = %s") == [(1,)]


def test_quiet_hours_that_were_chosen_since_it_was_planned_count(conn: Connection, telling: Telling) -> None:
    telling.later(hours=2)
    id_, other = telling.plans(), telling.plans(person="person/p-2")
    telling.knows("person/p-2", "sam@nhs.test")
    rest(telling)
    peer = Peer()
    deliver(conn, telling, peer)
    assert (telling.state(id_), telling.state(other)) == ("waiting", "sent")
    assert telling.attempts(id_) == [], "what is put off was not tried"
    telling.now = MORNING
    deliver(conn, telling, peer)
    assert telling.state(id_) == "sent"


def test_the_inbox_fills_all_the_same(conn: Connection, telling: Telling) -> None:
    telling.later(hours=2)
    rest(telling)
    id_ = telling.plans("inbox")
    deliver(conn, telling)
    assert telling.state(id_) == "sent"


def test_what_no_longer_holds_is_withdrawn_in_the_night_too(conn: Connection, telling: Telling) -> None:
    telling.later(hours=2)
    rest(telling)
    id_ = telling.plans(kind="notice", notices=(telling.notices(cleared_at=telling.now),), facts={})
    deliver(conn, telling, Peer())
    assert telling.state(id_) == "withdrawn"
