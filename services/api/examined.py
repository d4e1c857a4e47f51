"""When the proofs were last examined, for whoever asks whether we are ready; the database is asked now and then."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import cast

import psycopg
from psycopg_pool import PoolTimeout

from events.log import examinations
from events.log.append import Pool

KNOWN_FOR_S = 3.0
WITHIN_S = 3.0


class Examined:
    """Remembers the answer for some seconds: a balancer may ask each second, of ten thousand logs."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._since: datetime | None = None
        self._until = float("-inf")

    async def since(self) -> datetime | None:
        """By then, every sealed log had been examined whole; None if nothing is sealed, or nobody can say."""
        if time.monotonic() >= self._until:
            try:
                async with asyncio.timeout(WITHIN_S), self._pool.connection() as conn:
                    row = await (await conn.execute(examinations.SINCE)).fetchone()
            except (psycopg.Error, PoolTimeout, TimeoutError):
                return None
            self._since = None if row is None else cast(datetime | None, row[0])
            self._until = time.monotonic() + KNOWN_FOR_S
        return self._since


def minds(since: datetime | None) -> tuple[str, ...]:
    """What there is to look after."""
    if since is None or datetime.now(UTC) - since <= timedelta(days=examinations.EXAMINED_DAYS_MAX):
        return ()
    return (f"the proofs were last examined on {since:%Y-%m-%d}: see that the sealer runs",)
