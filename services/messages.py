"""What is on record of messages: who was told what, when, and what became of it; and having one tried again.

The SQL serves both colours: the API runs it itself, commands use the functions here. Whoever asks has said for which
organisation (`FOR_ORGANISATION`).
"""

from datetime import datetime
from typing import Any, Literal, TypeAlias

import msgspec
import psycopg

State: TypeAlias = Literal["waiting", "sent", "dead", "withdrawn"]
ChannelName: TypeAlias = Literal["email", "notify", "chat", "inbox"]
Outcome: TypeAlias = Literal["sent", "later", "refused", "unknown"]


class MessageLine(msgspec.Struct, frozen=True, kw_only=True):
    """A message: to whom, by which channel, and how it stands. `next_attempt` is not before then."""

    id: str
    recipient: str
    channel: str
    kind: str
    state: State
    made: datetime
    due: datetime
    tries: int
    next_attempt: datetime | None
    ended: datetime | None
    reason: str | None
    notices: list[str]


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt. Without an outcome it is being made, or nobody heard its end."""

    attempt: int
    began: datetime
    ended: datetime | None
    outcome: Outcome | None
    reason: str | None
    reference: str | None


class Arrival(msgspec.Struct, frozen=True, kw_only=True):
    """Whether it arrived, where the channel says so later. Without an outcome it is asked for again at `next`."""

    outcome: Literal["arrived", "bounced", "failed", "unheard"] | None
    asked: int
    next: datetime | None
    settled: datetime | None
    said: str | None


class WholeMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A message with all attempts, and the rules by which it is told."""

    message: MessageLine
    rules: list[str]
    attempts: list[Attempt]
    arrival: Arrival | None


LIST = """
    SELECT id, recipient, channel, kind, state, made_at, due_at, tries,
           CASE WHEN state = 'waiting' THEN coalesce(try_at, due_at) END, ended_at, reason, notices
      FROM notices.messages
     WHERE organisation = %(organisation)s
       AND (%(state)s::text IS NULL OR state = %(state)s)
       AND (%(channel)s::text IS NULL OR channel = %(channel)s)
       AND (%(recipient)s::text IS NULL OR recipient = %(recipient)s)
       AND (%(before)s::text IS NULL OR (made_at, id) < (
           SELECT made_at, id
             FROM notices.messages
            WHERE organisation = %(organisation)s AND id = %(before)s))
     ORDER BY made_at DESC, id DESC
     LIMIT %(limit)s
"""
ONE = """
    SELECT id, recipient, channel, kind, state, made_at, due_at, tries,
           CASE WHEN state = 'waiting' THEN coalesce(try_at, due_at) END, ended_at, reason, notices
      FROM notices.messages
     WHERE organisation = %(organisation)s AND id = %(id)s
"""
RULES = """
    SELECT DISTINCT n.rule
      FROM notices.messages AS m
      JOIN notices.notices AS n ON n.organisation = m.organisation AND n.id = ANY (m.notices)
     WHERE m.organisation = %(organisation)s AND m.id = %(id)s
     ORDER BY n.rule
     LIMIT 100
"""
ATTEMPTS = """
    SELECT attempt, began_at, ended_at, outcome, reason, reference
      FROM notices.attempts
     WHERE organisation = %(organisation)s AND message = %(id)s
     ORDER BY attempt
     LIMIT 1000
"""
ARRIVAL = """
    SELECT outcome, asked, ask_at, settled_at, said
      FROM notices.arrivals
     WHERE organisation = %(organisation)s AND message = %(id)s
"""
RETRY = """
    UPDATE notices.messages
       SET state = 'waiting', try_at = clock_timestamp(), tries = 0, ended_at = NULL, reason = NULL
     WHERE organisation = %(organisation)s AND id = %(id)s AND state IN ('waiting', 'dead')
"""
DEAD = """
    SELECT id
      FROM notices.messages
     WHERE organisation = %(organisation)s AND state = 'dead'
     ORDER BY made_at, id
     LIMIT %(limit)s
"""
HEALTH = """
    SELECT c.organisation, c.channel, c.failures, coalesce(c.failing_from, c.rests_until, clock_timestamp()), c.reason
      FROM notices.channels AS c
     WHERE c.organisation = %(organisation)s AND c.failures > 0
     ORDER BY c.channel
     LIMIT 100
"""
COUNTS = """
    SELECT channel, state, count(*), min(due_at)
      FROM notices.messages
     WHERE organisation = %(organisation)s AND (state = 'dead' OR state = 'waiting' AND due_at <= clock_timestamp())
     GROUP BY channel, state
     ORDER BY channel, state
     LIMIT 100
"""

BAD_ADDRESSES = """
    SELECT count(*), min(b.used_at)
      FROM notices.bad_addresses AS b
      JOIN vault.contacts AS c USING (organisation, person)
     WHERE b.organisation = %(organisation)s AND c.changed_at <= b.used_at
    HAVING count(*) > 0
"""
UNMARK = """
    UPDATE notices.bad_addresses AS b
       SET used_at = 'epoch'
      FROM vault.contacts AS c
     WHERE b.organisation = %(organisation)s AND b.used_at >= %(since)s
       AND c.organisation = b.organisation AND c.person = b.person AND c.changed_at <= b.used_at
"""


def message_of(row: Any) -> MessageLine:
    """The message in a row of LIST or ONE."""
    return MessageLine(**dict(zip(MessageLine.__struct_fields__, row, strict=True)))


def attempt_of(row: Any) -> Attempt:
    """The attempt in a row of ATTEMPTS."""
    return Attempt(**dict(zip(Attempt.__struct_fields__, row, strict=True)))


def arrival_of(row: Any) -> Arrival | None:
    """The arrival in a row of ARRIVAL, if there is one."""
    return None if row is None else Arrival(**dict(zip(Arrival.__struct_fields__, row, strict=True)))


def listed(
    conn: psycopg.Connection[Any],
    organisation: str,
    *,
    state: State | None = None,
    channel: str | None = None,
    recipient: str | None = None,
    limit: int,
) -> list[MessageLine]:
    """Messages, the latest first."""
    asked = {"organisation": organisation, "state": state, "channel": channel, "recipient": recipient}
    return [message_of(row) for row in conn.execute(LIST, asked | {"before": None, "limit": limit})]


def whole(conn: psycopg.Connection[Any], organisation: str, id_: str) -> WholeMessage | None:
    """One message with its attempts; None if there is none of that id."""
    asked = {"organisation": organisation, "id": id_}
    row = conn.execute(ONE, asked).fetchone()
    if row is None:
        return None
    return WholeMessage(
        message=message_of(row),
        rules=[rule for (rule,) in conn.execute(RULES, asked)],
        attempts=[attempt_of(row) for row in conn.execute(ATTEMPTS, asked)],
        arrival=arrival_of(conn.execute(ARRIVAL, asked).fetchone()),
    )


def retry(conn: psycopg.Connection[Any], organisation: str, id_: str) -> bool:
    """Has a message tried again at once, with all its attempts before it. Returns False if it is over, or unknown."""
    return conn.execute(RETRY, {"organisation": organisation, "id": id_}).rowcount == 1


def unmark(conn: psycopg.Connection[Any], organisation: str, *, since: datetime) -> int:
    """Has addresses used again that were marked since a moment because nothing arrived there. Returns how many."""
    return conn.execute(UNMARK, {"organisation": organisation, "since": since}).rowcount
