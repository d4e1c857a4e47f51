"""What is done by the clock: rung for as JSON, in time, by a process that outlives its Redis."""

import importlib
import json
import pkgutil
import signal
import zlib
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import redis
from rq.cron import CronScheduler
from rq.exceptions import StopRequested

from services.doorbell import DELIVER_MESSAGES, KEEP_FRESH, LONG, REBUILD, SPEAK, connect, queue
from services.embedded import Valkey
from services.pasts import SHOW_PAST
from services.worker import jobs
from services.worker.__main__ import JOBS
from services.worker.schedule import BY_THE_CLOCK, Appointment, Clock
from services.worker.stopping import StopAsked
from tests.patience import ENDS_WITHIN_S, wait_until
from tests.services.worker.conftest import Start, Trust

CALLED = {
    DELIVER_MESSAGES,
    KEEP_FRESH,
    REBUILD,
    SPEAK,
    SHOW_PAST,
    *(appointment.func_name for appointment in BY_THE_CLOCK),
}
APPOINTMENTS = pytest.mark.parametrize(
    "appointment", BY_THE_CLOCK, ids=lambda appointment: str(appointment.func_name).rpartition(".")[2]
)


def named(path: str) -> object:
    module, _, function = path.rpartition(".")
    return getattr(importlib.import_module(module), function)


def test_every_name_by_which_a_job_is_called_is_one_of_the_jobs() -> None:
    for path in CALLED:
        assert callable(named(path)), path


def test_every_job_is_called_by_somebody() -> None:
    files = {name for _, name, _ in pkgutil.iter_modules(jobs.__path__, f"{jobs.__name__}.")}
    assert {path.rpartition(".")[0] for path in CALLED} == files


def test_every_job_is_loaded_by_the_worker_of_a_queue() -> None:
    files = {name for _, name, _ in pkgutil.iter_modules(jobs.__path__)}
    assert sorted(job for queue in JOBS.values() for job in queue) == sorted(files)


@APPOINTMENTS
def test_an_appointment_is_rung_for_as_json(bell: redis.Redis, appointment: Appointment) -> None:
    job = appointment.enqueue(bell)
    stored = bell.hget(job.key, "data")
    assert isinstance(stored, bytes)
    assert json.loads(zlib.decompress(stored)) == [appointment.func_name, None, [], {}]
    assert queue(bell, LONG).job_ids == [job.id]


@APPOINTMENTS
def test_a_worker_does_what_the_clock_rings_for(
    bell: redis.Redis, start: Start, trust: Trust, appointment: Appointment
) -> None:
    trust.tell("P-1")
    appointment.enqueue(bell)
    start("queue", "long")
    wait_until(lambda: queue(bell, LONG).count == 0, within_s=20, what="it is taken")
    wait_until(lambda: not list(bell.scan_iter("rq:job:*")), within_s=20, what="it is done")
    assert queue(bell, LONG).failed_job_registry.count == 0


def test_nothing_nightly_falls_into_the_hours_in_which_clocks_change() -> None:
    for appointment in BY_THE_CLOCK:
        hour = str(appointment.cron).split()[1]
        assert hour == "*" or not 1 <= int(hour) < 3, appointment.cron


def test_what_is_due_is_rung_for_once_and_then_for_its_next_time(bell: redis.Redis) -> None:
    clock = Clock(bell, StopAsked())
    (first, *others) = clock.get_jobs()
    for other in others:
        other.next_enqueue_time = datetime.now(UTC) + timedelta(hours=1)  # whatever the time is now
    first.next_enqueue_time = datetime.now(UTC) - timedelta(seconds=1)
    assert clock.enqueue_jobs() == [first]
    assert clock.enqueue_jobs() == []
    assert first.next_enqueue_time > datetime.now(UTC)
    assert first.next_enqueue_time.astimezone(ZoneInfo("Europe/London")).second == 0


def test_the_clock_stops_although_the_first_word_of_it_was_lost(bell: redis.Redis) -> None:
    asked = StopAsked()
    clock = Clock(bell, asked)
    assert clock.calculate_sleep_interval() > 0
    asked.note(signal.SIGTERM, None)
    with pytest.raises(StopRequested):
        clock.calculate_sleep_interval()


def test_the_clock_outlives_its_redis_and_stops_when_told(own_valkey: Valkey, start: Start) -> None:
    own_valkey.kill()
    clock = start("clock", doorbell=own_valkey.url)
    with connect(own_valkey.url) as bell:
        for _ in range(2):
            own_valkey.restart()
            bell.flushall()
            wait_until(lambda: CronScheduler.all(bell), within_s=75, what="the clock runs")
            own_valkey.kill()
    clock.terminate()
    assert clock.wait(ENDS_WITHIN_S) == 0
