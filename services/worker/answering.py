"""Answering a queue: RQ's worker as we want it. A process forked for each job, and nothing else to be had over Redis.

What a SIGKILL leaves: the job it was at stays `started` in Redis for minutes, which nobody waits for; its horse hears
of the death from the kernel, gives its claim back and ends. What a SIGTERM leaves: nothing, within a second.
"""

import contextlib
import os
import signal
from collections.abc import Callable
from types import FrameType
from typing import Any

import redis
from rq import Queue, Worker
from rq.exceptions import StopRequested
from rq.job import Job
from rq.serializers import JSONSerializer

from services.embedded.lifeline import die_with_parent
from services.worker.stopping import StopAsked

JOBS = "services.worker.jobs."
MAINTENANCE_EVERY_S = 60
WORKER_TTL_S = 60  # a queue is asked again after a quarter of a minute less
RECONNECT_WITHIN_S = 1.0


class NotOurJob(RuntimeError):
    """Somebody asked for a function that is no job of this house."""


class ListedJob(Job):
    """A job out of `jobs/`. JSON brings no code along; but RQ would call any function it names, `os.system` too."""

    @property
    def func(self) -> Callable[..., Any]:
        """The function to call. Raises NotOurJob."""
        name = self.func_name or ""
        if self.instance is not None or not name.startswith(JOBS):
            raise NotOurJob(f"{name!r} is not one of {JOBS}")
        return super().func  # type: ignore[no-any-return]


class ListeningQueue(Queue):
    """A queue of such jobs."""

    job_class = ListedJob


class QueueWorker(Worker):
    """Answers one queue until told to stop, or until Redis is gone."""

    job_class = ListedJob
    queue_class = ListeningQueue

    def __init__(self, connection: redis.Redis, name: str, asked: StopAsked) -> None:
        super().__init__(
            [ListeningQueue(name, connection=connection, serializer=JSONSerializer)],
            connection=connection,
            serializer=JSONSerializer,
            maintenance_interval=MAINTENANCE_EVERY_S,
            worker_ttl=WORKER_TTL_S,
            log_job_description=False,
        )
        self.max_connection_wait_time = RECONNECT_WITHIN_S
        self._asked = asked

    def answer(self) -> None:
        """Works until told to stop; ends too when Redis goes away, perhaps by a `RedisError`."""
        try:
            with contextlib.suppress(StopRequested):
                self.work(logging_level="WARNING")
        finally:
            self._asked.listen()

    def subscribe(self) -> None:
        """RQ would listen for orders here, in a thread that outlives the connection. We take ours by signal alone."""

    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        """Notes that a stop was asked for, also if it comes between two jobs."""
        self._asked.note(signum, frame)
        super().request_stop(signum, frame)  # type: ignore[no-untyped-call]

    def _install_signal_handlers(self) -> None:
        super()._install_signal_handlers()  # type: ignore[no-untyped-call]
        self._stop_requested = self._asked()  # asked for while RQ was not listening yet

    def handle_warm_shutdown_request(self) -> None:
        """RQ would wait for its horse, which may have most of a minute's work before it."""
        if self.horse_pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.horse_pid, signal.SIGTERM)

    def main_work_horse(self, job: Job, queue: Queue) -> None:
        """In the forked process. Whatever happens, it never returns to be a second worker."""
        try:
            super().main_work_horse(job, queue)
        finally:
            os._exit(1)

    def setup_work_horse_signals(self) -> None:
        """A stop interrupts a job as Ctrl-C would: psycopg cancels its statement, the transaction is rolled back."""
        super().setup_work_horse_signals()  # type: ignore[no-untyped-call]
        die_with_parent(parent=self.pid)
        signal.signal(signal.SIGTERM, signal.default_int_handler)
