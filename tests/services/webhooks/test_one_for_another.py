"""No endpoint pays for another, nor a receiver for us: secrets that are lost, a sender that ends, slow ones, locks."""

import asyncio
import threading

import psycopg
import pytest

from services.webhooks.book import Book
from services.webhooks.choosing import SLOW_WIDTH
from tests.patience import wait_until
from tests.roles import as_role
from tests.services.webhooks.conftest import (
    Endpoint,
    Received,
    Receiver,
    Reply,
    Send,
    Trust,
    new_receiver,
    soon,
)

OK: Reply = (200, {}, b"")


class Hanging:
    """Answers nothing until it is let go, to what `hangs` says of."""

    def __init__(self, receiver: Receiver, hangs: str = "") -> None:
        self.receiver, self.hangs = receiver, hangs
        self.go = threading.Event()
        receiver.answers = self.answer

    def answer(self, received: Received) -> Reply:
        if received.event["subject"].endswith(self.hangs):
            self.go.wait(30)
        return OK


def lose_the_secret(endpoint: Endpoint) -> None:
    endpoint.change(
        "UPDATE webhooks.secrets SET master = 'another' WHERE organisation = %(organisation)s AND endpoint = %(id)s"
    )


def test_a_secret_that_cannot_be_opened_is_that_endpoints_alone(
    fresh_database_url: str, receiver: Receiver, sending: Send
) -> None:
    trust, other = Trust(fresh_database_url), Trust(fresh_database_url)
    lost, slow = trust.endpoint(f"{receiver.url}/lost"), other.endpoint(f"{receiver.url}/slow")
    lose_the_secret(lost)
    hanging = Hanging(receiver)
    with sending(within_s=15.0) as sender:
        other.tell("project/P-1")
        soon(lambda: receiver.came, "the slow one is sent to")
        trust.tell("project/P-1")
        soon(lambda: lost.cursor()["epoch"] > 0 and lost.cursor()["holder"] is None, "the lost one was tried")
        soon(lambda: (trust.code, lost.id) in sender._in_peace, "it is left in peace")
        last = other.tell("project/P-2")
        hanging.go.set()
        soon(lambda: slow.position() == last, "the slow one is sent to, without end")
    assert [attempt["outcome"] for attempt in slow.attempts()] == ["delivered"] * last
    assert (lost.attempts(), lost.position(), lost.state()) == ([], 0, "enabled")


def test_what_the_database_refuses_to_one_endpoint_ends_no_sender(
    trust: Trust, receiver: Receiver, sending: Send
) -> None:
    """A deadlock, say: whoever met it is tried again soon, and nothing that is on its way elsewhere is cut off."""
    unlucky, other = trust.endpoint(receiver.url), trust.endpoint(f"{receiver.url}/other")
    unlucky.change(
        "CREATE FUNCTION webhooks.fall() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE deadlock_detected; END $$;"
        " CREATE TRIGGER falls BEFORE INSERT ON webhooks.attempts FOR EACH ROW"
        f" WHEN (NEW.endpoint = '{unlucky.id}') EXECUTE FUNCTION webhooks.fall()"
    )
    last = trust.tell("project/P-1")
    with sending() as sender:
        soon(lambda: (trust.code, unlucky.id) in sender._in_peace, "it is left in peace")
        soon(lambda: other.position() == last, "the other goes on")
        unlucky.change("DROP TRIGGER falls ON webhooks.attempts")
        sender._in_peace.clear()  # as if that time were over
        soon(lambda: unlucky.position() == last, "it is sent again")


def test_many_that_are_left_in_peace_keep_no_other_from_being_found(
    trust: Trust, receiver: Receiver, sending: Send, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One look takes so many that are due, those first that were served longest ago: these would be among them."""
    monkeypatch.setattr("services.webhooks.sending.ENDPOINTS_MAX", 1)
    lost = [trust.endpoint(f"{receiver.url}/{n}") for n in range(5)]
    for endpoint in lost:
        lose_the_secret(endpoint)
    other = trust.endpoint(receiver.url)
    trust.tell("project/P-1")
    with sending() as sender:
        soon(lambda: len(sender._in_peace) == 5, "all five are left in peace")
        other.change(
            "UPDATE webhooks.cursors SET served_at = clock_timestamp() + interval '1 hour'"
            " WHERE organisation = %(organisation)s AND endpoint = %(id)s"
        )
        last = trust.tell("project/P-2")
        soon(lambda: other.position() == last, "the other is served")


@pytest.mark.parametrize("ordering", ["strict", "stream"])
def test_what_a_sender_that_ends_cuts_off_is_held_against_nobody(
    trust: Trust, receiver: Receiver, sending: Send, monkeypatch: pytest.MonkeyPatch, ordering: str
) -> None:
    """At each deploy, a slow receiver would come nearer to being switched off."""
    monkeypatch.setattr("services.webhooks.sending.STOPS_WITHIN_S", 0.1)
    endpoint = trust.endpoint(receiver.url, ordering=ordering)
    hanging = Hanging(receiver)
    trust.tell("project/P-1")
    with sending(within_s=15.0):
        soon(lambda: receiver.came, "it is on its way")
    assert endpoint.attempts() == []
    assert (endpoint.cursor()["failures"], endpoint.cursor()["tried_at"]) == (0, None)
    hanging.go.set()
    with sending():
        soon(lambda: endpoint.position() == 1, "it is sent again")
        soon(lambda: len(endpoint.attempts()) == 1, "and noted")
    assert len({received.id for received in receiver.came}) == 1


def test_what_was_taken_beside_what_is_cut_off_is_noted(
    trust: Trust, receiver: Receiver, sending: Send, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.webhooks.sending.STOPS_WITHIN_S", 0.1)
    endpoint = trust.endpoint(receiver.url, ordering="stream")
    hanging = Hanging(receiver, hangs="P-2")
    trust.tell("project/P-1", "project/P-2", "project/P-3")
    with sending(within_s=15.0):
        soon(lambda: len(receiver.came) == 3 and len(receiver.taken) == 2, "one of three hangs")
    assert [attempt["position"] for attempt in endpoint.attempts()] == [1, 3]
    assert endpoint.cursor()["failures"] == 0
    hanging.go.set()
    with sending():
        soon(lambda: not endpoint.waiting(), "the one that was cut off is sent again")
    assert sorted(attempt["position"] for attempt in endpoint.attempts()) == [1, 2, 3]
    assert {attempt["try"] for attempt in endpoint.attempts()} == {1}
    assert len(receiver.came) == 4, "the others are not"


def test_a_slow_endpoint_is_sent_few_records_at_once(trust: Trust, receiver: Receiver, sending: Send) -> None:
    """Or a few of them would take all the lanes that there are, and quick ones would wait behind them."""
    slow, quick = new_receiver(), trust.endpoint(receiver.url, ordering="stream")
    hanging = Hanging(slow)
    endpoint = trust.endpoint(slow.url, ordering="stream")
    endpoint.change(
        "UPDATE webhooks.cursors SET slow = true WHERE organisation = %(organisation)s AND endpoint = %(id)s"
    )
    try:
        with sending(within_s=15.0):
            last = trust.tell(*(f"project/P-{n}" for n in range(20)))
            soon(lambda: len(slow.came) == SLOW_WIDTH, "it is sent a few")
            soon(lambda: quick.position() == last, "the quick one is sent all")
            assert len(slow.came) == SLOW_WIDTH
            hanging.go.set()
            soon(lambda: endpoint.position() == last, "the slow one comes to it too")
    finally:
        hanging.go.set()
        slow.shutdown()
        slow.server_close()


@pytest.mark.parametrize("does", ["give_up", "remove"])
def test_whoever_changes_an_endpoint_waits_for_who_notes_an_attempt_and_never_the_other_way_round(
    fresh_database_url: str, trust: Trust, does: str
) -> None:
    endpoint = trust.endpoint("https://bridge.test")
    trust.tell("project/P-1")
    endpoint.change(
        "INSERT INTO webhooks.waiting (organisation, endpoint, lane, position, tries, waits)"
        " VALUES (%(organisation)s, %(id)s, '', 1, 1, '1 hour')"
    )
    lane = "" if does == "give_up" else "project/P-2"  # a new row asks whether its endpoint is there
    named = {"organisation": trust.code, "id": endpoint.id, "lane": lane}

    async def change() -> None:
        url = as_role(fresh_database_url, "qiledger_api")
        async with await psycopg.AsyncConnection.connect(url) as conn:
            book = await Book(conn, trust.code).open()
            await (book.give_up(endpoint.id, 1) if does == "give_up" else book.remove(endpoint.id))

    at_it = threading.Thread(target=lambda: asyncio.run(change()))
    with psycopg.connect(fresh_database_url) as noting, psycopg.connect(fresh_database_url) as looking:
        looking.autocommit = True
        noting.execute(
            "UPDATE webhooks.cursors SET failures = 1 WHERE organisation = %(organisation)s AND endpoint = %(id)s",
            named,
        )
        at_it.start()
        waits = (
            "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )
        wait_until(lambda: looking.execute(waits).fetchone(), within_s=20, what="it waits for the cursor")
        noting.execute(
            "INSERT INTO webhooks.waiting AS w (organisation, endpoint, lane, position, tries, waits)"
            " VALUES (%(organisation)s, %(id)s, %(lane)s, 1, 2, '1 hour')"
            " ON CONFLICT (organisation, endpoint, lane) DO UPDATE SET tries = 2",
            named,
        )
    at_it.join(20)
    assert not at_it.is_alive()
    if does == "give_up":
        assert [(row["tries"], row["given_up"]) for row in endpoint.waiting().values()] == [(2, True)]
    else:
        assert endpoint.waiting() == {}
