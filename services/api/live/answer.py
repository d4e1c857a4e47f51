"""An answer that goes on: told what is new until the reader leaves, takes nothing, may read no more, or we stop."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Protocol

from litestar.types import Receive, Scope, Send

from events.log.keys import Key
from services.api.answers import EVENT_STREAM, NEVER
from services.api.desk import Desk

HEARTBEAT_S = 15.0
RETRY_MS = 2_000
TAKEN_WITHIN_S = 20.0  # a reader who takes nothing for so long is let go; he goes on where he was
PIECE_BYTES = 16_384
OPENING = f"retry: {RETRY_MS}\n: live\n\n".encode()
CLOSING = b": the ledger is being stopped\n\n"


class Teller(Protocol):
    """What one stream says."""

    async def next(self) -> bytes:
        """What there is to say now; nothing if there is nothing."""

    async def news(self) -> None:
        """Returns when there may be more to say."""

    def heartbeat(self) -> bytes:
        """Says that we are there."""


OpenTeller = Callable[[], contextlib.AbstractAsyncContextManager[Teller]]


class LiveAnswer:
    """An answer that goes on until the reader leaves, takes nothing, may read no more, or we stop."""

    def __init__(
        self, desk: Desk, key: Key, tell: OpenTeller, still_may: Callable[[], Awaitable[bool]]
    ) -> None:
        self._desk = desk
        self._key = key
        self._tell = tell
        self._still_may = still_may
        self._speaking = False  # a piece is on its way to the reader

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [
            (b"content-type", EVENT_STREAM.encode()),
            (b"cache-control", NEVER.encode()),
            (b"x-content-type-options", b"nosniff"),
            (b"x-accel-buffering", b"no"),  # nginx would keep it to itself
        ]
        if scope["method"] == "HEAD":  # type: ignore[typeddict-item]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
            return
        with self._desk.live.counted(self._key):
            async with self._tell() as teller:
                await send({"type": "http.response.start", "status": 200, "headers": headers})
                await self._until_gone(teller, receive, send)

    async def _until_gone(self, teller: Teller, receive: Receive, send: Send) -> None:
        telling = asyncio.create_task(self._tell_on(teller, send))
        leaving = asyncio.create_task(_left(receive))
        stopping = asyncio.create_task(self._desk.stopping.wait())
        try:
            await asyncio.wait((telling, leaving, stopping), return_when=asyncio.FIRST_COMPLETED)
            if self._desk.stopping.is_set() and not leaving.done():
                await self._let_go(telling, send)
        finally:
            for task in (telling, leaving, stopping):
                task.cancel()
            await asyncio.gather(telling, leaving, stopping, return_exceptions=True)

    async def _tell_on(self, teller: Teller, send: Send) -> bool:
        """Tells what is new; says whether it ended the stream. Nothing is read before the one before was taken."""
        await self._say(send, OPENING)
        while not self._desk.stopping.is_set():
            text = await teller.next() or await self._news_or_heartbeat(teller)
            if text is None:
                await _end(send)
                return True
            if text:
                await self._say(send, text)
        return False

    async def _let_go(self, telling: "asyncio.Task[bool]", send: Send) -> None:
        """Ends the stream when we stop: not before a piece that is on its way is taken, or nobody takes it in time."""
        if not self._speaking:
            telling.cancel()  # whatever it waits for, a page of the log or news, nobody reads it any more
        await asyncio.wait((telling,))
        if telling.cancelled() or (telling.exception() is None and not telling.result()):
            await self._say(send, CLOSING)
            await _end(send)

    async def _say(self, send: Send, text: bytes) -> None:
        """A piece at a time: the server keeps a few of them for a slow reader. Raises TimeoutError if he takes none."""
        self._speaking = True
        for begin in range(0, len(text), PIECE_BYTES):
            piece = text[begin : begin + PIECE_BYTES]
            async with self._desk.patience(TAKEN_WITHIN_S):
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        self._speaking = False

    async def _news_or_heartbeat(self, teller: Teller) -> bytes | None:
        """Waits for news. A sign of life if there are none for a while; None if the key may read no more."""
        try:
            async with asyncio.timeout(HEARTBEAT_S):
                await teller.news()
        except TimeoutError:
            return teller.heartbeat() if await self._still_may() else None
        return b""


async def _end(send: Send) -> None:
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _left(receive: Receive) -> None:
    """Returns when the reader has hung up."""
    while (await receive())["type"] != "http.disconnect":
        pass
