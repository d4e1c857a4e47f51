"""Live streams of one organisation, in the test's own process: their answers, and who reads them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import Any

import pytest

from events.log.keys import READ, Key
from services.api.desk import Desk
from services.api.live.answer import LiveAnswer
from services.api.live.records import RecordChannel, RecordTeller, Wanted
from services.settings import Settings
from tests.events.log.conftest import NOON, Tell
from tests.roles import as_role

ENDS_WITHIN_S = 60
SOON_S = 0.05  # between two signs of life, and between two looks at the key
NEVER_S = 3_600.0
ALL = Wanted(None, None)
NONE = Wanted(frozenset({"no.such"}), None)


@pytest.fixture
async def desk(database_url: str) -> AsyncIterator[Desk]:
    opened = Desk(Settings.read({"QILEDGER_DATABASE_URL": as_role(database_url, "qiledger_api")}))
    async with opened.open():
        yield opened


class Reader:
    """One who reads a stream, at the server's side of the wire."""

    def __init__(self) -> None:
        self.said = b""
        self.is_over = False
        self.something = asyncio.Event()
        self.pace_s = 0.0
        self.takes = asyncio.Event()
        self.takes.set()

    async def send(self, message: Any) -> None:
        await asyncio.sleep(self.pace_s)
        await self.takes.wait()
        self.said += message.get("body", b"")
        self.is_over = message.get("more_body") is False
        self.something.set()

    async def receive(self) -> Any:
        await asyncio.Event().wait()

    def blocks(self) -> list[bytes]:
        """What is between empty lines."""
        return self.said.split(b"\n\n")[:-1]

    async def hears(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(ENDS_WITHIN_S):
            while not condition():
                self.something.clear()
                await self.something.wait()


async def yes() -> bool:
    return True


class Streams:
    """Opens streams of one organisation, and keeps its log busy."""

    def __init__(self, desk: Desk, organisation: str, tell: Tell) -> None:
        self.desk = desk
        self.organisation = organisation
        self.tell = tell
        self.key = Key(
            organisation=organisation,
            id="k-1",
            client="lifeqi",
            scopes=(READ,),
            sources=(),
            created_at=NOON,
            expires_at=NOON,
        )

    async def keep(self, number: int = 1, **fields: Any) -> None:
        told = [self.tell(**fields) for _ in range(number)]
        kept = await self.desk.appender.append(self.organisation, told)
        self.desk.doorbell.ring(self.organisation, kept[-1].position)  # type: ignore[union-attr]

    @contextlib.asynccontextmanager
    async def busy(self) -> AsyncIterator[None]:
        """Records come and come."""

        async def keep_on() -> None:
            while True:
                await self.keep()

        keeping = asyncio.create_task(keep_on())
        try:
            yield
        finally:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)

    @contextlib.asynccontextmanager
    async def teller(self, wanted: Wanted, *, after: int | None) -> AsyncIterator[RecordTeller]:
        channel = partial(RecordChannel, self.desk, self.organisation)
        async with self.desk.live.channel(RecordChannel, channel, self.organisation) as opened:
            yield RecordTeller(
                self.desk, opened, self.organisation, wanted=wanted, after=after, note=lambda _: None
            )

    @contextlib.asynccontextmanager
    async def stream(
        self,
        wanted: Wanted = ALL,
        *,
        after: int | None = None,
        still_may: Callable[[], Awaitable[bool]] = yes,
        every_s: float = SOON_S,
    ) -> AsyncIterator[Reader]:
        """A stream while it goes on; at the end of the block, or of the stream itself, it is over."""

        reader = Reader()
        tell = partial(self.teller, wanted, after=after)
        answer = LiveAnswer(self.desk, self.key, tell, still_may, every_s=every_s)
        answering = asyncio.create_task(answer({"method": "GET"}, reader.receive, reader.send))  # type: ignore[arg-type]
        answering.add_done_callback(lambda _: reader.something.set())
        try:
            await reader.hears(lambda: bool(reader.said) or answering.done())
            yield reader
        finally:
            answering.cancel()
            await asyncio.gather(answering, return_exceptions=True)


@pytest.fixture
def streams(desk: Desk, organisation: str, tell: Tell) -> Streams:
    return Streams(desk, organisation, tell)
