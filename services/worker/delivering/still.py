"""Whether a message is still to be told, to whom, and of what: looked up at the moment of sending.

Between planning and sending a person may be erased, mute a project, unsubscribe; what a notice says may no longer hold.
The address is read here and kept nowhere.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, cast

import msgspec

from events.privacy.vault import contact_of
from projections.notices.engine import reading_link
from projections.notices.engine.preferences import Channel
from projections.notices.engine.reading_link import ReadingLink
from projections.notices.engine.tokens import key_of
from projections.notices.engine.unsubscribe import Link, signed
from services.worker.delivering.claim import Claim, was_tried
from services.worker.duty import Connection

ITEMS_MAX = 500  # of one digest
NEWS_FOR = timedelta(days=14)  # what nobody could send for so long is no news any more
ADDRESSED = ("email", "notify")

_ERASED = """
    SELECT 1
      FROM vault.keys
     WHERE organisation = %(organisation)s AND person = %(person)s AND wrapped IS NULL
"""
_STILL = """
    SELECT n.title, n.why, n.id, n.action, n.rule
      FROM notices.notices AS n
     WHERE n.organisation = %(organisation)s AND n.id = ANY (%(notices)s) AND n.cleared_at IS NULL
       AND (n.action OR (
            NOT EXISTS (SELECT
                          FROM notices.mutes AS m
                         WHERE m.organisation = n.organisation AND m.person = n.recipient
                           AND m.subject = n.subject AND (m.until IS NULL OR m.until > %(now)s))
            AND coalesce((SELECT p.pace
                            FROM notices.preferences AS p
                           WHERE p.organisation = n.organisation AND p.person IN (n.recipient, '*')
                             AND p.rule IN (n.rule, '*') AND p.channel = %(channel)s
                           ORDER BY p.person = '*', p.rule = '*'
                           LIMIT 1), '') <> 'never'))
     ORDER BY n.action DESC, n.made_at, n.id
     LIMIT %(limit)s
"""
_BAD_ADDRESS = """
    SELECT b.said, b.used_at
      FROM notices.bad_addresses AS b
      JOIN vault.contacts AS c USING (organisation, person)
     WHERE b.organisation = %(organisation)s AND b.person = %(person)s AND c.changed_at <= b.used_at
"""


class Item(msgspec.Struct, frozen=True):
    """One thing that a message tells of."""

    title: str
    why: str
    notice: str
    action: bool
    rule: str


class NotTold(Exception):
    """The message is not to be told any more; says why."""


class NoAddress(Exception):
    """The message is to be told, and nobody knows where."""


class NoNews(Exception):
    """The message waited so long before anybody could send it that a person decides whether it goes."""


def check_is_news(conn: Connection, claim: Claim, *, now: datetime) -> None:
    """Raises NoNews: a channel that is set up after months does not pour out months of messages.

    What was tried before is news: it may have waited for a server that is back.
    """
    if now - claim.due > NEWS_FOR and not was_tried(conn, claim):
        raise NoNews(f"it waited for {(now - claim.due).days} days before it could be sent")


def facts_of(conn: Connection, claim: Claim, *, now: datetime) -> dict[str, Any]:
    """What the words are made of: what the planner wrote, and the notices that still hold. Raises NotTold."""
    asked = {"organisation": claim.organisation, "person": claim.recipient}
    if conn.execute(_ERASED, asked).fetchone() is not None:
        raise NotTold("the person was erased")
    told = {"organisation": claim.organisation, **claim.facts}
    if not claim.notices:
        return told
    asked |= {"notices": claim.notices, "channel": claim.channel, "now": now, "limit": ITEMS_MAX}  # type: ignore[dict-item]
    items = [Item(*row) for row in conn.execute(_STILL, asked)]
    if not items:
        raise NotTold("what it tells of no longer holds, or the person does not want to hear of it")
    key = key_of(conn, claim.organisation)
    shown = [msgspec.structs.asdict(item) | {"link": _page(claim, item.notice, key)} for item in items]
    return {**told, **shown[0], "items": shown}


def _page(claim: Claim, notice: str, key: bytes) -> str:
    """Where a person reads of a notice, with a browser and no key."""
    link = ReadingLink(claim.organisation, notice, cast(Channel, claim.channel))
    return f"/notice/{reading_link.signed(link, key)}"


def unsubscribing(conn: Connection, claim: Claim, facts: Mapping[str, Any], *, ours: str) -> str | None:
    """Where the person stops such messages; None for what belongs to a duty, and for what somebody has to act on."""
    items = facts.get("items") if claim.notices else None
    if not items or all(item["action"] for item in items):
        return None
    rule = items[0]["rule"] if len(items) == 1 else "*"
    link = Link(claim.organisation, claim.recipient, rule, cast(Channel, claim.channel))
    return f"{ours}/unsubscribe/{signed(link, key_of(conn, claim.organisation))}"


def address_of(conn: Connection, claim: Claim) -> str:
    """Where the person is reached by the channel. Raises NoAddress, NoMasterKey.

    An address at which nothing arrived is none, until it is changed (or given again as it is).
    """
    if claim.channel not in ADDRESSED:
        return claim.recipient
    asked = {"organisation": claim.organisation, "person": claim.recipient}
    bad = conn.execute(_BAD_ADDRESS, asked).fetchone()
    if bad is not None:
        said, used_at = bad
        raise NoAddress(f"nothing arrives at this person's address: {said} ({used_at:%d %B %Y})")
    contact = contact_of(conn, claim.organisation, claim.recipient)
    if contact is None or contact.email is None:
        raise NoAddress("no e-mail address is known for this person")
    return contact.email
