"""Removes a throw-away directory when the process that made it was killed and could not.

Run as a child of that process: `python -m services.embedded.leavings DIRECTORY FILE...`. It sleeps until it is told
that its parent is gone, waits until the servers on the directory are gone too, and removes it, and the files named.
"""

import fcntl
import os
import shutil
import signal
import sys
import time
from pathlib import Path

SERVERS_GONE_WITHIN_S = 20.0
LOOK_EVERY_S = 0.05


def main(argv: list[str]) -> None:
    """Waits for SIGTERM, which the parent's end sends."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT, signal.SIGHUP})
    directory, files = Path(argv[0]), [Path(file) for file in argv[1:]]
    signal.sigwait({signal.SIGTERM})
    for file in files:
        file.unlink(missing_ok=True)
    deadline = time.monotonic() + SERVERS_GONE_WITHIN_S
    while not all(_is_free(lock) for lock in directory.glob("*/server.lock")) and time.monotonic() < deadline:
        time.sleep(LOOK_EVERY_S)
    while directory.exists() and time.monotonic() < deadline:
        shutil.rmtree(directory, ignore_errors=True)  # again, for those who wrote meanwhile


def _is_free(lock: Path) -> bool:
    """Whether no process of a server holds its lock any more (`claim.py`)."""
    descriptor = os.open(lock, os.O_RDWR)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    return True


if __name__ == "__main__":
    main(sys.argv[1:])
