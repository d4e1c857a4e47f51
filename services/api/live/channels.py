"""The channels that live streams share, and how many streams there may be."""

import asyncio
import contextlib
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, Protocol, TypeVar

from events.log.keys import Key
from services.api.problems import Problem, kinds

CATCHING_UP_MAX = 4  # streams that read pages of their own at once
STREAMS_MAX = 2_000  # of one process
STREAMS_OF_KEY_MAX = 1_000


class Channel(Protocol):
    """What is new in one organisation, for all who listen to it."""

    async def open(self) -> None:
        """Begins at what is there now. Raises UnknownOrganisation, psycopg.Error."""

    async def read_on(self) -> None:
        """Reads what is new until we stop."""


C = TypeVar("C", bound=Channel)


class Live:
    """All live streams of this process, and the channels that they share."""

    def __init__(self) -> None:
        self._channels: dict[tuple[type[Any], str], tuple[Any, asyncio.Task[None]]] = {}
        self._listeners: Counter[tuple[type[Any], str]] = Counter()
        self._opening: defaultdict[tuple[type[Any], str], asyncio.Lock] = defaultdict(asyncio.Lock)
        self._of_key: Counter[tuple[str, str]] = Counter()
        self.catching_up = asyncio.Semaphore(CATCHING_UP_MAX)

    @contextlib.asynccontextmanager
    async def channel(self, kind: type[C], make: Callable[[], C], organisation: str) -> AsyncIterator[C]:
        """The organisation's channel, made by the first who listens. Raises UnknownOrganisation, psycopg.Error."""
        name = kind, organisation
        self._listeners[name] += 1
        try:
            async with self._opening[name]:
                if name not in self._channels:
                    channel = make()
                    await channel.open()
                    self._channels[name] = channel, asyncio.create_task(channel.read_on())
            yield self._channels[name][0]
        finally:
            self._listeners[name] -= 1
            if not self._listeners[name]:
                self._close(name)

    def _close(self, name: tuple[type[Any], str]) -> None:
        del self._listeners[name]
        self._opening.pop(name, None)
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
