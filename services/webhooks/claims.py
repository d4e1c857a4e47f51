"""Who sends to an endpoint: one at a time, by a lease that ends with its holder, and a fencing token.

Every sender holds an advisory lock of its own as long as it lives. So a claim of one that was killed is free at once,
and a claim of one that hangs is free when its lease is over. Neither is what keeps promises: that is the epoch, which
every note of an attempt compares in its transaction.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
import psycopg

LOCK_ROOM = 0x71_77_68  # of the senders' advisory locks, as webhooks.is_held knows it
LEASE_S = 60  # likewise; longer than one wave may take
WAITING_MAX = 100  # streams of one endpoint that may wait while others go on

_DUE = """
    SELECT c.organisation, c.endpoint, c.slow
      FROM webhooks.cursors AS c
      JOIN webhooks.endpoints AS e ON e.organisation = c.organisation AND e.id = c.endpoint
      JOIN log.heads AS h ON h.organisation = c.organisation
     WHERE NOT webhooks.is_held(c.holder, c.claimed_at)
       AND (EXISTS (SELECT FROM webhooks.tests AS t WHERE t.organisation = c.organisation AND t.endpoint = c.endpoint)
            OR (e.state = 'enabled' AND NOT webhooks.lasts(c.tried_at, c.waits)
                AND (EXISTS (SELECT FROM webhooks.waiting AS w
                              WHERE w.organisation = c.organisation AND w.endpoint = c.endpoint
                                AND (w.given_up OR NOT webhooks.lasts(w.tried_at, w.waits)))
                     OR (c.position < h.position
                         AND (SELECT count(*) FROM webhooks.waiting AS w
                               WHERE w.organisation = c.organisation AND w.endpoint = c.endpoint)
                             < CASE e.ordering WHEN 'strict' THEN 1 ELSE %(waiting_max)s END))))
     ORDER BY c.served_at NULLS FIRST, c.organisation, c.endpoint
     LIMIT %(limit)s
"""
_CLAIM = """
    UPDATE webhooks.cursors AS c
       SET epoch = c.epoch + 1, holder = %(holder)s, claimed_at = clock_timestamp(), served_at = clock_timestamp()
     WHERE c.organisation = %(organisation)s AND c.endpoint = %(endpoint)s
       AND NOT webhooks.is_held(c.holder, c.claimed_at)
    RETURNING c.organisation, c.endpoint, c.epoch, c.position, c.failures, c.failing_since,
              webhooks.lasts(c.tried_at, c.waits)
"""
# A statement of its own: a claim that had to wait for somebody's change would join the row as it was before that.
_WANTS = """
    SELECT e.url, e.types, e.ordering, e.state
      FROM webhooks.endpoints AS e
     WHERE e.organisation = %(organisation)s AND e.id = %(endpoint)s
"""
_RELEASE = """
    UPDATE webhooks.cursors
       SET holder = NULL
     WHERE organisation = %(organisation)s AND endpoint = %(endpoint)s AND epoch = %(epoch)s
"""
_ANNOUNCE = "SELECT pg_advisory_lock(%s, %s)"


class Due(msgspec.Struct, frozen=True):
    """An endpoint to which something could be sent now."""

    organisation: str
    endpoint: str
    slow: bool


class Claim(msgspec.Struct, kw_only=True):
    """The right to send to an endpoint, and what was known of it when it was claimed."""

    organisation: str
    endpoint: str
    epoch: int
    position: int
    failures: int
    failing_since: datetime | None
    pausing: bool  # nobody answered lately: nothing but tests is sent for now
    url: str
    types: tuple[str, ...]
    ordering: str
    state: str
    slow: bool = False  # whether it took long to answer, or failed, the last time

    @property
    def is_strict(self) -> bool:
        return self.ordering == "strict"

    @property
    def waiting_max(self) -> int:
        return 1 if self.is_strict else WAITING_MAX


def announce(conn: psycopg.Connection[Any], holder: int) -> None:
    """Says that a sender lives, for as long as this connection does."""
    conn.execute(_ANNOUNCE, (LOCK_ROOM, holder))


def due(conn: psycopg.Connection[Any], *, limit: int) -> list[Due]:
    """The endpoints to which something could be sent and nobody does, those first that were served longest ago."""
    asked = {"waiting_max": WAITING_MAX, "limit": limit}
    return [Due(*row) for row in conn.execute(_DUE, asked)]


def claim(conn: psycopg.Connection[Any], of: Due, holder: int) -> Claim | None:
    """The claim; None if somebody else has it. Whoever held it before can note nothing more."""
    asked = {"organisation": of.organisation, "endpoint": of.endpoint, "holder": holder}
    claimed = conn.execute(_CLAIM, asked).fetchone()
    wants = None if claimed is None else conn.execute(_WANTS, asked).fetchone()
    if claimed is None or wants is None:
        return None
    names: Sequence[str] = Claim.__struct_fields__
    found: dict[str, Any] = dict(zip(names, (*claimed, *wants, of.slow), strict=True))
    return Claim(**found | {"types": tuple(found["types"])})


def release(conn: psycopg.Connection[Any], held: Claim) -> None:
    """Gives a claim back, if it is still ours."""
    conn.execute(
        _RELEASE, {"organisation": held.organisation, "endpoint": held.endpoint, "epoch": held.epoch}
    )
