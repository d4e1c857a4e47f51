"""Who is let in: the API key of a request, looked up at most every few seconds, and whether it may do what it asks."""

import asyncio
import contextlib
import time
from datetime import UTC, datetime
from hashlib import sha256

import msgspec
import psycopg
from psycopg_pool import PoolTimeout

from events.log import keys
from events.log.append import Pool
from events.log.keys import Key
from events.log.operations import log_of
from services.api.problems import Problem, kinds

BELIEVED_FOR_S = 3.0  # a revoked key is let in no longer than this
REMEMBERED_MAX = 10_000
LOOK_UPS_MAX = 4  # at once, so that guessed keys cannot take every connection
NOTED_EVERY_S = 10.0
KEY_LENGTH = 60


class _Belief(msgspec.Struct, frozen=True):
    """What was found of a key, and until when it is believed."""

    key: Key | None
    until: float


def check(key: Key, organisation: str | None, scope: str) -> Key:
    """The key as the door shall take it. Raises Problem (403) unless it may do this for this organisation.

    The log of an organisation's operations is read through every door that reads a log, as `RWK.operations`, by those
    who may read operations: there the key counts as one that reads that log, and no more.
    """
    if organisation == log_of(key.organisation):
        if not key.may(keys.OPERATIONS):
            raise Problem(kinds.MISSING_SCOPE, scope=keys.OPERATIONS)
        if scope != keys.READ:
            raise Problem(kinds.MISSING_SCOPE, "A log of operations is read, and nothing else.", scope=scope)
        return reader_of_operations(key)
    if organisation is not None and organisation != key.organisation:
        raise Problem(kinds.WRONG_ORGANISATION, f"It is a key of {key.organisation}.")
    if not key.may(scope):
        raise Problem(kinds.MISSING_SCOPE, scope=scope)
    return key


def reader_of_operations(key: Key) -> Key:
    """The same key, as one of the log of its organisation's operations."""
    scopes = tuple(scope for scope in (keys.READ, keys.AUDIT) if scope == keys.READ or scope in key.scopes)
    return msgspec.structs.replace(key, organisation=log_of(key.organisation), scopes=scopes)


class Doorkeeper:
    """Knows the keys by their hashes; the keys themselves it forgets at once."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._beliefs: dict[bytes, _Belief] = {}
        self._looking: dict[bytes, asyncio.Task[Key | None]] = {}
        self._look_ups = asyncio.Semaphore(LOOK_UPS_MAX)
        self._used: dict[tuple[str, str], datetime] = {}

    async def whose(self, authorization: str | None) -> Key:
        """The live key in an `Authorization` header. Raises Problem (401)."""
        scheme, _, text = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not text.strip():
            detail = "The `Authorization` header is there, and is not `Bearer`, a space and the key."
            raise Problem(kinds.NO_KEY, detail if authorization else None)
        key = await self._key(text.strip())
        if key is None:
            raise Problem(kinds.UNKNOWN_KEY)
        if key.revoked_at is not None:
            raise Problem(kinds.REVOKED_KEY)
        now = datetime.now(UTC)
        if key.has_expired(now):
            raise Problem(kinds.EXPIRED_KEY)
        self._used[key.organisation, key.id] = now
        return key

    async def _key(self, text: str) -> Key | None:
        if len(text) != KEY_LENGTH:
            return None
        known_by = sha256(text.encode("latin-1")).digest()
        belief = self._beliefs.get(known_by)
        if belief is not None and time.monotonic() < belief.until:
            return belief.key
        looking = self._looking.get(known_by)
        if looking is None:
            looking = self._looking[known_by] = asyncio.create_task(self._look_up(known_by, text))
            looking.add_done_callback(lambda _: self._looking.pop(known_by, None))
        return await asyncio.shield(looking)

    async def _look_up(self, known_by: bytes, text: str) -> Key | None:
        asked_at = time.monotonic()  # before asking: what is answered may have changed by the time it is here
        async with self._look_ups, self._pool.connection() as conn:
            key = await keys.find(conn, text)
        if len(self._beliefs) >= REMEMBERED_MAX:
            self._beliefs.clear()
        self._beliefs[known_by] = _Belief(key, asked_at + BELIEVED_FOR_S)
        return key

    async def note_uses(self) -> None:
        """Writes down every few seconds which keys were used, for as long as it is let run."""
        while True:
            await asyncio.sleep(NOTED_EVERY_S)
            await self.note_last_uses()

    async def note_last_uses(self) -> None:
        """Writes down which keys were used since the last time. A database that is away loses no more than that."""
        used, self._used = self._used, {}
        if not used:
            return
        with contextlib.suppress(psycopg.OperationalError, PoolTimeout):
            async with self._pool.connection() as conn:
                await keys.note_use(conn, used)
