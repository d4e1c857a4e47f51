"""The guide to webhooks, run as it stands: its commands against a house, its receivers sent to as the ledger sends."""

import os
import re
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import HTTPServer
from pathlib import Path
from typing import Any

import pytest

from services.ports import kept_port
from services.webhooks.addresses import FOREIGN_PORTS, Guard
from services.webhooks.posting import Poster
from services.webhooks.retrying import SCHEDULE_S
from services.webhooks.signing import SigningSecret, headers, new_secret
from tests.docs.test_guides import DOCS, Reader, at_work, looks_like, steps_of
from tests.patience import wait_until
from tests.services.api.conftest import NODE, javascript
from tests.services.webhooks.conftest import LOOPBACK, Receiver, receiver

__all__ = ["javascript", "receiver"]

PAGE = DOCS / "webhooks.md"
GUIDE = PAGE.read_text(encoding="utf-8")
BODY = b'{"specversion":"1.0","id":"e-1"}'
PORTS_TRIED_MAX = 5


def block(language: str) -> str:
    """The block of the guide in a language, of which there is one."""
    (code,) = re.findall(rf"^```{language}\n(.*?)^```$", GUIDE, re.DOTALL | re.MULTILINE)
    return str(code)


def takes_what_is_signed_and_nothing_else(url: str, secret: SigningSecret) -> None:
    post = Poster(Guard(LOOPBACK)).post
    signed = headers("RWK-1-we_x", int(time.time()), BODY, [secret])
    assert [post(url, signed, BODY).status for _ in range(2)] == [204, 204]
    assert post(url, signed, BODY + b" ").status == 401
    assert post(url, signed | {"webhook-signature": "nonsense"}, BODY).status == 401
    assert post(url, {"x": "y"}, BODY).status == 401


def test_the_receiver_of_the_guide_takes_what_is_signed_and_nothing_else() -> None:
    secret = new_secret()
    module: dict[str, Any] = {"__name__": "guide"}
    exec(re.sub(r'SECRET = ".*"', f'SECRET = "{secret.text}"', block("python")), module)  # our own guide
    with HTTPServer(("127.0.0.1", 0), module["Receiver"]) as server:
        if server.server_port in FOREIGN_PORTS:
            pytest.skip("a port that webhooks do not use")
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        takes_what_is_signed_and_nothing_else(f"http://127.0.0.1:{server.server_port}/", secret)
        server.shutdown()
    assert module["seen"] == {"RWK-1-we_x": {"specversion": "1.0", "id": "e-1"}}


def test_the_receiver_in_javascript_does_too(javascript: Path) -> None:
    secret = new_secret()
    with by_node(javascript, block("javascript"), secret) as url:
        takes_what_is_signed_and_nothing_else(url, secret)


@contextmanager
def by_node(room: Path, code: str, secret: SigningSecret) -> Iterator[str]:
    """A receiver of webhooks that Node runs, in the directory where the library is installed."""
    (room / "receiver.mjs").write_text(code)
    url, process = listening(room, secret)
    try:
        yield url
    finally:
        process.kill()
        process.wait()


def listening(room: Path, secret: SigningSecret) -> tuple[str, "subprocess.Popen[bytes]"]:
    """Node listens at a port that was free; if somebody was given it meanwhile, at another one."""
    post = Poster(Guard(LOOPBACK)).post
    for _ in range(PORTS_TRIED_MAX):
        port = free_port()
        env = os.environ | {"SECRET": secret.text, "PORT": str(port)}
        process = subprocess.Popen([NODE, "receiver.mjs"], cwd=room, env=env)
        url = f"http://127.0.0.1:{port}/qi"
        answers = partial(post, url, {"x": "y"}, b"")
        wait_until(
            lambda: process.poll() is not None or answers().status,  # noqa: B023  (called before the next round)
            within_s=60,
            what="it listens",
        )
        if process.poll() is None:
            return url, process
    raise AssertionError("Node does not listen anywhere")


def free_port() -> int:
    """A port to which webhooks may be sent; Node cannot share one that is kept."""
    while True:
        with kept_port("127.0.0.1") as port:
            if port not in FOREIGN_PORTS:
                return port


def test_what_the_guide_says_to_do_works_as_it_stands(
    throwaway: Path, tmp_path: Path, receiver: Receiver
) -> None:
    home = throwaway / "home"
    receiver.answers = lambda _: (204, {}, b"")
    networks = {"QILEDGER_WEBHOOK_NETWORKS": " ".join(LOOPBACK)}
    words = ("up", "--port", "0", "--fresh", "1", "--data-directory", str(home))
    with at_work(throwaway, *words, until="is up", **networks):
        reader = Reader(tmp_path, {"QILEDGER_DATA_DIRECTORY": str(home)})
        steps = steps_of(PAGE)
        assert len(steps) > 4
        for step in steps:
            told = step.code.replace("https://warehouse.example.org/qi", receiver.url)
            printed = reader.follow(type(step)(step.language, told, step.shows, step.line))
            if step.shows is not None:
                assert looks_like(printed, step.shows), f"webhooks.md:{step.line} printed\n{printed}"
    assert [received.event["type"] for received in receiver.taken] == ["webhook.tested"]


def test_the_schedule_that_receivers_are_told_is_that_of_the_code() -> None:
    told = re.search(r"tried again: after (.*?)\n?\(each", GUIDE, re.DOTALL)
    assert told is not None
    units = {"s": 1, "min": 60, "h": 3_600}
    spans = re.findall(r"(\d+) (s|min|h)\b", told[1])
    assert tuple(float(number) * units[unit] for number, unit in spans) == SCHEDULE_S
