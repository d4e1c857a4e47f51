"""One who delivers: takes up a few that are due; for each writes the attempt down, sends, and notes what became of it.

What became of one message is noted in the transaction that writes down the attempt at the next: one commit a message,
and never more than one message at a time of which nobody knows whether it went.
"""

import contextlib
import random
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from enum import Enum, auto
from typing import TypeVar

import psycopg
import structlog

from events.log.read import FOR_ORGANISATION
from services.channels.outcome import Channel, NotAnswered, Outcome, Refused, TryLater, Unknown
from services.channels.within import OutOfTime, Runner
from services.channels.wording import Words
from services.worker.delivering import claim as claims
from services.worker.delivering import health
from services.worker.delivering.arrivals import ask_for_arrivals
from services.worker.delivering.claim import LEASE_S, Begun, Claim, Cursor
from services.worker.delivering.concluding import bury, conclude, lets_rest
from services.worker.delivering.noting import Attempted, Notes, see_whether_ours
from services.worker.delivering.preparing import (
    Batch,
    NobodyCan,
    NotGoing,
    NotYet,
    Prepared,
    Ready,
    prepared,
)
from services.worker.delivering.still import known_of
from services.worker.duty import Connection

BATCH_MAX = 25  # messages that are taken up at once
FRESH_S = 5.0  # so long counts what was read of a message when it was taken up
PACED_S = 0.05  # a channel that goes as fast as it may is looked at again after this
NOTING_S = 10.0  # of the lease, kept for writing down what became of it

EPOCH = datetime.fromtimestamp(0, UTC)

log = structlog.get_logger(__name__)
T = TypeVar("T")


class Step(Enum):
    """What came of looking for messages in one channel."""

    NOTHING_DUE = auto()
    NOT_SO_FAST = auto()
    DONE = auto()


class Deliverer:
    """Delivers over one connection that commits each statement unless told otherwise.

    `now` gives the moment, by default the database's; `chance` random numbers from 0 to 1; `reconnect` another
    connection, to note what became of a message when the first one is lost.
    """

    def __init__(
        self,
        conn: Connection,
        channels: Mapping[str, Channel],
        words: Words,
        *,
        now: Callable[[], datetime] | None = None,
        chance: Callable[[], float] = random.random,
        stopping: Callable[[], bool] = lambda: False,
        reconnect: Callable[[], AbstractContextManager[Connection]] | None = None,
    ) -> None:
        self._conn = conn
        self._channels = channels
        self._words = words
        self._moment = now
        self._chance = chance
        self._stopping = stopping
        self.notes = Notes(conn, now=self._now, chance=chance, reconnect=reconnect)
        self._runner = Runner()
        self._clock = (EPOCH, 0.0)  # of the database, and of this machine when it was asked
        self._at_once: dict[str, int] = {}  # how many of a channel are taken up at once

    def come_to_its_senses(self, organisation: str) -> None:
        """Lets messages go that wait for a moment which only a wrong clock can have set."""
        with self._conn.transaction():
            self._conn.execute(FOR_ORGANISATION, (organisation,))
            self._set_clock()
            claims.come_to_its_senses(self._conn, organisation, now=self._now())

    def ask_for_arrivals(self, organisation: str, *, deadline: float) -> bool:
        """Asks what became of messages that were taken, where that is due. Returns whether all is done."""
        return ask_for_arrivals(
            self._conn,
            organisation,
            self._channels,
            deadline=deadline,
            now=self._now_of,
            stopping=self._stopping,
        )

    def deliver_some(self, organisation: str, channel: Channel, *, deadline: float) -> Step:
        """Sees to the few messages that are longest due in a channel, up to noting what became of them."""
        batch = self.take_up(organisation, channel)
        if isinstance(batch, Step):
            return batch
        left = deque(batch.claims)
        last: Attempted | None = None
        try:
            while left and not self._is_over(deadline) and not (last and lets_rest(last.outcome)):
                if len(left) < len(batch.claims) and time.monotonic() - batch.since > FRESH_S:
                    break  # but not before one went: a slow database is to be got through as well
                ready = prepared(left[0], batch.known, self._words, now=self._now())
                made, last = last, None
                begun = self.turn(batch, channel, made, ready)
                left.popleft()
                if isinstance(ready, NobodyCan):
                    break
                if isinstance(ready, Ready) and begun is not None:
                    last = self._attempt(batch, channel, ready, begun)
        finally:
            self._leave(batch, channel, last, left)
        return Step.DONE

    def take_up(self, organisation: str, channel: Channel) -> Batch | Step:
        """Takes up the next few messages, and reads what there is to know of them, in one transaction."""
        since, conn, name = time.monotonic(), self._conn, channel.name
        with conn.transaction():
            conn.execute(FOR_ORGANISATION, (organisation,))
            now = self._set_clock()
            how = health.health(conn, organisation, name, per_minute=channel.per_minute, now=now)
            if how.rests:
                return Step.NOTHING_DUE
            if not how.allows:
                waits = claims.is_due(conn, organisation, name, now=now)
                return Step.NOT_SO_FAST if waits else Step.NOTHING_DUE
            limit = min(how.allows, self._at_once.get(name, BATCH_MAX))
            taken = claims.take(conn, organisation, name, now=now, limit=limit)
            if not taken:
                return Step.NOTHING_DUE
            known = known_of(conn, organisation, taken, now=now)
            health.count(
                conn, organisation, name, per_minute=channel.per_minute, now=now, messages=len(taken)
            )
        return Batch(organisation=organisation, claims=taken, known=known, failures=how.failures, since=since)

    def turn(self, batch: Batch, channel: Channel, last: Attempted | None, ready: Prepared) -> Begun | None:
        """Notes what became of the last message and writes down the attempt at the next, in one transaction.

        None if it does not go: then that is noted, or somebody else's to say.
        """
        since, conn = time.monotonic(), self._conn
        try:
            with conn.pipeline(), conn.transaction():
                conn.execute(FOR_ORGANISATION, (batch.organisation,))
                noted = None if last is None else self.notes.write(conn, channel, last)
                begun = self._begin(conn, batch, ready)
        except BaseException:
            if last is not None:
                self.notes.note(channel, last)
            raise
        if last is not None and noted is not None:
            see_whether_ours(noted, last)
        row = begun.fetchone() if isinstance(ready, Ready) else None
        return None if row is None else Begun(ready.claim, row[0], since, batch.known.at)

    def hand_over(self, ready: Ready, begun: Begun, channel: Channel) -> Outcome:
        """Hands the letter to the channel, outside any transaction. What became of the last attempt is asked first."""
        try:
            if ready.in_doubt:
                taken = self._bounded(channel, lambda: channel.heard_of(ready.claim.id))
                if taken is not None:
                    return taken
            if time.monotonic() - begun.since > LEASE_S - channel.patience_s - NOTING_S:
                return TryLater("so long after it was taken up, somebody else may be at it")
            return self._bounded(channel, lambda: channel.send(ready.letter, ready.to))
        except NotAnswered as silent:
            return Unknown(str(silent))
        except OutOfTime:
            channel.drop()
            return Unknown("no answer in time")
        except psycopg.Error:
            raise
        except Exception as failure:
            log.exception("a channel failed", channel=channel.name, message=ready.claim.id)
            return Unknown(f"the channel failed: {type(failure).__name__}")

    def _begin(self, conn: Connection, batch: Batch, ready: Prepared) -> Cursor:
        """Writes the attempt down; or ends the message if it is not to go, or puts it off."""
        claim, now = ready.claim, self._now()
        match ready:
            case Ready():
                return claims.begin(conn, claim, now=now)
            case NotGoing(state="dead", reason=reason):
                return bury(conn, claim, reason, now=now)
            case NotGoing(state=state, reason=reason):
                return claims.end(conn, claim, state, reason, now=now, tries=claim.tries)
            case NotYet(until=until):
                return claims.again(conn, claim, try_at=until, tries=claim.tries)
            case NobodyCan(reason=reason):
                nobody_can = TryLater(reason, everybody=True)
                return conclude(
                    conn, claim, nobody_can, failures=batch.failures, now=now, chance=self._chance()
                )

    def _attempt(self, batch: Batch, channel: Channel, ready: Ready, begun: Begun) -> Attempted:
        outcome = self.hand_over(ready, begun, channel)
        before, batch.failures = batch.failures, 0
        if isinstance(outcome, Refused) and outcome.bad_address:
            batch.known = batch.known.without_address(ready.claim.recipient, outcome.reason)
        return Attempted(begun, outcome, before)

    def _leave(self, batch: Batch, channel: Channel, last: Attempted | None, left: deque[Claim]) -> None:
        """Notes what became of the last one, and leaves what was not come to to whoever comes next."""
        done = len(batch.claims) - len(left)
        most = done if left else max(done, self._at_once.get(channel.name, BATCH_MAX)) * 2
        self._at_once[channel.name] = min(max(most, 1), BATCH_MAX)
        try:
            if last is not None:
                self.notes.note(channel, last)
        finally:
            if left:
                with (
                    contextlib.suppress(psycopg.Error),
                    self._conn.transaction(),
                ):  # their leases end by themselves
                    self._conn.execute(FOR_ORGANISATION, (batch.organisation,))
                    claims.give_back(self._conn, batch.organisation, left)

    def _bounded(self, channel: Channel, call: Callable[[], T]) -> T:
        if not channel.patience_s:
            return call()
        return self._runner.within(channel.patience_s, call, stopping=self._stopping)

    def _is_over(self, deadline: float) -> bool:
        return self._stopping() or time.monotonic() >= deadline

    def _set_clock(self) -> datetime:
        """Asks the database for the time, from which on it is counted here."""
        if self._moment is None:
            self._clock = (_now_by(self._conn), time.monotonic())
        return self._now()

    def _now(self) -> datetime:
        if self._moment is not None:
            return self._moment()
        asked, since = self._clock
        return asked + timedelta(seconds=time.monotonic() - since)

    def _now_of(self, conn: Connection) -> datetime:
        return _now_by(conn) if self._moment is None else self._moment()


def _now_by(conn: Connection) -> datetime:
    row = conn.execute("SELECT clock_timestamp()").fetchone()
    assert row is not None, "SELECT gives a row"
    moment: datetime = row[0]
    return moment
