"""What appending and reading cost as the log grows, against the same at ten thousand records.

Growing takes minutes, and a machine is not as quick in one minute as in the next. So each look at the log that grows is
taken in turn with a look at a log of ten thousand, a copy that was made for it. And just after a checkpoint of the
largest, when each page that changes is written to the WAL whole, against just before.
"""

import asyncio
import os
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import msgspec
from psycopg.conninfo import conninfo_to_dict
from psycopg_pool import AsyncConnectionPool

from bench.place import ORGANISATION, as_role, fresh, run
from bench.report import Row, console
from bench.telling import batch, id_of_own_record, random_id
from events.log.append import Appender
from events.log.read import head, records_after
from services.embedded import Postgres

SIZES = (10_000, 100_000, 1_000_000, 3_000_000)
PAGE = 500
PAGES = 40
BATCHES = 60
SIZE = 200
WARMING = 10  # batches until a copy has its plans, and room in its files
LOOKS_LEAST = 7  # at each size: one takes a third of a second, and growing takes minutes


class _Log:
    """One log, and how quickly it takes events and gives them."""

    def __init__(self, pool: AsyncConnectionPool[Any], chance: random.Random) -> None:
        self._pool = pool
        self._chance = chance
        self._appender = Appender(pool)

    async def fill(self, until: int) -> None:
        """Until it has so many records. A log that grew for years is not still on its way to the disk."""
        size = await self._size()
        with console.status(f"the log grows to {until:,} records …"):
            while size < until:
                count = min(500, until - size)
                halves = (batch(self._chance, count - count // 2), batch(self._chance, count // 2))
                await asyncio.gather(*(self._appender.append(ORGANISATION, half) for half in halves))
                size += count
        os.sync()

    async def appends(
        self, batches: int = BATCHES, *, id_: Callable[[random.Random], str] = random_id
    ) -> float:
        """Events a second, told in batches one after another."""
        told = [batch(self._chance, SIZE, id_=id_) for _ in range(batches)]
        began = time.perf_counter()
        for one in told:
            await self._appender.append(ORGANISATION, one)
        return batches * SIZE / (time.perf_counter() - began)

    async def feeds(self) -> float:
        """Events a second, in pages at random places, made into JSON as the API would."""
        size = await self._size()
        starts = [self._chance.randrange(max(1, size - PAGE)) for _ in range(PAGES)]
        async with self._pool.connection() as conn:
            began = time.perf_counter()
            for after in starts:
                page = await records_after(conn, ORGANISATION, after, limit=PAGE)
                msgspec.json.encode(page.records)
            return PAGES * PAGE / (time.perf_counter() - began)

    async def _size(self) -> int:
        async with self._pool.connection() as conn:
            return (await head(conn, ORGANISATION)).position


# The guide asks senders to make ids of their own records' ids; to make them at random is the worst that they can do.
WHAT: dict[str, Callable[[_Log], Awaitable[float]]] = {
    "append": lambda log: log.appends(id_=id_of_own_record),
    "append, random ids,": lambda log: log.appends(id_=random_id),
    "feed": lambda log: log.feeds(),
}


class _Looks(msgspec.Struct):
    """What was seen at one size, and beside it at the small one, in events a second."""

    grown: dict[str, list[float]] = msgspec.field(default_factory=lambda: {what: [] for what in WHAT})
    small: dict[str, list[float]] = msgspec.field(default_factory=lambda: {what: [] for what in WHAT})

    async def at(self, log: _Log, other: _Log) -> None:
        """One look at each, at each thing in turn."""
        for what, look in WHAT.items():
            self.grown[what].append(await look(log))
            self.small[what].append(await look(other))


def measure(postgres: Postgres, runs: int, sizes: tuple[int, ...] = SIZES) -> list[Row]:
    """Events appended and read a second, at each size of the log but the first, which is what they are set against."""
    looks, before, after = asyncio.run(_grow(postgres, max(runs, LOOKS_LEAST), sizes))
    first, last = sizes[0], sizes[-1]
    grown = [
        Row(
            what=f"{what} at {size:,} records",
            unit="events/s",
            ours=seen.grown[what],
            peer=seen.small[what],
            peer_is=f"at {first:,}, in turn",
            reach=0.8,
        )
        for what in WHAT
        for size, seen in looks.items()
    ]
    whole_pages = Row(
        what=f"append at {last:,}, after a checkpoint",
        unit="events/s",
        ours=after,
        peer=before,
        peer_is="before it",
    )
    return [*grown, whole_pages]


async def _grow(
    postgres: Postgres, looks: int, sizes: tuple[int, ...]
) -> tuple[dict[int, _Looks], list[float], list[float]]:
    chance = random.Random(3)
    small, url = fresh(postgres), fresh(postgres)
    async with _opened(small, chance) as log:
        await log.fill(sizes[0])
    seen: dict[int, _Looks] = {}
    async with _opened(url, chance) as log:
        for size in sizes[1:]:
            await log.fill(size)
            seen[size] = _Looks()
            for _ in range(looks):
                await _look(log, small, chance, seen[size])
        before = [await log.appends() for _ in range(looks)]
        run(url, "CHECKPOINT")
        after = [await log.appends() for _ in range(looks)]
    return seen, before, after


async def _look(log: _Log, small: str, chance: random.Random, seen: _Looks) -> None:
    with _copy(small) as url:
        async with _opened(url, chance) as other:
            await other.appends(WARMING)
            for each in (other, log):
                await each.feeds()
            await seen.at(log, other)


@asynccontextmanager
async def _opened(url: str, chance: random.Random) -> AsyncIterator[_Log]:
    async with AsyncConnectionPool(as_role(url, "qiledger_api"), min_size=3, max_size=3) as pool:
        yield _Log(pool, chance)


@contextmanager
def _copy(url: str) -> Iterator[str]:
    """A database like this one, for as long as it is needed."""
    name = str(conninfo_to_dict(url)["dbname"])
    elsewhere = url.replace(f"/{name}", "/postgres")
    run(elsewhere, f"CREATE DATABASE {name}_copy TEMPLATE {name}")
    try:
        yield url.replace(f"/{name}", f"/{name}_copy")
    finally:
        run(elsewhere, f"DROP DATABASE {name}_copy WITH (FORCE)")
