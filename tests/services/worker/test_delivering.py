"""Messages are delivered: when they are due, to whom they are for, and no more often than can be helped."""

import time
from collections.abc import Iterator
from datetime import timedelta

import psycopg
import pytest

from events.privacy.vault import empty_contact
from projections.notices.engine.unsubscribe import unsigned
from services.channels.letter import Letter
from services.channels.outcome import Channel, Outcome, Refused, Sent, TryLater, Unknown
from services.channels.wording import Words
from services.worker.delivering.claim import Begun
from services.worker.delivering.deliverer import BATCH_MAX, Deliverer, Step
from services.worker.delivering.messages import due
from services.worker.delivering.noting import Attempted
from services.worker.delivering.preparing import Batch, Ready, prepared
from services.worker.delivering.waits import REST_LONGEST, WAITS, rest_after, wait_after
from services.worker.duty import Connection
from tests.roles import as_role
from tests.services.worker.messages import OURS, PERSON, Peer, Telling, deliver, deliverer, with_master_key

LATER = TryLater("450 busy")
AWAY = TryLater("connection refused", everybody=True)


@pytest.fixture(scope="module", autouse=True)
def _master_key() -> Iterator[None]:
    take_away = with_master_key()
    yield
    take_away()


@pytest.fixture
def conn(database_url: str) -> Iterator[Connection]:
    url = as_role(database_url, "qiledger_worker")
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def telling(database_url: str) -> Telling:
    told = Telling(database_url)
    told.knows()
    return told


def run(conn: Connection, telling: Telling, *peers: Peer, **how: object) -> bool:
    return deliver(conn, telling, *peers, **how)


def test_a_message_goes_to_the_address_that_the_vault_knows(conn: Connection, telling: Telling) -> None:
    id_ = telling.plans()
    peer = Peer()
    assert run(conn, telling, peer)
    (letter,) = peer.letters
    assert letter.id == id_
    assert letter.at == telling.now
    assert peer.addresses == ["jo.bloggs@nhs.test"]
    assert telling.state(id_) == "sent"
    assert telling.attempts(id_) == ["sent"]
    rows = telling.does("SELECT reference, reason FROM notices.attempts WHERE organisation = %s")
    assert rows == [(f"<{id_}>", None)]


def test_nothing_goes_before_it_is_due(conn: Connection, telling: Telling) -> None:
    id_ = telling.plans(due_at=telling.now + timedelta(hours=1))
    peer = Peer()
    assert run(conn, telling, peer)
    assert peer.letters == []
    telling.later(hours=1)
    run(conn, telling, peer)
    assert telling.state(id_) == "sent"


def test_what_is_longest_due_goes_first(conn: Connection, telling: Telling) -> None:
    ids = [telling.plans(due_at=telling.now - timedelta(minutes=minutes)) for minutes in (1, 3, 2)]
    peer = Peer()
    run(conn, telling, peer)
    assert [letter.id for letter in peer.letters] == [ids[1], ids[2], ids[0]]


def test_the_attempt_is_on_record_before_it_is_made(conn: Connection, telling: Telling) -> None:
    id_ = telling.plans()
    seen: list[object] = []

    class Looking(Peer):
        def send(self, letter: object, to: str) -> Sent:  # type: ignore[override]
            seen.extend(telling.attempts(id_))
            return Sent("x")

    run(conn, telling, Looking())
    assert seen == [None]


def test_waits_grow_and_end_after_ten_attempts(conn: Connection, telling: Telling) -> None:
    id_ = telling.plans()
    peer = Peer("email", *[LATER] * 20)
    for wait in WAITS:
        run(conn, telling, peer)
        telling.later(seconds=wait.total_seconds() - 1)
        run(conn, telling, peer)
        telling.later(seconds=1)
    assert len(peer.letters) == len(WAITS)
    assert telling.state(id_) == "waiting"
    run(conn, telling, peer)
    assert telling.state(id_) == "dead"
    assert telling.reason(id_) == "given up after 10 attempts: 450 busy"
    assert telling.attempts(id_) == ["later"] * 10


def test_the_other_side_may_ask_for_more_time_but_not_for_ever() -> None:
    assert wait_after(1, chance=0.5, asked=timedelta(hours=3)) == timedelta(hours=3)
    assert wait_after(4, chance=0.5, asked=timedelta(seconds=1)) == WAITS[3]
    assert wait_after(1, chance=0.5, asked=timedelta(days=300)) == timedelta(hours=25)
    assert wait_after(2, chance=0.0) == timedelta(minutes=4)
    assert wait_after(2, chance=1.0) == timedelta(minutes=6)
    assert wait_after(11, chance=0.5) is None
    assert rest_after(1000, chance=0.5) == REST_LONGEST


def test_a_refusal_ends_it_and_says_why(conn: Connection, telling: Telling) -> None:
    id_ = telling.plans(due_at=telling.now - timedelta(minutes=1))
    other = telling.plans()
    run(conn, telling, Peer("email", Refused("550 no such user")))
    assert telling.state(id_) == "dead"
    assert telling.reason(id_) == "550 no such user"
    assert telling.state(other) == "sent"


def test_a_channel_that_is_away_rests_and_no_message_is_blamed(conn: Connection, telling: Telling) -> None:
    """A day without a server: nothing dies, and all goes out soon after it is back."""
    ids = [telling.plans() for _ in range(3)]
    peer = Peer("email", *[AWAY] * 10_000)
    began = telling.now
    while telling.now - began < timedelta(days=1):
        run(conn, telling, peer)
        telling.later(minutes=20)
    assert len(peer.letters) == 72
    assert [telling.state(id_) for id_ in ids] == ["waiting"] * 3
    peer.outcomes.clear()
    peer.letters.clear()
    telling.later(minutes=6)
    run(conn, telling, peer)
    assert [telling.state(id_) for id_ in ids] == ["sent"] * 3
    assert len(peer.letters) == 3


def test_a_message_that_breaks_the_channel_each_time_holds_nobody_up_and_ends(
    conn: Connection, telling: Telling
) -> None:
    poison = telling.plans()

    class Breaking(Peer):
        def send(self, letter, to):  # type: ignore[no-untyped-def]  # noqa: ANN001
            super().send(letter, to)
            return AWAY if letter.id == poison else Sent("x")

    peer = Breaking()
    others = []
    for _ in range(30):
        others.append(telling.plans())
        run(conn, telling, peer)
        telling.later(hours=25)
    run(conn, telling, peer)
    assert telling.state(poison) == "dead"
    assert {telling.state(id_) for id_ in others} == {"sent"}


def test_what_became_of_it_is_asked_before_it_is_sent_again(conn: Connection, telling: Telling) -> None:
    known, unknown = telling.plans(due_at=telling.now - timedelta(minutes=1)), telling.plans()
    peer = Peer("email", Unknown("silent"))
    run(conn, telling, peer)
    telling.later(minutes=1)
    peer.outcomes = [Unknown("silent")]
    run(conn, telling, peer)
    assert {telling.state(known), telling.state(unknown)} == {"waiting"}
    telling.later(minutes=9, seconds=30)
    peer.knows[known] = Sent("theirs")
    sent_before = len(peer.letters)
    run(conn, telling, peer)
    telling.later(minutes=10)
    run(conn, telling, peer)
    assert peer.asked == [known, unknown]
    assert telling.attempts(known) == ["unknown", "sent"]
    assert telling.attempts(unknown) == ["unknown", "sent"]
    assert [letter.id for letter in peer.letters[sent_before:]] == [unknown]


def test_while_nobody_can_be_asked_nothing_is_sent_a_second_time(conn: Connection, telling: Telling) -> None:
    id_ = telling.plans()
    peer = Peer("email", Unknown("silent"))
    run(conn, telling, peer)
    peer.answers = False
    for _ in range(3):
        telling.later(hours=3)
        run(conn, telling, peer)
    assert len(peer.letters) == 1
    peer.answers = True
    telling.later(hours=11)
    run(conn, telling, peer)
    assert telling.state(id_) == "sent"
    assert telling.attempts(id_) == ["unknown"] * 4 + ["sent"]
    assert {letter.id for letter in peer.letters} == {id_}


def begun(slow: Deliverer, telling: Telling, peer: Peer) -> tuple[Batch, Ready, Begun]:
    """The first message is taken up, and the attempt written down."""
    batch = slow.take_up(telling.code, peer)
    assert isinstance(batch, Batch)
    ready = prepared(batch.claims[0], batch.known, Words(OURS), now=telling.now)
    assert isinstance(ready, Ready)
    written = slow.turn(batch, peer, None, ready)
    assert written is not None
    return batch, ready, written


def test_only_the_last_to_take_it_up_says_what_became_of_it(conn: Connection, telling: Telling) -> None:
    id_ = telling.plans()
    peer = Peer()
    slow = deliverer(conn, telling, peer)
    _, _, written = begun(slow, telling, peer)
    telling.lease_is_over()
    run(conn, telling, Peer("email", Refused("550 no")))
    slow.notes.note(peer, Attempted(written, Sent("late"), 0))
    assert telling.state(id_) == "dead"
    assert telling.attempts(id_) == ["sent", "refused"]


def test_one_who_was_away_too_long_does_not_begin_to_send(conn: Connection, telling: Telling) -> None:
    telling.plans()
    peer = Peer()
    slow = deliverer(conn, telling, peer)
    _, ready, written = begun(slow, telling, peer)
    stale = Begun(written.claim, written.attempt, written.since - 119, written.used_at)
    assert isinstance(slow.hand_over(ready, stale, peer), TryLater)
    assert peer.letters == []


@pytest.mark.parametrize(
    "meanwhile",
    [
        "UPDATE notices.messages SET state = 'withdrawn' WHERE organisation = %s",
        "UPDATE notices.messages SET epoch = epoch + 1 WHERE organisation = %s",
        "UPDATE vault.keys SET wrapped = NULL, destroyed_at = now() WHERE organisation = %s",
    ],
    ids=["withdrawn", "taken by another", "erased"],
)
def test_what_was_taken_up_is_not_begun_if_it_is_no_longer_to_be_told(
    conn: Connection, telling: Telling, meanwhile: str
) -> None:
    id_ = telling.plans()
    peer = Peer()
    slow = deliverer(conn, telling, peer)
    batch = slow.take_up(telling.code, peer)
    assert isinstance(batch, Batch)
    ready = prepared(batch.claims[0], batch.known, Words(OURS), now=telling.now)
    telling.does(meanwhile)
    assert slow.turn(batch, peer, None, ready) is None
    assert telling.attempts(id_) == []


def test_two_at_once_do_not_take_the_same(conn: Connection, telling: Telling) -> None:
    ids = {telling.plans() for _ in range(BATCH_MAX + 1)}
    peer = Peer()
    first = deliverer(conn, telling, peer).take_up(telling.code, peer)
    second = deliverer(conn, telling, peer).take_up(telling.code, peer)
    assert isinstance(first, Batch)
    assert isinstance(second, Batch)
    assert (len(first.claims), len(second.claims)) == (BATCH_MAX, 1)
    assert {claim.id for claim in first.claims} | {claim.id for claim in second.claims} == ids


def test_what_a_batch_does_not_come_to_is_left_to_the_next_at_once(
    conn: Connection, telling: Telling
) -> None:
    """One that fails for all ends it; the others were not tried, and nothing is held against them."""
    ids = [telling.plans(due_at=telling.now - timedelta(minutes=n)) for n in (5, 4, 3, 2, 1)]
    peer = Peer("email", Sent("x"), Refused("550 no such user"), LATER, AWAY)
    run(conn, telling, peer)
    assert [telling.attempts(id_) for id_ in ids] == [["sent"], ["refused"], ["later"], ["later"], []]
    leases = telling.does(
        "SELECT count(*) FROM notices.messages WHERE organisation = %s AND lease_until > now()"
    )
    assert leases == [(0,)]
    telling.later(hours=1)
    run(conn, telling, Peer())
    assert [telling.state(id_) for id_ in ids] == ["sent", "dead", "sent", "sent", "sent"]


def test_of_a_batch_that_took_long_to_read_one_goes_and_the_others_are_read_again(
    conn: Connection, telling: Telling
) -> None:
    ids = [telling.plans() for _ in range(4)]
    peer = Peer()

    class OfASlowDatabase(Deliverer):
        def take_up(self, organisation: str, channel: Channel) -> Batch | Step:
            batch = super().take_up(organisation, channel)
            if isinstance(batch, Batch):
                batch.since -= 60
            return batch

    one = OfASlowDatabase(conn, {"email": peer}, Words(OURS), now=lambda: telling.now)
    steps = [one.deliver_some(telling.code, peer, deadline=time.monotonic() + 60) for _ in range(5)]
    assert steps == [Step.DONE] * 4 + [Step.NOTHING_DUE]
    assert [telling.state(id_) for id_ in ids] == ["sent"] * 4


def test_never_more_than_one_message_is_of_unknown_outcome(conn: Connection, telling: Telling) -> None:
    """While one is being sent, all that were sent before are on record."""
    for _ in range(BATCH_MAX + 3):
        telling.plans()
    open_: list[int] = []

    class Looking(Peer):
        def send(self, letter: Letter, to: str) -> Outcome:
            ((count,),) = telling.does(
                "SELECT count(*) FROM notices.attempts WHERE organisation = %s AND outcome IS NULL"
            )
            open_.append(count)
            return super().send(letter, to)

    run(conn, telling, Looking())
    assert open_ == [1] * (BATCH_MAX + 3)


def test_if_the_next_attempt_cannot_be_written_down_the_last_is_noted_all_the_same(
    conn: Connection, telling: Telling
) -> None:
    first = telling.plans(due_at=telling.now - timedelta(minutes=1))
    second = telling.plans()
    telling.does(
        "INSERT INTO notices.attempts (organisation, message, attempt, epoch, began_at)"
        f" VALUES (%s, %s, {2**31 - 1}, 0, now())",
        second,
    )  # there is no number after this
    with pytest.raises(psycopg.Error):
        run(conn, telling, Peer())
    assert telling.state(first) == "sent"
    assert telling.attempts(first) == ["sent"]


def test_a_person_who_was_erased_is_told_nothing(conn: Connection, telling: Telling) -> None:
    ids = [telling.plans("email"), telling.plans("inbox")]
    telling.does(
        "UPDATE vault.keys SET wrapped = NULL, destroyed_at = now() WHERE organisation = %s AND person = %s",
        PERSON,
    )
    peer = Peer()
    run(conn, telling, peer)
    assert [telling.state(id_) for id_ in ids] == ["withdrawn"] * 2
    assert peer.letters == []


def test_a_message_for_one_without_an_address_is_put_aside(conn: Connection, telling: Telling) -> None:
    with telling.admin() as admin:
        empty_contact(admin, telling.code, PERSON)
    id_ = telling.plans()
    run(conn, telling, Peer())
    assert telling.state(id_) == "dead"
    assert "address" in telling.reason(id_)


def test_what_no_longer_holds_is_withdrawn(conn: Connection, telling: Telling) -> None:
    notice = telling.notices(cleared_at=telling.now)
    id_ = telling.plans(kind="notice", notices=(notice,), facts={})
    run(conn, telling, Peer())
    assert telling.state(id_) == "withdrawn"
    assert telling.attempts(id_) == []


@pytest.mark.parametrize("action", [False, True])
@pytest.mark.parametrize(
    "choice",
    [
        "INSERT INTO notices.mutes (organisation, person, subject) VALUES (%s, 'person/p-1', 'project/P-1')",
        "INSERT INTO notices.preferences (organisation, person, rule, channel, pace)"
        " VALUES (%s, 'person/p-1', '*', 'email', 'never')",
        "INSERT INTO notices.preferences (organisation, person, rule, channel, pace)"
        " VALUES (%s, '*', 'story_shared', 'email', 'never')",
    ],
)
def test_what_a_person_does_not_want_is_withdrawn_unless_they_must_act(
    conn: Connection, telling: Telling, choice: str, action: bool
) -> None:
    id_ = telling.plans(kind="notice", notices=(telling.notices(action=action),), facts={})
    telling.does(choice)
    run(conn, telling, Peer())
    assert telling.state(id_) == ("sent" if action else "withdrawn")


def test_a_message_of_a_notice_can_be_stopped_by_its_signed_link(conn: Connection, telling: Telling) -> None:
    telling.plans(kind="notice", notices=(telling.notices(),), facts={})
    telling.plans(kind="notice", notices=(telling.notices(action=True),), facts={})
    telling.plans(kind="digest", notices=(telling.notices(), telling.notices()), facts={})
    peer = Peer()
    run(conn, telling, peer)
    told = {letter.unsubscribe for letter in peer.letters}
    links = [unsigned(url.rpartition("/")[2]) for url in told if url is not None]
    assert len(told) == 3
    assert {(link.person, link.rule, link.channel) for link in links} == {
        (PERSON, "story_shared", "email"),
        (PERSON, "*", "email"),
    }


def test_a_post_in_a_chat_room_has_no_link_that_changes_what_somebody_is_told(
    conn: Connection, telling: Telling
) -> None:
    telling.plans("chat", kind="notice", notices=(telling.notices(),), facts={})
    telling.plans("chat", kind="digest", notices=(telling.notices(), telling.notices()), facts={})
    peer = Peer("chat")
    run(conn, telling, peer)
    assert len(peer.letters) == 2
    for letter in peer.letters:
        assert "/unsubscribe/" not in letter.text + letter.html + letter.marked + str(letter.unsubscribe)


def test_what_several_are_told_of_is_one_post_in_the_forums_room_as_long_as_any_wants_it(
    conn: Connection, telling: Telling
) -> None:
    people = ("person/p-1", "person/p-2", "person/p-3")
    same = tuple(telling.notices("It is done", recipient=one, window="2026-06") for one in people)
    other = telling.notices("It is on", window="2026-07")
    telling.does(
        "INSERT INTO notices.mutes (organisation, person, subject) VALUES (%s, 'person/p-1', 'project/P-1')"
    )
    telling.plans("chat", kind="notice", notices=same, facts={}, person="forum/newham")
    telling.plans("chat", kind="digest", notices=(*same, other), facts={}, person="forum/*")
    peer = Peer("chat")
    run(conn, telling, peer)
    assert sorted(peer.addresses) == ["*", "newham"]
    for letter in peer.letters:
        assert letter.marked.count("It is done") == 1
        assert "It is on" not in letter.marked, "nobody else wants to hear of that"
    (notice,) = [letter for letter in peer.letters if letter.subject == "It is done"]
    assert "you lead" not in notice.marked
    assert "You are told because this room is told of such things." in notice.marked


def test_a_digest_holds_what_still_holds(conn: Connection, telling: Telling) -> None:
    notices = (
        telling.notices("Still so"),
        telling.notices("No longer", cleared_at=telling.now),
        telling.notices("Do it", action=True),
    )
    telling.plans(kind="digest", notices=notices, facts={})
    peer = Peer()
    run(conn, telling, peer)
    (letter,) = peer.letters
    assert "No longer" not in letter.text
    assert letter.text.index("Do it") < letter.text.index("Still so")
    assert letter.text.count("https://qi.trust.test/notice/") == 2


@pytest.mark.parametrize(
    ("kind", "facts"),
    [("endpoint_disabled", {}), ("agenda_pack", {"groups": 3}), ("checkpoint", {"note": None})],
)
def test_facts_that_no_text_can_use_end_one_message_and_no_other(
    conn: Connection, telling: Telling, kind: str, facts: dict[str, object]
) -> None:
    wrong = telling.plans(kind=kind, facts=facts)
    right = telling.plans()
    assert run(conn, telling, Peer())
    assert telling.state(wrong) == "dead"
    assert telling.state(right) == "sent"


def test_a_channel_that_fails_in_a_way_nobody_foresaw_is_of_unknown_outcome(
    conn: Connection, telling: Telling
) -> None:
    class Failing(Peer):
        def send(self, letter, to):  # type: ignore[no-untyped-def]  # noqa: ANN001
            raise ZeroDivisionError

    id_ = telling.plans()
    run(conn, telling, Failing())
    assert telling.attempts(id_) == ["unknown"]


def test_a_channel_that_says_nothing_is_not_waited_for(conn: Connection, telling: Telling) -> None:
    class Silent(Peer):
        patience_s = 0.1

        def send(self, letter, to):  # type: ignore[no-untyped-def]  # noqa: ANN001
            time.sleep(1)  # the other side's silence, which is what is tried here
            return Sent("x")

    id_ = telling.plans()
    run(conn, telling, Silent())
    assert telling.attempts(id_) == ["unknown"]


def test_the_inbox_holds_a_message_once_however_often_it_is_delivered(
    conn: Connection, telling: Telling
) -> None:
    id_ = telling.plans("inbox")
    run(conn, telling)
    telling.does("UPDATE notices.messages SET state = 'waiting' WHERE organisation = %s")
    run(conn, telling)
    assert telling.attempts(id_) == ["sent", "sent"]
    rows = telling.does("SELECT id, person, read_at FROM notices.inbox WHERE organisation = %s")
    assert rows == [(id_, PERSON, None)]


def test_a_channel_goes_no_faster_than_the_other_side_bears(conn: Connection, telling: Telling) -> None:
    class Slow(Peer):
        per_minute = 30

    ids = [telling.plans() for _ in range(3)]
    peer = Slow()
    walker = deliverer(conn, telling, peer)
    for sent in (1, 2):
        steps = [walker.deliver_some(telling.code, peer, deadline=time.monotonic() + 60) for _ in range(2)]
        assert steps == [Step.DONE, Step.NOT_SO_FAST]
        assert len(peer.letters) == sent
        telling.later(seconds=2.1)
    assert not run(conn, telling, peer, within_s=0)
    telling.now -= timedelta(days=400)
    telling.does("UPDATE notices.messages SET due_at = due_at - interval '400 days' WHERE organisation = %s")
    assert run(conn, telling, peer)
    assert [telling.state(id_) for id_ in ids] == ["sent"] * 3


@pytest.mark.parametrize("days", [400, -400])
def test_a_clock_that_jumps_ends_nothing_and_holds_nothing_up(
    conn: Connection, telling: Telling, days: int
) -> None:
    ids = [telling.plans() for _ in range(5)]
    peer = Peer("email", *[LATER] * 5)
    run(conn, telling, peer)
    telling.now += timedelta(days=days)
    peer.outcomes = [LATER] * 5 if days > 0 else []
    if days < 0:
        telling.does(
            "UPDATE notices.messages SET due_at = due_at - interval '400 days' WHERE organisation = %s"
        )
    run(conn, telling, peer)
    expected = "waiting" if days > 0 else "sent"
    assert [telling.state(id_) for id_ in ids] == [expected] * 5
    telling.now -= timedelta(days=days)
    run(conn, telling, peer)
    assert [telling.state(id_) for id_ in ids] == ["sent"] * 5


def test_what_waited_for_weeks_for_a_channel_is_no_news_until_somebody_says_so(
    conn: Connection, telling: Telling
) -> None:
    old, tried = telling.plans(due_at=telling.now - timedelta(days=15)), telling.plans()
    peer = Peer("email", *[AWAY] * 2)
    run(conn, telling, peer)
    assert telling.state(old) == "dead"
    assert "15 days" in telling.reason(old)
    telling.later(days=20)
    peer.outcomes.clear()
    run(conn, telling, peer)
    assert telling.state(tried) == "sent"
    telling.does(
        "UPDATE notices.messages SET state = 'waiting', try_at = clock_timestamp() WHERE organisation = %s"
    )
    run(conn, telling, peer, now=None)
    assert telling.state(old) == "sent"


def test_a_stop_is_heard_between_two_messages(conn: Connection, telling: Telling) -> None:
    for _ in range(3):
        telling.plans()
    peer = Peer()
    assert not run(conn, telling, peer, stopping=lambda: len(peer.letters) >= 1)
    assert len(peer.letters) == 1


def test_a_recorded_outcome_is_not_rewritten(conn: Connection, telling: Telling) -> None:
    telling.plans()
    run(conn, telling, Peer())
    for statement in (
        "UPDATE notices.attempts SET outcome = 'refused' WHERE organisation = %s",
        "DELETE FROM notices.attempts WHERE organisation = %s",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            telling.does(statement)


def test_the_sweep_sees_what_can_go_and_not_what_rests(conn: Connection, telling: Telling) -> None:
    assert telling.code not in due(conn)
    telling.plans("inbox", due_at=telling.now - timedelta(days=1_000))
    assert set(due(conn)[telling.code]) == {"inbox"}  # type: ignore[call-overload]
    telling.does(
        "INSERT INTO notices.channels (organisation, channel, failures, rests_until)"
        " VALUES (%s, 'inbox', 1, clock_timestamp() + interval '1 minute')"
    )
    assert telling.code not in due(conn)
    telling.does(
        "UPDATE notices.channels SET rests_until = rests_until + interval '400 days' WHERE organisation = %s"
    )
    assert telling.code in due(conn)
