"""Signed links by which whoever was told of something reads it, without a key: `/notice/{token}`.

A token names an organisation, a notice, and the channel of the message it came with. What it opens is the notice, and
of what it is about no more than the whole organisation may see. It lasts LASTS_DAYS from when the notice was made.
"""

import msgspec

from projections.notices.engine import tokens
from projections.notices.engine.preferences import Channel
from projections.notices.engine.tokens import Name, Organisation

PURPOSE = b"qiledger notice 1"
LASTS_DAYS = 180


class ReadingLink(msgspec.Struct, frozen=True, array_like=True):
    """Which notice, and by which channel its recipient was told."""

    organisation: Organisation
    notice: Name
    channel: Channel


def signed(link: ReadingLink, key: bytes) -> str:
    """The token of a link."""
    return tokens.signed(PURPOSE, link, key)


def unsigned(token: str) -> ReadingLink:
    """What a token says, before anybody knows whether it is ours. Raises BadToken."""
    return tokens.unsigned(token, ReadingLink)


def is_ours(token: str, key: bytes) -> bool:
    """Whether a token was signed with this key."""
    return tokens.is_ours(PURPOSE, token, key)
