"""Calling for a picture of the past: the API may not write one, a worker may.

A call is a hint like the doorbell's. It is coalesced by what is asked for, and an organisation may have only so many
waiting, so that a thousand dates asked for by one keep nobody else waiting. Whether a picture is there, Postgres says.
"""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Literal, TypeAlias

import redis

from projections.engine.past import Past
from services.doorbell import PAST, connect, queue

SHOW_PAST = "services.worker.jobs.show_past.show_past"
WAITING_MAX = 20  # pictures of one organisation that were called for and are not there yet
CALLED_FOR_S = 30  # then it may be called for again: a worker may have died over it
FORGOTTEN_AFTER_S = 60  # a call that no worker took
JOB_S = 120

Called: TypeAlias = Literal["called", "crowded", "away"]


def call_for_past(connection: redis.Redis, organisation: str, projection: str, past: Past) -> bool:
    """Calls a worker, unless one was called for this already. False if too many pictures are waited for."""
    waiting, wanted, now = _waiting(organisation), _wanted(projection, past), time.time()
    connection.zremrangebyscore(waiting, 0, now - CALLED_FOR_S)
    if connection.zscore(waiting, wanted) is not None:
        return True
    if connection.zcard(waiting) >= WAITING_MAX:
        return False
    if connection.zadd(waiting, {wanted: now}, nx=True):
        connection.expire(waiting, 2 * CALLED_FOR_S)
        queue(connection, PAST).enqueue(
            SHOW_PAST,
            organisation,
            projection,
            _written(past.occurred_until),
            _written(past.recorded_until),
            job_timeout=JOB_S,
            ttl=FORGOTTEN_AFTER_S,
            result_ttl=0,
            failure_ttl=3600,
            description=f"show the past of {organisation}",
        )
    return True


@contextmanager
def answering(connection: redis.Redis, organisation: str, projection: str, past: Past) -> Iterator[None]:
    """While a worker answers a call; afterwards the same may be called for again."""
    try:
        yield
    finally:
        connection.zrem(_waiting(organisation), _wanted(projection, past))


def past_of(occurred_until: str | None, recorded_until: str | None) -> Past:
    """The past that a call names."""
    return Past(_read(occurred_until), _read(recorded_until))


class PastCaller:
    """The API's end: calls without keeping the event loop waiting."""

    def __init__(self, url: str | None) -> None:
        self._connection = None if url is None else connect(url)

    async def call(self, organisation: str, projection: str, past: Past) -> Called:
        """Whether a worker has been called; else why not."""
        if self._connection is None:
            return "away"
        try:
            called = await asyncio.to_thread(call_for_past, self._connection, organisation, projection, past)
        except redis.RedisError:
            return "away"
        return "called" if called else "crowded"

    def close(self) -> None:
        """Lets the connection go."""
        if self._connection is not None:
            self._connection.close()


def _waiting(organisation: str) -> str:
    return f"qiledger:pasts:{organisation}"


def _wanted(projection: str, past: Past) -> str:
    return " ".join((projection, _written(past.occurred_until) or "-", _written(past.recorded_until) or "-"))


def _written(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _read(written: str | None) -> datetime | None:
    return None if written is None else datetime.fromisoformat(written)
