"""How soon a house of its own is up again, and how soon all of it is gone: `qiledger up` with real history in it.

Gone is the whole house: the command, every process below it, and what those started. Reaches are seconds, whatever the
machine; there is nothing plain to set them against.
"""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import IO

import psycopg
from rich.console import Console

from bench.place import ORGANISATION
from bench.report import Row
from events.log import keys
from services.data import public_history
from services.embedded import Postgres
from services.embedded.places import throwaway_directory
from services.importing.loading import load_public
from services.importing.public_history import SOURCE
from services.operating import open_organisation
from services.whole_house import house_at

TRUSTS = (ORGANISATION, "RV3")
GONE_WITHIN_S = 60.0
LOOK_EVERY_S = 0.01


def measure(_: Postgres, runs: int) -> list[Row]:
    """In seconds, each on a house that has been up before."""
    began, ended, killed = list[float](), list[float](), list[float]()
    with throwaway_directory("qiledger-bench-") as directory:
        first = _House(directory / "home")
        _load(directory / "home")
        first.end(signal.SIGTERM)
        for _run in range(runs):
            for sign, seconds in ((signal.SIGTERM, ended), (signal.SIGKILL, killed)):
                house = _House(directory / "home")
                began.append(house.up_after_s)
                seconds.append(house.end(sign))
    return [
        Row(what="first start, the database made", unit="s", ours=[first.up_after_s]),
        Row(what="warm start, until it takes events", unit="s", ours=began, at_most=5),
        Row(what="SIGTERM (Ctrl-C), until all are gone", unit="s", ours=ended, at_most=10),
        Row(what="SIGKILL of the command, until all are gone", unit="s", ours=killed, at_most=5),
    ]


class _House:
    """`qiledger up`, and every process that it started."""

    def __init__(self, directory: Path) -> None:
        env = {name: value for name, value in os.environ.items() if not name.startswith("QILEDGER_")}
        began = time.monotonic()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "services.cli", "up", "--port", "0", "--data-directory", str(directory)],
            env=env,
            stdout=subprocess.PIPE,
        )
        assert self._process.stdout is not None
        _read_until(self._process.stdout, b"is up")
        self.up_after_s = time.monotonic() - began

    def end(self, sign: signal.Signals) -> float:
        """How many seconds after this signal nobody is left."""
        processes = _below(self._process.pid)
        began = time.monotonic()
        self._process.send_signal(sign)
        while not all(_gone(pid) for pid in (self._process.pid, *processes)):
            assert time.monotonic() < began + GONE_WITHIN_S, "somebody is left"
            time.sleep(LOOK_EVERY_S)
        took_s = time.monotonic() - began
        self._process.communicate()
        return took_s


def _load(directory: Path) -> None:
    """The published history, told through the API of the house that is up."""
    told = house_at(directory)
    with psycopg.connect(told["QILEDGER_DATABASE_URL"]) as conn:
        given = {}
        for code in TRUSTS:
            open_organisation(conn, code, code)
            given[code] = keys.create(conn, code, "bench", scopes=(keys.WRITE,), sources=(SOURCE,)).text
    load_public(public_history(), told["QILEDGER_URL"], given, Console(quiet=True))


def _read_until(said: IO[bytes], words: bytes) -> None:
    heard = b""
    for line in said:
        heard += line
        if words in line:
            return
    raise RuntimeError(f"the house did not come up:\n{heard.decode()}")


def _below(pid: int) -> list[int]:
    """The processes that this one started, and those that they did."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            children.setdefault(int(_state(stat)[1]), []).append(int(stat.parent.name))
    found, look = list[int](), [pid]
    while look:
        here = children.get(look.pop(), [])
        found += here
        look += here
    return found


def _gone(pid: int) -> bool:
    """Whether it is dead, buried or not."""
    try:
        return _state(Path(f"/proc/{pid}/stat"))[0] == "Z"
    except OSError:
        return True


def _state(stat: Path) -> list[str]:
    return stat.read_text().rpartition(")")[2].split()
