"""A log of one's own for each test: its organisation, its appender, and the roles that come to it."""

import uuid
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from itertools import count
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from psycopg_pool import AsyncConnectionPool

from events.log.append import Appender
from events.log.record import Submission

NOON = datetime(2022, 5, 20, 12, tzinfo=UTC)

Tell = Callable[..., Submission]


def as_role(url: str, role: str) -> str:
    return make_conninfo(url, options=f"-c role={role} -c timezone=UTC")


@pytest.fixture
def organisation(database_url: str) -> str:
    """An organisation that no other test uses, with an empty log."""
    code = "T" + uuid.uuid4().hex[:8].upper()
    with psycopg.connect(database_url, autocommit=True) as conn:
        conn.execute("SELECT log.open(%s, 'A trust')", (code,))
    return code


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[AsyncConnectionPool[Any]]:
    async with AsyncConnectionPool(as_role(database_url, "qiledger_api"), min_size=3, max_size=6) as pool:
        yield pool


@pytest.fixture
async def appender(pool: AsyncConnectionPool[Any]) -> AsyncIterator[Appender]:
    appender = Appender(pool)
    yield appender
    await appender.close()


@pytest.fixture
def tell() -> Tell:
    """Makes an event to submit; each has an id of its own unless one is given."""
    numbers = count(1)

    def make(stream: str = "project/P-17", **fields: Any) -> Submission:
        told: dict[str, Any] = {
            "stream": stream,
            "source": "https://example.org/qi",
            "id": f"e-{next(numbers)}",
            "type": "cycle.tested",
            "occurred_at": NOON,
            "precise_to": "instant",
            "actor": "client/tests",
            "body": '{"cycle":"C-1"}',
        }
        return Submission(**told | fields)

    return make
