"""What is done by the clock, by RQ's cron: the list. The sweep is not here: it must not need Redis."""

import redis
from rq.cron import CronJob, CronScheduler
from rq.job import Job

from services.doorbell import LONG, queue


class Appointment(CronJob):
    """A job of the clock whose arguments go as JSON: RQ's own goes by pickle, whatever its worker reads."""

    def enqueue(self, connection: redis.Redis) -> Job:
        """Rings for the job now."""
        job = queue(connection, self.queue_name).enqueue(self.func_name, **self.job_options)
        self.set_enqueue_time(job.enqueued_at or job.created_at)
        return job


NIGHTLY = (
    # Between two and three, when London's clocks change, nothing is done twice or never.
    Appointment(
        LONG,
        func_name="services.worker.jobs.retry_parked.retry_parked",
        cron="20 3 * * *",
        job_timeout=3600,
        result_ttl=0,
    ),
)


class Clock(CronScheduler):
    """RQ's scheduler, with everything it rings for."""

    def __init__(self, connection: redis.Redis) -> None:
        super().__init__(connection=connection)
        self._cron_jobs.extend(NIGHTLY)
