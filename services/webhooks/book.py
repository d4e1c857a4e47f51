"""The endpoints of an organisation, as those who look after them change them. The API's side of the schema.

Whoever moves a cursor by hand, or changes where to or which, raises its epoch: what is on its way just then is noted as
an attempt, and moves nothing. Whoever locks more than one row locks the cursor first, as whoever notes an attempt does.
"""

import secrets
import string
from collections.abc import Sequence

import msgspec

from services.webhooks.keeping import Sealed
from services.webhooks.shown import NoEndpoint, Seen, Shown
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
_ASK_TEST = """
    INSERT INTO webhooks.tests (organisation, endpoint, message)
    SELECT %(organisation)s, %(id)s, %(message)s
     WHERE (SELECT count(*) FROM webhooks.tests WHERE organisation = %(organisation)s AND endpoint = %(id)s) < 10
"""


class TooMany(Exception):
    """The organisation has as many endpoints as it can have."""


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


class Book(Shown):
    """An organisation's endpoints, to be changed, over a connection on which the caller has begun a transaction."""

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

    async def ask_test(self, id_: str) -> str | None:
        """Asks for a test. Returns its webhook-id; None if too many wait already. Raises NoEndpoint."""
        await self.one(id_)
        message = f"{message_id(self._of['organisation'], 0, id_)}-{secrets.token_hex(4)}"
        asked = await self._conn.execute(_ASK_TEST, self._named(id_) | {"message": message})
        return message if asked.rowcount else None


def new_id() -> str:
    """A name for an endpoint."""
    return "we_" + "".join(secrets.choice(ALPHABET) for _ in range(16))
