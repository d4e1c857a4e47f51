"""The endpoints of an organisation, as those who look after them see them: how each stands, and what waits."""

from datetime import datetime
from typing import Any, Self

import msgspec
import psycopg
from psycopg.rows import class_row, dict_row

from events.log.read import FOR_ORGANISATION, HEAD

_SEEN = """
    SELECT e.id, e.url, e.description, e.owner, e.types, e.ordering, e.state, e.reason, e.client, e.made_at,
           e.changed_at, c.position, c.failures, c.failing_since,
           CASE WHEN webhooks.lasts(c.tried_at, c.waits) THEN c.tried_at + c.waits END AS quiet_until,
           (SELECT count(*) FROM webhooks.waiting AS w
             WHERE w.organisation = e.organisation AND w.endpoint = e.id) AS waiting,
           ARRAY(SELECT s.public_key FROM webhooks.secrets AS s
                  WHERE s.organisation = e.organisation AND s.endpoint = e.id
                    AND (s.ends_at IS NULL OR s.ends_at > clock_timestamp())
                  ORDER BY s.number DESC) AS public_keys,
           h.position AS head
      FROM webhooks.endpoints AS e
      JOIN webhooks.cursors AS c ON c.organisation = e.organisation AND c.endpoint = e.id
      JOIN log.heads AS h ON h.organisation = e.organisation
     WHERE e.organisation = %(organisation)s AND (%(id)s::text IS NULL OR e.id = %(id)s)
     ORDER BY e.made_at, e.id
     LIMIT 100
"""
_WAITING = """
    SELECT w.position, nullif(w.lane, '') AS stream, w.tries, w.since, w.tried_at AS tried,
           CASE WHEN webhooks.lasts(w.tried_at, w.waits) THEN w.tried_at + w.waits END AS again_at, w.given_up
      FROM webhooks.waiting AS w
     WHERE w.organisation = %(organisation)s AND w.endpoint = %(id)s
     ORDER BY w.position, w.lane
     LIMIT 1000
"""
_ATTEMPTS = """
    SELECT number, message, position, type, try, began_at, ms, outcome, status, said
      FROM webhooks.attempts
     WHERE organisation = %(organisation)s AND endpoint = %(id)s AND number < %(before)s
       AND (%(position)s::bigint IS NULL OR position = %(position)s)
       AND (%(outcome)s::text IS NULL OR outcome = %(outcome)s)
       AND (%(message)s::text IS NULL OR message = %(message)s)
     ORDER BY number DESC
     LIMIT %(limit)s
"""
_DAY = """
    SELECT count(*) AS attempts, count(*) FILTER (WHERE outcome = 'delivered') AS delivered,
           count(*) FILTER (WHERE outcome NOT IN ('delivered', 'given_up')) AS failed,
           percentile_disc(0.5) WITHIN GROUP (ORDER BY ms) FILTER (WHERE outcome = 'delivered') AS ms_median,
           percentile_disc(0.95) WITHIN GROUP (ORDER BY ms) FILTER (WHERE outcome = 'delivered') AS ms_p95,
           max(began_at) FILTER (WHERE outcome = 'delivered') AS last_delivered,
           max(began_at) FILTER (WHERE outcome NOT IN ('delivered', 'given_up')) AS last_failed
      FROM (SELECT outcome, ms, began_at
              FROM webhooks.attempts
             WHERE organisation = %(organisation)s AND endpoint = %(id)s
             ORDER BY number DESC
             LIMIT 10000) AS latest
     WHERE began_at > clock_timestamp() - interval '24 hours'
"""
LAST = 2**62


class NoEndpoint(LookupError):
    """The organisation has no endpoint of that name."""


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """An endpoint, and how it stands."""

    id: str
    url: str
    description: str
    owner: str | None
    types: list[str]
    ordering: str
    state: str
    reason: str | None
    client: str
    made_at: datetime
    changed_at: datetime
    position: int
    failures: int
    failing_since: datetime | None
    quiet_until: datetime | None
    waiting: int
    public_keys: list[bytes]
    head: int


class Attempted(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt, as the delivery log has it."""

    number: int
    message: str
    position: int | None
    type: str
    try_: int = msgspec.field(name="try")
    began_at: datetime
    ms: int
    outcome: str
    status: int | None
    said: str


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """A record that was not taken yet; where the order is by streams, the later ones of its stream wait behind it."""

    position: int
    stream: str | None
    tries: int
    since: datetime
    tried: datetime
    again_at: datetime | None
    given_up: bool


class Day(msgspec.Struct, frozen=True, kw_only=True):
    """The last 24 hours of an endpoint, of its latest ten thousand attempts."""

    attempts: int
    delivered: int
    failed: int
    ms_median: int | None
    ms_p95: int | None
    last_delivered: datetime | None
    last_failed: datetime | None


class Shown:
    """An organisation's endpoints, over a connection on which the caller has begun a transaction."""

    def __init__(self, conn: psycopg.AsyncConnection[Any], organisation: str) -> None:
        self._conn = conn
        self._of = {"organisation": organisation}

    async def open(self) -> Self:
        """Says for which organisation the transaction reads and writes."""
        await self._conn.execute(FOR_ORGANISATION, (self._of["organisation"],))
        return self

    async def head(self) -> int:
        """How far the log has come."""
        row = await (await self._conn.execute(HEAD, self._of)).fetchone()
        return 0 if row is None else int(row[0])

    async def listed(self) -> list[Seen]:
        """All of them, the oldest first."""
        return await self._seen(None)

    async def one(self, id_: str) -> Seen:
        """One of them. Raises NoEndpoint."""
        found = await self._seen(id_)
        if not found:
            raise NoEndpoint(id_)
        return found[0]

    async def waiting(self, id_: str) -> list[Standing]:
        """What was not taken yet, in order. Raises NoEndpoint."""
        await self.one(id_)
        async with self._conn.cursor(row_factory=class_row(Standing)) as cursor:
            return await (await cursor.execute(_WAITING, self._named(id_))).fetchall()

    async def attempts(
        self,
        id_: str,
        *,
        limit: int,
        before: int = LAST,
        position: int | None = None,
        outcome: str | None = None,
        message: str | None = None,
    ) -> list[Attempted]:
        """The delivery log, the latest first. Raises NoEndpoint."""
        await self.one(id_)
        asked = self._named(id_) | {"before": before, "limit": limit, "position": position}
        async with self._conn.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(_ATTEMPTS, asked | {"outcome": outcome, "message": message})
            rows = await cursor.fetchall()
        return [
            Attempted(**{"try_" if name == "try" else name: value for name, value in row.items()})
            for row in rows
        ]

    async def day(self, id_: str) -> Day:
        """How the last 24 hours went. Raises NoEndpoint."""
        await self.one(id_)
        async with self._conn.cursor(row_factory=class_row(Day)) as cursor:
            row = await (await cursor.execute(_DAY, self._named(id_))).fetchone()
        if row is None:
            raise NoEndpoint(id_)
        return row

    async def _seen(self, id_: str | None) -> list[Seen]:
        async with self._conn.cursor(row_factory=class_row(Seen)) as cursor:
            return await (await cursor.execute(_SEEN, self._named(id_))).fetchall()

    def _named(self, id_: str | None) -> dict[str, Any]:
        return self._of | {"id": id_}
