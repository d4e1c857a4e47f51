"""The endpoints of an organisation, as those who look after them see and change them. The API's side of the schema.

Whoever moves a cursor by hand, or changes where to or which, raises its epoch: what is on its way just then is noted as
an attempt, and moves nothing. Whoever locks more than one row locks the cursor first, as whoever notes an attempt does.
"""

import secrets
import string
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
import psycopg
from psycopg.rows import class_row, dict_row

from events.log.read import FOR_ORGANISATION, HEAD
from services.webhooks.keeping import Sealed
from services.webhooks.signing import message_id

ENDPOINTS_MAX = 50  # of one organisation
ROTATION_H = 24  # so long the secret before signs too
ALPHABET = string.ascii_letters + string.digits

_ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(hashtextextended('qiledger webhooks ' || %s, 0))"
_COUNT = "SELECT count(*) FROM webhooks.endpoints WHERE organisation = %(organisation)s"
_MAKE = """
    INSERT INTO webhooks.endpoints (organisation, id, url, description, owner, types, ordering, client)
    VALUES (%(organisation)s, %(id)s, %(url)s, %(description)s, %(owner)s, %(types)s, %(ordering)s, %(client)s)
"""
_BEGIN = """
    INSERT INTO webhooks.cursors (organisation, endpoint, position)
    VALUES (%(organisation)s, %(id)s, %(position)s)
"""
_SIGN_WITH = """
    INSERT INTO webhooks.secrets (organisation, endpoint, number, master, secret, seed, public_key)
    SELECT %(organisation)s, %(id)s, coalesce(max(number), 0) + 1, %(master)s, %(secret)s, %(seed)s, %(public_key)s
      FROM webhooks.secrets
     WHERE organisation = %(organisation)s AND endpoint = %(id)s
"""
_END_SECRETS = """
    UPDATE webhooks.secrets
       SET ends_at = least(ends_at, clock_timestamp() + make_interval(hours => %(hours)s))
     WHERE organisation = %(organisation)s AND endpoint = %(id)s
"""
_FORGET_SECRETS = """
    DELETE FROM webhooks.secrets
     WHERE organisation = %(organisation)s AND endpoint = %(id)s
       AND (ends_at < clock_timestamp()
            OR number < (SELECT max(number) FROM webhooks.secrets AS s
                          WHERE s.organisation = %(organisation)s AND s.endpoint = %(id)s))
"""
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
_CHANGE = """
    UPDATE webhooks.endpoints
       SET url = coalesce(%(url)s, url), description = coalesce(%(description)s, description),
           owner = coalesce(%(owner)s, owner), types = coalesce(%(types)s, types), state = coalesce(%(state)s, state),
           reason = CASE WHEN %(state)s::text IS NULL THEN reason END, changed_at = clock_timestamp()
     WHERE organisation = %(organisation)s AND id = %(id)s
"""
_BEGIN_ANEW = """
    UPDATE webhooks.cursors
       SET failures = 0, failing_since = NULL, tried_at = NULL, slow = false
     WHERE organisation = %(organisation)s AND endpoint = %(id)s
"""
_FENCE = """
    UPDATE webhooks.cursors
       SET epoch = epoch + 1, holder = NULL
     WHERE organisation = %(organisation)s AND endpoint = %(id)s
"""
_TRY_AT_ONCE = """
    UPDATE webhooks.waiting
       SET tries = 0, waits = '0'
     WHERE organisation = %(organisation)s AND endpoint = %(id)s
"""
_REMOVE = "DELETE FROM webhooks.endpoints WHERE organisation = %(organisation)s AND id = %(id)s"
_REPLAY = """
    UPDATE webhooks.cursors
       SET position = %(after)s, epoch = epoch + 1, holder = NULL, tried_at = NULL
     WHERE organisation = %(organisation)s AND endpoint = %(id)s AND position >= %(after)s
"""
_REPLAY_WAITING = """
    DELETE FROM webhooks.waiting
     WHERE organisation = %(organisation)s AND endpoint = %(id)s AND position > %(after)s
"""
_AT_THE_CURSOR = """
    SELECT epoch
      FROM webhooks.cursors
     WHERE organisation = %(organisation)s AND endpoint = %(id)s
       FOR UPDATE
"""
_GIVE_UP = """
    UPDATE webhooks.waiting
       SET given_up = true
     WHERE organisation = %(organisation)s AND endpoint = %(id)s AND position = %(position)s
"""
_HURRY = """
    UPDATE webhooks.cursors
       SET tried_at = NULL
     WHERE organisation = %(organisation)s AND endpoint = %(id)s
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
_ASK_TEST = """
    INSERT INTO webhooks.tests (organisation, endpoint, message)
    SELECT %(organisation)s, %(id)s, %(message)s
     WHERE (SELECT count(*) FROM webhooks.tests WHERE organisation = %(organisation)s AND endpoint = %(id)s) < 10
"""
LAST = 2**62


class TooMany(Exception):
    """The organisation has as many endpoints as it can have."""


class NoEndpoint(LookupError):
    """The organisation has no endpoint of that name."""


class CannotReplay(Exception):
    """An endpoint is replayed from where it has been, not from where it will come."""


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """An endpoint as somebody wants it."""

    url: str
    description: str
    owner: str | None
    types: Sequence[str]
    ordering: str
    client: str


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be otherwise; None is as it was."""

    url: str | None = None
    description: str | None = None
    owner: str | None = None
    types: Sequence[str] | None = None
    state: str | None = None


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


class Book:
    """An organisation's endpoints, over a connection on which the caller has begun a transaction."""

    def __init__(self, conn: psycopg.AsyncConnection[Any], organisation: str) -> None:
        self._conn = conn
        self._of = {"organisation": organisation}

    async def open(self) -> "Book":
        """Says for which organisation the transaction reads and writes."""
        await self._conn.execute(FOR_ORGANISATION, (self._of["organisation"],))
        return self

    async def head(self) -> int:
        """How far the log has come."""
        row = await (await self._conn.execute(HEAD, self._of)).fetchone()
        return 0 if row is None else int(row[0])

    async def make(self, id_: str, wish: Wish, sealed: Sealed, public_key: bytes, *, position: int) -> Seen:
        """A new endpoint, which is sent what follows a position. Raises TooMany."""
        await self._conn.execute(_ONE_AT_A_TIME, (self._of["organisation"],))
        row = await (await self._conn.execute(_COUNT, self._of)).fetchone()
        if row is not None and row[0] >= ENDPOINTS_MAX:
            raise TooMany
        named = self._named(id_) | {"position": position, "public_key": public_key}
        await self._conn.execute(_MAKE, named | msgspec.structs.asdict(wish) | {"types": list(wish.types)})
        await self._conn.execute(_BEGIN, named)
        await self._conn.execute(_SIGN_WITH, named | msgspec.structs.asdict(sealed))
        return await self.one(id_)

    async def listed(self) -> list[Seen]:
        """All of them, the oldest first."""
        return await self._seen(None)

    async def one(self, id_: str) -> Seen:
        """One of them. Raises NoEndpoint."""
        found = await self._seen(id_)
        if not found:
            raise NoEndpoint(id_)
        return found[0]

    async def change(self, id_: str, to: Change) -> Seen:
        """Changes an endpoint. One that is enabled again is tried at once. Raises NoEndpoint.

        Whoever sends to it just now does so as it was: under another address, or by other types, that moves nothing.
        """
        named = self._named(id_) | msgspec.structs.asdict(to)
        if to.url is not None or to.types is not None:
            await self._conn.execute(_FENCE, named)
        if to.state == "enabled" or to.url is not None:
            await self._conn.execute(_BEGIN_ANEW, named)
            await self._conn.execute(_TRY_AT_ONCE, named)
        if (await self._conn.execute(_CHANGE, named)).rowcount == 0:
            raise NoEndpoint(id_)
        return await self.one(id_)

    async def remove(self, id_: str) -> None:
        """Removes an endpoint with its secrets and its delivery log. Raises NoEndpoint."""
        await self._conn.execute(_AT_THE_CURSOR, self._named(id_))
        if (await self._conn.execute(_REMOVE, self._named(id_))).rowcount == 0:
            raise NoEndpoint(id_)

    async def rotate(self, id_: str, sealed: Sealed, public_key: bytes) -> Seen:
        """A new secret; the one before signs beside it for a day, any older one no more. Raises NoEndpoint."""
        await self.one(id_)
        named = self._named(id_) | {"public_key": public_key, "hours": ROTATION_H}
        await self._conn.execute(_FORGET_SECRETS, named)
        await self._conn.execute(_END_SECRETS, named)
        await self._conn.execute(_SIGN_WITH, named | msgspec.structs.asdict(sealed))
        return await self.one(id_)

    async def replay(self, id_: str, *, after: int) -> Seen:
        """Sends again what follows a position that the endpoint has passed. Raises NoEndpoint, CannotReplay."""
        await self.one(id_)
        named = self._named(id_) | {"after": after}
        if (await self._conn.execute(_REPLAY, named)).rowcount == 0:
            raise CannotReplay
        await self._conn.execute(_REPLAY_WAITING, named)
        return await self.one(id_)

    async def give_up(self, id_: str, position: int) -> bool:
        """Passes over a record that waits. Says whether one does. Raises NoEndpoint."""
        await self.one(id_)
        named = self._named(id_) | {"position": position}
        await self._conn.execute(_AT_THE_CURSOR, named)
        if (await self._conn.execute(_GIVE_UP, named)).rowcount == 0:
            return False
        await self._conn.execute(_HURRY, named)
        return True

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

    async def ask_test(self, id_: str) -> str | None:
        """Asks for a test. Returns its webhook-id; None if too many wait already. Raises NoEndpoint."""
        await self.one(id_)
        message = f"{message_id(self._of['organisation'], 0, id_)}-{secrets.token_hex(4)}"
        asked = await self._conn.execute(_ASK_TEST, self._named(id_) | {"message": message})
        return message if asked.rowcount else None

    async def _seen(self, id_: str | None) -> list[Seen]:
        async with self._conn.cursor(row_factory=class_row(Seen)) as cursor:
            return await (await cursor.execute(_SEEN, self._named(id_))).fetchall()

    def _named(self, id_: str | None) -> dict[str, Any]:
        return self._of | {"id": id_}


def new_id() -> str:
    """A name for an endpoint."""
    return "we_" + "".join(secrets.choice(ALPHABET) for _ in range(16))
