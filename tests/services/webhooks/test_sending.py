"""Sending: in order, again until it is taken, each under one id; and who waits for whom."""

import threading
import time

import psycopg
import pytest

from services.webhooks.noting import GONE, HOPELESS
from services.webhooks.signing import message_id
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

DAY_S = 86_400.0
OK: Reply = (200, {}, b"")


def failing(receiver: Receiver, *positions: int, status: int = 500) -> None:
    receiver.answers = lambda received: (status, {}, b"no") if received.position in positions else OK


def test_records_are_sent_in_the_order_of_the_log(trust: Trust, receiver: Receiver, sending: Send) -> None:
    endpoint = trust.endpoint(receiver.url)
    last = trust.tell(*(f"project/P-{n % 7}" for n in range(60)))
    with sending():
        soon(lambda: endpoint.position() == last, "all are sent")
    assert receiver.positions() == list(range(1, last + 1))
    assert receiver.connections == 1, "one connection, used again"
    assert {received.id for received in receiver.came} == {
        message_id(trust.code, position, endpoint.id) for position in range(1, last + 1)
    }
    assert [attempt["outcome"] for attempt in endpoint.attempts()] == ["delivered"] * last


def test_what_is_sent_is_the_cloud_event(trust: Trust, receiver: Receiver, sending: Send) -> None:
    trust.endpoint(receiver.url)
    trust.tell("project/P-1")
    with sending():
        soon(lambda: receiver.taken, "it is sent")
    (received,) = receiver.taken
    assert received.headers["content-type"] == "application/cloudevents+json; charset=utf-8"
    assert received.headers["host"] == f"127.0.0.1:{receiver.server_port}"
    assert received.event["specversion"] == "1.0"
    assert (received.event["type"], received.event["subject"]) == ("project.started", "project/P-1")
    assert received.event["data"] == {"forum": "city-hackney"}
    assert abs(int(received.headers["webhook-timestamp"]) - time.time()) < 60


def test_an_endpoint_is_sent_what_it_wants_from_where_it_begins(
    trust: Trust, receiver: Receiver, sending: Send
) -> None:
    trust.tell("project/P-1", type_="cycle.tested")
    endpoint = trust.endpoint(receiver.url, types=["cycle.*", "story.shared"], position=1)
    for type_ in ("cycle.tested", "project.started", "story.shared", "cycleway.built", "cycle.planned"):
        last = trust.tell("project/P-1", type_=type_)
    with sending():
        soon(lambda: endpoint.position() == last, "all are looked at")
    assert receiver.positions() == [2, 4, 6]


def test_where_the_order_is_strict_nothing_overtakes_what_fails(
    trust: Trust, receiver: Receiver, sending: Send
) -> None:
    endpoint = trust.endpoint(receiver.url)
    trust.tell("project/P-1", "project/P-2", "project/P-3")
    failing(receiver, 2)
    with sending():
        soon(endpoint.waiting, "the second waits")
        assert receiver.positions() == [1]
        failing(receiver)
        endpoint.let_time_pass(6)
        soon(lambda: receiver.positions() == [1, 2, 3], "it goes on when the second is taken")
    assert [(attempt["position"], attempt["try"]) for attempt in endpoint.attempts()] == [
        (1, 1),
        (2, 1),
        (2, 2),
        (3, 1),
    ]
    assert receiver.came[1].id == receiver.came[2].id
    assert endpoint.waiting() == {}


def test_where_the_order_is_by_streams_one_that_fails_keeps_no_other_waiting(
    trust: Trust, receiver: Receiver, sending: Send
) -> None:
    endpoint = trust.endpoint(receiver.url, ordering="stream")
    last = trust.tell("project/A", "project/B", "project/A", "project/B", "project/C", "project/A")
    failing(receiver, 1)
    with sending():
        soon(lambda: endpoint.position() == last, "the log is gone through")
        assert sorted(receiver.positions()) == [2, 4, 5]
        failing(receiver, 3)
        endpoint.let_time_pass(6)
        soon(
            lambda: endpoint.waiting().get("project/A", {}).get("position") == 3,
            "the first is taken, the next fails",
        )
        soon(lambda: endpoint.waiting()["project/A"]["tries"] == 1, "the next was tried")
        failing(receiver)
        endpoint.let_time_pass(6)
        soon(lambda: endpoint.waiting() == {}, "nothing waits")
    assert [position for position in receiver.positions() if position in (1, 3, 6)] == [1, 3, 6]
    assert [position for position in receiver.positions() if position in (2, 4)] == [2, 4]
    assert sorted(receiver.positions()) == [1, 2, 3, 4, 5, 6]


def test_only_so_many_streams_may_wait(
    trust: Trust, receiver: Receiver, sending: Send, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.webhooks.claims.WAITING_MAX", 3)
    endpoint = trust.endpoint(receiver.url, ordering="stream")
    trust.tell(*(f"project/P-{n}" for n in range(10)))
    receiver.answers = lambda _: (400, {}, b"no")
    with sending():
        soon(lambda: len(endpoint.waiting()) == 3, "three wait")
        receiver.answers = lambda _: OK
        endpoint.let_time_pass(3_600)
        soon(lambda: len(receiver.taken) == 10, "all are taken in the end")
    assert endpoint.position() == 10


def test_a_receiver_that_was_down_for_a_day_gets_everything_in_order(
    trust: Trust, receiver: Receiver, sending: Send
) -> None:
    endpoint = trust.endpoint(receiver.url)
    receiver.answers = lambda _: None  # hangs up
    with sending():
        for hour in range(24):
            last = trust.tell(f"project/P-{hour % 3}")
            endpoint.let_time_pass(3_600)
        for tries in range(1, 4):
            soon(lambda tries=tries: endpoint.cursor()["failures"] >= tries, "it was tried")
            endpoint.let_time_pass(DAY_S)
        receiver.answers = lambda _: OK
        endpoint.let_time_pass(DAY_S)
        soon(lambda: endpoint.position() == last and not endpoint.waiting(), "all are sent")
    assert receiver.positions() == list(range(1, last + 1))
    assert endpoint.cursor()["failures"] == 0


def test_two_senders_at_once_send_each_record_once_in_order(
    trust: Trust, receiver: Receiver, sending: Send
) -> None:
    strict, by_stream = trust.endpoint(receiver.url), trust.endpoint(f"{receiver.url}/2", ordering="stream")
    with sending(), sending():
        for _ in range(10):
            last = trust.tell(*(f"project/P-{n}" for n in range(10)))
        soon(lambda: strict.position() == by_stream.position() == last, "all are sent")
    assert [r.position for r in receiver.taken if r.path == "/hook"] == list(range(1, last + 1))
    sent = [r for r in receiver.taken if r.path == "/hook/2"]
    assert sorted(r.position for r in sent) == list(range(1, last + 1))
    for n in range(10):
        of_one = [r.position for r in sent if r.event["subject"] == f"project/P-{n}"]
        assert of_one == sorted(of_one)


def test_a_paused_endpoint_is_sent_nothing_and_then_everything(
    trust: Trust, receiver: Receiver, sending: Send
) -> None:
    endpoint, other = trust.endpoint(receiver.url), trust.endpoint(f"{receiver.url}/other")
    set_state(endpoint, "paused")
    with sending():
        last = trust.tell("project/P-1", "project/P-2")
        soon(lambda: other.position() == last, "the other is sent to")
        assert endpoint.attempts() == []
        set_state(endpoint, "enabled")
        soon(lambda: endpoint.position() == last, "it is sent what it missed")


def set_state(endpoint: Endpoint, state: str) -> None:
    endpoint.change(
        "UPDATE webhooks.endpoints SET state = %(state)s WHERE organisation = %(organisation)s AND id = %(id)s",
        state=state,
    )


def test_one_that_wants_no_more_is_disabled_at_once_and_its_owner_is_told(
    trust: Trust, receiver: Receiver, sending: Send
) -> None:
    endpoint = trust.endpoint(receiver.url, owner="person/8Qm2")
    trust.tell("project/P-1", "project/P-2")
    receiver.answers = lambda _: (410, {}, b"gone")
    with sending():
        soon(lambda: endpoint.state() == "disabled", "it is disabled")
    assert [attempt["outcome"] for attempt in endpoint.attempts()] == ["gone"]
    assert told_to(trust) == [
        ("person/8Qm2", "email", endpoint.id, GONE),
        ("person/8Qm2", "inbox", endpoint.id, GONE),
    ]


def told_to(trust: Trust) -> list[tuple[str, str, str, str]]:
    with psycopg.connect(trust.admin_url) as conn:
        return conn.execute(
            "SELECT recipient, channel, facts ->> 'endpoint', facts ->> 'reason' FROM notices.messages"
            " WHERE organisation = %s AND kind = 'endpoint_disabled' ORDER BY channel",
            [trust.code],
        ).fetchall()


def test_one_that_does_nothing_but_fail_for_five_days_is_disabled(
    trust: Trust, receiver: Receiver, sending: Send
) -> None:
    endpoint = trust.endpoint(receiver.url, owner="person/8Qm2")
    trust.tell("project/P-1")
    receiver.answers = lambda _: (500, {}, b"")
    with sending():
        for tries in range(1, 11):
            soon(lambda tries=tries: len(endpoint.attempts()) == tries, "it is tried again")
            endpoint.let_time_pass(30 * 3_600)
        soon(lambda: endpoint.state() == "disabled", "it is disabled")
    assert [attempt["try"] for attempt in endpoint.attempts()] == list(range(1, 11))
    assert {reason for *_, reason in told_to(trust)} == {HOPELESS}
    assert endpoint.position() == 1
    assert endpoint.waiting()[""]["position"] == 1, "whoever enables it gets what it missed"


def test_a_clock_that_jumps_disables_nobody_and_keeps_nobody_waiting(
    trust: Trust, receiver: Receiver, sending: Send
) -> None:
    endpoint = trust.endpoint(receiver.url)
    trust.tell("project/P-1", "project/P-2")
    receiver.answers = lambda _: (500, {}, b"")
    with sending():
        soon(endpoint.waiting, "it failed once")
        endpoint.let_time_pass(400 * DAY_S)  # the clock went on
        soon(lambda: len(endpoint.attempts()) == 2, "it is tried again")
        assert endpoint.state() == "enabled"
        receiver.answers = lambda _: OK
        endpoint.let_time_pass(-400 * DAY_S)  # the clock went back
        soon(lambda: receiver.positions() == [1, 2], "it is tried again at once")


def test_a_receiver_that_asks_for_time_is_given_it(trust: Trust, receiver: Receiver, sending: Send) -> None:
    endpoint = trust.endpoint(receiver.url, ordering="stream")
    trust.tell("project/P-1")
    receiver.answers = lambda _: (429, {"retry-after": "7200"}, b"slow down")
    with sending():
        soon(endpoint.waiting, "it was told to wait")
        trust.tell("project/P-2")
        endpoint.let_time_pass(7_000)
        receiver.answers = lambda _: OK
        other = trust.endpoint(f"{receiver.url}/other", position=0)
        soon(lambda: other.position() == 2, "the other is sent to")
        assert len(endpoint.attempts()) == 1, "also of another stream nothing is sent meanwhile"
        endpoint.let_time_pass(201)
        soon(
            lambda: sorted(r.position for r in receiver.taken if r.path == "/hook") == [1, 2], "both are sent"
        )
    assert endpoint.attempts()[0]["outcome"] == "throttled"


def test_a_receiver_that_asks_for_a_time_beyond_all_clocks_is_sent_each_record_once(
    trust: Trust, receiver: Receiver, sending: Send
) -> None:
    endpoint = trust.endpoint(receiver.url)
    beyond = {"retry-after": "Wed, 20 May 2026 12:02:00 +99999999999999999999"}
    receiver.answers = lambda _: (200, beyond, b"")
    last = trust.tell("project/P-1", "project/P-2")
    with sending():
        soon(lambda: endpoint.position() == last, "both are taken")
    assert receiver.positions() == [1, 2]
    assert len(receiver.came) == 2


def test_an_endpoint_that_cannot_be_served_is_left_in_peace_for_a_while(
    trust: Trust, receiver: Receiver, sending: Send
) -> None:
    """What nobody foresaw, here a delivery that cannot be noted, is no reason to send it again at once for ever."""
    unlucky, other = trust.endpoint(receiver.url), trust.endpoint(f"{receiver.url}/other")
    unlucky.change(
        "CREATE FUNCTION webhooks.fall() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION 'nobody foresaw this'; END $$;"
        " CREATE TRIGGER falls BEFORE INSERT ON webhooks.attempts FOR EACH ROW"
        f" WHEN (NEW.endpoint = '{unlucky.id}') EXECUTE FUNCTION webhooks.fall()"
    )
    with sending():
        for stream in ("project/P-1", "project/P-2", "project/P-3"):
            last = trust.tell(stream)
            soon(lambda last=last: other.position() == last, "the other goes on")  # type: ignore[misc]
        soon(lambda: [one.path for one in receiver.came].count("/hook") == 1, "the unlucky one was sent to")
    assert [one.path for one in receiver.came].count("/hook") == 1


def test_a_redirect_is_a_failure_and_is_not_followed(trust: Trust, receiver: Receiver, sending: Send) -> None:
    endpoint = trust.endpoint(receiver.url)
    trust.tell("project/P-1")
    receiver.answers = lambda _: (307, {"location": f"{receiver.url}/elsewhere"}, b"")
    with sending():
        soon(endpoint.attempts, "it was tried")
    assert [received.path for received in receiver.came] == ["/hook"]
    assert endpoint.attempts()[0]["outcome"] == "failed"
    assert endpoint.attempts()[0]["status"] == 307


def test_a_slow_receiver_keeps_no_other_waiting(
    trust: Trust, receiver: Receiver, sending: Send, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.webhooks.sending.ENDPOINTS_MAX", 4)
    monkeypatch.setattr("services.webhooks.sending.SLOW_MAX", 2)
    hanging, let_go = new_receiver(), threading.Event()

    def hang(_: Received) -> Reply:
        let_go.wait(30)
        return OK

    hanging.answers = hang
    slow = [trust.endpoint(hanging.url) for _ in range(6)]
    for endpoint in slow:
        endpoint.change(
            "UPDATE webhooks.cursors SET slow = true WHERE organisation = %(organisation)s AND endpoint = %(id)s"
        )
    quick = trust.endpoint(receiver.url)
    try:
        with sending(within_s=15.0):
            trust.tell("project/P-1")
            soon(lambda: len(hanging.came) == 2, "two of the slow ones are sent to")
            for _ in range(5):
                last = trust.tell("project/P-2")
                soon(lambda last=last: quick.position() == last, "the quick one is sent to")
            assert len(hanging.came) == 2
            let_go.set()
            soon(
                lambda: all(endpoint.position() == last for endpoint in slow), "the slow ones come to it too"
            )
    finally:
        let_go.set()
        hanging.shutdown()
        hanging.server_close()


def test_a_claim_of_a_sender_that_died_is_free_at_once(
    trust: Trust, receiver: Receiver, sending: Send
) -> None:
    endpoint = trust.endpoint(receiver.url)
    endpoint.change(
        "UPDATE webhooks.cursors SET holder = 4711, claimed_at = clock_timestamp(), epoch = 5"
        " WHERE organisation = %(organisation)s AND endpoint = %(id)s"
    )
    trust.tell("project/P-1")
    with sending():
        soon(lambda: receiver.positions() == [1], "it is sent")
    assert endpoint.cursor()["epoch"] > 5


def test_a_sender_whose_claim_was_taken_moves_nothing(
    trust: Trust, receiver: Receiver, sending: Send
) -> None:
    """As after a pause of minutes in the middle of a delivery, or a replay that somebody asks for just then."""
    endpoint = trust.endpoint(receiver.url)
    trust.tell("project/P-1", "project/P-2")
    at_it, go_on = threading.Event(), threading.Event()

    def answer(received: Received) -> Reply:
        if received.position == 2 and not at_it.is_set():
            at_it.set()
            go_on.wait(20)
        return OK

    receiver.answers = answer
    with sending():
        assert at_it.wait(20)
        endpoint.change(
            "UPDATE webhooks.cursors SET position = 0, epoch = epoch + 1, holder = NULL"
            " WHERE organisation = %(organisation)s AND endpoint = %(id)s"
        )
        go_on.set()
        soon(lambda: receiver.positions() == [1, 2, 1, 2], "all is sent again from there")
    assert [attempt["position"] for attempt in endpoint.attempts()] == [1, 2, 1, 2], "each attempt is noted"


def test_a_record_that_is_given_up_is_passed_over_and_the_log_of_deliveries_says_so(
    trust: Trust, receiver: Receiver, sending: Send
) -> None:
    endpoint = trust.endpoint(receiver.url)
    trust.tell("project/P-1", "project/P-2")
    failing(receiver, 1)
    with sending():
        soon(endpoint.waiting, "the first waits")
        endpoint.change(
            "UPDATE webhooks.waiting SET given_up = true WHERE organisation = %(organisation)s AND endpoint = %(id)s"
        )
        soon(lambda: receiver.positions() == [2], "the second is sent")
    assert [attempt["outcome"] for attempt in endpoint.attempts()] == ["failed", "given_up", "delivered"]


def test_a_record_that_is_given_up_while_it_is_on_its_way_is_passed_over_too(
    trust: Trust, receiver: Receiver, sending: Send
) -> None:
    """Whoever watches a receiver hang passes the record over just then: that is not forgotten when the attempt ends."""
    endpoint = trust.endpoint(receiver.url)
    trust.tell("project/P-1", "project/P-2")
    failing(receiver, 1)
    at_it, go_on = threading.Event(), threading.Event()

    def hang(received: Received) -> Reply:
        if received.position != 1:
            return OK
        at_it.set()
        go_on.wait(20)
        return 500, {}, b"no"

    with sending():
        soon(endpoint.waiting, "the first waits")
        receiver.answers = hang
        endpoint.let_time_pass(DAY_S)
        assert at_it.wait(20)
        endpoint.change(
            "UPDATE webhooks.waiting SET given_up = true WHERE organisation = %(organisation)s AND endpoint = %(id)s"
        )
        go_on.set()
        soon(lambda: receiver.positions() == [2], "the second is sent")
    outcomes = [attempt["outcome"] for attempt in endpoint.attempts()]
    assert outcomes == ["failed", "failed", "given_up", "delivered"]


def test_an_endpoint_that_is_removed_in_the_middle_of_a_delivery_is_gone(
    trust: Trust, receiver: Receiver, sending: Send
) -> None:
    endpoint, other = trust.endpoint(receiver.url), trust.endpoint(f"{receiver.url}/other")
    removed = threading.Event()

    def answer(received: Received) -> Reply:
        if received.path == "/hook":
            endpoint.change(
                "DELETE FROM webhooks.endpoints WHERE organisation = %(organisation)s AND id = %(id)s"
            )
            removed.set()
        return OK

    receiver.answers = answer
    with sending():
        trust.tell("project/P-1")
        assert removed.wait(20)
        last = trust.tell("project/P-2")
        soon(lambda: other.position() == last, "the other is sent to")
    assert [received.path for received in receiver.came].count("/hook") == 1
