"""What is done by the clock, by RQ's cron: the list. The sweep is not here: it must not need Redis."""

import contextlib
from types import FrameType

import redis
from rq.cron import CronJob, CronScheduler
from rq.exceptions import StopRequested
from rq.job import Job

from services.doorbell import LONG, queue
from services.worker.stopping import StopAsked

LOOK_EVERY_S = 2.0


class Appointment(CronJob):
    """A job of the clock whose arguments go as JSON: RQ's own goes by pickle, whatever its worker reads."""

    def enqueue(self, connection: redis.Redis) -> Job:
        """Rings for the job now."""
        job = queue(connection, self.queue_name).enqueue(self.func_name, **self.job_options)
        self.set_enqueue_time(job.enqueued_at or job.created_at)
        return job


BY_THE_CLOCK = (
    # Not between one and three, when London's clocks change: nothing nightly is done twice or never.
    Appointment(
        LONG,
        func_name="services.worker.jobs.retry_parked.retry_parked",
        cron="20 3 * * *",
        job_timeout=3600,
        result_ttl=0,
    ),
    Appointment(
        LONG,
        func_name="services.worker.jobs.drop_unread.drop_unread",
        cron="40 * * * *",
        job_timeout=600,
        result_ttl=0,
    ),
    Appointment(
        LONG,
        func_name="services.worker.jobs.forget_attempts.forget_attempts",
        cron="50 3 * * *",
        job_timeout=3600,
        result_ttl=0,
    ),
    Appointment(
        LONG,
        func_name="services.worker.jobs.mind_examinations.mind_examinations",
        cron="20 7 * * *",
        job_timeout=600,
        result_ttl=0,
    ),
)


class Clock(CronScheduler):
    """RQ's scheduler, with everything it rings for. Runs until told to stop, or until Redis is gone (`RedisError`)."""

    def __init__(self, connection: redis.Redis, asked: StopAsked) -> None:
        super().__init__(connection=connection)
        self._cron_jobs.extend(BY_THE_CLOCK)
        self._asked = asked

    def start(self) -> None:
        """Rings for each job when its time comes."""
        try:
            with contextlib.suppress(StopRequested):
                super().start()  # type: ignore[no-untyped-call]
        finally:
            self._asked.listen()

    def calculate_sleep_interval(self) -> float:
        """RQ would sleep a minute, and hear of a lost Redis only then. What a signal raised may be lost as well: where
        garbage is collected, or in a library's own handling of errors.
        """
        if self._asked():
            raise StopRequested
        return min(LOOK_EVERY_S, super().calculate_sleep_interval())

    def _install_signal_handlers(self) -> None:
        super()._install_signal_handlers()  # type: ignore[no-untyped-call]
        if self._asked():  # while RQ was not listening yet
            raise StopRequested

    def _request_stop(self, signum: int, frame: FrameType | None) -> None:
        """Notes that a stop was asked for: RQ only ends its own round."""
        self._asked.note(signum, frame)
        super()._request_stop(signum, frame)  # type: ignore[no-untyped-call]
