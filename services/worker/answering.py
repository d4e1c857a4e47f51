"""Answering a queue: RQ's worker as we want it. A process forked for each job, and nothing else to be had over Redis.

What a SIGKILL leaves: the job it was at stays `started` in Redis for minutes, which nobody waits for; its horse hears
of the death from the kernel and then from itself, gives its claim back and ends. A SIGTERM leaves nothing, within a
second.
"""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

import redis
from rq import Queue, Worker
from rq.exceptions import StopRequested
from rq.job import Job
from rq.serializers import JSONSerializer
from rq.timeouts import JobTimeoutException, UnixSignalDeathPenalty
from rq.worker import WorkerStatus

from services.embedded.lifeline import die_with_parent
from services.worker.stopping import StopAsked

JOBS = "services.worker.jobs."
MAINTENANCE_EVERY_S = 60
WORKER_TTL_S = 60  # a queue is asked again after a quarter of a minute less
RECONNECT_WITHIN_S = 1.0
STOPS = (signal.SIGTERM, signal.SIGINT)
TOLD_AGAIN_EVERY_S = 1.0
STOPS_WITHIN_S = (
    40.0  # then a horse is killed; it may wait half a minute for a database, to note what it has sent
)


class NotOurJob(RuntimeError):
    """Somebody asked for a function that is no job of this house."""


class ListedJob(Job):
    """A job out of `jobs/`. JSON brings no code along; but RQ would call any function it names, `os.system` too."""

    told_to_stop: StopAsked | None = None

    @property
    def func(self) -> Callable[..., Any]:
        """The function to call. Raises NotOurJob."""
        name = self.func_name or ""
        if self.instance is not None or not name.startswith(JOBS):
            raise NotOurJob(f"{name!r} is not one of {JOBS}")
        return super().func  # type: ignore[no-any-return]

    def perform(self) -> Any:
        """Does it, in the forked process. A stop interrupts it as Ctrl-C would: psycopg cancels its statement, the
        transaction is rolled back. Before and after, what RQ notes of it is not interrupted.
        """
        try:
            signal.signal(signal.SIGTERM, signal.default_int_handler)
            if self.told_to_stop is None or not self.told_to_stop():
                return super().perform()
        except KeyboardInterrupt:
            pass  # it had not begun, or was over; what is left to do is found again by the sweep
        finally:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        return None


class ListeningQueue(Queue):
    """A queue of such jobs."""

    job_class = ListedJob


class TimeIsUp(BaseException):
    """The time of a job is over. It is no failure of what it was at: whoever answers those does not hear of it."""


class JobTime(UnixSignalDeathPenalty):
    """The time of a job. RQ would raise an Exception wherever it is at, and the rule or projection that is judged just
    then would be blamed; the job would go on, with nobody to end it.
    """

    def handle_death_penalty(self, signum: int, frame: FrameType | None) -> None:
        """Called by the alarm."""
        if self._exception is JobTimeoutException:
            raise TimeIsUp(f"a job took longer than {self._timeout} s")
        super().handle_death_penalty(signum, frame)  # type: ignore[no-untyped-call]


class QueueWorker(Worker):
    """Answers one queue until told to stop, or until Redis is gone."""

    death_penalty_class = JobTime
    job_class = ListedJob
    queue_class = ListeningQueue

    def __init__(
        self,
        connection: redis.Redis,
        name: str,
        asked: StopAsked,
        *,
        stops_within_s: float = STOPS_WITHIN_S,
    ) -> None:
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
        self._stops_within_s = stops_within_s
        self._insisting: threading.Thread | None = None
        self._over = threading.Event()

    def answer(self) -> None:
        """Works until told to stop; ends too when Redis goes away, perhaps by a `RedisError`."""
        try:
            with contextlib.suppress(StopRequested):
                self.work(logging_level="WARNING")
        finally:
            self._over.set()
            self._asked.listen()

    def subscribe(self) -> None:
        """RQ would listen for orders here, in a thread that outlives the connection. We take ours by signal alone."""

    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        """A stop ends the wait for a job, and is passed on to a horse. RQ would let the horse do its minute's work."""
        self._asked.note(signum, frame)
        if self._over.is_set():
            return
        self._stop_requested = True
        if self._insisting is None:
            self._insisting = threading.Thread(target=self._insist, name="stopping", daemon=True)
            self._insisting.start()
        if self.horse_pid:
            _signal(self.horse_pid, signal.SIGTERM)
        elif self.get_state() == WorkerStatus.IDLE:
            raise StopRequested

    def _insist(self) -> None:
        """Says it again until it is done: what a handler raises is lost if it comes at the wrong moment, while garbage
        is collected or in a library's own handling of errors; here as well as in a horse. In the end that is killed.
        """
        signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)  # they are for the main thread, whose wait they end
        main, until = threading.main_thread().ident or 0, time.monotonic() + self._stops_within_s
        while not self._over.wait(TOLD_AGAIN_EVERY_S):
            if self.horse_pid and time.monotonic() > until:
                _signal(self.horse_pid, signal.SIGKILL)
            else:
                signal.pthread_kill(main, signal.SIGTERM)

    def teardown(self) -> None:
        """The end, which is not interrupted."""
        self._over.set()
        super().teardown()  # type: ignore[no-untyped-call]

    def _install_signal_handlers(self) -> None:
        super()._install_signal_handlers()  # type: ignore[no-untyped-call]
        self._stop_requested = self._asked()  # asked for while RQ was not listening yet

    def fork_work_horse(self, job: Job, queue: Queue) -> None:
        """A stop that comes meanwhile waits, here until it is known whom to tell, there until there are ears."""
        before = signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)
        try:
            super().fork_work_horse(job, queue)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def main_work_horse(self, job: Job, queue: Queue) -> None:
        """In the forked process. Whatever happens, it never returns to be a second worker."""
        try:
            job.told_to_stop = self._asked  # type: ignore[attr-defined]
            super().main_work_horse(job, queue)
        finally:
            os._exit(1)

    def setup_work_horse_signals(self) -> None:
        """A stop is noted until the job begins; from then on it interrupts it."""
        super().setup_work_horse_signals()  # type: ignore[no-untyped-call]
        signal.signal(signal.SIGTERM, self._asked.note)
        die_with_parent(parent=self.pid)
        orphaned = (self.pid, self._stops_within_s)
        threading.Thread(target=_insist_once_orphaned, args=orphaned, name="lifeline", daemon=True).start()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPS)


def _insist_once_orphaned(parent: int, within_s: float) -> None:
    """In the forked process: who is gone cannot say it again, and the kernel says it once."""
    signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)
    main, never = threading.main_thread().ident or 0, threading.Event()
    while os.getppid() == parent:
        never.wait(TOLD_AGAIN_EVERY_S)
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        never.wait(TOLD_AGAIN_EVERY_S)
        signal.pthread_kill(main, signal.SIGTERM)
    _signal(os.getpid(), signal.SIGKILL)


def _signal(process: int, what: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, what)
