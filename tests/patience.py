"""No sleeps in tests: wait for a condition, and say what was waited for in vain."""

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

LOOK_EVERY_S = 0.02


def wait_until(condition: Callable[[], object], *, within_s: float, what: str) -> None:
    """Return once the condition holds; fail with `what` if it does not in time."""
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, f"not within {within_s} s: {what}"
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
