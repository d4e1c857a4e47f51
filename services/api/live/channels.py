"""The channels that live streams share, and how many streams there may be."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from typing import Any, Protocol, TypeAlias, TypeVar

import structlog

from events.log.keys import Key
from services.api.problems import Problem, kinds

CATCHING_UP_MAX = 4  # streams that read pages of their own at once
STREAMS_MAX = 2_000  # of one process
STREAMS_OF_KEY_MAX = 1_000

log = structlog.get_logger(__name__)


class ChannelOver(Exception):
    """Nobody reads what is new for those who listen: each is cut off, and the first who comes back opens it anew."""


class News:
    """Wakes those who listen to a channel."""

    def __init__(self) -> None:
        self._next = asyncio.Event()
        self._over = False

    def rouse(self) -> None:
        """Something is new."""
        came, self._next = self._next, asyncio.Event()
        came.set()

    def end(self) -> None:
        """Nothing will be new any more."""
        self._over = True
        self._next.set()

    async def wait(self) -> None:
        """Returns when something is new. Raises ChannelOver."""
        await self._next.wait()
        if self._over:
            raise ChannelOver


class Channel(Protocol):
    """What is new in one organisation, for all who listen to it."""

    news: News

    async def open(self) -> None:
        """Begins at what is there now. Raises UnknownOrganisation, psycopg.Error."""

    async def read_on(self) -> None:
        """Reads what is new until we stop."""


C = TypeVar("C", bound=Channel)
Name: TypeAlias = tuple[type[Any], str]


class Live:
    """All live streams of this process, and the channels that they share."""

    def __init__(self) -> None:
        self._channels: dict[Name, tuple[Any, asyncio.Task[None]]] = {}
        self._listeners: Counter[Name] = Counter()
        self._opening: dict[Name, asyncio.Task[Any]] = {}
        self._of_key: Counter[tuple[str, str]] = Counter()
        self.catching_up = asyncio.Semaphore(CATCHING_UP_MAX)

    @contextlib.asynccontextmanager
    async def channel(self, kind: type[C], make: Callable[[], C], organisation: str) -> AsyncIterator[C]:
        """The organisation's channel, made by the first who listens. Raises UnknownOrganisation, psycopg.Error."""
        name = kind, organisation
        self._listeners[name] += 1
        try:
            yield await self._opened(name, make)
        finally:
            self._listeners[name] -= 1
            if not self._listeners[name]:
                self._close(name)

    async def _opened(self, name: Name, make: Callable[[], C]) -> C:
        """The channel, opened once for all who come meanwhile: they fail together, and not one after the other."""
        if name in self._channels:
            found: C = self._channels[name][0]
            return found
        opening = self._opening.get(name)
        if opening is None or opening.done():
            opening = self._opening[name] = asyncio.create_task(self._open(name, make()))
            opening.add_done_callback(partial(self._has_opened, name))
        opened: C = await asyncio.shield(opening)
        return opened

    async def _open(self, name: Name, channel: C) -> C:
        await channel.open()
        if self._listeners[name]:  # somebody waited for it
            reading = asyncio.create_task(channel.read_on())
            reading.add_done_callback(partial(self._read_out, name, channel))
            self._channels[name] = channel, reading
        return channel

    def _has_opened(self, name: Name, opening: "asyncio.Task[Any]") -> None:
        if self._opening.get(name) is opening:
            del self._opening[name]
        if not opening.cancelled():
            opening.exception()  # whoever still waits hears it; if nobody does, it is no fault

    def _read_out(self, name: Name, channel: Channel, reading: "asyncio.Task[None]") -> None:
        """A channel that breaks is nobody's any more, so that no stream waits in it for what will never come."""
        if reading.cancelled() or (failure := reading.exception()) is None:
            return  # nobody listens to it, or we stop
        log.error("a live channel broke", exc_info=failure, organisation=name[1])
        if name in self._channels and self._channels[name][1] is reading:
            del self._channels[name]
        channel.news.end()

    def _close(self, name: Name) -> None:
        del self._listeners[name]
        if (found := self._channels.pop(name, None)) is not None:
            found[1].cancel()

    @contextlib.contextmanager
    def counted(self, key: Key) -> Iterator[None]:
        """A stream of a key. Raises Problem if it has as many as it may have, or this process has."""
        name = key.organisation, key.id
        if self._of_key[name] >= STREAMS_OF_KEY_MAX or self._of_key.total() >= STREAMS_MAX:
            raise Problem(kinds.TOO_MANY_STREAMS, headers={"retry-after": "10"})
        self._of_key[name] += 1
        try:
            yield
        finally:
            self._of_key[name] -= 1
            if not self._of_key[name]:
                del self._of_key[name]
