"""When the time of a job is over, it ends, whatever it was at."""

import os
import signal
from contextlib import suppress

import pytest
from rq.timeouts import HorseMonitorTimeoutException, JobTimeoutException

from services.worker.answering import JobTime, QueueWorker, TimeIsUp


def alarm() -> None:
    os.kill(os.getpid(), signal.SIGALRM)


def test_what_answers_the_failures_of_its_work_does_not_answer_the_end_of_its_time() -> None:
    assert QueueWorker.death_penalty_class is JobTime
    with pytest.raises(TimeIsUp), JobTime(60, JobTimeoutException), suppress(Exception):
        alarm()


def test_a_worker_that_waits_for_its_horse_is_woken_as_ever() -> None:
    with pytest.raises(HorseMonitorTimeoutException), JobTime(60, HorseMonitorTimeoutException):
        alarm()
