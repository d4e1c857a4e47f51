"""One house per data directory, and no start before the last process of the server before is gone.

Two locks, both released by the kernel, however their holders end:
- `house.lock` is held by the process that runs the server: a second one is refused at once;
- `server.lock` is inherited by the server and all its children: whoever gets it knows that none of them
  lives. So a pid file left by a crash is never believed, and a stopping orphan is waited for.
"""

import fcntl
import os
import threading
import time
from pathlib import Path

ASK_EVERY_S = 0.02


class DirectoryInUse(Exception):
    """Another process runs a server on this directory."""

    def __init__(self, directory: Path, holder: str) -> None:
        super().__init__(
            f"{directory} is in use by {holder}.\n"
            "Stop it first, or choose another directory: QILEDGER_DATA_DIRECTORY."
        )


class Claim:
    """The right to run a server on a directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._house = -1

    def take(self) -> None:
        """Claim the directory for this process. Raises `DirectoryInUse` if another has it."""
        path = self.directory / "house.lock"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        if not _lock(descriptor):
            holder = os.pread(descriptor, 20, 0).decode(errors="replace").strip()
            os.close(descriptor)
            raise DirectoryInUse(self.directory, f"process {holder}" if holder else "another process")
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        self._house = descriptor

    def server_lock(self, *, patience_s: float, abandoned: threading.Event) -> int:
        """A descriptor for the server to inherit, once every process of the last one is gone.

        Close it after the launch. Raises `DirectoryInUse` if one still lives after `patience_s`, or when nobody waits
        for it any more.
        """
        descriptor = os.open(self.directory / "server.lock", os.O_RDWR | os.O_CREAT, 0o600)
        deadline = time.monotonic() + patience_s
        while not _lock(descriptor):
            if time.monotonic() > deadline or abandoned.is_set():
                os.close(descriptor)
                raise DirectoryInUse(self.directory, "a server that has not stopped")
            time.sleep(ASK_EVERY_S)
        return descriptor

    def give_up(self) -> None:
        """Let another process have the directory."""
        if self._house >= 0:
            os.close(self._house)
            self._house = -1


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
