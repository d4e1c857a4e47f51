"""What became of messages that a channel had taken: asked for until it is known, and so often at most.

Every question is counted before it is put, so that whatever breaks, it ends. A message that did not arrive is dead: a
person looks into it. Where the address is to blame it is marked, and nothing more is sent there until it is changed.
"""

import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec
import structlog

from events.log.read import FOR_ORGANISATION
from services.channels.outcome import (
    Arrival,
    Arrived,
    Bounced,
    Channel,
    LostOnTheWay,
    NotAnswered,
    TellsLater,
)
from services.channels.within import OutOfTime, within
from services.worker.delivering.bad_addresses import mark
from services.worker.delivering.claim import Claim
from services.worker.duty import Connection

ASKED_AFTER = tuple(
    timedelta(minutes=minutes) for minutes in (1, 5, 30, 2 * 60, 8 * 60, 24 * 60, 48 * 60, 73 * 60, 96 * 60)
)
"""Since a message was taken; Notify tries for 72 hours. After the last question it counts as unheard of."""

_EXPECT = """
    INSERT INTO notices.arrivals (organisation, message, channel, reference, taken_at, ask_at)
    SELECT organisation, id, channel, %(reference)s, %(used_at)s, %(ask_at)s
      FROM notices.messages
     WHERE organisation = %(organisation)s AND id = %(message)s AND epoch = %(epoch)s AND state = 'sent'
        ON CONFLICT (organisation, message) DO UPDATE
       SET reference = excluded.reference, taken_at = excluded.taken_at, ask_at = excluded.ask_at, asked = 0,
           outcome = NULL, said = NULL, settled_at = NULL
"""
_TAKE = """
    WITH due AS (
        SELECT message
          FROM notices.arrivals
         WHERE organisation = %(organisation)s AND channel = %(channel)s AND ask_at <= %(now)s
         ORDER BY ask_at, message
         LIMIT 1
           FOR UPDATE SKIP LOCKED
    )
    UPDATE notices.arrivals AS a
       SET asked = a.asked + 1,
           ask_at = greatest(%(now)s + (%(waits)s::interval[])[1], a.taken_at
                             + (%(waits)s::interval[])[least(a.asked + 2, cardinality(%(waits)s::interval[]))])
      FROM due, notices.messages AS m
     WHERE a.organisation = %(organisation)s AND a.message = due.message
       AND m.organisation = a.organisation AND m.id = a.message
    RETURNING a.message, m.recipient, a.reference, a.taken_at, a.asked
"""
_SETTLE = """
    UPDATE notices.arrivals
       SET outcome = %(outcome)s, said = %(said)s, settled_at = %(now)s, ask_at = NULL
     WHERE organisation = %(organisation)s AND message = %(message)s AND reference = %(reference)s AND outcome IS NULL
"""
_DEAD = """
    UPDATE notices.messages
       SET state = 'dead', reason = %(said)s, ended_at = %(now)s
     WHERE organisation = %(organisation)s AND id = %(message)s AND state = 'sent'
"""

log = structlog.get_logger(__name__)


class Expected(msgspec.Struct, frozen=True, kw_only=True):
    """A message whose arrival is asked for."""

    message: str
    recipient: str
    reference: str
    taken_at: datetime
    asked: int


def expect(conn: Connection, claim: Claim, reference: str, *, used_at: datetime) -> None:
    """Notes that a channel took a message, if that was ours to say, and will know later what became of it.

    `used_at` is when its address was looked up: a bounce is said of the address that there was then.
    """
    asked = {"organisation": claim.organisation, "message": claim.id, "epoch": claim.epoch}
    conn.execute(
        _EXPECT, asked | {"reference": reference, "used_at": used_at, "ask_at": used_at + ASKED_AFTER[0]}
    )


def ask_for_arrivals(
    conn: Connection,
    organisation: str,
    channels: Mapping[str, Channel],
    *,
    deadline: float,
    now: Callable[[Connection], datetime],
    stopping: Callable[[], bool] = lambda: False,
) -> bool:
    """Asks until nothing is due, or a moment of `time.monotonic()`. Returns whether all is done.

    A channel that does not answer is left in peace: what it was asked for is asked for again in its time.
    """
    for channel in channels.values():
        while isinstance(channel, TellsLater):
            if stopping() or time.monotonic() >= deadline:
                return False
            expected = _take(conn, organisation, channel.name, now(conn))
            if expected is None or not _ask(conn, organisation, channel, expected, now, stopping):
                break
    return True


def _take(conn: Connection, organisation: str, channel: str, now: datetime) -> Expected | None:
    with conn.transaction():
        conn.execute(FOR_ORGANISATION, (organisation,))
        asked = {"organisation": organisation, "channel": channel, "now": now, "waits": list(ASKED_AFTER)}
        row = conn.execute(_TAKE, asked).fetchone()
    return None if row is None else Expected(**dict(zip(Expected.__struct_fields__, row, strict=True)))


def _ask(
    conn: Connection,
    organisation: str,
    channel: TellsLater,
    expected: Expected,
    now: Callable[[Connection], datetime],
    stopping: Callable[[], bool],
) -> bool:
    """Asks about one, outside any transaction, and notes what is said. Returns whether the channel answered."""
    answered = True
    arrival: Arrival | None = None
    try:
        arrival = within(
            channel.patience_s, lambda: channel.what_became_of(expected.reference), stopping=stopping
        )
    except (NotAnswered, OutOfTime) as silent:
        answered = False
        log.warning("a channel does not say what arrived", channel=channel.name, reason=str(silent))
        channel.drop()
    except Exception:  # one answer that nobody foresaw must not hold up the others
        answered = False
        log.exception("a channel failed", channel=channel.name, message=expected.message)
    with conn.transaction():
        conn.execute(FOR_ORGANISATION, (organisation,))
        _note(conn, organisation, expected, arrival, now(conn))
    return answered


def _note(
    conn: Connection, organisation: str, expected: Expected, arrival: Arrival | None, now: datetime
) -> None:
    """What was said, or that nobody will be asked any more; nothing while it is still under way."""
    outcome, said = _in_words(arrival)
    if outcome is None:
        if expected.asked < len(ASKED_AFTER):
            return
        outcome, said = "unheard", f"nothing was said of it after {expected.asked} questions"
    facts: dict[str, Any] = {"organisation": organisation, "now": now, "outcome": outcome, "said": said}
    facts |= msgspec.structs.asdict(expected)
    if conn.execute(_SETTLE, facts).rowcount == 0 or outcome in ("arrived", "unheard"):
        return
    log.warning("a message did not arrive", organisation=organisation, message=expected.message, reason=said)
    conn.execute(_DEAD, facts)
    if outcome == "bounced":
        used_at, message = expected.taken_at, expected.message
        mark(conn, organisation, expected.recipient, used_at=used_at, message=message, said=said or "")


def _in_words(arrival: Arrival | None) -> tuple[str | None, str | None]:
    match arrival:
        case Arrived():
            return "arrived", None
        case Bounced(reason=reason):
            return "bounced", reason
        case LostOnTheWay(reason=reason):
            return "failed", reason
    return None, None
