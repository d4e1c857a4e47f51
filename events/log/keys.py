"""Who may speak to a log: API keys with scopes, sources and an end.

A key is `qi_live_<8 characters of id>_<43 characters of secret>`: 256 random bits, so a plain SHA-256 is enough to keep
(OWASP ASVS 5.0, 6.5.2). It is shown once, when it is made. A client may hold two live keys, so that it can change from
one to the next without a pause.
"""

import hmac
import re
import secrets
import string
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import msgspec
import psycopg

from events.clients import KeyCreated, KeyRevoked, KeyRotated
from events.log.operations import note
from events.log.outcomes import UnknownOrganisation

LIVE_MAX = 2  # live keys of one client
NAMED_MAX = 20  # scopes of a key, and sources
LIFE = timedelta(days=365)
GRACE = timedelta(days=7)  # the old key lives on so long after a rotation
ALPHABET = string.ascii_letters + string.digits

WRITE = "events:write"
READ = "events:read"
ASK = "projections:read"
ADMIN = "admin"
AUDIT = "audit"  # reads everything but people, and every read is on record
OPERATIONS = "operations:read"
PEOPLE_READ = "people:read"  # who people are, and their words in clear
PEOPLE_WRITE = "people:write"
NOTICES_READ = "notices:read"  # who was told what, and what people chose to be told
NOTICES_WRITE = "notices:write"
ASK_OF_PEOPLE = "projections:read:people"  # also the questions that are about single persons
WEBHOOKS_READ = "webhooks:read"
WEBHOOKS_WRITE = "webhooks:write"
_COVERED = {AUDIT: (READ, ASK, OPERATIONS, NOTICES_READ)}

_KEY = re.compile(r"qi_live_([A-Za-z0-9]{8})_([A-Za-z0-9_-]{43})")
_SCOPE = re.compile(
    r"(events:write(:[a-z][a-z0-9_.]{0,63})?|events:read|projections:read(:people)?|operations:read|people:read|"
    r"people:write|(notices|webhooks):(read|write)|audit|admin)"
)
SCOPES = (
    "events:write[:type], events:read, projections:read[:people], people:read, people:write, operations:read, "
    "notices:read, notices:write, webhooks:read, webhooks:write, "
    "audit, admin"
)
_CLIENT = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_SOURCE = re.compile(r"\*|[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]{1,256}")


class WrongKey(ValueError):
    """A key cannot be made as asked; the message says why."""


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a key: everything but the key itself."""

    organisation: str
    id: str
    client: str
    scopes: tuple[str, ...]
    sources: tuple[str, ...]
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None

    def has_expired(self, now: datetime) -> bool:
        return self.expires_at <= now

    def is_live(self, now: datetime) -> bool:
        """Neither revoked nor expired."""
        return self.revoked_at is None and not self.has_expired(now)

    def may(self, scope: str) -> bool:
        """Whether the key has this scope; `events:write` is had with a prefix of types too, `audit` covers reading."""
        return any(
            had == scope or had.startswith(f"{scope}:") or scope in _COVERED.get(had, ())
            for had in self.scopes
        )

    def may_tell(self, type_: str) -> bool:
        """`events:write:cycle` lets it tell `cycle.planned` and `cycle.tested`; a prefix ends at a full stop."""
        for had in self.scopes:
            if had == WRITE:
                return True
            if had.startswith(f"{WRITE}:"):
                prefix = had.removeprefix(f"{WRITE}:")
                if type_ == prefix or type_.startswith(prefix.rstrip(".") + "."):
                    return True
        return False

    def may_tell_for(self, source: str) -> bool:
        """`*` covers every source; `/lifeqi` covers itself and what is below it, such as `/lifeqi/wards`."""
        for covered in self.sources:
            if covered in ("*", source):
                return True
            below = covered if covered.endswith(("/", ":")) else f"{covered}/"
            if source.startswith(below):
                return True
        return False


class Secret(msgspec.Struct, frozen=True):
    """A key in clear, for the one moment in which it is shown."""

    text: str

    def __repr__(self) -> str:
        return "Secret(…)"

    __str__ = __repr__

    @property
    def id(self) -> str:
        return self.text[8:16]

    @property
    def hash(self) -> bytes:
        return hash_of(self.text)


def new_secret() -> Secret:
    """A key that nobody has seen."""
    return Secret(
        f"qi_live_{''.join(secrets.choice(ALPHABET) for _ in range(8))}_{secrets.token_urlsafe(32)}"
    )


def id_of(text: str) -> str | None:
    """The public part of what looks like a key; None for what does not."""
    found = _KEY.fullmatch(text)
    return found[1] if found else None


def hash_of(text: str) -> bytes:
    """What is kept of a key."""
    return sha256(text.encode()).digest()


FIND = """
    SELECT organisation, id, client, scopes, sources, created_at, expires_at, revoked_at, last_used_at, hash
      FROM access.keys
     WHERE id = %(id)s
     ORDER BY organisation
     LIMIT 8
"""

LIST = """
    SELECT organisation, id, client, scopes, sources, created_at, expires_at, revoked_at, last_used_at
      FROM access.keys
     WHERE %(organisation)s::text IS NULL OR organisation = %(organisation)s
     ORDER BY organisation, client, created_at, id
     LIMIT 10000
"""

_ADD = """
    INSERT INTO access.keys (organisation, id, client, hash, scopes, sources, created_at, expires_at)
    VALUES (%(organisation)s, %(id)s, %(client)s, %(hash)s, %(scopes)s, %(sources)s, %(now)s, %(expires_at)s)
"""
_ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(hashtextextended('qiledger key ' || %s || ' ' || %s, 0))"
_LIVE = """
    SELECT id
      FROM access.keys
     WHERE organisation = %(organisation)s AND client = %(client)s
       AND revoked_at IS NULL AND expires_at > %(now)s
     ORDER BY created_at, id
"""
_GET = """
    SELECT organisation, id, client, scopes, sources, created_at, expires_at, revoked_at, last_used_at
      FROM access.keys
     WHERE organisation = %(organisation)s AND id = %(id)s
       FOR UPDATE
"""
_REVOKE = """
    UPDATE access.keys
       SET revoked_at = coalesce(revoked_at, %(now)s)
     WHERE organisation = %(organisation)s AND id = %(id)s
    RETURNING client
"""
_END_BY = """
    UPDATE access.keys
       SET expires_at = least(expires_at, %(until)s)
     WHERE organisation = %(organisation)s AND id = %(id)s
"""
_USED = """
    UPDATE access.keys AS k
       SET last_used_at = greatest(k.last_used_at, used.at)
      FROM unnest(%(organisations)s::text[], %(ids)s::text[], %(moments)s::timestamptz[]) AS used (organisation, id, at)
     WHERE k.organisation = used.organisation AND k.id = used.id
"""
_KNOWN = "SELECT 1 FROM log.heads WHERE organisation = %s"


def key_of(row: Sequence[Any]) -> Key:
    """The key in a row of the columns above."""
    organisation, id_, client, scopes, sources, created_at, expires_at, revoked_at, last_used_at = row[:9]
    return Key(
        organisation=organisation,
        id=id_,
        client=client,
        scopes=tuple(scopes),
        sources=tuple(sources),
        created_at=created_at,
        expires_at=expires_at,
        revoked_at=revoked_at,
        last_used_at=last_used_at,
    )


async def find(conn: psycopg.AsyncConnection[Any], text: str) -> Key | None:
    """The key whose text this is, live or not; None if there is no such key."""
    id_ = id_of(text)
    if id_ is None:
        return None
    rows = await (await conn.execute(FIND, {"id": id_})).fetchall()
    given = hash_of(text)
    found = [row for row in rows if hmac.compare_digest(given, bytes(row[9]))]
    return key_of(found[0]) if found else None


async def note_use(conn: psycopg.AsyncConnection[Any], used: Mapping[tuple[str, str], datetime]) -> None:
    """Writes down when keys (organisation, id) were last used."""
    pairs = sorted(used)  # in one order, so that two writers cannot hold each other up
    await conn.execute(
        _USED,
        {
            "organisations": [organisation for organisation, _ in pairs],
            "ids": [id_ for _, id_ in pairs],
            "moments": [used[pair] for pair in pairs],
        },
    )


def create(
    conn: psycopg.Connection[Any],
    organisation: str,
    client: str,
    *,
    scopes: Sequence[str],
    sources: Sequence[str] = (),
    life: timedelta = LIFE,
    now: datetime | None = None,
) -> Secret:
    """A new key for a client. Raises WrongKey, or UnknownOrganisation. The caller owns the transaction.

    That it was made is in the log of operations by the same commit; so with `rotate` and `revoke`.
    """
    now = now or datetime.now(UTC)
    secret = _made(conn, organisation, client, scopes, sources, life, now)
    made = KeyCreated(
        client=client,
        key=secret.id,
        scopes=tuple(scopes),
        sources=tuple(sources),
        expires=(now + life).date().isoformat(),
    )
    note(conn, organisation, made)
    return secret


def _made(
    conn: psycopg.Connection[Any],
    organisation: str,
    client: str,
    scopes: Sequence[str],
    sources: Sequence[str],
    life: timedelta,
    now: datetime,
) -> Secret:
    _check(client, scopes, sources, life)
    conn.execute("SELECT set_config('qiledger.organisation', %s, true)", (organisation,))
    if conn.execute(_KNOWN, (organisation,)).fetchone() is None:
        raise UnknownOrganisation(organisation)
    conn.execute(_ONE_AT_A_TIME, (organisation, client))
    live = conn.execute(_LIVE, {"organisation": organisation, "client": client, "now": now}).fetchall()
    if len(live) >= LIVE_MAX:
        ids = " and ".join(id_ for (id_,) in live)
        raise WrongKey(f"{client} has {len(live)} live keys already, {ids}: revoke one first")
    secret = new_secret()
    added: dict[str, Any] = {"organisation": organisation, "id": secret.id, "client": client}
    added |= {
        "hash": secret.hash,
        "scopes": list(scopes),
        "sources": list(sources),
        "now": now,
        "expires_at": now + life,
    }
    conn.execute(_ADD, added)
    return secret


def rotate(
    conn: psycopg.Connection[Any],
    organisation: str,
    key_id: str,
    *,
    grace: timedelta = GRACE,
    life: timedelta = LIFE,
    now: datetime | None = None,
) -> Secret:
    """A new key like a live one, which itself ends after `grace`. Raises WrongKey."""
    now = now or datetime.now(UTC)
    row = conn.execute(_GET, {"organisation": organisation, "id": key_id}).fetchone()
    if row is None or not (old := key_of(row)).is_live(now):
        raise WrongKey(f"{organisation} has no live key {key_id}")
    secret = _made(conn, organisation, old.client, old.scopes, old.sources, life, now)
    conn.execute(_END_BY, {"organisation": organisation, "id": key_id, "until": now + grace})
    expires = (now + life).date().isoformat()
    note(conn, organisation, KeyRotated(client=old.client, key=secret.id, expires=expires))
    return secret


def revoke(
    conn: psycopg.Connection[Any], organisation: str, key_id: str, *, now: datetime | None = None
) -> None:
    """Ends a key now. Doors that know it stop letting it in within seconds. Raises WrongKey if there is none."""
    asked = {"organisation": organisation, "id": key_id, "now": now or datetime.now(UTC)}
    revoked = conn.execute(_REVOKE, asked).fetchone()
    if revoked is None:
        raise WrongKey(f"{organisation} has no key {key_id}")
    note(conn, organisation, KeyRevoked(client=revoked[0], key=key_id))


def listed(conn: psycopg.Connection[Any], organisation: str | None = None) -> list[Key]:
    """The keys of an organisation, or of all."""
    return [key_of(row) for row in conn.execute(LIST, {"organisation": organisation}).fetchall()]


def _check(client: str, scopes: Sequence[str], sources: Sequence[str], life: timedelta) -> None:
    """Raises WrongKey for what the database would refuse less kindly."""
    if not _CLIENT.fullmatch(client):
        raise WrongKey(f"a client's name is lower-case letters, digits and . _ -, not {client!r}")
    if not scopes:
        raise WrongKey(f"a key needs a scope: {SCOPES}")
    for scope in scopes:
        if not _SCOPE.fullmatch(scope):
            raise WrongKey(f"{scope!r} is no scope: {SCOPES}")
    if any(scope.startswith(WRITE) for scope in scopes) and not sources:
        raise WrongKey("a key that may tell events needs a source it may tell for; * is any")
    for source in sources:
        if not _SOURCE.fullmatch(source):
            raise WrongKey(f"{source!r} is no source: a URI reference of at most 256 characters, or *")
    if max(len(scopes), len(sources)) > NAMED_MAX:
        raise WrongKey(f"a key has at most {NAMED_MAX} scopes and {NAMED_MAX} sources")
    if life <= timedelta(0):
        raise WrongKey("a key lives for some time")
