"""How a channel is: it rests when it is out of order, and goes no faster than the other side can bear.

A failure that is nobody's in particular (the server is away, the key is wrong, too much at once) lets the whole channel
rest: one message tries it now and then, and the others are not blamed for it.
"""

from datetime import datetime, timedelta

import msgspec

from services.worker.delivering.waits import LONGEST, rest_after
from services.worker.duty import Connection

BURST = timedelta(seconds=1)  # what was not used in the last second may be made up for
MANY = 1_000_000  # as many as there are

_HEALTH = """
    SELECT failures,
           coalesce(rests_until > %(now)s AND rests_until < %(too_far)s, false),
           CASE WHEN paced_to > %(now)s AND paced_to < %(too_far)s THEN paced_to END
      FROM notices.channels
     WHERE organisation = %(organisation)s AND channel = %(channel)s
"""
_COUNT = """
    INSERT INTO notices.channels AS c (organisation, channel, paced_to)
    VALUES (%(organisation)s, %(channel)s, %(now)s::timestamptz + %(each)s)
        ON CONFLICT (organisation, channel) DO UPDATE
       SET paced_to = CASE WHEN c.paced_to > %(now)s AND c.paced_to < %(too_far)s THEN c.paced_to
                           ELSE %(now)s END + %(each)s
"""
_REST = """
    INSERT INTO notices.channels AS c (organisation, channel, failures, failing_from, rests_until, reason)
    VALUES (%(organisation)s, %(channel)s, 1, %(now)s, %(until)s, %(reason)s)
        ON CONFLICT (organisation, channel) DO UPDATE
       SET failures = c.failures + 1, failing_from = coalesce(c.failing_from, %(now)s),
           rests_until = %(until)s, reason = %(reason)s
"""
_WELL = """
    UPDATE notices.channels
       SET failures = 0, failing_from = NULL, rests_until = NULL, reason = NULL
     WHERE organisation = %(organisation)s AND channel = %(channel)s AND failures > 0
"""


class Health(msgspec.Struct, frozen=True):
    """How often in a row a channel could not be reached, whether it rests for now, and how many may go at once."""

    failures: int = 0
    rests: bool = False
    allows: int = MANY


def health(conn: Connection, organisation: str, channel: str, *, per_minute: int, now: datetime) -> Health:
    """How a channel is. A moment that a wrong clock set far ahead counts for nothing."""
    asked = {"organisation": organisation, "channel": channel, "now": now, "too_far": now + LONGEST}
    row = conn.execute(_HEALTH, asked).fetchone()
    failures, rests, paced_to = row or (0, False, None)
    return Health(failures, rests, _allowed(per_minute, paced_to or now, now))


def _allowed(per_minute: int, paced_to: datetime, now: datetime) -> int:
    """How many may go: one, if it has come to its turn, and what was not used of the last second."""
    if not per_minute:
        return MANY
    each = _each(per_minute)
    ahead = max(BURST - each, timedelta())
    return max(0, (now + ahead - paced_to) // each + 1)


def count(
    conn: Connection, organisation: str, channel: str, *, per_minute: int, now: datetime, messages: int
) -> None:
    """Counts so many more towards the pace of a channel: as they are taken up, those too that are then given back.

    So it may go a little slower than it could, and never faster.
    """
    if per_minute and messages:
        asked = {"organisation": organisation, "channel": channel, "now": now, "too_far": now + LONGEST}
        conn.execute(_COUNT, asked | {"each": _each(per_minute) * messages})


def _each(per_minute: int) -> timedelta:
    return timedelta(minutes=1) / per_minute


def rest(
    conn: Connection,
    organisation: str,
    channel: str,
    *,
    reason: str,
    asked: timedelta | None,
    failures: int,
    now: datetime,
    chance: float,
) -> datetime:
    """Lets a channel rest after a failure, at least as long as the other side asked for. Returns until when."""
    until = now + rest_after(failures + 1, chance=chance, asked=asked)
    told = {"organisation": organisation, "channel": channel, "now": now, "until": until, "reason": reason}
    conn.execute(_REST, told)
    return until


def well(conn: Connection, organisation: str, channel: str) -> None:
    """Notes that the channel works."""
    conn.execute(_WELL, {"organisation": organisation, "channel": channel})
