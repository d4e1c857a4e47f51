"""Taking a message up, and noting what became of it: one holder at a time, by a fencing token.

The lease only keeps two from doing the same. If it fails (a process that stood still), both may send, with the same
message id; but only the later one's word counts.
"""

from datetime import datetime
from typing import Any, Literal

import msgspec

from services.channels.outcome import Outcome, Refused, Sent, TryLater, Unknown
from services.worker.delivering.waits import LONGEST
from services.worker.duty import Connection

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
         LIMIT 1
           FOR UPDATE SKIP LOCKED
    )
    UPDATE notices.messages AS m
       SET epoch = m.epoch + 1, lease_until = clock_timestamp() + make_interval(secs => %(lease_s)s)
      FROM due
     WHERE m.organisation = %(organisation)s AND m.id = due.id
    RETURNING m.organisation, m.id, m.recipient, m.channel, m.kind, m.notices, m.facts, m.tries, m.epoch,
              coalesce(m.try_at, m.due_at)
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
_LAST_UNKNOWN = """
    SELECT outcome = 'unknown'
      FROM notices.attempts
     WHERE organisation = %(organisation)s AND message = %(id)s
     ORDER BY attempt DESC
     LIMIT 1
"""
_UNHEARD_OF = """
    UPDATE notices.attempts
       SET outcome = 'unknown', ended_at = %(now)s, reason = 'whoever began it was gone before its end'
     WHERE organisation = %(organisation)s AND message = %(id)s AND outcome IS NULL
"""
_TRIED = """
    SELECT 1
      FROM notices.attempts
     WHERE organisation = %(organisation)s AND message = %(id)s
     LIMIT 1
"""
_BEGIN = """
    INSERT INTO notices.attempts (organisation, message, attempt, epoch, began_at)
    SELECT %(organisation)s, %(id)s, coalesce(max(attempt), 0) + 1, %(epoch)s, %(now)s
      FROM notices.attempts
     WHERE organisation = %(organisation)s AND message = %(id)s
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


class Begun(msgspec.Struct, frozen=True, kw_only=True):
    """An attempt that is written down. `in_doubt`: nobody knows what became of the one before."""

    claim: Claim
    attempt: int
    in_doubt: bool


def take(conn: Connection, organisation: str, channel: str, *, now: datetime) -> Claim | None:
    """The message that is longest due in a channel; None if there is none. In the caller's transaction."""
    asked = {"organisation": organisation, "channel": channel, "now": now, "lease_s": LEASE_S}
    row = conn.execute(_TAKE, asked).fetchone()
    if row is None:
        return None
    claim = Claim(**dict(zip(Claim.__struct_fields__, row, strict=True)))
    conn.execute(_UNHEARD_OF, {"organisation": organisation, "id": claim.id, "now": now})
    return claim


def is_due(conn: Connection, organisation: str, channel: str, *, now: datetime) -> bool:
    """Whether a message waits that may go by a channel."""
    asked = {"organisation": organisation, "channel": channel, "now": now}
    return conn.execute(_IS_DUE, asked).fetchone() is not None


def come_to_its_senses(conn: Connection, organisation: str, *, now: datetime) -> None:
    """Lets messages go that wait for a moment which only a wrong clock can have set. In the caller's transaction."""
    conn.execute(_CAME_TO_ITS_SENSES, {"organisation": organisation, "too_far": now + LONGEST})


def was_tried(conn: Connection, claim: Claim) -> bool:
    """Whether anybody ever tried to deliver a message."""
    asked = {"organisation": claim.organisation, "id": claim.id}
    return conn.execute(_TRIED, asked).fetchone() is not None


def begin(conn: Connection, claim: Claim, *, now: datetime) -> Begun:
    """Writes the attempt down, before it is made, in the transaction that took the message up."""
    asked = {"organisation": claim.organisation, "id": claim.id, "epoch": claim.epoch, "now": now}
    last = conn.execute(_LAST_UNKNOWN, asked).fetchone()
    row = conn.execute(_BEGIN, asked).fetchone()
    assert row is not None, "RETURNING gives the row"
    return Begun(claim=claim, attempt=row[0], in_doubt=last is not None and bool(last[0]))


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


def sent(conn: Connection, claim: Claim, *, now: datetime) -> bool:
    """Notes that it is delivered. Returns False if somebody else holds the message."""
    return _told(conn, _SENT, claim, now=now)


def again(conn: Connection, claim: Claim, *, try_at: datetime, tries: int) -> bool:
    """Notes when it is tried again. Returns False if somebody else holds the message, or it is withdrawn."""
    return _told(conn, _AGAIN, claim, try_at=try_at, tries=tries)


def end(
    conn: Connection,
    claim: Claim,
    state: Literal["dead", "withdrawn"],
    reason: str,
    *,
    now: datetime,
    tries: int,
) -> bool:
    """Notes that it is not delivered, and why. Returns False if somebody else holds the message."""
    return _told(conn, _END, claim, state=state, reason=reason, now=now, tries=tries)


def _told(conn: Connection, statement: Any, claim: Claim, **more: object) -> bool:
    asked = {"organisation": claim.organisation, "id": claim.id, "epoch": claim.epoch} | more
    return conn.execute(statement, asked).rowcount == 1
