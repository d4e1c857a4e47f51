"""A letter: what one person is told, in words, ready to be sent. It names nobody."""

import re
from datetime import datetime

import msgspec

ADDRESS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,250}[A-Za-z0-9])?")
ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_LIKE_AN_ADDRESS = re.compile(
    r"<?(?:[^\s<>@,;:\"']|(?<=\w)'(?=\w)){1,64}@[^\s<>@,;:\"']{1,255}>?"
)  # O'Brien's too
SAID_MAX, REASON_MAX = 4_000, 300  # characters of what a server said, and of what is kept of it


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """One message in words. Every attempt to send it carries the same `id`, so that a second copy can be known."""

    id: str
    subject: str
    text: str  # wrapped, for e-mail
    html: str
    marked: str  # not wrapped, with # and - for headings and lists, for Notify and chat
    at: datetime  # when it was written
    unsubscribe: str | None = None  # where one POST unsubscribes (RFC 8058)


def without_addresses(text: str) -> str:
    """What a server said, in one line, without the addresses that servers repeat: reasons are kept for years."""
    if len(text) > SAID_MAX:
        text = (
            f"{text[:SAID_MAX].rpartition(' ')[0]} …"  # at a blank: half an address would not look like one
        )
    line = " ".join(_LIKE_AN_ADDRESS.sub("<…>", text).split())
    plain = "".join(letter if letter.isprintable() else "�" for letter in line)
    return plain if len(plain) <= REASON_MAX else f"{plain[: REASON_MAX - 1]}…"
