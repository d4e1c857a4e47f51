"""Folding in other processes, one for each processor: they read and fold chunks while this one writes.

Each has a connection of its own, reads records that no longer change, and hands back rows as they will be written. It
claims nothing and writes nothing, so there is still one writer, fenced as ever (`checkpoint.py`). What is said passes
through its standard input and output, in frames; it ends when its input does, so it never outlives this process.

A process that falls, or answers that it could not, is asked no more: what it was to fold is folded here. So is
everything from the first that is not answered in time.
"""

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from queue import SimpleQueue
from typing import IO, Any

import msgspec
import structlog
from psycopg import Connection

from projections.engine.folding import Folding
from projections.engine.frames import Answer, Work, read_frame, write_frame
from projections.engine.making import Making, Task
from projections.engine.reading import Reader

PROCESSES_MAX = 4  # by default: each takes some eighty megabytes
LOOK_EVERY_S = 0.01
PATIENCE_S = 60.0  # a chunk takes a part of a second

log = structlog.get_logger(__name__)


def processors() -> int:
    """How many processes are worth while: one for each processor that this one may use, within bounds."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(usable, PROCESSES_MAX)


def work_of(conn: Connection[Any], reader: Reader, projections: Sequence[str], until: int) -> Work:
    """Reading as this connection and this reader do, in another process."""
    ((role,),) = conn.execute("SELECT current_user").fetchall()
    database = conn.info.get_parameters() | {"password": conn.info.password}
    return Work(database, role, reader.organisation, list(projections), until, reader.occurred_until)


class Beside:
    """Folds in `processes` others, begun at once; whatever they cannot is folded by `here`."""

    def __init__(self, here: Folding, work: Work, processes: int) -> None:
        self.ahead = 2 * processes
        self._here = here
        self._organisation = work.organisation
        self._asked: dict[str, Future[Making]] = {}
        self.workers = list(_begun(work, processes))
        self._standing = len(self.workers)
        self._counting = threading.Lock()
        self._idle: SimpleQueue[Worker | None] = SimpleQueue()  # None: none is left
        for worker in self.workers or (None,):
            self._idle.put(worker)
        self._threads = ThreadPoolExecutor(processes, thread_name_prefix="folding")

    def prepare(self, task: Task) -> None:
        self._ask(task)

    def look_ahead(self, tasks: Sequence[Task]) -> None:
        for task in tasks:
            self._ask(task)

    def make(self, task: Task, *, meanwhile: Callable[[], object]) -> Making:
        asked, until = self._asked.pop(task.up_to), time.monotonic() + PATIENCE_S
        while not asked.done() and time.monotonic() < until:
            meanwhile()
            wait([asked], LOOK_EVERY_S)
        if not asked.done():  # whoever has it, it is not waited for again and again
            self._end_all()
        try:
            return asked.result()
        except WorkerFell as failure:
            log.warning("a process could not fold", organisation=self._organisation, why=str(failure))
            self._here.prepare(task)
            return self._here.make(task, meanwhile=meanwhile)

    def forget(self) -> None:
        """What is asked of others does not depend on the transaction."""
        self._here.forget()

    def close(self) -> None:
        self._end_all()
        self._threads.shutdown(cancel_futures=True)
        for worker in self.workers:
            worker.close()

    def _end_all(self) -> None:
        for worker in self.workers:
            worker.end()

    def _ask(self, task: Task) -> None:
        if task.up_to not in self._asked:
            self._asked[task.up_to] = self._threads.submit(self._made, task)

    def _made(self, task: Task) -> Making:
        """In a thread, of which there are as many as processes."""
        worker = self._idle.get()
        if worker is None:
            self._idle.put(None)
            raise WorkerFell("no process is left")
        try:
            making = worker.made(task)
        except WorkerFell:
            self._fell()
            raise
        self._idle.put(worker)
        return making

    def _fell(self) -> None:
        with self._counting:
            self._standing -= 1
            if not self._standing:
                self._idle.put(None)


def _begun(work: Work, processes: int) -> Iterator["Worker"]:
    """As many as the machine lets us have."""
    try:
        for _ in range(processes):
            yield Worker(work)
    except OSError as failure:
        log.warning("a process could not be started", why=str(failure))


class WorkerFell(RuntimeError):
    """A process that folds is no more, or answered that it could not."""


class Worker:
    """One process, asked by one thread at a time."""

    def __init__(self, work: Work) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "projections.engine.fold_beside"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            process_group=0,  # Ctrl-C is for us
        )
        with contextlib.suppress(OSError):  # the first task shows that it fell
            write_frame(self._stdin, msgspec.msgpack.encode(work))

    @property
    def pid(self) -> int:
        return self._process.pid

    def made(self, task: Task) -> Making:
        """Has it fold a chunk. Raises WorkerFell."""
        try:
            write_frame(self._stdin, msgspec.msgpack.encode(task))
            frame = read_frame(self._stdout)
        except (OSError, ValueError) as failure:  # ValueError: the pipe was closed
            raise WorkerFell(f"it fell: {type(failure).__name__}") from None
        if frame is None:
            raise WorkerFell("it fell")
        answer = _answer(frame)
        if answer.making is None:
            raise WorkerFell(answer.failure or "it made nothing")
        return answer.making

    def end(self) -> None:
        """At once: it holds nothing that could be lost."""
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        """Once nobody asks it any more."""
        for pipe in (self._stdin, self._stdout):
            with contextlib.suppress(OSError):  # what was not said is lost with it
                pipe.close()

    @property
    def _stdin(self) -> IO[bytes]:
        assert self._process.stdin is not None
        return self._process.stdin

    @property
    def _stdout(self) -> IO[bytes]:
        assert self._process.stdout is not None
        return self._process.stdout


_answer = msgspec.msgpack.Decoder(Answer).decode
