"""No sleeps in tests: wait for a condition, and say what was waited for in vain."""

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

LOOK_EVERY_S = 0.02
BUSY = 6  # a machine that does much else is granted so many times what an idle one needs
BUSY_S_MAX = 60.0  # but no more than this, unless more was asked for
ENDS_WITHIN_S = 60  # a process that was told to end, on such a machine


def wait_until(condition: Callable[[], object], *, within_s: float, what: str) -> None:
    """Return once the condition holds; fail with `what` if it does not in time, or in what a busy machine may take.

    How soon something happens is for `bench` to say: here it happens, or it does not.
    """
    granted_s = max(within_s, min(within_s * BUSY, BUSY_S_MAX))
    deadline = time.monotonic() + granted_s
    while not condition():
        assert time.monotonic() < deadline, f"not within {granted_s} s: {what}"
        time.sleep(LOOK_EVERY_S)


def gone(pid: int) -> bool:
    """Whether a process is dead, buried or not (in a container nobody may bury orphans)."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    if Path("/proc/self/stat").exists():
        try:
            return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
        except (FileNotFoundError, ProcessLookupError):
            return True
    listed = subprocess.run(
        ["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return listed.stdout.strip()[:1] in ("", "Z")
