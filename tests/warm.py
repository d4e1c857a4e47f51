"""Commands that start warm: each `qiledger …` is a process of its own, forked from one that has loaded every command.

Loading takes half a second of a processor, more than most commands take for their work. That commands start cold, and
load no more than they need, is seen by tests that start them so, as tests/services/cli/test_commands.py does.
"""

import atexit
import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from runpy import run_module
from typing import Any

ROOT = Path(__file__).parents[1]
WITHIN_S = 100


def qiledger(*words: str, env: Mapping[str, str]) -> "subprocess.CompletedProcess[str]":
    """Runs a command with just this environment. Raises TimeoutExpired if it takes longer than WITHIN_S."""
    if sys.platform != "linux":  # elsewhere a fork may not use what was loaded before it
        command = [sys.executable, "-m", "services.cli", *words]
        return subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=WITHIN_S)
    with tempfile.TemporaryDirectory(prefix="qiledger-said-") as directory:
        said, complained = Path(directory) / "out", Path(directory) / "err"
        asked = {"words": words, "env": dict(env), "directory": str(Path.cwd())}
        status = _nursery().bear(asked | {"out": str(said), "err": str(complained)})
        return subprocess.CompletedProcess(words, status, said.read_text(), complained.read_text())


@cache
def _nursery() -> "Nursery":
    return Nursery()


class Nursery:
    """The process from which commands are forked. It ends with the tests, for then nobody asks any more."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.warm"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        atexit.register(self._end)

    def bear(self, asked: Mapping[str, Any]) -> int:
        """Forks a command, and waits for its exit status; negative if a signal ended it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(asked).encode() + b"\n")
        self._process.stdin.flush()
        if not select.select([self._process.stdout], [], [], WITHIN_S)[0]:
            _nursery.cache_clear()
            self._end()
            raise subprocess.TimeoutExpired(asked["words"], WITHIN_S)
        return int(self._process.stdout.readline())

    def _end(self) -> None:
        with self._process, contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)


def _grow_up(asked: Mapping[str, Any]) -> int:
    """What the interpreter does at the start and at the end of a command."""
    os.chdir(asked["directory"])
    os.environ.clear()
    os.environ.update(asked["env"])
    for number, path, how in (
        (0, os.devnull, os.O_RDONLY),
        (1, asked["out"], os.O_WRONLY | os.O_CREAT),
        (2, asked["err"], os.O_WRONLY | os.O_CREAT),
    ):
        os.dup2(os.open(path, how, 0o600), number)
    sys.argv = ["qiledger", *asked["words"]]
    try:
        run_module("services.cli", run_name="__main__", alter_sys=True)
        status = 0
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
        status = 1
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    return status


def main() -> None:
    """Loads every command, then forks one for each line that asks for it."""
    from services.cli import COMMANDS

    for place in COMMANDS.values():
        import_module(f"services.cli.{place.partition(':')[0]}")
    for line in sys.stdin.buffer:
        pid = os.fork()
        if pid == 0:
            os._exit(_grow_up(json.loads(line)))
        _, how = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(how), flush=True)


if __name__ == "__main__":
    main()
