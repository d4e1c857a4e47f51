"""Signing secrets at rest: encrypted with the master key, each for its endpoint and its use alone."""

from collections.abc import Sequence
from typing import Any

import msgspec
import psycopg

from events.privacy.custody import Custodian, Wrapped, custodian
from services.webhooks.signing import SigningSecret

_ALIVE = """
    SELECT number, master, secret, seed
      FROM webhooks.secrets
     WHERE organisation = %(organisation)s AND endpoint = %(endpoint)s
       AND (ends_at IS NULL OR ends_at > clock_timestamp())
     ORDER BY number DESC
     LIMIT 4
"""
_UNDER_OTHERS = """
    SELECT organisation, endpoint, number, master, secret, seed
      FROM webhooks.secrets
     WHERE master <> %(master)s
     ORDER BY organisation, endpoint, number
     LIMIT 1000
       FOR UPDATE SKIP LOCKED
"""
_ANY_UNDER_OTHERS = "SELECT EXISTS (SELECT 1 FROM webhooks.secrets WHERE master <> %s)"
_REWRAP = """
    UPDATE webhooks.secrets
       SET master = %(master)s, secret = %(secret)s, seed = %(seed)s
     WHERE organisation = %(organisation)s AND endpoint = %(endpoint)s AND number = %(number)s
"""
CACHED_MAX = 1_000


class Sealed(msgspec.Struct, frozen=True):
    """A secret as it is kept."""

    master: str
    secret: bytes
    seed: bytes


def seal(by: Custodian, secret: SigningSecret, organisation: str, endpoint: str) -> Sealed:
    """The secret, encrypted. Raises NoMasterKey."""
    wrapped = by.wrap(secret.secret, _context(organisation, endpoint, "v1"))
    seed = by.wrap(secret.seed, _context(organisation, endpoint, "v1a"))
    return Sealed(wrapped.master, wrapped.wrapped, seed.wrapped)


def unseal(by: Custodian, sealed: Sealed, organisation: str, endpoint: str) -> SigningSecret:
    """The secret again. Raises NoMasterKey."""
    secret = by.unwrap(Wrapped(sealed.master, sealed.secret), _context(organisation, endpoint, "v1"))
    seed = by.unwrap(Wrapped(sealed.master, sealed.seed), _context(organisation, endpoint, "v1a"))
    return SigningSecret(secret, seed)


class Secrets:
    """What a sender signs with. What was unwrapped is remembered: a key-management service is asked once."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str, bytes], SigningSecret] = {}

    def alive(
        self, conn: psycopg.Connection[Any], organisation: str, endpoint: str
    ) -> Sequence[SigningSecret]:
        """The secrets that sign for an endpoint now, the newest first. Raises NoMasterKey."""
        asked = {"organisation": organisation, "endpoint": endpoint}
        return [
            self._opened(organisation, endpoint, Sealed(master, bytes(secret), bytes(seed)))
            for _, master, secret, seed in conn.execute(_ALIVE, asked)
        ]

    def _opened(self, organisation: str, endpoint: str, sealed: Sealed) -> SigningSecret:
        name = (organisation, endpoint, sealed.secret)
        if name not in self._known:
            if len(self._known) >= CACHED_MAX:
                self._known.clear()
            self._known[name] = unseal(custodian(), sealed, organisation, endpoint)
        return self._known[name]


def under_others(conn: psycopg.Connection[Any], current: str) -> bool:
    """Whether some secret is encrypted with another master key than this."""
    row = conn.execute(_ANY_UNDER_OTHERS, (current,)).fetchone()
    return row is not None and bool(row[0])


def rewrap(conn: psycopg.Connection[Any], by: Custodian) -> int:
    """Encrypts anew, with the current master key, what an older one encrypts. Returns how many, a thousand at most."""
    current = by.current()
    with conn.transaction():
        rows = conn.execute(_UNDER_OTHERS, {"master": current}).fetchall()
        for organisation, endpoint, number, master, secret, seed in rows:
            opened = unseal(by, Sealed(master, bytes(secret), bytes(seed)), organisation, endpoint)
            sealed = msgspec.structs.asdict(seal(by, opened, organisation, endpoint))
            named = {"organisation": organisation, "endpoint": endpoint, "number": number}
            conn.execute(_REWRAP, named | sealed)
    return len(rows)


def _context(organisation: str, endpoint: str, use: str) -> bytes:
    return b"\x00".join((b"qiledger webhook", organisation.encode(), endpoint.encode(), use.encode()))
