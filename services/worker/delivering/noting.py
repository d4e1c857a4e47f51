"""Noting what became of an attempt: with the beginning of the next, alone, or over another connection."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime

import msgspec
import psycopg
import structlog

from events.log.read import FOR_ORGANISATION
from services.channels.outcome import Channel, Outcome, Refused, Sent, TellsLater, Unknown
from services.worker.delivering import claim as claims
from services.worker.delivering.arrivals import expect
from services.worker.delivering.bad_addresses import mark
from services.worker.delivering.claim import Begun, Cursor
from services.worker.delivering.concluding import conclude
from services.worker.duty import Connection

NOTED_WITHIN_S = 30.0  # a database that goes away between sending and noting is waited for
AGAIN_AFTER_S = 0.25

log = structlog.get_logger(__name__)


class Attempted(msgspec.Struct, frozen=True):
    """An attempt that was made. What became of it is not on record yet."""

    begun: Begun
    outcome: Outcome
    failures: int  # of the channel, in a row, before this


class Notes:
    """Written over one connection; over another, which `reconnect` gives, when that one is lost."""

    def __init__(
        self,
        conn: Connection,
        *,
        now: Callable[[], datetime],
        chance: Callable[[], float],
        reconnect: Callable[[], AbstractContextManager[Connection]] | None,
    ) -> None:
        self._conn = conn
        self._now = now
        self._chance = chance
        self._reconnect = reconnect

    def note(self, channel: Channel, last: Attempted) -> None:
        """Notes what became of an attempt, in a transaction of its own."""
        try:
            self._note(self._conn, channel, last)
        except psycopg.OperationalError:
            if self._reconnect is None:
                raise
            self._note_elsewhere(self._reconnect, channel, last)

    def write(self, conn: Connection, channel: Channel, last: Attempted) -> Cursor:
        """The same in the caller's transaction. No row is changed if it is no longer ours to say."""
        now, claim = self._now(), last.begun.claim
        claims.end_attempt(conn, last.begun, last.outcome, now=now)
        settles = channel.settles_after if isinstance(last.outcome, Unknown) else None
        noted = conclude(
            conn,
            claim,
            last.outcome,
            failures=last.failures,
            now=now,
            chance=self._chance(),
            settles=settles,
        )
        if isinstance(last.outcome, Sent) and isinstance(channel, TellsLater):
            expect(conn, claim, last.outcome.reference, used_at=last.begun.used_at)
        if isinstance(last.outcome, Refused) and last.outcome.bad_address:
            used_at, said = last.begun.used_at, last.outcome.reason
            mark(conn, claim.organisation, claim.recipient, used_at=used_at, message=claim.id, said=said)
        return noted

    def _note(self, conn: Connection, channel: Channel, last: Attempted) -> None:
        with conn.pipeline(), conn.transaction():
            conn.execute(FOR_ORGANISATION, (last.begun.claim.organisation,))
            noted = self.write(conn, channel, last)
        see_whether_ours(noted, last)

    def _note_elsewhere(
        self, reconnect: Callable[[], AbstractContextManager[Connection]], channel: Channel, last: Attempted
    ) -> None:
        until = time.monotonic() + NOTED_WITHIN_S
        while True:
            try:
                with reconnect() as conn:
                    self._note(conn, channel, last)
                    return
            except psycopg.OperationalError:
                if time.monotonic() > until:
                    log.warning("what became of a message could not be noted", message=last.begun.claim.id)
                    raise
                time.sleep(AGAIN_AFTER_S)


def see_whether_ours(noted: Cursor, last: Attempted) -> None:
    """Logs that somebody else held the message by then: the attempt is on record, the message is theirs."""
    if noted.rowcount != 1:
        log.warning("a message was taken over meanwhile", message=last.begun.claim.id)
