"""What appending and reading cost as the log grows, against the same at ten thousand records.

And just after a checkpoint of the largest, when each page that changes is written to the WAL whole.
"""

import asyncio
import os
import random
import time

import msgspec
from psycopg_pool import AsyncConnectionPool

from bench.place import ORGANISATION, as_role, fresh, run
from bench.report import Row, console
from bench.telling import batch
from events.log.append import Appender
from events.log.read import head, records_after
from events.log.record import Submission
from services.embedded import Postgres

SIZES = (10_000, 100_000, 1_000_000, 3_000_000)
PAGE = 500
PAGES = 40
BATCHES = 60
SIZE = 200
LOOKS_LEAST = 7  # at each size: one takes a third of a second, and growing takes minutes

Figures = dict[int, tuple[list[float], list[float]]]
AFTER_CHECKPOINT = 0  # beside the sizes


def measure(postgres: Postgres, runs: int, sizes: tuple[int, ...] = SIZES) -> list[Row]:
    """Events appended and read a second, at each size of the log."""
    figures = asyncio.run(_grow(fresh(postgres), runs, sizes))
    first, last = sizes[0], sizes[-1]
    after = Row(
        what=f"append at {last:,}, after a checkpoint",
        unit="events/s",
        ours=figures[AFTER_CHECKPOINT][0],
        peer=figures[last][0],
        peer_is="before it",
    )
    grown = [
        Row(
            what=f"{what} at {size:,} records",
            unit="events/s",
            ours=figures[size][which],
            peer=figures[first][which],
            peer_is=f"at {first:,}",
            reach=0.8 if size != first else None,
        )
        for which, what in enumerate(("append", "feed"))
        for size in sizes
    ]
    return [*grown, after]


async def _grow(url: str, runs: int, sizes: tuple[int, ...]) -> Figures:
    chance, looks = random.Random(3), max(runs, LOOKS_LEAST)
    figures: Figures = {}
    async with AsyncConnectionPool(as_role(url, "qiledger_api"), min_size=3, max_size=3) as pool:
        appender = Appender(pool)
        for size in sizes:
            await _fill(appender, pool, chance, until=size)
            os.sync()  # a log that grew for years is not still on its way to the disk
            appended = [await _append(appender, chance) for _ in range(looks)]
            fed = [await _feed(pool, chance, size) for _ in range(looks)]
            figures[size] = (appended, fed)
        run(url, "CHECKPOINT")
        figures[AFTER_CHECKPOINT] = ([await _append(appender, chance) for _ in range(looks)], [])
    return figures


async def _fill(appender: Appender, pool: AsyncConnectionPool, chance: random.Random, *, until: int) -> None:  # type: ignore[type-arg]
    async with pool.connection() as conn:
        size = (await head(conn, ORGANISATION)).position
    with console.status(f"the log grows to {until:,} records …"):
        while size < until:
            count = min(500, until - size)
            halves = (batch(chance, count - count // 2), batch(chance, count // 2))
            await asyncio.gather(*(appender.append(ORGANISATION, half) for half in halves))
            size += count


async def _append(appender: Appender, chance: random.Random) -> float:
    batches: list[list[Submission]] = [batch(chance, SIZE) for _ in range(BATCHES)]
    began = time.perf_counter()
    for told in batches:
        await appender.append(ORGANISATION, told)
    return BATCHES * SIZE / (time.perf_counter() - began)


async def _feed(pool: AsyncConnectionPool, chance: random.Random, size: int) -> float:  # type: ignore[type-arg]
    """Pages of the feed at random places, made into JSON as the API would."""
    starts = [chance.randrange(max(1, size - PAGE)) for _ in range(PAGES)]
    async with pool.connection() as conn:
        began = time.perf_counter()
        for after in starts:
            page = await records_after(conn, ORGANISATION, after, limit=PAGE)
            msgspec.json.encode(page.records)
        return PAGES * PAGE / (time.perf_counter() - began)
