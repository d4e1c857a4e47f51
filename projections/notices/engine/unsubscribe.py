"""Signed links by which a person changes what they are told, without a key: `/unsubscribe/{token}`.

A token names an organisation, a person, and the rule and channel of the message it came with (`*`: every rule). It is
signed with the organisation's own key (HMAC-SHA256), holds no name and no address, and does not expire: a link in an
old message still works. Whoever holds it may change that person's choices, and see nothing else.
"""

import binascii
import hmac
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

import msgspec
from psycopg import Connection

from projections.notices.engine.preferences import Channel

TOKEN_MAX = 600

_KEY = "SELECT key FROM notices.link_keys WHERE organisation = %(organisation)s"
_NEW = """
    INSERT INTO notices.link_keys (organisation, key)
    VALUES (%(organisation)s, %(key)s)
        ON CONFLICT (organisation) DO NOTHING
"""


class Link(msgspec.Struct, frozen=True, array_like=True):
    """Whose choices, and of which rule and channel the message was."""

    organisation: str
    person: str
    rule: str
    channel: Channel


class BadToken(ValueError):
    """No link of ours has this token."""


def key_of(conn: Connection[Any], organisation: str) -> bytes:
    """The key that signs an organisation's links, made when first asked for. The transaction has said for which."""
    asked = {"organisation": organisation}
    row = conn.execute(_KEY, asked).fetchone()
    if row is None:
        conn.execute(_NEW, asked | {"key": secrets.token_bytes(32)})
        row = conn.execute(_KEY, asked).fetchone()
    assert row is not None
    return bytes(row[0])


def signed(link: Link, key: bytes) -> str:
    """The token of a link."""
    told = msgspec.json.encode(link)
    return f"{_written(told)}.{_written(_signature(told, key))}"


def unsigned(token: str) -> Link:
    """What a token says, before anybody knows whether it is ours. Raises BadToken."""
    told, _ = _parts(token)
    try:
        return msgspec.json.decode(told, type=Link)
    except msgspec.MsgspecError as error:
        raise BadToken from error


def is_ours(token: str, key: bytes) -> bool:
    """Whether a token was signed with this key."""
    told, signature = _parts(token)
    return hmac.compare_digest(signature, _signature(told, key))


def _parts(token: str) -> tuple[bytes, bytes]:
    told, dot, signature = token.partition(".")
    if len(token) > TOKEN_MAX or not dot or not token.isascii():
        raise BadToken
    try:
        return _read(told), _read(signature)
    except (ValueError, binascii.Error) as error:
        raise BadToken from error


def _signature(told: bytes, key: bytes) -> bytes:
    return hmac.digest(key, b"qiledger unsubscribe 1\0" + told, "sha256")


def _written(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")


def _read(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
