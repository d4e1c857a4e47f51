"""The client reads along: none missed, none twice, resumed from any place; and asks projections."""

import psycopg
import pytest

from projections.engine.advance import advance
from qiledger_client import Client, NotFound
from qiledger_client.events import CycleTested, ProjectStarted
from tests.patience import wait_until


@pytest.fixture
def told(ledger: Client) -> int:
    """Twelve events of three projects."""
    tellings = [
        ledger.telling(ProjectStarted(title=f"Project {n % 3}"), about=f"project/P-{n % 3}", at="2026")
        for n in range(11)
    ]
    tellings.append(ledger.telling(CycleTested(cycle="C-1", tested="x"), about="project/P-1", at="2026"))
    return len(ledger.tell_many(tellings))


def test_the_feed_has_every_record_once_in_order(ledger: Client, told: int):
    assert [record.position for record in ledger.feed(limit=5)] == list(range(1, told + 1))


def test_a_reader_goes_on_where_it_ended(ledger: Client, told: int):
    first = ledger.page(limit=5)
    rest = list(ledger.feed(first.next, limit=5))
    assert [record.position for record in (*first.records, *rest)] == list(range(1, told + 1))
    assert [record.position for record in ledger.feed(7)] == list(range(8, told + 1))


def test_the_feed_can_be_of_one_kind_or_one_stream(ledger: Client, told: int):
    assert [record.type for record in ledger.feed(types=["cycle.tested"])] == ["cycle.tested"]
    assert {record.stream for record in ledger.feed(stream="project/P-1")} == {"project/P-1"}


def test_a_follower_hears_what_is_told_later(ledger: Client, told: int):
    following = ledger.feed(told, follow=True)
    ledger.tell(ProjectStarted(title="Another"), about="project/P-9", at="2026")
    assert next(following).position == told + 1


def test_a_stream_that_nobody_told_of_is_not_found(ledger: Client):
    with pytest.raises(NotFound):
        ledger.stream("project/P-404")


def test_a_projection_is_asked_and_says_which_position_it_reflects(
    ledger: Client, told: int, database_url: str, organisation: str
):
    def fed() -> bool:
        with psycopg.connect(database_url, autocommit=True) as conn:
            conn.execute("SET ROLE qiledger_worker")
            return advance(conn, organisation, deadline=float("inf"))

    wait_until(fed, within_s=60, what="the projections are fed")
    answer = ledger.ask("projects", "one", project="P-1", at_least=told)
    assert answer.position == told
    assert answer.rows[0]["title"] == "Project 1"
    projections = {row["project"] for row in ledger.ask_all("projects", "some", limit=1)}
    assert projections == {"P-0", "P-1", "P-2"}
