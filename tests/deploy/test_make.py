"""`make demo` as it is typed: the Makefile of the house, with the environment that these tests run in."""

import os
import shlex
import shutil
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

import httpx
import pytest

from tests.a_demo import Demo, needs_proc
from tests.patience import ENDS_WITHIN_S, wait_until
from tests.plain_http import PLAIN

HOUSE = Path(__file__).parents[2]


def by_make(words: Sequence[str]) -> list[str]:
    """`make demo`, which is not to make an environment first, for there is one."""
    there = ["-o", f"{sys.prefix}/.installed", f"VENV={sys.prefix}"]
    return ["make", "-C", str(HOUSE), *there, "demo", f"ARGS={shlex.join(words)}"]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as somebody:
        return int(somebody.getsockname()[1])


def files(directory: Path) -> set[str]:
    """What lies there, but for what is hidden and what Python compiles."""
    found: set[str] = set()
    for place, below, names in os.walk(directory):
        below[:] = [name for name in below if not name.startswith(".") and name != "__pycache__"]
        found.update(os.path.join(place, name) for name in [*below, *names])
    return found


@needs_proc
@pytest.mark.skipif(shutil.which("make") is None, reason="there is no make")
def test_make_demo_says_how_far_it_is_and_is_gone_with_make(throwaway: Path, monkeypatch: pytest.MonkeyPatch):
    for name in [name for name in os.environ if name.startswith("MAKE") or name == "MFLAGS"]:
        monkeypatch.delenv(name)  # these tests may be run by make
    home, port, before = throwaway / "home", free_port(), files(HOUSE)
    home.mkdir()
    demo = Demo(throwaway, "--port", str(port), "--synthetic-projects", "1", by=by_make, HOME=str(home))
    try:
        demo.wait_for("All is loaded")
        assert httpx.get(f"http://127.0.0.1:{port}/readyz", verify=PLAIN).status_code == 200
        said = demo.said.splitlines()
        assert said.index("Loading published history …") < said.index("Loading invented history …")
        assert list(home.iterdir()) == []
        (made,) = demo.temporary.iterdir()
        assert made.name.startswith("qiledger-demo-")
        assert files(HOUSE) == before
        processes = demo.processes()
        assert len(processes) > 7
    finally:
        demo.process.kill()
        demo.process.wait(ENDS_WITHIN_S)
    wait_until(lambda: demo.left_behind(processes) == [], within_s=ENDS_WITHIN_S, what="everything is gone")
