"""How far each projection of an organisation has come, as it changes: a page that shows one knows when to ask again."""

import asyncio
from collections.abc import Mapping
from typing import Any

import msgspec
import psycopg
from psycopg_pool import PoolTimeout

from events.log.read import FOR_ORGANISATION, HEAD, head
from services.api import kept
from services.api.desk import Desk
from services.api.live.channels import News

LOOK_AGAIN_S = 1.0
WHILE_THEY_COME_S = 0.2  # between two looks while projections are behind the log

_SHOWN = """
    SELECT a.projection, c.position, b.revision
      FROM projections.active AS a
      JOIN projections.checkpoints AS c
        ON c.organisation = a.organisation AND c.projection = a.projection AND c.build = a.build
      JOIN projections.builds AS b ON b.projection = a.projection AND b.build = a.build
     WHERE a.organisation = %(organisation)s
     ORDER BY a.projection
     LIMIT 1000
"""
_encode = msgspec.json.Encoder().encode


class Shown(msgspec.Struct, frozen=True):
    """A projection as readers are shown it: which revision, and how much of the log it reflects."""

    projection: str
    position: int
    revision: int


class ProjectionChannel:
    """Which projection of one organisation has come to which position."""

    def __init__(self, desk: Desk, organisation: str) -> None:
        self._desk = desk
        self._organisation = organisation
        self.news = News()
        self._head = 0
        self.shown: Mapping[str, Shown] = {}

    async def open(self) -> None:
        """Begins with how it stands. Raises UnknownOrganisation, psycopg.Error."""
        async with self._desk.pool.connection() as conn:
            await head(conn, self._organisation)
            await self._look(conn)

    async def read_on(self) -> None:
        """Looks again and again until we stop. A database that is away is waited for."""
        while not self._desk.stopping.is_set():
            await self._wait()
            try:
                async with self._desk.pool.connection() as conn:
                    await self._look(conn)
            except (psycopg.OperationalError, PoolTimeout):
                await asyncio.sleep(LOOK_AGAIN_S)

    async def _wait(self) -> None:
        if any(one.position < self._head for one in self.shown.values()):
            await asyncio.sleep(WHILE_THEY_COME_S)
        else:
            await self._desk.news(self._organisation, after=self._head, within_s=LOOK_AGAIN_S)

    async def _look(self, conn: psycopg.AsyncConnection[tuple[Any, ...]]) -> None:
        asked = {"organisation": self._organisation}
        async with conn.transaction(), conn.pipeline():
            await conn.execute(FOR_ORGANISATION, (self._organisation,))
            heads = await conn.execute(HEAD, asked)
            cursor = await conn.execute(_SHOWN, asked)
            row = await heads.fetchone()
            rows = await cursor.fetchall()
        self._head = self._head if row is None else int(row[0])
        shown = {one.projection: one for one in (Shown(*found) for found in rows)}
        if shown != self.shown:
            self.shown = shown
            self.news.rouse()


class ProjectionTeller:
    """What one stream has not been told yet: first how all stand, then what changes."""

    def __init__(self, channel: ProjectionChannel) -> None:
        self._channel = channel
        self._told: Mapping[str, Shown] = {}

    async def next(self) -> bytes:
        """Every projection that stands otherwise than was told."""
        shown, told = self._channel.shown, self._told
        self._told = shown
        return b"".join(_text(one) for name, one in shown.items() if told.get(name) != one)

    async def news(self) -> None:
        """Returns when there may be more to say. Raises ChannelOver."""
        if self._told is self._channel.shown:
            await self._channel.news.wait()

    def place(self) -> bytes:
        """None: whoever comes again is told first how all stand."""
        return b""


def _text(one: Shown) -> bytes:
    cursor = kept.cursor(one.position).encode()
    return b"event: projection\nid: " + cursor + b"\ndata: " + _encode(one) + b"\n\n"
