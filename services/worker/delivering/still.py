"""Whether messages are still to be told, to whom, and of what: looked up just before they are sent.

Between planning and sending a person may be erased, mute a project, unsubscribe; what a notice says may no longer hold.
All that is known of a few messages is read at once; each is then judged by itself. Addresses are kept nowhere.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, cast

import msgspec

from events.privacy.custody import custodian
from events.privacy.vault import CONTACTS, contact_in
from projections.notices.engine import reading_link, rooms
from projections.notices.engine.choosing import DIGEST_MAX
from projections.notices.engine.preferences import EVERYBODY, Channel, Choices
from projections.notices.engine.quiet_hours import QuietHours
from projections.notices.engine.reading_link import ReadingLink
from projections.notices.engine.tokens import key_of
from projections.notices.engine.unsubscribe import Link, signed
from services.worker.delivering.claim import Claim
from services.worker.duty import Connection

NEWS_FOR = timedelta(days=14)  # what nobody could send for so long is no news any more
ADDRESSED = ("email", "notify")

_ERASED = """
    SELECT person
      FROM vault.keys
     WHERE organisation = %(organisation)s AND person = ANY (%(persons)s) AND wrapped IS NULL
     ORDER BY person
     LIMIT %(limit)s
"""
_STILL = """
    SELECT message.id, n.title, n.why, n.id, n.action, n.rule, n.subject, n."window"
      FROM notices.messages AS message
     CROSS JOIN LATERAL (
           SELECT n.title, n.why, n.id, n.action, n.rule, n.subject, n."window", n.made_at
             FROM notices.notices AS n
            WHERE n.organisation = message.organisation AND n.id = ANY (message.notices) AND n.cleared_at IS NULL
              AND (n.action OR (
                   NOT EXISTS (SELECT
                                 FROM notices.mutes AS m
                                WHERE m.organisation = n.organisation AND m.person = n.recipient
                                  AND m.subject = n.subject AND (m.until IS NULL OR m.until > %(now)s))
                   AND coalesce((SELECT p.pace
                                   FROM notices.preferences AS p
                                  WHERE p.organisation = n.organisation AND p.person IN (n.recipient, '*')
                                    AND p.rule IN (n.rule, '*') AND p.channel = message.channel
                                  ORDER BY p.person = '*', p.rule = '*'
                                  LIMIT 1), '') <> 'never'))
            ORDER BY n.action DESC, n.made_at, n.id
            LIMIT %(items)s) AS n
     WHERE message.organisation = %(organisation)s AND message.id = ANY (%(ids)s)
     ORDER BY message.id, n.action DESC, n.made_at, n.id
"""
_QUIET = """
    SELECT person, starts, ends
      FROM notices.quiet_hours
     WHERE organisation = %(organisation)s AND (person = ANY (%(persons)s) OR person = %(everybody)s)
     ORDER BY person
     LIMIT %(limit)s + 1
"""
_BAD_ADDRESSES = """
    SELECT b.person, b.said, b.used_at
      FROM notices.bad_addresses AS b
      JOIN vault.contacts AS c USING (organisation, person)
     WHERE b.organisation = %(organisation)s AND b.person = ANY (%(persons)s) AND c.changed_at <= b.used_at
     ORDER BY b.person
     LIMIT %(limit)s
"""
_LAST_ATTEMPTS = """
    SELECT DISTINCT ON (message) message, outcome
      FROM notices.attempts
     WHERE organisation = %(organisation)s AND message = ANY (%(ids)s)
     ORDER BY message, attempt DESC
     LIMIT %(limit)s
"""


class Item(msgspec.Struct, frozen=True):
    """One thing that a message tells of."""

    title: str
    why: str
    notice: str
    action: bool
    rule: str
    subject: str
    window: str


class NotTold(Exception):
    """The message is not to be told any more; says why."""


class NoAddress(Exception):
    """The message is to be told, and nobody knows where."""


class NoNews(Exception):
    """The message waited so long before anybody could send it that a person decides whether it goes."""


class Known(msgspec.Struct, frozen=True):
    """All that is known of a few messages of one channel, as of a moment. Not printed: it holds how to reach people."""

    at: datetime
    erased: frozenset[str]  # persons
    items: Mapping[str, list[Item]]  # by message
    contacts: Mapping[str, Sequence[Any]]  # by person, sealed
    bad: Mapping[str, tuple[str, datetime]]  # by person: what was said of their address, and when it was used
    last: Mapping[str, str]  # by message: the outcome of the last attempt
    key: bytes | None  # of links
    quiet: Mapping[str, QuietHours]  # by person, and those of everybody

    def __repr__(self) -> str:
        return f"Known({len(self.contacts)})"

    def without_address(self, person: str, said: str) -> "Known":
        """The same, with the address of a person known to be no good."""
        return msgspec.structs.replace(self, bad={**self.bad, person: (said, self.at)})


def known_of(conn: Connection, organisation: str, claims: Sequence[Claim], *, now: datetime) -> Known:
    """Reads what there is to know of messages of one channel, in one round trip, in the caller's transaction."""
    persons, ids = sorted({one.recipient for one in claims}), [one.id for one in claims]
    asked = {"organisation": organisation, "persons": persons, "ids": ids, "now": now}
    asked |= {"items": DIGEST_MAX + 1, "limit": len(ids), "everybody": EVERYBODY}
    key = key_of(conn, organisation) if any(one.notices for one in claims) else None
    with conn.pipeline():
        erased, still, bad, contacts, last, quiet = (
            conn.execute(statement, asked)
            for statement in (_ERASED, _STILL, _BAD_ADDRESSES, CONTACTS, _LAST_ATTEMPTS, _QUIET)
        )
    items: dict[str, list[Item]] = {}
    for message, *row in still:
        items.setdefault(message, []).append(Item(*row))
    return Known(
        at=now,
        erased=frozenset(person for (person,) in erased),
        items=items,
        contacts={row[1]: row for row in contacts},
        bad={person: (said, used_at) for person, said, used_at in bad},
        last=dict(last.fetchall()),
        key=key,
        quiet={person: QuietHours(starts, ends) for person, starts, ends in quiet},
    )


def quiet_until(claim: Claim, known: Known, *, now: datetime) -> datetime:
    """When the message may go: now, or when quiet hours end. They may have been chosen since it was planned."""
    return Choices(quiet=known.quiet).not_before(claim.recipient, cast(Channel, claim.channel), now)


def check_is_news(claim: Claim, known: Known, *, now: datetime) -> None:
    """Raises NoNews: a channel that is set up after months does not pour out months of messages.

    What was tried before is news: it may have waited for a server that is back.
    """
    if now - claim.due > NEWS_FOR and claim.id not in known.last:
        raise NoNews(f"it waited for {(now - claim.due).days} days before it could be sent")


def facts_of(claim: Claim, known: Known) -> dict[str, Any]:
    """What the words are made of: what the planner wrote, and the notices that still hold. Raises NotTold."""
    if claim.recipient in known.erased:
        raise NotTold("the person was erased")
    told = {"organisation": claim.organisation, **claim.facts}
    if not claim.notices:
        return told
    items = known.items.get(claim.id)
    if not items or known.key is None:
        raise NotTold("what it tells of no longer holds, or the person does not want to hear of it")
    if claim.channel == "chat":
        items = _to_a_room(items)
    shown = [
        msgspec.structs.asdict(item) | {"link": _page(claim, item.notice, known.key)}
        for item in items[:DIGEST_MAX]
    ]
    there_is_more = len(items) > DIGEST_MAX or bool(claim.facts.get("there_is_more"))
    return {**told, **shown[0], "items": shown, "there_is_more": there_is_more}


def _to_a_room(items: Iterable[Item]) -> list[Item]:
    """What several people are told of is posted once, and for a reason that concerns all who read it."""
    once: dict[tuple[str, str, str], Item] = {}
    for item in items:
        once.setdefault((item.rule, item.subject, item.window), item)
    return [msgspec.structs.replace(item, why=rooms.WHY) for item in once.values()]


def _page(claim: Claim, notice: str, key: bytes) -> str:
    """Where a person reads of a notice, with a browser and no key."""
    link = ReadingLink(claim.organisation, notice, cast(Channel, claim.channel))
    return f"/notice/{reading_link.signed(link, key)}"


def unsubscribing(claim: Claim, facts: Mapping[str, Any], known: Known, *, ours: str) -> str | None:
    """Where the person stops such messages; None for what belongs to a duty, and for what somebody has to act on.

    None in a chat room: whoever reads it there could change what that one person is told.
    """
    items = facts.get("items") if claim.notices and claim.channel != "chat" else None
    if not items or known.key is None or all(item["action"] for item in items):
        return None
    rule = items[0]["rule"] if len(items) == 1 else "*"
    link = Link(claim.organisation, claim.recipient, rule, cast(Channel, claim.channel))
    return f"{ours}/unsubscribe/{signed(link, known.key)}"


def address_of(claim: Claim, known: Known) -> str:
    """Where the person is reached by the channel, or which room it is. Raises NoAddress, NoMasterKey.

    An address at which nothing arrived is none, until it is changed (or given again as it is).
    """
    if claim.channel not in ADDRESSED:
        return claim.recipient.removeprefix("forum/")
    if claim.recipient in known.bad:
        said, used_at = known.bad[claim.recipient]
        raise NoAddress(f"nothing arrives at this person's address: {said} ({used_at:%d %B %Y})")
    row = known.contacts.get(claim.recipient)
    contact = None if row is None else contact_in(row, custodian())
    if contact is None or contact.email is None:
        raise NoAddress("no e-mail address is known for this person")
    return contact.email
