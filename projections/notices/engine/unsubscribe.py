"""Signed links by which a person changes what they are told, without a key: `/unsubscribe/{token}`.

A token names an organisation, a person, and the rule and channel of the message it came with (`*`: every rule). It
does not expire: a link in an old message still works. Whoever holds it may change that person's choices, and see
nothing else.
"""

import msgspec

from projections.notices.engine import tokens
from projections.notices.engine.preferences import Channel
from projections.notices.engine.tokens import BadToken, Name, Organisation, Reference, key_of

PURPOSE = b"qiledger unsubscribe 1"

__all__ = ["BadToken", "Link", "is_ours", "key_of", "signed", "unsigned"]


class Link(msgspec.Struct, frozen=True, array_like=True):
    """Whose choices, and of which rule and channel the message was."""

    organisation: Organisation
    person: Reference
    rule: Name
    channel: Channel


def signed(link: Link, key: bytes) -> str:
    """The token of a link."""
    return tokens.signed(PURPOSE, link, key)


def unsigned(token: str) -> Link:
    """What a token says, before anybody knows whether it is ours. Raises BadToken."""
    return tokens.unsigned(token, Link)


def is_ours(token: str, key: bytes) -> bool:
    """Whether a token was signed with this key."""
    return tokens.is_ours(PURPOSE, token, key)
