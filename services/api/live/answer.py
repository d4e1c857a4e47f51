"""An answer that goes on: told what is new until the reader leaves, takes nothing, may read no more, or we stop."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeAlias

import psycopg
import structlog
from litestar.types import Receive, Scope, Send
from psycopg_pool import PoolTimeout

from events.log.keys import Key
from services.api.answers import EVENT_STREAM, NEVER
from services.api.desk import Desk
from services.api.live.channels import ChannelOver

MINDED_EVERY_S = 15.0  # a key is asked about again, and a reader who was told nothing hears that we are there
RETRY_MS = 2_000
TAKEN_WITHIN_S = 20.0  # a reader who takes nothing for so long is let go; he goes on where he was
PIECE_BYTES = 16_384
RETRY = f"retry: {RETRY_MS}\n".encode()
OPENING = b": live\n\n"
SIGN_OF_LIFE = b": still here\n\n"
CLOSING = b": the ledger is being stopped\n\n"
HEADERS = (
    (b"content-type", EVENT_STREAM.encode()),
    (b"cache-control", NEVER.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-accel-buffering", b"no"),  # nginx would keep it to itself
)
FORESEEN = (TimeoutError, ChannelOver, psycopg.OperationalError, PoolTimeout)

log = structlog.get_logger(__name__)


class Teller(Protocol):
    """What one stream says."""

    async def next(self) -> bytes:
        """What there is to say now; nothing if there is nothing. Raises ChannelOver, psycopg.Error."""

    async def news(self) -> None:
        """Returns when there may be more to say."""

    def place(self) -> bytes:
        """The line that says how far we have come, to go on from; nothing where a stream begins anew each time."""


OpenTeller: TypeAlias = Callable[[], contextlib.AbstractAsyncContextManager[Teller]]
Speaking: TypeAlias = "asyncio.Task[None]"


class LiveAnswer:
    """An answer that goes on until the reader leaves, takes nothing, may read no more, or we stop."""

    def __init__(
        self,
        desk: Desk,
        key: Key,
        tell: OpenTeller,
        still_may: Callable[[], Awaitable[bool]],
        *,
        every_s: float = MINDED_EVERY_S,
    ) -> None:
        self._desk = desk
        self._key = key
        self._tell = tell
        self._still_may = still_may
        self._every_s = every_s
        self._voice = asyncio.Lock()  # held while something is on its way to the reader
        self._said_at = 0.0
        self._cut = False  # nothing more is said, not even the rest of what is being said

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        start = {"type": "http.response.start", "status": 200, "headers": list(HEADERS)}
        if scope["method"] == "HEAD":  # type: ignore[typeddict-item]
            await send(start)  # type: ignore[arg-type]
            await _close(send)
            return
        with self._desk.live.counted(self._key):
            async with self._tell() as teller:
                await send(start)  # type: ignore[arg-type]
                await self._until_gone(teller, receive, send)

    async def _until_gone(self, teller: Teller, receive: Receive, send: Send) -> None:
        self._said_at = asyncio.get_running_loop().time()
        telling = asyncio.create_task(self._tell_on(teller, send))
        minding = asyncio.create_task(self._mind(teller, send))
        leaving = asyncio.create_task(_left(receive))
        stopping = asyncio.create_task(self._desk.stopping.wait())
        tasks = (telling, minding, leaving, stopping)
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if not leaving.done():
                self._cut = minding.done()
                await self._let_go((telling, minding), send)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _tell_on(self, teller: Teller, send: Send) -> None:
        """Tells what is new. Nothing is read before the one before was taken."""
        await self._say(send, RETRY + teller.place() + OPENING)
        while not self._desk.stopping.is_set():
            if text := await teller.next():
                await self._say(send, text)
            else:
                await teller.news()

    async def _mind(self, teller: Teller, send: Send) -> None:
        """Keeps two clocks, whatever is told: returns when the key may read no more, and gives signs of life."""
        now = asyncio.get_running_loop().time
        asked_at = now()
        while True:
            silent_since = now() if self._voice.locked() else self._said_at
            await asyncio.sleep(min(asked_at, silent_since) + self._every_s - now())
            if now() - asked_at >= self._every_s:
                asked_at = now()
                if not await self._still_may():
                    return
            if now() - self._said_at >= self._every_s and not self._voice.locked():
                await self._say(send, teller.place() + SIGN_OF_LIFE)

    async def _let_go(self, speaking: tuple[Speaking, Speaking], send: Send) -> None:
        """Ends the stream: not before a piece that is on its way is taken, or nobody takes it in time."""
        async with self._voice:
            for task in speaking:
                task.cancel()  # whatever it waits for, a page of the log or news, nobody reads it any more
            await asyncio.wait(speaking)
            failures = [
                failure for task in speaking if not task.cancelled() and (failure := task.exception())
            ]
            if not failures:
                with contextlib.suppress(TimeoutError):
                    await self._end(send)
        for failure in failures:  # he is cut off, and goes on where he was
            if not isinstance(failure, FORESEEN):
                log.error("a live stream broke", exc_info=failure, organisation=self._key.organisation)

    async def _end(self, send: Send) -> None:
        if self._desk.stopping.is_set() and not self._cut:
            await self._send(send, CLOSING)
        async with self._desk.patience(TAKEN_WITHIN_S):
            await _close(send)

    async def _say(self, send: Send, text: bytes) -> None:
        """A piece at a time: the server keeps a few of them for a slow reader. Raises TimeoutError if he takes none."""
        async with self._voice:
            for begin in range(0, len(text), PIECE_BYTES):
                if not self._cut:
                    await self._send(send, text[begin : begin + PIECE_BYTES])

    async def _send(self, send: Send, piece: bytes) -> None:
        async with self._desk.patience(TAKEN_WITHIN_S):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        self._said_at = asyncio.get_running_loop().time()


async def _close(send: Send) -> None:
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _left(receive: Receive) -> None:
    """Returns when the reader has hung up."""
    while (await receive())["type"] != "http.disconnect":
        pass
