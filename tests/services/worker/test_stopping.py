"""A worker that is told to stop stops, whatever its job makes of it."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest
import redis
from rq import Worker
from rq.worker import WorkerStatus

from services.doorbell import FRESH, queue
from tests.patience import ENDS_WITHIN_S, gone, wait_until
from tests.services.worker.stubborn import JOB
from tests.standing_house import children_of

Start = Callable[[str], "subprocess.Popen[bytes]"]
SOON_S = 60.0


@pytest.fixture
def start(bell: redis.Redis, redis_url: str) -> Iterator[Start]:
    """Starts a stubborn worker, for which a job waits unless it is to be idle."""
    started: list[subprocess.Popen[bytes]] = []

    def begin(how: str) -> "subprocess.Popen[bytes]":
        if how != "idle":
            queue(bell, FRESH).enqueue(JOB, result_ttl=0)
        command = [sys.executable, "-m", "tests.services.worker.stubborn", how, redis_url, FRESH]
        started.append(subprocess.Popen(command))
        return started[-1]

    yield begin
    for process in started:
        for horse in children_of(process.pid):
            os.kill(horse, signal.SIGKILL)
        process.kill()
        process.wait(ENDS_WITHIN_S)


def said(bell: redis.Redis) -> list[str]:
    return [word.decode() for word in bell.lrange("stubborn", 0, -1)]


@pytest.mark.parametrize("how", ["once", "never"])
def test_a_job_that_does_not_hear_is_told_again_and_killed_in_the_end(
    bell: redis.Redis, start: Start, how: str
) -> None:
    worker = start(how)
    wait_until(lambda: said(bell) == ["began"], within_s=SOON_S, what="the job is under way")
    (horse,) = children_of(worker.pid)
    worker.terminate()
    assert worker.wait(SOON_S) == 0
    wait_until(lambda: gone(horse), within_s=ENDS_WITHIN_S, what="its process is gone")
    assert said(bell)[:3] == ["began", "was told", "was told"]
    assert queue(bell, FRESH).failed_job_registry.count == (how == "never")


@pytest.mark.parametrize("how", ["once", "never"])
def test_a_job_that_does_not_hear_that_its_worker_was_killed_is_told_again_and_killed_in_the_end(
    bell: redis.Redis, start: Start, how: str
) -> None:
    worker = start(how)
    wait_until(lambda: said(bell) == ["began"], within_s=SOON_S, what="the job is under way")
    (horse,) = children_of(worker.pid)
    worker.kill()
    worker.wait(ENDS_WITHIN_S)
    try:
        wait_until(lambda: gone(horse), within_s=SOON_S, what="its process is gone")
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(horse, signal.SIGKILL)
    assert said(bell)[:3] == ["began", "was told", "was told"]


def test_a_job_that_is_told_to_stop_in_the_moment_of_its_birth_does_not_begin(
    bell: redis.Redis, start: Start
) -> None:
    start("newborn")
    wait_until(lambda: Worker.count(connection=bell), within_s=SOON_S, what="the worker is up")
    wait_until(lambda: not list(bell.scan_iter("rq:job:*")), within_s=SOON_S, what="the job is gone")
    assert said(bell) == []
    assert queue(bell, FRESH).failed_job_registry.count == 0


def test_a_worker_whose_wait_could_not_be_interrupted_is_interrupted_again(
    bell: redis.Redis, start: Start
) -> None:
    worker = start("idle")

    def waits() -> bool:
        return [one.get_state() for one in Worker.all(connection=bell)] == [WorkerStatus.IDLE]

    wait_until(waits, within_s=SOON_S, what="it waits for a job")
    worker.terminate()
    assert worker.wait(SOON_S) == 0
    assert Worker.count(connection=bell) == 0, "it signed off"
