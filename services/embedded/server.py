"""What Postgres and Valkey have in common as children of ours: a directory, a socket, a start, an end."""

import contextlib
import os
import shutil
import signal
import subprocess
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar, Self

from services.embedded.claim import Claim
from services.embedded.identity import identity_for, owner_of
from services.embedded.lifeline import OWN, Descent, Identity, launch
from services.embedded.places import fits_socket, short_directory

LOOK_EVERY_S = 0.01
PREDECESSOR_PATIENCE_S = 60.0
LOG_BYTES_MAX = 20_000_000
LOG_TAIL_LINES = 15


class ServerFailed(Exception):
    """A server did not start; the message ends with what it said last."""

    def __init__(self, name: str, why: str, log: Path) -> None:
        lines = log.read_text(errors="replace").splitlines() if log.exists() else []
        tail = "\n".join(f"  {line}" for line in lines[-LOG_TAIL_LINES:])
        super().__init__(f"{name} {why}. Its log ({log}) ends:\n{tail}")


class Server(ABC):
    """A server process on a directory of its own. A context manager; start, stop, kill and restart at will.

    The directory is the server's alone (mode 0700, created if missing), may be kept and used again, and holds
    the data, the log, the locks and, if its path is short enough, the socket. `identity` says who runs it; by
    default that is found out (`services.embedded.identity`).
    """

    name: ClassVar[str]
    socket_name: ClassVar[str]
    death_signal: ClassVar[signal.Signals]
    goodbyes: ClassVar[
        Sequence[tuple[signal.Signals, float]]
    ]  # ever firmer, each with its patience in seconds

    def __init__(
        self, directory: Path | str, *, identity: Identity | None = None, start_timeout_s: float = 600.0
    ) -> None:
        self.directory = Path(directory).absolute()
        self.socket_directory = self.directory / "socket"
        self.log = self.directory / f"{self.name}.log"
        self._start_timeout_s = start_timeout_s
        self._claim = Claim(self.directory)
        self._identity = identity or OWN
        self._find_identity = identity is None
        self._process: subprocess.Popen[bytes] | None = None
        self._changing = threading.RLock()
        self._wanted = False
        self._abandoned = threading.Event()

    @abstractmethod
    def binary(self) -> Path:
        """The program that runs on this directory."""

    @abstractmethod
    def prepare(self) -> None:
        """Make the data directory if it is not there; tidy what a crash left."""

    @abstractmethod
    def command(self) -> Sequence[str | Path]:
        """How the server is started."""

    @abstractmethod
    def ready(self, pid: int) -> bool:
        """Whether this very process answers."""

    @property
    @abstractmethod
    def data(self) -> Path:
        """Where the data lie, and where the server stands."""

    @property
    def pid(self) -> int:
        """The process id of the running server. Raises `RuntimeError` if it was never started."""
        if self._process is None:
            raise RuntimeError(f"{self.name} on {self.directory} is not running")
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the server's process runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def fallen(self) -> bool:
        """Whether the server should run and does not."""
        return self._wanted and not self.alive

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self) -> None:
        """Start and wait until it answers, crash recovery included.

        Raises `DirectoryInUse`, `ServerFailed`, `NoServerFound`, `NoIdentity`.
        """
        with self._changing:
            self._abandoned.clear()
            self._make_directory()
            self._claim.take()
            try:
                self._start()
            except BaseException:
                self.close()
                raise

    def stop(self) -> None:
        """Stop: kindly first, firmly after a bounded wait. The claim on the directory is kept."""
        with self._changing:
            self._wanted = False
            self._end(self.goodbyes)

    def kill(self) -> None:
        """SIGKILL, as a crash of the machine's memory would look to it; `restart` brings it back."""
        with self._changing:
            self._wanted = False
            self._end([(signal.SIGKILL, 10.0)])

    def restart(self) -> None:
        """Stop if it runs, then start on the same directory and socket. Raises `ServerFailed` once it is abandoned."""
        with self._changing:
            self.stop()
            self._start()

    def abandon(self) -> None:
        """Nobody waits for it until it is started anew: a restart under way in another thread ends at once."""
        self._abandoned.set()

    def close(self) -> None:
        """Stop and let go of the directory."""
        with self._changing:
            self.stop()
            if self.socket_directory.parent != self.directory:
                shutil.rmtree(self.socket_directory, ignore_errors=True)
            self._claim.give_up()

    def _make_directory(self) -> None:
        """Ours alone; a directory with a stranger's files is refused before anything is changed in it."""
        self.directory.mkdir(parents=True, exist_ok=True)
        if any(self.directory.iterdir()) and not (self.directory / "house.lock").exists():
            raise ServerFailed(self.name, f"was given {self.directory}, which holds other files", self.log)

    def _start(self) -> None:
        """Under the claim: settle who and where, then launch."""
        lock = self._claim.server_lock(patience_s=PREDECESSOR_PATIENCE_S, abandoned=self._abandoned)
        try:
            if self._find_identity:
                self._identity = identity_for(self.directory, self.binary(), in_use=self.data.exists())
            self.hand_over(self.directory)
            self.directory.chmod(0o700)
            self._settle_socket()
            if self.log.exists() and self.log.stat().st_size > LOG_BYTES_MAX:
                self.log.replace(self.log.with_suffix(".log.1"))
            self.prepare()
            self._launch(lock)
        finally:
            os.close(lock)
        self._wait_until_ready()
        self._wanted = True

    def _settle_socket(self) -> None:
        if not fits_socket(self.directory / "socket", self.socket_name):
            if self.socket_directory.parent == self.directory or not self.socket_directory.exists():
                self.socket_directory = short_directory()
        else:
            self.socket_directory.mkdir(exist_ok=True)
        self.socket_directory.chmod(0o700)
        self.hand_over(self.socket_directory)

    def hand_over(self, path: Path) -> None:
        """Give a directory to the user that the server runs as."""
        if self._identity != OWN:
            os.chown(path, *owner_of(self._identity))

    def descent(self, *, directory: Path | None = None) -> Descent:
        """How a child of this server's identity is born, without a guard."""
        return Descent(death_signal=self.death_signal, identity=self._identity, directory=directory)

    def _launch(self, lock: int) -> None:
        outside = self.socket_directory if self.socket_directory.parent != self.directory else None
        descent = Descent(
            death_signal=self.death_signal,
            identity=self._identity,
            directory=self.data,
            inherit=(lock,),
            sweep=outside,
        )
        with self._log() as log:
            self._process = launch(self.command(), descent, output=log, env=clean_environment())

    @contextlib.contextmanager
    def _log(self) -> Iterator[int]:
        descriptor = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def run_once(self, argv: Sequence[str | Path], *, timeout_s: float) -> None:
        """Run a preparing command as the server's user, into the server's log. Raises `ServerFailed`."""
        with self._log() as log:
            process = launch(
                argv, self.descent(directory=self.directory), output=log, env=clean_environment()
            )
            try:
                status = process.wait(timeout_s)
            except BaseException:
                process.kill()
                process.wait()
                raise
        if status != 0:
            raise ServerFailed(self.name, f"could not be prepared: {argv[0]} ended with {status}", self.log)

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + self._start_timeout_s
        while not self.ready(self.pid):
            if not self.alive:
                raise ServerFailed(self.name, "ended before it was ready", self.log)
            if self._abandoned.is_set():
                raise ServerFailed(self.name, "was told to stop before it was ready", self.log)
            if time.monotonic() > deadline:
                raise ServerFailed(self.name, f"was not ready in {self._start_timeout_s:.0f} s", self.log)
            time.sleep(LOOK_EVERY_S)

    def _end(self, goodbyes: Sequence[tuple[signal.Signals, float]]) -> None:
        for goodbye, patience_s in goodbyes:
            if self._process is None or not self.alive:
                return
            self._process.send_signal(goodbye)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(patience_s)


def clean_environment() -> dict[str, str]:
    """Our environment without what would steer a server or its tools from outside."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PG", "LC_", "QILEDGER_")) and name not in ("LANG", "LANGUAGE")
    } | {"LC_ALL": "C"}
