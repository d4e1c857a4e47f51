"""Webhooks under fire: senders killed in the middle, Redis emptied, Postgres thrown over, receivers that misbehave.

Whatever breaks, a receiver gets every record in order; twice only what was on its way when somebody died, and then
under the same webhook-id and before anything that follows.
"""

import itertools
import random
import threading
import time
from collections.abc import Iterator

import psycopg
import pytest

from events.privacy.custody import Custodian, KeysInHand
from services.custody import FILE
from services.webhooks.book import new_id
from services.webhooks.keeping import seal
from services.webhooks.signing import new_secret
from tests.patience import wait_until
from tests.services.webhooks.conftest import Received, Receiver, Reply, new_receiver
from tests.standing_house import Organisation, StandingHouse, event, standing_house

SOON_S = 90.0
ROUNDS = 4


@pytest.fixture(scope="module")
def house() -> Iterator[StandingHouse]:
    """The API and a sender, on servers of their own; the sender may post to this machine."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("QILEDGER_WEBHOOK_NETWORKS", "127.0.0.0/8")
        idle = ("fresh-1", "fresh-2", "past-1", "deliver-1", "long-1", "clock", "sweep", "sealer")
        with standing_house(without=idle) as home:
            yield home


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    served = new_receiver()
    yield served
    served.shutdown()
    served.server_close()


def custodian_of(house: StandingHouse) -> Custodian:
    return KeysInHand((house.logs.parent / FILE).read_text())


def endpoint(house: StandingHouse, of: Organisation, url: str, ordering: str) -> str:
    id_, secret = new_id(), new_secret()
    sealed = seal(custodian_of(house), secret, of.code, id_)
    with psycopg.connect(house.ways.admin) as conn:
        conn.execute(
            "INSERT INTO webhooks.endpoints (organisation, id, url, description, types, ordering, client)"
            " VALUES (%s, %s, %s, '', '{}', %s, 'tests')",
            [of.code, id_, url, ordering],
        )
        conn.execute(
            "INSERT INTO webhooks.cursors (organisation, endpoint, position) VALUES (%s, %s, 0)",
            [of.code, id_],
        )
        conn.execute(
            "INSERT INTO webhooks.secrets (organisation, endpoint, number, master, secret, seed, public_key)"
            " VALUES (%s, %s, 1, %s, %s, %s, %s)",
            [of.code, id_, sealed.master, sealed.secret, sealed.seed, secret.public_key],
        )
    return id_


def hurry(house: StandingHouse, of: Organisation) -> None:
    """As if a day had passed: what failed is tried again at once."""
    with psycopg.connect(house.ways.admin) as conn:
        for table in ("cursors", "waiting"):
            conn.execute(
                f"UPDATE webhooks.{table} SET tried_at = tried_at - interval '1 day' WHERE organisation = %s",  # type: ignore[arg-type]
                [of.code],
            )


def tell_some(of: Organisation, number: int, *, streams: int = 3) -> int:
    """Records over a few streams. Returns the last position."""
    events = [event(f"{time.monotonic_ns()}-{n}", subject=f"project/P-{n % streams}") for n in range(number)]
    with of.door() as door:
        answer = door.post(
            of.path, json=events, headers={"content-type": "application/cloudevents-batch+json"}
        )
    assert answer.status_code == 200, answer.text
    return of.kept()[-1][0]


def in_order(received: list[Received]) -> list[int]:
    """The positions as they came, each that came twice in a row once; fails if anything came out of order."""
    ids: dict[int, set[str]] = {}
    for one in received:
        ids.setdefault(one.position, set()).add(one.id)
    assert all(len(of_one) == 1 for of_one in ids.values()), "one id for each record"
    positions = [position for position, _ in itertools.groupby(one.position for one in received)]
    assert positions == sorted(set(positions)), positions
    return positions


def twice(received: list[Received]) -> int:
    return len(received) - len({one.position for one in received})


def test_senders_that_are_killed_lose_nothing_and_double_only_what_was_on_its_way(
    house: StandingHouse, receiver: Receiver
) -> None:
    of = house.open()
    endpoint(house, of, receiver.url, "strict")

    slow = threading.Event()

    def slowly(_: Received) -> Reply:
        slow.wait(0.005)  # so that a kill meets it at every step
        return 200, {}, b""

    receiver.answers = slowly
    last = tell_some(of, 150)
    for _ in range(ROUNDS):
        before = len(receiver.taken)
        wait_until(
            lambda before=before: len(receiver.taken) >= before + 5,
            within_s=SOON_S,
            what="it sends",
        )
        house.kill("webhooks-1")
        last = tell_some(of, 20)
    wait_until(
        lambda: receiver.taken and receiver.taken[-1].position == last, within_s=SOON_S, what="all are sent"
    )
    assert in_order(receiver.taken) == list(range(1, last + 1))
    assert twice(receiver.taken) <= ROUNDS


def test_by_streams_each_keeps_its_order_when_senders_are_killed(
    house: StandingHouse, receiver: Receiver
) -> None:
    of = house.open()
    endpoint(house, of, receiver.url, "stream")
    last = tell_some(of, 200, streams=20)
    for _ in range(3):
        before = len(receiver.taken)
        wait_until(lambda before=before: len(receiver.taken) >= before + 10, within_s=SOON_S, what="it sends")
        house.kill("webhooks-1")
    wait_until(
        lambda: len({one.position for one in receiver.taken}) == last, within_s=SOON_S, what="all are sent"
    )
    for stream in {one.event["subject"] for one in receiver.taken}:
        in_order([one for one in receiver.taken if one.event["subject"] == stream])
    assert twice(receiver.taken) <= 3 * 8, "what is on its way at once is bounded"


def test_neither_an_emptied_redis_nor_a_postgres_that_falls_loses_anything(
    house: StandingHouse, receiver: Receiver
) -> None:
    of = house.open()
    endpoint(house, of, receiver.url, "strict")
    tell_some(of, 20)
    wait_until(lambda: receiver.taken, within_s=SOON_S, what="it sends")
    with house.bell() as bell:
        bell.flushall()
    tell_some(of, 20)
    house.postgres.kill()
    house.postgres.restart()
    wait_until(house.is_ready, within_s=SOON_S, what="the API is ready")
    last = tell_some(of, 20)
    wait_until(lambda: receiver.taken[-1].position == last, within_s=SOON_S, what="all are sent")
    assert in_order(receiver.taken) == list(range(1, last + 1))
    assert twice(receiver.taken) <= 1


def test_a_receiver_that_misbehaves_in_every_way_gets_everything_in_order_in_the_end(
    house: StandingHouse, receiver: Receiver
) -> None:
    of, chance = house.open(), random.Random(12)
    endpoint(house, of, receiver.url, "strict")
    ways: list[Reply | None] = [
        None,
        (500, {}, b"\xff" * 10_000),
        (302, {"location": "http://169.254.169.254/"}, b""),
        (200, {"content-length": "100000"}, b"cut short"),
        (503, {"retry-after": "99999999"}, b""),
        (404, {"retry-after": "Wed, 21 Oct 2099 07:28:00 GMT"}, b""),
        (599, {}, b""),
    ]
    receiver.answers = lambda _: chance.choice(ways) if chance.random() < 0.3 else (200, {}, b"")
    last = tell_some(of, 15)

    def pressed_on() -> bool:
        hurry(house, of)
        return bool(receiver.taken) and receiver.taken[-1].position == last

    wait_until(pressed_on, within_s=SOON_S, what="all are sent")
    assert in_order(receiver.taken) == list(range(1, last + 1))
