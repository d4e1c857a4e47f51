"""Taking messages up, writing down each attempt, and noting what became of it: one holder at a time, by a token.

The lease only keeps two from doing the same. If it fails (a process that stood still), both may send, with the same
message id; but only the later one's word counts.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Literal, TypeAlias

import msgspec
import psycopg

from services.channels.outcome import Outcome, Refused, Sent, TryLater, Unknown
from services.worker.delivering.waits import LONGEST
from services.worker.duty import Connection

Cursor: TypeAlias = psycopg.Cursor[tuple[Any, ...]]
"""What a statement came to; in a pipeline it is known at its end."""

LEASE_S = 120  # asking, sending and noting; a holder whose lease may be over does not begin to send

_TAKE = """
    WITH due AS (
        SELECT id
          FROM notices.messages
         WHERE organisation = %(organisation)s AND state = 'waiting' AND channel = %(channel)s
           AND coalesce(try_at, due_at) <= %(now)s
           AND (lease_until IS NULL OR lease_until < clock_timestamp()
                OR lease_until > clock_timestamp() + make_interval(secs => %(lease_s)s * 2))
         ORDER BY coalesce(try_at, due_at), id
         LIMIT %(limit)s
           FOR UPDATE SKIP LOCKED
    )
    UPDATE notices.messages AS m
       SET epoch = m.epoch + 1, lease_until = clock_timestamp() + make_interval(secs => %(lease_s)s)
      FROM due
     WHERE m.organisation = %(organisation)s AND m.id = due.id
    RETURNING m.organisation, m.id, m.recipient, m.channel, m.kind, m.notices, m.facts, m.tries, m.epoch,
              coalesce(m.try_at, m.due_at)
"""
_GIVE_BACK = """
    UPDATE notices.messages AS m
       SET lease_until = NULL
      FROM unnest(%(ids)s::text[], %(epochs)s::bigint[]) AS ours (id, epoch)
     WHERE m.organisation = %(organisation)s AND m.id = ours.id AND m.epoch = ours.epoch AND m.state = 'waiting'
"""
_IS_DUE = """
    SELECT 1
      FROM notices.messages
     WHERE organisation = %(organisation)s AND state = 'waiting' AND channel = %(channel)s
       AND coalesce(try_at, due_at) <= %(now)s
     LIMIT 1
"""
_CAME_TO_ITS_SENSES = """
    UPDATE notices.messages
       SET try_at = NULL
     WHERE organisation = %(organisation)s AND state = 'waiting' AND try_at > %(too_far)s
"""
_UNHEARD_OF = """
    UPDATE notices.attempts
       SET outcome = 'unknown', ended_at = %(now)s, reason = 'whoever began it was gone before its end'
     WHERE organisation = %(organisation)s AND message = ANY (%(ids)s) AND outcome IS NULL
"""
_BEGIN = """
    WITH ours AS (
        UPDATE notices.messages AS m
           SET lease_until = clock_timestamp() + make_interval(secs => %(lease_s)s)
         WHERE organisation = %(organisation)s AND id = %(id)s AND epoch = %(epoch)s AND state = 'waiting'
           AND NOT EXISTS (SELECT
                             FROM vault.keys AS k
                            WHERE k.organisation = m.organisation AND k.person = m.recipient AND k.wrapped IS NULL)
        RETURNING id
    )
    INSERT INTO notices.attempts (organisation, message, attempt, epoch, began_at)
    SELECT %(organisation)s, ours.id, coalesce((
               SELECT max(attempt)
                 FROM notices.attempts
                WHERE organisation = %(organisation)s AND message = ours.id), 0) + 1, %(epoch)s, %(now)s
      FROM ours
    RETURNING attempt
"""
_END_ATTEMPT = """
    UPDATE notices.attempts
       SET outcome = %(outcome)s, ended_at = %(now)s, reason = %(reason)s, reference = %(reference)s
     WHERE organisation = %(organisation)s AND message = %(id)s AND attempt = %(attempt)s
       AND (outcome IS NULL OR outcome = 'unknown' AND %(outcome)s = 'sent')
"""
_SENT = """
    UPDATE notices.messages
       SET state = 'sent', ended_at = %(now)s, lease_until = NULL, reason = NULL
     WHERE organisation = %(organisation)s AND id = %(id)s AND epoch = %(epoch)s
       AND state IN ('waiting', 'withdrawn')
"""
_AGAIN = """
    UPDATE notices.messages
       SET try_at = %(try_at)s, tries = %(tries)s, lease_until = NULL
     WHERE organisation = %(organisation)s AND id = %(id)s AND epoch = %(epoch)s AND state = 'waiting'
"""
_END = """
    UPDATE notices.messages
       SET state = %(state)s, reason = %(reason)s, ended_at = %(now)s, tries = %(tries)s, lease_until = NULL
     WHERE organisation = %(organisation)s AND id = %(id)s AND epoch = %(epoch)s AND state = 'waiting'
"""


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """A message taken up: nobody else may say what becomes of it until the lease is over."""

    organisation: str
    id: str
    recipient: str
    channel: str
    kind: str
    notices: list[str]
    facts: dict[str, Any]
    tries: int
    epoch: int
    due: datetime


class Begun(msgspec.Struct, frozen=True):
    """An attempt that is written down."""

    claim: Claim
    attempt: int
    since: float  # of `time.monotonic()`: not after the lease began
    used_at: datetime  # when the address was looked up


def take(conn: Connection, organisation: str, channel: str, *, now: datetime, limit: int = 1) -> list[Claim]:
    """The messages that are longest due in a channel, in that order. In the caller's transaction."""
    asked = {"organisation": organisation, "channel": channel, "now": now, "lease_s": LEASE_S, "limit": limit}
    rows = conn.execute(_TAKE, asked).fetchall()
    claims = [Claim(**dict(zip(Claim.__struct_fields__, row, strict=True))) for row in rows]
    if claims:
        ids = [claim.id for claim in claims]
        conn.execute(_UNHEARD_OF, {"organisation": organisation, "ids": ids, "now": now})
    return sorted(claims, key=lambda claim: (claim.due, claim.id))


def give_back(conn: Connection, organisation: str, claims: Iterable[Claim]) -> None:
    """Leaves messages, of which no attempt was begun, to whoever comes next. In the caller's transaction."""
    ours = list(claims)
    asked = {
        "organisation": organisation,
        "ids": [one.id for one in ours],
        "epochs": [one.epoch for one in ours],
    }
    conn.execute(_GIVE_BACK, asked)


def is_due(conn: Connection, organisation: str, channel: str, *, now: datetime) -> bool:
    """Whether a message waits that may go by a channel."""
    asked = {"organisation": organisation, "channel": channel, "now": now}
    return conn.execute(_IS_DUE, asked).fetchone() is not None


def come_to_its_senses(conn: Connection, organisation: str, *, now: datetime) -> None:
    """Lets messages go that wait for a moment which only a wrong clock can have set. In the caller's transaction."""
    conn.execute(_CAME_TO_ITS_SENSES, {"organisation": organisation, "too_far": now + LONGEST})


def begin(conn: Connection, claim: Claim, *, now: datetime) -> Cursor:
    """Writes an attempt down, before it is made, and renews the lease. A row with its number; none if it is not ours
    to make: somebody else holds the message, or it was withdrawn, or the person was erased meanwhile.
    """
    asked = {"organisation": claim.organisation, "id": claim.id, "epoch": claim.epoch}
    return conn.execute(_BEGIN, asked | {"now": now, "lease_s": LEASE_S})


def end_attempt(conn: Connection, begun: Begun, outcome: Outcome, *, now: datetime) -> None:
    """Writes down what became of an attempt. Its row is ours alone, whoever holds the message by now."""
    words: dict[type[object], Literal["sent", "later", "refused", "unknown"]]
    words = {Sent: "sent", TryLater: "later", Refused: "refused", Unknown: "unknown"}
    asked = {"organisation": begun.claim.organisation, "id": begun.claim.id, "attempt": begun.attempt}
    asked |= {
        "outcome": words[type(outcome)],
        "now": now,
        "reason": None if isinstance(outcome, Sent) else outcome.reason,
        "reference": outcome.reference if isinstance(outcome, Sent) else None,
    }
    conn.execute(_END_ATTEMPT, asked)


def sent(conn: Connection, claim: Claim, *, now: datetime) -> Cursor:
    """Notes that it is delivered. No row is changed if somebody else holds the message."""
    return _told(conn, _SENT, claim, now=now)


def again(conn: Connection, claim: Claim, *, try_at: datetime, tries: int) -> Cursor:
    """Notes when it is tried again. No row is changed if somebody else holds the message, or it is withdrawn."""
    return _told(conn, _AGAIN, claim, try_at=try_at, tries=tries)


def end(
    conn: Connection,
    claim: Claim,
    state: Literal["dead", "withdrawn"],
    reason: str,
    *,
    now: datetime,
    tries: int,
) -> Cursor:
    """Notes that it is not delivered, and why. No row is changed if somebody else holds the message."""
    return _told(conn, _END, claim, state=state, reason=reason, now=now, tries=tries)


def _told(conn: Connection, statement: Any, claim: Claim, **more: object) -> Cursor:
    asked = {"organisation": claim.organisation, "id": claim.id, "epoch": claim.epoch} | more
    return conn.execute(statement, asked)
