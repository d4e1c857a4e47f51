"""What came of a wave, noted in one transaction: the cursor, what waits, the attempts; an endpoint that is disabled.

A crash before this commit leaves deliveries that nobody noted: they are sent again under the same webhook-id. A crash
after it leaves nothing to do. Whoever was fenced meanwhile moves nothing; that there was an attempt is noted even so.
"""

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
import psycopg
from psycopg.types.json import Jsonb

from events.log.read import FOR_ORGANISATION
from services.webhooks.choosing import Delivery, behind
from services.webhooks.claims import Claim
from services.webhooks.posting import Answer
from services.webhooks.retrying import is_hopeless, wait_s

SLOW_MS = 2_000
HOPELESS = "Nothing but failures for five days."
GONE = "The receiver answered 410: it wants no more."

_MOVE = """
    UPDATE webhooks.cursors AS c
       SET position = %(position)s, failures = %(failures)s, slow = %(slow)s, claimed_at = clock_timestamp(),
           failing_since = CASE WHEN %(failures)s > 0
                                THEN coalesce(%(failing_since)s::timestamptz, clock_timestamp()) END,
           tried_at = CASE WHEN %(waits_s)s > 0 THEN clock_timestamp() END,
           waits = make_interval(secs => %(waits_s)s)
      FROM webhooks.endpoints AS e
     WHERE c.organisation = %(organisation)s AND c.endpoint = %(endpoint)s AND c.epoch = %(epoch)s
       AND e.organisation = c.organisation AND e.id = c.endpoint
    RETURNING e.state, c.failing_since, clock_timestamp() - c.failing_since AS failing_for
"""
_WAIT = """
    INSERT INTO webhooks.waiting AS waiting (organisation, endpoint, lane, position, tries, waits)
    VALUES (%(organisation)s, %(endpoint)s, %(lane)s, %(position)s, %(tries)s, make_interval(secs => %(waits_s)s))
        ON CONFLICT (organisation, endpoint, lane) DO UPDATE
       SET position = excluded.position, tries = excluded.tries, waits = excluded.waits,
           tried_at = clock_timestamp(), given_up = waiting.given_up AND waiting.position = excluded.position
"""
_WAIT_NO_MORE = """
    DELETE FROM webhooks.waiting
     WHERE organisation = %(organisation)s AND endpoint = %(endpoint)s AND lane = %(lane)s
"""
_ATTEMPT = """
    INSERT INTO webhooks.attempts (organisation, endpoint, message, position, type, try, began_at, ms, outcome, status,
                                   said)
    SELECT %(organisation)s, %(endpoint)s, %(message)s, %(position)s, %(type)s, %(try)s, %(began_at)s, %(ms)s,
           %(outcome)s, %(status)s, %(said)s
     WHERE EXISTS (SELECT FROM webhooks.endpoints WHERE organisation = %(organisation)s AND id = %(endpoint)s)
"""
_TESTED = """
    DELETE FROM webhooks.tests
     WHERE organisation = %(organisation)s AND endpoint = %(endpoint)s AND message = %(message)s
"""
_DISABLE = """
    UPDATE webhooks.endpoints
       SET state = 'disabled', reason = %(reason)s, changed_at = clock_timestamp()
     WHERE organisation = %(organisation)s AND id = %(endpoint)s AND state = 'enabled'
    RETURNING owner, url
"""
_TELL_THE_OWNER = """
    INSERT INTO notices.messages (organisation, id, recipient, channel, kind, facts, due_at)
    VALUES (%(organisation)s, %(id)s, %(recipient)s, %(channel)s, 'endpoint_disabled', %(facts)s, clock_timestamp())
"""
CHANNELS = ("email", "inbox")


class Fenced(RuntimeError):
    """Somebody else has claimed the endpoint, or moved its cursor, since: nothing was moved."""


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """A delivery and what came of it."""

    delivery: Delivery
    message: str
    began_at: datetime
    answer: Answer


def note(
    conn: psycopg.Connection[Any],
    claim: Claim,
    sent: Sequence[Sent],
    position: int,
    *,
    cut_off: Sequence[Delivery] = (),
) -> None:
    """Notes a wave, and brings the claim to what is true now. Raises Fenced.

    What we cut off ourselves waits for whoever comes next: it was no attempt, and is held against nobody.
    """
    try:
        with conn.pipeline(), conn.transaction():
            conn.execute(FOR_ORGANISATION, (claim.organisation,))
            failing_for = _move(conn, claim, sent, position)
            for one in sent:
                _note_lane(conn, claim, one, position)
                note_attempt(conn, claim, one)
            for delivery in cut_off:
                _leave(conn, claim, delivery)
            _disable_if_need_be(conn, claim, sent, failing_for)
    except Fenced:
        with conn.transaction():
            for one in sent:
                note_attempt(conn, claim, one)
        raise


def _move(
    conn: psycopg.Connection[Any], claim: Claim, sent: Sequence[Sent], position: int
) -> timedelta | None:
    """Moves the cursor. Returns for how long the endpoint has done nothing but fail. Raises Fenced."""
    failed = [one for one in sent if not is_over(one)]
    delivered = any(one.answer.outcome == "delivered" for one in sent)
    failures = claim.failures if not sent else 0 if delivered else claim.failures + len(failed)
    asked = _of(claim) | {
        "epoch": claim.epoch,
        "position": position,
        "failures": failures,
        "failing_since": claim.failing_since if claim.failures else None,
        "slow": any(one.answer.ms > SLOW_MS for one in sent) or bool(failed) if sent else claim.slow,
        "waits_s": max((_pause_s(one, failures) for one in failed), default=0.0),
    }
    row = conn.execute(_MOVE, asked).fetchone()
    if row is None:
        raise Fenced(f"{claim.endpoint} of {claim.organisation}")
    claim.position, claim.failures, claim.pausing = position, failures, asked["waits_s"] > 0
    claim.slow = asked["slow"]
    claim.state, claim.failing_since, failing_for = row
    return failing_for  # type: ignore[no-any-return]


def _pause_s(one: Sent, failures: int) -> float:
    """How long the whole endpoint is left in peace after a failure; not at all if it was of the one record."""
    if not one.answer.is_of_the_endpoint:
        return 0.0
    return wait_s(max(failures, 1), asked_s=one.answer.retry_after_s)


def _note_lane(conn: psycopg.Connection[Any], claim: Claim, one: Sent, position: int) -> None:
    """A lane goes on behind what is over, and waits in front of what was not taken."""
    of_lane = _of(claim) | {"lane": one.delivery.lane}
    record = one.delivery.record
    if not is_over(one):
        tries = one.delivery.tries + 1
        waits = wait_s(tries, asked_s=one.answer.retry_after_s)
        conn.execute(_WAIT, of_lane | {"position": record.position, "tries": tries, "waits_s": waits})
        return
    if one.delivery.waited:
        following = behind(conn, claim, record, position)
        if following is None:
            conn.execute(_WAIT_NO_MORE, of_lane)
        else:
            conn.execute(_WAIT, of_lane | {"position": following, "tries": 0, "waits_s": 0.0})


def _leave(conn: psycopg.Connection[Any], claim: Claim, delivery: Delivery) -> None:
    """The cursor passes by a record that was not sent: it waits, for no time at all."""
    if not delivery.waited:
        waits = {"lane": delivery.lane, "position": delivery.record.position, "tries": 0, "waits_s": 0.0}
        conn.execute(_WAIT, _of(claim) | waits)


def note_attempt(conn: psycopg.Connection[Any], claim: Claim, one: Sent) -> None:
    """One line of the delivery log."""
    record = one.delivery.record
    line = {"message": one.message, "position": record.position, "type": record.type}
    _insert(conn, claim, line | {"try": one.delivery.tries + 1}, one.began_at, one.answer)


def note_test(
    conn: psycopg.Connection[Any],
    claim: Claim,
    *,
    message: str,
    type_: str,
    began_at: datetime,
    answer: Answer,
) -> None:
    """A test was sent: it is in the delivery log, and is asked for no more."""
    with conn.transaction():
        if conn.execute(_TESTED, _of(claim) | {"message": message}).rowcount:
            line = {"message": message, "position": None, "type": type_, "try": 1}
            _insert(conn, claim, line, began_at, answer)


def _insert(
    conn: psycopg.Connection[Any], claim: Claim, line: dict[str, Any], began_at: datetime, answer: Answer
) -> None:
    answered = {"ms": answer.ms, "outcome": answer.outcome, "status": answer.status, "said": answer.said}
    conn.execute(_ATTEMPT, _of(claim) | line | answered | {"began_at": began_at})


def _disable_if_need_be(
    conn: psycopg.Connection[Any], claim: Claim, sent: Sequence[Sent], failing_for: timedelta | None
) -> None:
    """Nothing more is sent to one that wants nothing, or that has failed for days. Its owner is told."""
    if any(one.answer.outcome == "gone" for one in sent):
        disable(conn, claim, GONE)
    elif failing_for is not None and is_hopeless(failing_for, claim.failures):
        disable(conn, claim, HOPELESS)


def disable(conn: psycopg.Connection[Any], claim: Claim, reason: str) -> None:
    """Disables an endpoint; its cursor stays where it is, and whoever enables it loses nothing."""
    row = conn.execute(_DISABLE, _of(claim) | {"reason": reason}).fetchone()
    if row is None:
        return
    claim.state = "disabled"
    owner, url = row
    for channel in CHANNELS if owner is not None else ():
        message = {"id": secrets.token_hex(16), "recipient": owner, "channel": channel}
        facts = {"endpoint": claim.endpoint, "url": url, "reason": reason, "position": claim.position}
        conn.execute(_TELL_THE_OWNER, {"organisation": claim.organisation, "facts": Jsonb(facts)} | message)


def is_over(one: Sent) -> bool:
    """Taken by the receiver, or given up by those who look after the endpoint."""
    return one.answer.outcome in ("delivered", "given_up")


def _of(claim: Claim) -> dict[str, Any]:
    return {"organisation": claim.organisation, "endpoint": claim.endpoint}
