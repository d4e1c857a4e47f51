"""No process of ours outlives the one that started it, however that one ends.

On Linux the kernel sends the child a signal (PR_SET_PDEATHSIG); elsewhere a guard process holds a pipe
(`birth.py`). Linux binds the promise to the *thread* that forked, so all children are started from one thread
that lives as long as the process.
"""

import ctypes
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any

import msgspec

from services.embedded import birth

WATCH_EVERY_S = 0.5
KERNEL_TELLS_OF_DEATH = sys.platform == "linux"

_starters: dict[int, ThreadPoolExecutor] = {}  # by process: a fork has no threads, and needs its own
_death_pipes: dict[int, tuple[int, int]] = {}


class Identity(msgspec.Struct, frozen=True):
    """Who a child runs as: `own` (as we are), `drop`, `namespace` or `reach`; see `identity.py`."""

    kind: str = "own"
    uid: int = -1
    gid: int = -1


OWN = Identity()


class Descent(msgspec.Struct, frozen=True, kw_only=True):
    """How a child is born and dies: `death_signal` is what it gets when we end without stopping it."""

    death_signal: signal.Signals
    identity: Identity = OWN
    directory: Path | None = None
    inherit: tuple[int, ...] = ()  # file descriptors it keeps
    sweep: Path | None = None  # a directory of sockets, removed when it is gone


def launch(
    argv: Sequence[str | Path],
    descent: Descent,
    *,
    output: IO[bytes] | int | None,
    env: Mapping[str, str] | None = None,
) -> subprocess.Popen[bytes]:
    """Start a command, in a session of its own, that ends when we do. Its pid is the command's own pid.

    Out of reach of a Ctrl-C meant for us: we say when it stops.
    """
    pipe = _death_pipe() if descent.sweep is not None or not KERNEL_TELLS_OF_DEATH else None
    instructions = {
        "parent": os.getpid(),
        "death_signal": int(descent.death_signal),
        "identity": descent.identity.kind,
        "uid": descent.identity.uid,
        "gid": descent.identity.gid,
        "directory": None if descent.directory is None else str(descent.directory),
        "kernel_tells": KERNEL_TELLS_OF_DEATH,
        "parent_pipe": pipe,
        "sweep": None if descent.sweep is None else str(descent.sweep),
    }
    command = [sys.executable, "-I", "-S", birth.__file__, msgspec.json.encode(instructions).decode()]
    pipes = () if pipe is None else (pipe,)

    def start() -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [*command, *map(str, argv)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=None if output is None else subprocess.STDOUT,
            env=None if env is None else dict(env),
            pass_fds=(*descent.inherit, *pipes),
            start_new_session=True,
        )

    return _from_the_lasting_thread(start)


def _from_the_lasting_thread(start: Callable[[], subprocess.Popen[bytes]]) -> subprocess.Popen[bytes]:
    """Call `start` in this process's one starting thread (a forked process gets its own)."""
    starter = _starters.setdefault(os.getpid(), ThreadPoolExecutor(1, thread_name_prefix="starter"))
    return starter.submit(start).result()


def _death_pipe() -> int:
    """The end of a pipe that guards read from; it ends when this process does, for the other end is here alone."""
    if os.getpid() not in _death_pipes:
        _death_pipes[os.getpid()] = os.pipe()
    return _death_pipes[os.getpid()][0]


def die_with_parent(death_signal: signal.Signals = signal.SIGTERM, *, parent: int | None = None) -> None:
    """Make this process get `death_signal` when its parent ends; for any Python child, such as a work-horse.

    Call it in the child, after any change of user. Give the parent's pid if you know it from before the fork:
    then a parent who died in between is noticed too.
    """
    parent = os.getppid() if parent is None else parent
    if KERNEL_TELLS_OF_DEATH:
        libc: Any = ctypes.CDLL(None, use_errno=True)
        birth.checked(libc.prctl(birth.PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0))
    else:
        threading.Thread(target=_watch, args=(parent, death_signal), name="lifeline", daemon=True).start()
    if os.getppid() != parent:
        os.kill(os.getpid(), death_signal)


def _watch(parent: int, death_signal: signal.Signals) -> None:
    """Where the kernel does not tell: look whether we have been orphaned."""
    never = threading.Event()
    while os.getppid() == parent:
        never.wait(WATCH_EVERY_S)
    os.kill(os.getpid(), death_signal)
