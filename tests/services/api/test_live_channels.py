"""What live streams share: opened once for all who come, read for as long as somebody listens, and never a dead end."""

import asyncio

import pytest
from psycopg_pool import PoolTimeout

from services.api.live.channels import Live, News
from tests.events.log.conftest import tell
from tests.services.api.conftest import organisation
from tests.services.api.live_streams import ALL, NEVER_S, Streams, desk, streams

__all__ = ["desk", "organisation", "streams", "tell"]


async def test_a_channel_that_breaks_cuts_its_streams_off_and_the_next_one_opens_it_anew(
    streams: Streams, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A record that cannot be shown, say: whoever listened would hear nothing any more, and never know."""

    def cannot(_: object) -> None:
        raise ValueError("what nobody foresaw")

    async with streams.stream(every_s=NEVER_S) as reader:
        with monkeypatch.context() as broken:
            broken.setattr("services.api.live.records.line_of", cannot)
            await streams.keep()
            await reader.hears(lambda: not streams.desk.live._channels)
        await streams.keep()
        async with streams.stream(after=1, every_s=NEVER_S) as again:
            await again.hears(lambda: b"event: record" in again.said)


class Closed:
    """A channel of a database that is away."""

    def __init__(self) -> None:
        self.news = News()
        self.tries = 0
        self.answers = asyncio.Event()

    async def open(self) -> None:
        self.tries += 1
        await self.answers.wait()
        raise PoolTimeout

    async def read_on(self) -> None:
        raise AssertionError("it was never open")


async def test_those_who_wait_for_a_database_that_is_away_wait_together_and_not_one_after_the_other() -> None:
    live, channel = Live(), Closed()

    async def listens() -> None:
        async with live.channel(Closed, lambda: channel, "RWK"):
            pass

    listeners = [asyncio.create_task(listens()) for _ in range(10)]
    await asyncio.sleep(0)
    listeners[0].cancel()  # he who came first leaves
    await asyncio.sleep(0)
    channel.answers.set()
    heard = await asyncio.gather(*listeners, return_exceptions=True)
    assert [type(failure) for failure in heard[1:]] == [PoolTimeout] * 9
    assert channel.tries == 1
    assert (live._channels, live._opening, live._listeners) == ({}, {}, {})


async def test_a_channel_that_nobody_waited_for_is_not_read(streams: Streams) -> None:
    async def listens() -> None:
        async with streams.teller(ALL, after=None):
            raise AssertionError("he left before")

    live = streams.desk.live
    listening = asyncio.create_task(listens())
    await asyncio.sleep(0)
    listening.cancel()
    await asyncio.gather(listening, *live._opening.values(), return_exceptions=True)
    assert (live._channels, live._listeners) == ({}, {})
