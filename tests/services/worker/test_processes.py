"""RQ workers as processes: moments from the ring to the row, one job for many rings, no call but for our own jobs."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
import redis
from rq import Queue, Worker
from rq.command import send_shutdown_command

from services.doorbell import FRESH, RUNG_FOR_S, channel, queue, ring, wake
from services.embedded import Valkey
from tests.patience import gone, wait_until
from tests.services.worker.conftest import Start, Trust
from tests.standing_house import children_of

SOON_S = 15.0  # moments, on a machine that does other things too
DONE_S = 60.0  # a first job makes the tables of every projection before it ends
STOPS_WITHIN_S = 60  # it takes a moment, but for a machine that does other things too


@pytest.fixture
def fresh_database_url(module_database_url: str) -> str:
    """One for all: each test tells of an organisation of its own."""
    return module_database_url


def is_up(bell: redis.Redis, workers: int = 1) -> bool:
    return Worker.count(connection=bell) == workers


def test_an_event_rung_for_is_shown(bell: redis.Redis, start: Start, trust: Trust) -> None:
    start("queue", "fresh")
    wait_until(lambda: is_up(bell), within_s=SOON_S, what="the worker is up")
    ring(bell, trust.code, trust.tell("P-1"))
    wait_until(lambda: trust.shown() == {"P-1"}, within_s=SOON_S, what="it is shown")


def test_a_hundred_rings_are_one_job_that_leaves_nothing_behind(
    bell: redis.Redis, start: Start, trust: Trust, tmp_path: Path
) -> None:
    position = trust.tell(*(f"P-{number}" for number in range(100)))
    began = time.monotonic()
    for _ in range(100):
        ring(bell, trust.code, position)
    assert queue(bell, FRESH).count <= 1 + (time.monotonic() - began) // RUNG_FOR_S
    start("queue", "fresh")
    wait_until(lambda: len(trust.shown()) == 100, within_s=SOON_S, what="all are shown")

    def is_gone() -> bool:
        assert queue(bell, FRESH).failed_job_registry.count == 0, words_of_workers(tmp_path)
        return not list(bell.scan_iter("rq:job:*"))

    wait_until(is_gone, within_s=DONE_S, what="the job is gone")
    assert not bell.exists(f"qiledger:rung:{trust.code}")


def words_of_workers(directory: Path) -> str:
    """What the workers of a test said, for one who wonders why it failed."""
    return "\n".join(log.read_text() for log in directory.glob("*.log"))


def test_one_worker_serves_two_organisations_that_are_both_busy(
    bell: redis.Redis, start: Start, trust: Trust, other_trust: Trust
) -> None:
    start("queue", "fresh")
    wait_until(lambda: is_up(bell), within_s=SOON_S, what="the worker is up")
    for number in range(1, 6):
        for busy in (trust, other_trust):
            ring(bell, busy.code, busy.tell(f"P-{number}"))
        wait_until(
            lambda n=number: len(trust.shown()) == len(other_trust.shown()) == n,
            within_s=SOON_S,
            what="both shown",
        )


def test_a_function_that_is_no_job_of_ours_is_not_called(
    bell: redis.Redis, start: Start, trust: Trust, tmp_path: Path
) -> None:
    """Whoever can write to Redis can name any function of any module."""
    victim = tmp_path / "made-by-a-stranger"
    queue(bell, FRESH).enqueue("os.mkdir", str(victim))
    Queue(FRESH, connection=bell).enqueue("os.mkdir", str(victim))  # by pickle
    wake(bell, trust.code)
    trust.tell("P-1")
    start("queue", "fresh")
    wait_until(lambda: trust.shown() == {"P-1"}, within_s=SOON_S, what="the job behind them is done")
    assert not victim.exists()
    assert queue(bell, FRESH).failed_job_registry.count == 2


def test_orders_by_redis_are_not_taken(bell: redis.Redis, start: Start, trust: Trust) -> None:
    worker = start("queue", "fresh")
    wait_until(lambda: is_up(bell), within_s=SOON_S, what="the worker is up")
    (there,) = Worker.all(connection=bell)
    send_shutdown_command(bell, there.name)
    ring(bell, trust.code, trust.tell("P-1"))
    wait_until(lambda: trust.shown() == {"P-1"}, within_s=SOON_S, what="it works on")
    assert worker.poll() is None


def bustling(bell: redis.Redis, trust: Trust) -> bool:
    """There is news, so that no follower leaves for want of it."""
    return bell.publish(channel(trust.code), 1) >= 0


def stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    assert process.wait(STOPS_WITHIN_S) == 0


@pytest.mark.parametrize("name", ["fresh", "past", "deliver", "long"])
def test_an_idle_worker_told_to_stop_signs_off(bell: redis.Redis, start: Start, name: str) -> None:
    worker = start("queue", name)
    wait_until(lambda: is_up(bell), within_s=SOON_S, what="the worker is up")
    stop(worker)
    assert is_up(bell, 0)


def test_a_worker_told_to_stop_interrupts_its_job_which_ends_in_good_order(
    bell: redis.Redis, start: Start, trust: Trust
) -> None:
    worker = start("queue", "fresh")
    wait_until(lambda: is_up(bell), within_s=SOON_S, what="the worker is up")
    ring(bell, trust.code, trust.tell("P-1"))
    wait_until(lambda: trust.shown() == {"P-1"}, within_s=SOON_S, what="it is shown; the follower stays")
    horses = children_of(worker.pid)
    worker.terminate()
    wait_until(
        lambda: bustling(bell, trust) and gone(worker.pid), within_s=STOPS_WITHIN_S, what="it has stopped"
    )
    assert worker.wait() == 0
    assert all(map(gone, horses))
    assert queue(bell, FRESH).failed_job_registry.count == 0
    assert not bell.exists(f"qiledger:rung:{trust.code}"), "its claim was given back"


def test_a_worker_told_to_stop_while_its_redis_is_away_stops(own_valkey: Valkey, start: Start) -> None:
    worker = start("queue", "fresh", doorbell=own_valkey.url)
    with redis.Redis.from_url(own_valkey.url) as bell:
        wait_until(lambda: is_up(bell), within_s=SOON_S, what="the worker is up")
    own_valkey.kill()
    stop(worker)


def test_a_worker_whose_redis_was_never_there_waits_and_stops_when_told(start: Start, tmp_path: Path) -> None:
    worker = start("queue", "fresh", doorbell="unix:///nowhere/valkey.sock?db=0")
    wait_until(
        lambda: any(b"waiting for Redis" in log.read_bytes() for log in tmp_path.glob("queue-fresh-*.log")),
        within_s=SOON_S,
        what="it says that it waits",
    )
    assert worker.poll() is None
    stop(worker)


def test_a_killed_workers_horse_goes_with_it_and_the_next_worker_goes_on(
    bell: redis.Redis, start: Start, trust: Trust
) -> None:
    worker = start("queue", "fresh")
    wait_until(lambda: is_up(bell), within_s=SOON_S, what="the worker is up")
    ring(bell, trust.code, trust.tell("P-1"))
    wait_until(lambda: children_of(worker.pid), within_s=SOON_S, what="it has a horse")
    horses = children_of(worker.pid)
    os.kill(worker.pid, signal.SIGKILL)
    worker.wait()
    wait_until(
        lambda: bustling(bell, trust) and all(map(gone, horses)),
        within_s=STOPS_WITHIN_S,
        what="the horse is gone",
    )
    start("queue", "fresh")
    bell.delete(f"qiledger:rung:{trust.code}")  # the sweep would wait for its end
    ring(bell, trust.code, trust.tell("P-2"))
    wait_until(lambda: trust.shown() == {"P-1", "P-2"}, within_s=SOON_S, what="both are shown")
