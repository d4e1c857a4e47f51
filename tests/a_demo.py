"""The demo as a process: what it says, what it starts, what it leaves behind."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.patience import gone, wait_until

needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes in /proc")


def by_qiledger(words: Sequence[str]) -> list[str]:
    """`qiledger demo` with these words, on any port."""
    return [sys.executable, "-m", "services.cli", "demo", "--port", "0", *words]


class Demo:
    """A demo in a process of its own; what it makes lies in a temporary directory that we can look into."""

    def __init__(
        self,
        directory: Path,
        *more: str,
        by: Callable[[Sequence[str]], Sequence[str]] = by_qiledger,
        **given: str,
    ) -> None:
        self.temporary = directory / "tmp"
        self.temporary.mkdir(mode=0o711)
        self.env_file = directory / "demo.env"
        self._said = directory / "said.txt"
        env = {name: value for name, value in os.environ.items() if not name.startswith("QILEDGER_")}
        with self._said.open("wb") as said:
            self.process = subprocess.Popen(
                by(("--env-file", str(self.env_file), *more)),
                env=env | given | {"TMPDIR": str(self.temporary), "COLUMNS": "200"},
                stdout=said,
                stderr=said,
            )

    @property
    def said(self) -> str:
        return self._said.read_text()

    def wait_for(self, words: str) -> None:
        def heard() -> bool:
            assert self.process.poll() is None, self.said
            return words in self.said

        wait_until(heard, within_s=100, what=f"the demo says {words!r}; it said:\n{self.said}")

    def env(self) -> dict[str, str]:
        """The file for scripts, read as Docker and systemd do: NAME=value, and nothing else."""
        return dict(line.split("=", 1) for line in self.env_file.read_text().splitlines())

    def processes(self) -> list[int]:
        """Every process of the house: those that the demo started, and theirs."""
        children: dict[int, list[int]] = {}
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                parent = int(stat.read_text().rpartition(")")[2].split()[1])
                children.setdefault(parent, []).append(int(stat.parent.name))
        found, look = [], [self.process.pid]
        while look:
            here = children.get(look.pop(), [])
            found += here
            look += here
        return found

    def left_behind(self, processes: list[int]) -> list[str]:
        running = [f"process {pid}" for pid in processes if not gone(pid)]
        files = [str(path) for path in self.temporary.iterdir()]
        return running + files + ([str(self.env_file)] if self.env_file.exists() else [])
