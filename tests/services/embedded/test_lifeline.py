"""No process of ours outlives the one that started it."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from services.embedded.lifeline import Descent, launch
from tests.patience import gone, wait_until

PREAMBLE = """
import signal, sys, threading
from pathlib import Path
from services.embedded import lifeline
from services.embedded.lifeline import Descent, die_with_parent, launch
"""


def pids_said_by(script: str, *args: str) -> tuple[subprocess.Popen[str], list[int]]:
    process = subprocess.Popen(
        [sys.executable, "-c", PREAMBLE + script, *args], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    return process, [int(word) for word in process.stdout.readline().split()]


def end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def test_a_child_started_from_a_passing_thread_lives_on_when_the_thread_ends() -> None:
    """Linux tells a child of the death of the thread that forked it, not of the process."""
    from signal import SIGKILL

    started: list[subprocess.Popen[bytes]] = []
    descent = Descent(death_signal=SIGKILL)
    thread = threading.Thread(
        target=lambda: started.append(launch(["sleep", "60"], descent, output=subprocess.DEVNULL))
    )
    thread.start()
    thread.join()
    with pytest.raises(subprocess.TimeoutExpired):
        started[0].wait(0.3)
    started[0].kill()
    started[0].wait()


def test_where_the_kernel_does_not_tell_a_guard_does() -> None:
    process, (child,) = pids_said_by(
        "lifeline.KERNEL_TELLS_OF_DEATH = False\n"
        "print(launch(['sleep', '60'], Descent(death_signal=signal.SIGTERM), output=None).pid, flush=True)\n"
        "signal.pause()"
    )
    assert not gone(child)
    end(process)
    wait_until(lambda: gone(child), within_s=5, what="the child is gone")


def test_a_guard_goes_when_its_server_goes_and_sweeps(tmp_path: Path) -> None:
    from signal import SIGTERM

    sockets = tmp_path / "sockets"
    sockets.mkdir()
    (sockets / "left.sock").touch()
    process = launch(["true"], Descent(death_signal=SIGTERM, sweep=sockets), output=None)
    assert process.wait() == 0
    wait_until(lambda: not sockets.exists(), within_s=5, what="the sockets are swept away")


@pytest.mark.parametrize("kernel_tells", [True, False])
def test_a_forked_process_can_ask_to_die_with_its_parent(kernel_tells: bool) -> None:
    process, (child,) = pids_said_by(
        f"import os\nlifeline.KERNEL_TELLS_OF_DEATH = {kernel_tells}\nparent = os.getpid()\n"
        "if (pid := os.fork()) == 0:\n    die_with_parent(signal.SIGKILL, parent=parent)\n    signal.pause()\n"
        "print(pid, flush=True)\nsignal.pause()"
    )
    end(process)
    wait_until(lambda: gone(child), within_s=5, what="the child is gone")


def test_who_asks_too_late_dies_at_once() -> None:
    asking = "die_with_parent(signal.SIGTERM, parent=1 << 22)\nsignal.pause()"
    process = subprocess.run([sys.executable, "-c", PREAMBLE + asking], check=False, timeout=30)
    assert process.returncode == -15
