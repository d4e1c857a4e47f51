"""A witness on the network: one door, `POST /add-checkpoint`; beside it, what it is and what it has seen.

The bounds on slow and large requests are the server's and this file's: a submission is some kilobytes.
"""

import asyncio
import os
import time
from pathlib import Path
from typing import Any

import msgspec
from granian.constants import HTTPModes, Interfaces, Loops, TaskImpl
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server import MPServer

from services.embedded.lifeline import die_with_parent
from services.logs import speak
from services.settings import Settings
from services.witness.judging import Answer, judge
from services.witness.memory import Memory, claimed, remembered

DIRECTORY = "QILEDGER_WITNESS_STATE"  # how the server's process is told; not for people
SUBMISSION_BYTES_MAX = 65_536
SUBMISSION_WITHIN_S = 10.0
HEADER_WITHIN_MS = 10_000
BACKPRESSURE = 64
APP = "services.witness.serving:served"


class Doors:
    """The witness as an ASGI app. Submissions are judged one after another."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._one_at_a_time = asyncio.Lock()

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        answer = await self._answer(scope, receive)
        headers = [
            (b"content-type", answer.media_type.encode()),
            (b"content-length", str(len(answer.body.encode())).encode()),
            (b"cache-control", b"no-store"),
        ]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body.encode(), "more_body": False})

    async def _answer(self, scope: dict[str, Any], receive: Any) -> Answer:
        match scope["method"], scope["path"]:
            case "POST", "/add-checkpoint":
                try:
                    async with asyncio.timeout(SUBMISSION_WITHIN_S):
                        body = await _body(receive)
                except TimeoutError:
                    return Answer(408, "too slow\n")
                if body is None:
                    return Answer(413, f"a submission has at most {SUBMISSION_BYTES_MAX} bytes\n")
                async with self._one_at_a_time:
                    return await asyncio.to_thread(judge, self._memory, body, lambda: int(time.time()))
            case "GET", "/":
                return Answer(200, await asyncio.to_thread(described, self._memory))
            case "GET", "/healthz":
                return Answer(200, "alive\n")
            case _, ("/add-checkpoint" | "/" | "/healthz"):
                return Answer(405, "not so\n")
        return Answer(404, "there is nothing here\n")


async def _body(receive: Any) -> bytes | None:
    """The body; None if it is too large."""
    pieces = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        pieces += message.get("body", b"")
        if len(pieces) > SUBMISSION_BYTES_MAX:
            return None
        if not message.get("more_body", False):
            return bytes(pieces)


def described(memory: Memory) -> str:
    """The witness's public key, and how far it has seen each log."""
    lines = [memory.key.public.write()]
    for origin in memory.origins:
        seen = memory.seen(origin)
        lines.append(f"{origin} {0 if seen is None else seen.size}")
    return "".join(f"{line}\n" for line in lines)


def served() -> Doors:
    """The app as the server's process makes it."""
    die_with_parent()
    settings = Settings.read()
    speak(settings.log_level, settings.log_format)
    return Doors(remembered(Path(os.environ[DIRECTORY])))


def serve(directory: Path, host: str, port: int) -> None:
    """Serves the witness of a directory until told to stop. Raises NoWitness."""
    with claimed(directory):
        remembered(directory)
        os.environ[DIRECTORY] = str(directory)
        MPServer(
            APP,
            address=host,
            port=port,
            interface=Interfaces.ASGI,
            factory=True,
            workers=1,  # one at a time, in one process
            loop=Loops.asyncio,
            task_impl=TaskImpl.asyncio,
            http=HTTPModes.http1,
            websockets=False,
            backpressure=BACKPRESSURE,
            http1_settings=HTTP1Settings(header_read_timeout=HEADER_WITHIN_MS, max_buffer_size=16_384),
            log_level=LogLevels.warning,
            log_access=False,
            respawn_failed_workers=True,
        ).serve()


class Shown(msgspec.Struct, frozen=True):
    """How far a witness has seen a log."""

    origin: str
    size: int
    root: str | None


def status(directory: Path) -> tuple[str, list[Shown]]:
    """A witness's public key, and what it has seen. Raises NoWitness."""
    memory = remembered(directory)
    shown = []
    for origin in memory.origins:
        seen = memory.seen(origin)
        shown.append(
            Shown(origin, 0 if seen is None else seen.size, None if seen is None else seen.root.hex())
        )
    return memory.key.public.write(), shown
