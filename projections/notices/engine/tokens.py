"""Signed tokens for the links that people are sent, which open something without a key.

A token is what it says and a signature, with the organisation's own key (HMAC-SHA256), for one purpose: a token for one
opens nothing else. It holds no name and no address.
"""

import binascii
import hmac
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta
from psycopg import Connection

from events.fields import END

TOKEN_MAX = 600

# What a token may hold is checked before it is known whether it is ours: the database is asked nothing else.
Organisation = Annotated[str, Meta(pattern=r"^[A-Z0-9]{2,10}(\.operations)?" + END)]
Reference = Annotated[str, Meta(pattern=r"^person/[A-Za-z0-9_-]{1,64}" + END)]
Name = Annotated[str, Meta(pattern=r"^(\*|[A-Za-z0-9_-]{1,64})" + END)]

_KEY = "SELECT key FROM notices.link_keys WHERE organisation = %(organisation)s"
_NEW = """
    INSERT INTO notices.link_keys (organisation, key)
    VALUES (%(organisation)s, %(key)s)
        ON CONFLICT (organisation) DO NOTHING
"""

T = TypeVar("T", bound=msgspec.Struct)


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


def signed(purpose: bytes, says: msgspec.Struct, key: bytes) -> str:
    """The token that says this."""
    told = msgspec.json.encode(says)
    return f"{_written(told)}.{_written(_signature(purpose, told, key))}"


def unsigned(token: str, kind: type[T]) -> T:
    """What a token says, before anybody knows whether it is ours. Raises BadToken."""
    told, _ = _parts(token)
    try:
        return msgspec.json.decode(told, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BadToken from error


def is_ours(purpose: bytes, token: str, key: bytes) -> bool:
    """Whether a token was signed with this key for this purpose."""
    told, signature = _parts(token)
    return hmac.compare_digest(signature, _signature(purpose, told, key))


def _parts(token: str) -> tuple[bytes, bytes]:
    told, dot, signature = token.partition(".")
    if len(token) > TOKEN_MAX or not dot or not token.isascii():
        raise BadToken
    try:
        return _read(told), _read(signature)
    except (ValueError, binascii.Error) as error:
        raise BadToken from error


def _signature(purpose: bytes, told: bytes, key: bytes) -> bytes:
    return hmac.digest(key, purpose + b"\0" + told, "sha256")


def _written(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")


def _read(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
