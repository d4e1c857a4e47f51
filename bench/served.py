"""One process serving the API for a measurement: `python -m bench.served PORT services.api.app:served`."""

import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

from services.cli.serve import server
from services.embedded.lifeline import Descent, launch
from services.ports import kept_port

APP = "services.api.app:served"


@contextmanager
def serving(database_url: str, redis_url: str | None, app: str = APP) -> Iterator[int]:
    """A server of its own process, up and ready: its port."""
    with kept_port("127.0.0.1") as port:
        yield from _served(port, database_url, redis_url, app)


def _served(port: int, database_url: str, redis_url: str | None, app: str) -> Iterator[int]:
    env = os.environ | {"QILEDGER_DATABASE_URL": database_url, "QILEDGER_LOG_LEVEL": "warning"}
    env |= {"QILEDGER_REDIS_URL": redis_url} if redis_url else {}
    process = launch(
        [sys.executable, "-m", "bench.served", str(port), app], Descent(death_signal=15), output=None, env=env
    )
    try:
        _wait_until_ready(port, process)
        yield port
    finally:
        process.terminate()
        process.wait(15)


def _wait_until_ready(port: int, process: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + 20
    while time.monotonic() < until and process.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=1):
                return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError("the server did not get ready")


if __name__ == "__main__":
    server("127.0.0.1", int(sys.argv[1]), workers=1, app=sys.argv[2]).serve()
