"""What the outcome of an attempt means: for the message, and for the channel it went by."""

from datetime import datetime, timedelta
from typing import TypeGuard

import structlog

from services.channels.outcome import Outcome, Refused, Sent, TryLater, Unknown
from services.worker.delivering import claim as claims
from services.worker.delivering import health
from services.worker.delivering.claim import Claim, Cursor
from services.worker.delivering.waits import wait_after
from services.worker.duty import Connection

log = structlog.get_logger(__name__)


def lets_rest(outcome: Outcome) -> TypeGuard[TryLater | Unknown]:
    """Whether the channel is not to be used for a while, for anybody's messages."""
    return isinstance(outcome, Unknown) or (isinstance(outcome, TryLater) and outcome.everybody)


def conclude(
    conn: Connection,
    claim: Claim,
    outcome: Outcome,
    *,
    failures: int,
    now: datetime,
    chance: float,
    settles: timedelta | None = None,
) -> Cursor:
    """Notes it, in the caller's transaction. No row is changed if it is no longer ours to say.

    `failures` is how often in a row the channel had failed before, `settles` how long an unknown outcome is left alone.
    A failure of the channel is held against the message only if the one before went through: one message that breaks
    the channel each time is given up in the end, and an outage, however long, ends none.
    """
    if lets_rest(outcome):
        rests_until = _rest(conn, claim, outcome, failures, now, chance)
    else:
        rests_until = now
        if failures:
            health.well(conn, claim.organisation, claim.channel)
    match outcome:
        case Sent():
            return claims.sent(conn, claim, now=now)
        case Refused(reason=reason):
            return bury(conn, claim, reason, now=now, tries=claim.tries + 1)
        case TryLater(everybody=True) if failures > 0:
            return claims.again(conn, claim, try_at=rests_until, tries=claim.tries)
    asked = settles if isinstance(outcome, Unknown) else outcome.after
    wait = wait_after(claim.tries + 1, chance=chance, asked=asked)
    if wait is None:
        reason = f"given up after {claim.tries + 1} attempts: {outcome.reason}"
        return bury(conn, claim, reason, now=now, tries=claim.tries + 1)
    return claims.again(conn, claim, try_at=max(rests_until, now + wait), tries=claim.tries + 1)


def bury(conn: Connection, claim: Claim, reason: str, *, now: datetime, tries: int | None = None) -> Cursor:
    """Notes that a message is dead: a person has to look into it, and may have it tried again."""
    facts = {"organisation": claim.organisation, "message": claim.id, "channel": claim.channel}
    log.warning("a message is dead", reason=reason, **facts)
    return claims.end(conn, claim, "dead", reason, now=now, tries=claim.tries if tries is None else tries)


def _rest(
    conn: Connection, claim: Claim, failure: TryLater | Unknown, failures: int, now: datetime, chance: float
) -> datetime:
    """Lets the channel rest. Returns until when."""
    asked = failure.after if isinstance(failure, TryLater) else None
    return health.rest(
        conn,
        claim.organisation,
        claim.channel,
        reason=failure.reason,
        asked=asked,
        failures=failures,
        now=now,
        chance=chance,
    )
