"""Several processes under one roof: started together, brought back when they fall, stopped together.

    with told_to_stop() as told, Postgres(...) as postgres:
        with House([api, worker], servers=[postgres], told=told) as house:
            house.wait()

A Ctrl-C reaches the terminal's whole process group; our children stand outside it, so that it is the house who says
when each one ends: children first, then the servers they need. If the house itself is killed, the kernel tells them.
"""

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import ClassVar, Protocol, Self

import msgspec
import structlog

from services.embedded.lifeline import Descent, launch

LOOK_EVERY_S = 0.1
LOOK_WHEN_STOPPING_S = 0.02
STOP_WITHIN_S = 8.0
BACKOFF_FIRST_S = 0.2
BACKOFF_MAX_S = 10.0
STEADY_AFTER_S = 30.0
FALLS_MAX = 8
LOG_BYTES_MAX = 50_000_000

log = structlog.get_logger(__name__)


class Child(msgspec.Struct, frozen=True, kw_only=True):
    """A process of the house: what it is called, its command, what its environment has beyond ours."""

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str] = {}


class KeptServer(Protocol):
    """A server that the house brings back too; `services.embedded.Postgres` and `Valkey` are such."""

    name: ClassVar[str]

    @property
    def fallen(self) -> bool:
        """Whether it should run and does not."""

    def restart(self) -> None:
        """Bring it back."""

    def abandon(self) -> None:
        """A restart that is under way need not be waited for any more."""


class ChildWillNotStay(Exception):
    """A child ended by itself again and again; there is something to mend first."""

    def __init__(self, name: str, falls: int, status: int, log_file: Path | None) -> None:
        where = f" Its log: {log_file}" if log_file is not None else ""
        super().__init__(
            f"{name} ended by itself {falls} times in a row, the last time with status {status}.{where}"
        )


class ToldToStop(BaseException):
    """A signal asked us to stop. Not an `Exception`: nobody but `told_to_stop` answers it."""


class Told(msgspec.Struct):
    """What signals said: `once` is set by the first, `again` by any later one (somebody is in a hurry).

    Plain truths, not `threading.Event`s: setting one in a signal handler can deadlock with a wait for it.
    """

    once: bool = False
    again: bool = False


@contextlib.contextmanager
def told_to_stop() -> Iterator[Told]:
    """A block that SIGINT, SIGTERM and SIGHUP leave in good order; for the main thread.

    Not SIGHUP where whoever started us has it ignored: `nohup` asks for a house that outlives the terminal.
    The first signal raises `ToldToStop` in the block, which ends here in silence; later ones interrupt no clearing up.
    """
    told = Told()

    def hear(_signal: int, _frame: FrameType | None) -> None:
        if told.once:
            told.again = True
            return
        told.once = True
        raise ToldToStop

    heard = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        heard.append(signal.SIGHUP)
    before = {number: signal.signal(number, hear) for number in heard}
    try:
        yield told
    except ToldToStop:
        return
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Room:
    """Where one child lives: its process now, and how often it fell."""

    def __init__(self, child: Child, logs: Path | None) -> None:
        self.child = child
        self.log_file = None if logs is None else logs / f"{child.name}.log"
        self.process: subprocess.Popen[bytes] | None = None
        self.falls = 0
        self.started_at = 0.0
        self.due_at = 0.0

    @property
    def empty(self) -> bool:
        return self.process is None or self.process.poll() is not None

    def start(self) -> None:
        descent = Descent(death_signal=signal.SIGTERM)
        env = {**os.environ, **self.child.env}
        with contextlib.ExitStack() as stack:
            output = None if self.log_file is None else stack.enter_context(_appending(self.log_file))
            self.process = launch(self.child.argv, descent, output=output, env=env)
        self.started_at = time.monotonic()

    def note_the_end(self, status: int, *, backoff_s: float) -> None:
        """Reckon when it may come back. Killed from outside is no fault of its own."""
        now = time.monotonic()
        if now - self.started_at >= STEADY_AFTER_S:
            self.falls = 0
        self.falls += 0 if status == -signal.SIGKILL else 1
        self.due_at = now + min(BACKOFF_MAX_S, backoff_s * 2 ** max(0, self.falls - 1))
        self.kill_the_rest()
        self.process = None

    def kill_the_rest(self) -> None:
        """What a dead child started itself would hold its port and its locks; it is still in the child's group."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)


@contextlib.contextmanager
def _appending(file: Path) -> Iterator[int]:
    if file.exists() and file.stat().st_size > LOG_BYTES_MAX:
        file.replace(file.with_suffix(".log.1"))
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


class House:
    """A context manager: the children run within. `logs` is a directory for `<name>.log`; None passes output through.

    A thread looks after them: who falls is brought back, after a pause that doubles; who falls by itself `falls_max`
    times in a row without standing for half a minute ends the house (`wait` raises `ChildWillNotStay`).
    """

    def __init__(
        self,
        children: Sequence[Child],
        *,
        logs: Path | None = None,
        servers: Sequence[KeptServer] = (),
        told: Told | None = None,
        backoff_s: float = BACKOFF_FIRST_S,
        falls_max: int = FALLS_MAX,
    ) -> None:
        self._rooms = [_Room(child, logs) for child in children]
        self._logs = logs
        self._servers = servers
        self._told = told or Told()
        self._backoff_s = backoff_s
        self._falls_max = falls_max
        self._over = threading.Event()
        self._failure: Exception | None = None
        self._keeper = threading.Thread(target=self._keep, name="house", daemon=True)

    def __enter__(self) -> Self:
        if self._logs is not None:
            self._logs.mkdir(parents=True, exist_ok=True)
        try:
            for room in self._rooms:
                room.start()
            self._keeper.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def pid(self, name: str) -> int | None:
        """The process id of a child now; None while it is down. Raises `KeyError` for a stranger."""
        process = {room.child.name: room for room in self._rooms}[name].process
        return process.pid if process is not None and process.poll() is None else None

    def wait(self) -> None:
        """Until the house ends: by a signal's exception, or `ChildWillNotStay`, or a server that will not restart."""
        while not self._over.wait(timeout=1.0):
            pass
        if self._failure is not None:
            raise self._failure

    def stop(self) -> None:
        """SIGTERM to all, wait for all together, SIGKILL to who is left. Bounded; again is harmless."""
        self._over.set()
        for server in self._servers:
            server.abandon()
        if self._keeper.is_alive():
            self._keeper.join(STOP_WITHIN_S)
        for room in self._rooms:
            if room.process is not None and not room.empty:
                room.process.terminate()
        deadline = time.monotonic() + STOP_WITHIN_S
        while not all(room.empty for room in self._rooms):
            if self._told.again or time.monotonic() > deadline:
                break
            time.sleep(LOOK_WHEN_STOPPING_S)
        for room in self._rooms:
            self._clear(room)

    def _clear(self, room: _Room) -> None:
        if room.process is None:
            return
        if not room.empty:
            log.warning("child did not stop in time, killed", child=room.child.name)
            room.process.kill()
        room.kill_the_rest()
        room.process.wait()
        room.process = None

    def _keep(self) -> None:
        """The keeper's round, until the house is over."""
        try:
            while not self._over.wait(timeout=LOOK_EVERY_S):
                for server in self._servers:
                    self._bring_back(server)
                for room in self._rooms:
                    self._look_into(room)
        except Exception as failure:
            self._failure = failure
            self._over.set()

    def _bring_back(self, server: KeptServer) -> None:
        if server.fallen:
            log.warning("server fell, restarting it", server=server.name)
            server.restart()

    def _look_into(self, room: _Room) -> None:
        status = None if room.process is None else room.process.poll()
        if status is not None:
            room.note_the_end(status, backoff_s=self._backoff_s)
            log.warning("child ended, restarting it", child=room.child.name, status=status, falls=room.falls)
            if room.falls >= self._falls_max:
                raise ChildWillNotStay(room.child.name, room.falls, status, room.log_file)
        if room.process is None and time.monotonic() >= room.due_at:
            room.start()
