"""The doorbell: whoever waits for news is told, one wake-up speaks for many commits, and nobody needs it."""

import asyncio
import itertools
import json
import os
import socket
import time
import zlib
from collections.abc import AsyncIterator, Iterator

import pytest
import redis
from rq.job import Job

from services.doorbell import (
    FORGOTTEN_AFTER_S,
    FRESH,
    KEEP_FRESH,
    RUNG_FOR_S,
    Doorbell,
    Follower,
    call_for_rebuild,
    channel,
    connect,
    queue,
    ring,
    wake,
)
from services.embedded import Valkey
from tests.patience import wait_until

SOON_S = 5.0
LONG_S = 30.0
OURS, THEIRS = (
    f"A{os.getpid()}",
    f"B{os.getpid()}",
)  # Redis publishes across the databases of other test processes
_numbers = itertools.count(1)


@pytest.fixture
def bell(redis_url: str) -> Iterator[redis.Redis]:
    """A connection to an empty Redis."""
    with connect(redis_url) as connection:
        connection.flushdb()
        yield connection


@pytest.fixture
async def here(redis_url: str, bell: redis.Redis) -> AsyncIterator[Doorbell]:
    """The doorbell of one API process."""
    doorbell = Doorbell(redis_url)
    await doorbell.open()
    yield doorbell
    await doorbell.close()


@pytest.fixture
async def there(redis_url: str) -> AsyncIterator[Doorbell]:
    """The doorbell of another API process, which listens already."""
    doorbell = Doorbell(redis_url)
    await doorbell.open()
    await listens(doorbell, redis_url)
    yield doorbell
    await doorbell.close()


async def listens(doorbell: Doorbell, url: str) -> None:
    """Returns once what is published reaches this doorbell."""
    probe = f"{OURS}PROBE{next(_numbers)}"
    with connect(url) as connection:
        for _ in range(500):
            connection.publish(channel(probe), 1)
            before = time.monotonic()
            await doorbell.wait(probe, after=0, within_s=0.05)
            if time.monotonic() - before < 0.04:
                return
    raise AssertionError("the doorbell does not listen")


async def seconds_until_told(doorbell: Doorbell, organisation: str, *, after: int) -> float:
    began = time.monotonic()
    await doorbell.wait(organisation, after=after, within_s=LONG_S)
    return time.monotonic() - began


def jobs(bell: redis.Redis) -> list[Job]:
    return queue(bell, FRESH).jobs


async def test_who_waits_in_another_process_is_told(here: Doorbell, there: Doorbell) -> None:
    waiting = asyncio.create_task(seconds_until_told(there, OURS, after=6))
    await asyncio.sleep(0)
    here.ring(OURS, 7)
    assert await waiting < SOON_S


async def test_who_waits_in_the_same_process_needs_no_redis() -> None:
    alone = Doorbell(None)
    await alone.open()
    waiting = asyncio.create_task(seconds_until_told(alone, OURS, after=6))
    await asyncio.sleep(0)
    alone.ring(OURS, 7)
    assert await waiting < SOON_S
    await alone.close()


async def test_one_organisations_ring_is_not_anothers(here: Doorbell) -> None:
    waiting = asyncio.create_task(seconds_until_told(here, THEIRS, after=0))
    await asyncio.sleep(0)
    here.ring(OURS, 7)
    await asyncio.wait({waiting}, timeout=0.1)
    assert not waiting.done()
    here.ring(THEIRS, 1)
    assert await waiting < SOON_S


async def test_nobody_waits_for_what_has_been_rung_already(here: Doorbell) -> None:
    here.ring(OURS, 7)
    assert await seconds_until_told(here, OURS, after=6) < SOON_S


async def test_nobody_waits_longer_than_they_asked_for(here: Doorbell) -> None:
    here.ring(OURS, 7)
    began = time.monotonic()
    await here.wait(OURS, after=7, within_s=0.05)
    assert 0.04 < time.monotonic() - began < SOON_S


async def test_a_door_that_closes_lets_everybody_go(redis_url: str) -> None:
    doorbell = Doorbell(redis_url)
    await doorbell.open()
    waiting = [asyncio.create_task(seconds_until_told(doorbell, code, after=0)) for code in (OURS, THEIRS)]
    await asyncio.sleep(0)
    await doorbell.close()
    assert all(seconds < SOON_S for seconds in await asyncio.gather(*waiting))


async def test_a_thousand_rings_wake_one_worker(here: Doorbell, bell: redis.Redis) -> None:
    for position in range(1, 1_001):
        here.ring(OURS, position)
    here.ring(THEIRS, 1)
    await asyncio.to_thread(
        wait_until, lambda: len(jobs(bell)) == 2, within_s=SOON_S, what="both were rung for"
    )
    for position in range(1_001, 1_101):
        ring(bell, OURS, position)
    assert sorted(job.args for job in jobs(bell)) == [[OURS], [THEIRS]]


def test_a_wake_up_is_json_and_names_a_job_and_an_organisation(bell: redis.Redis) -> None:
    assert wake(bell, OURS)
    (job,) = jobs(bell)
    stored = bell.hget(job.key, "data")
    assert isinstance(stored, bytes)
    assert json.loads(zlib.decompress(stored)) == [KEEP_FRESH, None, [OURS], {}]


def test_a_wake_up_that_nobody_answers_is_soon_rung_again_and_in_the_end_forgotten(bell: redis.Redis) -> None:
    assert wake(bell, OURS)
    assert not wake(bell, OURS)
    assert 0 < bell.ttl(f"qiledger:rung:{OURS}") <= RUNG_FOR_S
    (job,) = jobs(bell)
    assert 0 < bell.ttl(job.key) <= FORGOTTEN_AFTER_S
    bell.delete(f"qiledger:rung:{OURS}")
    assert wake(bell, OURS)


def test_a_rebuild_is_called_for_once_and_again_by_itself_alone(bell: redis.Redis) -> None:
    assert call_for_rebuild(bell, OURS)
    assert not call_for_rebuild(bell, OURS)
    assert call_for_rebuild(bell, OURS, again=True)
    assert queue(bell, "long").count == 2


def test_while_somebody_follows_nobody_else_is_woken(bell: redis.Redis) -> None:
    follower = Follower(bell, OURS)
    with follower.following():
        ring(bell, OURS, 7)
        assert jobs(bell) == []
        assert follower.news(within_s=SOON_S)
        assert not follower.news(within_s=0)
    ring(bell, OURS, 8)
    assert len(jobs(bell)) == 1


def test_many_heads_are_one_piece_of_news(bell: redis.Redis) -> None:
    follower = Follower(bell, OURS)
    with follower.following():
        for position in range(100):
            ring(bell, OURS, position)
        assert follower.news(within_s=SOON_S)
        assert not follower.news(within_s=0)


async def test_a_door_may_close_at_any_moment_of_its_opening(redis_url: str) -> None:
    """Redis's client swallows a cancellation that meets it while it connects: an API would never end."""
    for steps in range(60):
        doorbell = Doorbell(redis_url)
        await doorbell.open()
        for _ in range(steps):
            await asyncio.sleep(0)
        await asyncio.wait_for(doorbell.close(), SOON_S)


async def test_a_word_that_is_no_head_is_passed_over(here: Doorbell, there: Doorbell, redis_url: str) -> None:
    with connect(redis_url) as bell:
        bell.publish(channel(OURS), "gibberish")
    await listens(there, redis_url)
    waiting = asyncio.create_task(seconds_until_told(there, OURS, after=0))
    await asyncio.sleep(0)
    here.ring(OURS, 1)
    assert await waiting < SOON_S


async def test_a_redis_that_is_gone_keeps_no_request_waiting_and_comes_back_by_itself(
    own_valkey: Valkey,
) -> None:
    here, there = Doorbell(own_valkey.url), Doorbell(own_valkey.url)
    await here.open()
    await there.open()
    await listens(there, own_valkey.url)
    own_valkey.kill()
    began = time.monotonic()
    for position in range(1, 101):
        here.ring(OURS, position)
        await asyncio.sleep(0)
    assert time.monotonic() - began < 20  # a second for each, had it waited
    own_valkey.restart()
    await listens(there, own_valkey.url)
    waiting = asyncio.create_task(seconds_until_told(there, OURS, after=100))
    await asyncio.sleep(0)
    here.ring(OURS, 101)
    assert await waiting < SOON_S
    await here.close()
    await there.close()


async def test_a_redis_that_never_answers_is_given_up_soon() -> None:
    """Neither the sweep nor an API that stops may hang on it."""
    with socket.create_server(("127.0.0.1", 0)) as hole:
        url = f"redis://127.0.0.1:{hole.getsockname()[1]}/0"
        began = time.monotonic()
        with connect(url) as bell, pytest.raises(redis.RedisError):
            wake(bell, OURS)
        assert time.monotonic() - began < SOON_S
        doorbell = Doorbell(url)
        await doorbell.open()
        doorbell.ring(OURS, 1)
        await asyncio.sleep(0)
        await doorbell.close()
    assert time.monotonic() - began < 2 * SOON_S
