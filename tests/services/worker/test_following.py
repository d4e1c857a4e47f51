"""A job that keeps an organisation fresh: it stays while there is news, gives way to others, and misses nothing."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
import redis

from services.doorbell import FRESH, connect, queue, ring, wake
from services.worker.duty import Connection
from services.worker.jobs import keep_fresh
from tests.patience import ENDS_WITHIN_S, wait_until
from tests.services.worker.conftest import Trust

SOON_S = 10.0
LONG_S = 60.0


@pytest.fixture
def fresh_database_url(module_database_url: str) -> str:
    """One for all: each test tells of an organisation of its own."""
    return module_database_url


@contextmanager
def following(conn: Connection, bell: redis.Redis, trust: Trust) -> Iterator[threading.Thread]:
    """A follower at work, until the block ends; then somebody else's job makes it give way.

    Its claim outlives a machine that is busy with something else, and so does its wait for news.
    """
    until = time.monotonic() + LONG_S
    follower = threading.Thread(
        target=keep_fresh.follow, args=(conn, bell, trust.code), kwargs={"until": until}
    )
    with pytest.MonkeyPatch.context() as granted:
        granted.setattr(keep_fresh, "LINGERS_FOR_S", LONG_S)
        granted.setattr("services.doorbell.FOLLOWED_FOR_S", int(LONG_S))
        follower.start()
        try:
            wait_until(lambda: bell.exists(f"qiledger:rung:{trust.code}"), within_s=SOON_S, what="it follows")
            yield follower
        finally:
            wake(bell, "ANOTHER")
            follower.join(ENDS_WITHIN_S)
            assert not follower.is_alive()


def test_news_is_shown_within_moments_and_nobody_else_is_woken_for_it(
    conn: Connection, bell: redis.Redis, trust: Trust
) -> None:
    with following(conn, bell, trust) as follower:
        for number in range(1, 6):
            ring(bell, trust.code, trust.tell(f"P-{number}"))
            wait_until(lambda n=number: f"P-{n}" in trust.shown(), within_s=SOON_S, what="it is shown")
        assert follower.is_alive()
        assert queue(bell, FRESH).count == 0


def test_a_follower_gives_way_when_another_organisation_waits(
    conn: Connection, bell: redis.Redis, trust: Trust, other_trust: Trust, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keep_fresh, "LINGERS_FOR_S", LONG_S)
    with following(conn, bell, trust) as follower:
        wake(bell, other_trust.code)
        follower.join(ENDS_WITHIN_S)
        assert not follower.is_alive()
        assert wake(bell, trust.code), "its claim was given back"


def test_a_follower_that_hears_nothing_leaves(
    conn: Connection, bell: redis.Redis, trust: Trust, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keep_fresh, "LINGERS_FOR_S", 0.1)
    trust.tell("P-1")
    keep_fresh.follow(conn, bell, trust.code, until=time.monotonic() + LONG_S)
    assert trust.shown() == {"P-1"}
    assert wake(bell, trust.code), "its claim was given back"


class LastMoment(redis.Redis):
    """A Redis on which somebody tells an event, and rings in vain, just before a follower gives its claim back."""

    meanwhile: Any = None

    def delete(self, *names: Any) -> Any:
        self.meanwhile()
        return super().delete(*names)


def test_an_event_rung_for_in_vain_while_the_follower_leaves_is_shown(
    conn: Connection, bell: redis.Redis, redis_url: str, trust: Trust, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keep_fresh, "LINGERS_FOR_S", 0.0)

    def told_too_late_to_be_heard() -> None:
        trust.tell("P-1")
        assert not wake(bell, trust.code)

    with LastMoment.from_url(redis_url) as its_bell:
        its_bell.meanwhile = told_too_late_to_be_heard
        keep_fresh.follow(conn, its_bell, trust.code, until=time.monotonic() + LONG_S)
    assert trust.shown() == {"P-1"}


def test_a_follower_whose_time_is_up_calls_for_another(
    conn: Connection, bell: redis.Redis, trust: Trust, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("projections.engine.feed.BATCH_FIRST", 50)
    trust.tell(*(f"P-{number}" for number in range(200)))
    keep_fresh.follow(conn, bell, trust.code, until=time.monotonic())
    assert queue(bell, FRESH).count == 1
    assert queue(bell, FRESH).jobs[0].args == [trust.code]


def test_a_job_whose_redis_went_away_does_its_work_all_the_same(
    worker_url: str, trust: Trust, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QILEDGER_DATABASE_URL", worker_url)
    monkeypatch.setenv("QILEDGER_REDIS_URL", "unix:///nowhere/valkey.sock?db=0")
    trust.tell("P-1")
    keep_fresh.keep_fresh(trust.code)
    assert trust.shown() == {"P-1"}


def test_two_followers_of_one_organisation_do_each_event_once(
    worker_url: str, redis_url: str, conn: Connection, bell: redis.Redis, trust: Trust
) -> None:
    """As when Redis forgot that somebody follows: the checkpoint lets one of them write."""
    with psycopg.connect(worker_url, autocommit=True) as second, connect(redis_url) as its_bell:
        with following(conn, bell, trust), following(second, its_bell, trust):
            told = [f"P-{number}" for number in range(60)]
            for name in told:
                ring(bell, trust.code, trust.tell(name))
            wait_until(trust.caught_up, within_s=SOON_S, what="all are shown")
        assert trust.shown() == set(told)
