"""What is kept of a person beside the record and the vault: what was sent to them, their inbox, what they chose."""

from typing import Any

import msgspec
import psycopg

ROWS_MAX = 100_000  # of each kind

_MESSAGES = """
    SELECT m.channel, m.kind, m.state, m.reason, m.made_at::text, m.ended_at::text
      FROM notices.messages AS m
     WHERE m.organisation = %(organisation)s AND m.recipient = %(person)s
     ORDER BY m.made_at, m.id
     LIMIT %(limit)s
"""
_INBOX = """
    SELECT i.subject, i.body, i.came_at::text, i.read_at::text
      FROM notices.inbox AS i
     WHERE i.organisation = %(organisation)s AND i.person = %(person)s
     ORDER BY i.came_at, i.id
     LIMIT %(limit)s
"""
_SETTINGS = """
    SELECT kept.what, kept.about, kept.value
      FROM (SELECT 'how soon you are told' AS what, p.rule || ' by ' || p.channel AS about, p.pace AS value
              FROM notices.preferences AS p
             WHERE p.organisation = %(organisation)s AND p.person = %(person)s
            UNION ALL
            SELECT 'quiet hours', '', q.starts::text || ' to ' || q.ends::text
              FROM notices.quiet_hours AS q
             WHERE q.organisation = %(organisation)s AND q.person = %(person)s
            UNION ALL
            SELECT 'muted', m.subject, coalesce('until ' || m.until::text, 'for good')
              FROM notices.mutes AS m
             WHERE m.organisation = %(organisation)s AND m.person = %(person)s
            UNION ALL
            SELECT 'nothing arrives at your address', 'last used ' || b.used_at::text, coalesce(b.said, '')
              FROM notices.bad_addresses AS b
             WHERE b.organisation = %(organisation)s AND b.person = %(person)s
            UNION ALL
            SELECT 'you are sent checkpoints', 'by ' || a.channel, 'every ' || a.every
              FROM proof.auditors AS a
             WHERE a.organisation = %(organisation)s AND a.person = %(person)s
            UNION ALL
            SELECT 'you look after an endpoint', e.id, e.url
              FROM webhooks.endpoints AS e
             WHERE e.organisation = %(organisation)s AND e.owner = %(person)s) AS kept
     ORDER BY kept.what, kept.about
     LIMIT %(limit)s
"""


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """A message to the person, and what became of it."""

    channel: str
    kind: str
    state: str
    reason: str | None
    made: str
    ended: str | None


class InInbox(msgspec.Struct, frozen=True, kw_only=True):
    """A letter in the person's inbox, as it was worded."""

    subject: str
    body: str
    came: str
    read: str | None


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """What the person chose, or what is remembered of them so that messages find their way."""

    what: str
    about: str
    value: str


def messages(conn: psycopg.Connection[Any], organisation: str, person: str) -> list[Message]:
    """Every message to the person, the oldest first."""
    return [
        Message(channel=channel, kind=kind, state=state, reason=reason, made=made, ended=ended)
        for channel, kind, state, reason, made, ended in conn.execute(_MESSAGES, _asked(organisation, person))
    ]


def inbox(conn: psycopg.Connection[Any], organisation: str, person: str) -> list[InInbox]:
    """What is in the person's inbox, the oldest first."""
    return [
        InInbox(subject=subject, body=body, came=came, read=read)
        for subject, body, came, read in conn.execute(_INBOX, _asked(organisation, person))
    ]


def settings(conn: psycopg.Connection[Any], organisation: str, person: str) -> list[Setting]:
    """What the person chose, and what else is remembered of them."""
    return [
        Setting(what=what, about=about, value=value)
        for what, about, value in conn.execute(_SETTINGS, _asked(organisation, person))
    ]


def _asked(organisation: str, person: str) -> dict[str, Any]:
    return {"organisation": organisation, "person": person, "limit": ROWS_MAX}
