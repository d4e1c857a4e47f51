"""The house that keeps its data: up, used, down, and up again as it was."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.patience import ENDS_WITHIN_S, wait_until
from tests.services.cli.conftest import qiledger


@contextmanager
def a_house(directory: Path, *, until: str = "is up", **settings: str) -> Iterator[str]:
    """`qiledger up` on this directory; what it said when it had come so far."""
    said = directory.with_suffix(".said")
    env = {name: value for name, value in os.environ.items() if not name.startswith("QILEDGER_")}
    command = [sys.executable, "-m", "services.cli", "up", "--port", "0", "--data-directory", str(directory)]
    with said.open("wb") as out:
        process = subprocess.Popen(command, env=env | {"COLUMNS": "200"} | settings, stdout=out, stderr=out)
    try:
        wait_until(
            lambda: process.poll() is not None or until in said.read_text(),
            within_s=100,
            what=f"the house says {until!r}",
        )
        assert process.poll() is None, said.read_text()
        yield said.read_text()
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(ENDS_WITHIN_S) == 0, said.read_text()


def test_a_house_that_comes_up_again_knows_what_it_was_told(throwaway: Path):
    home = throwaway / "home"
    env = {"QILEDGER_DATA_DIRECTORY": str(home)}
    with a_house(home):
        assert qiledger("organisations", "open", "RWK", "--name", "East London", **env).returncode == 0
        assert "East London" in qiledger("status", **env).stdout
    assert "No house is up" in qiledger("organisations", "list", **env).stderr
    with a_house(home) as said:
        assert "East London" in qiledger("organisations", "list", **env).stdout
    assert re.search(r"after [0-9.]+ s", said)


def test_a_second_house_on_the_same_directory_is_refused(throwaway: Path):
    home = throwaway / "home"
    with a_house(home, until="Preparing the database"):
        second = qiledger("up", "--port", "0", "--data-directory", str(home))
        assert second.returncode == 1
        assert "is in use by process" in second.stderr
