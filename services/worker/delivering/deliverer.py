"""One who delivers: takes up what is due, writes the attempt down, sends, and notes what became of it."""

import random
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from datetime import datetime
from enum import Enum, auto
from typing import TypeVar

import msgspec
import psycopg
import structlog

from events.log.read import FOR_ORGANISATION
from events.privacy.custody import NoMasterKey
from services.channels.inbox import Inbox
from services.channels.letter import Letter
from services.channels.outcome import Channel, NotAnswered, Outcome, Sent, TellsLater, TryLater, Unknown
from services.channels.within import OutOfTime, within
from services.channels.wording import CannotBeWorded, Words
from services.worker.delivering import claim as claims
from services.worker.delivering import health
from services.worker.delivering.arrivals import ask_for_arrivals, expect
from services.worker.delivering.claim import LEASE_S, Begun, Claim
from services.worker.delivering.concluding import bury, conclude
from services.worker.delivering.still import (
    NoAddress,
    NoNews,
    NotTold,
    address_of,
    check_is_news,
    facts_of,
    unsubscribing,
)
from services.worker.duty import Connection

PACED_S = 0.05  # a channel that goes as fast as it may is looked at again after this
NOTING_S = 10.0  # of the lease, kept for writing down what became of it
NOTED_WITHIN_S = 30.0  # a database that goes away between sending and noting is waited for
AGAIN_AFTER_S = 0.25

log = structlog.get_logger(__name__)
T = TypeVar("T")


class Step(Enum):
    """What came of looking for a message in one channel."""

    NOTHING_DUE = auto()
    NOT_SO_FAST = auto()
    DONE = auto()


class Prepared(msgspec.Struct, frozen=True):
    """A message that is ready to go: the attempt is written down, and it is known what to say, and where."""

    begun: Begun
    letter: Letter
    to: str
    failures: int  # of the channel, in a row, before this
    since: float  # of `time.monotonic()`: when it was taken up

    @property
    def claim(self) -> Claim:
        return self.begun.claim

    def __repr__(self) -> str:
        return f"Prepared({self.claim.id})"  # it holds an address


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
        self._reconnect = reconnect

    def deliver(self, organisation: str, *, deadline: float) -> bool:
        """Delivers until nothing can go now, or a moment of `time.monotonic()`. Returns whether all is done."""
        channels: dict[str, Channel] = {"inbox": Inbox(self._conn, organisation), **self._channels}
        with self._conn.transaction():
            self._conn.execute(FOR_ORGANISATION, (organisation,))
            claims.come_to_its_senses(self._conn, organisation, now=self._now(self._conn))
        while True:
            steps = set()
            for channel in channels.values():
                if self._stopping() or time.monotonic() >= deadline:
                    return False
                steps.add(self.deliver_one(organisation, channel))
            if Step.DONE not in steps and Step.NOT_SO_FAST not in steps:
                return True
            if Step.DONE not in steps:
                time.sleep(PACED_S)

    def ask_for_arrivals(self, organisation: str, *, deadline: float) -> bool:
        """Asks what became of messages that were taken, where that is due. Returns whether all is done."""
        return ask_for_arrivals(
            self._conn,
            organisation,
            self._channels,
            deadline=deadline,
            now=self._now,
            stopping=self._stopping,
        )

    def deliver_one(self, organisation: str, channel: Channel) -> Step:
        """Sees to the message that is longest due in a channel, up to noting what became of it."""
        prepared = self.take_up(organisation, channel)
        if isinstance(prepared, Step):
            return prepared
        outcome = self.hand_over(prepared, channel)
        self.note(prepared, channel, outcome)
        return Step.DONE

    def take_up(self, organisation: str, channel: Channel) -> Prepared | Step:
        """Takes up the next message and writes the attempt down, in one transaction; or ends it if it is not to go."""
        since, conn = time.monotonic(), self._conn
        with conn.transaction():
            conn.execute(FOR_ORGANISATION, (organisation,))
            now = self._now(conn)
            how = health.health(conn, organisation, channel.name, per_minute=channel.per_minute, now=now)
            if how.rests:
                return Step.NOTHING_DUE
            if how.too_fast:
                waits = claims.is_due(conn, organisation, channel.name, now=now)
                return Step.NOT_SO_FAST if waits else Step.NOTHING_DUE
            claim = claims.take(conn, organisation, channel.name, now=now)
            if claim is None:
                return Step.NOTHING_DUE
            said = self._said_and_where(claim, how.failures, now)
            if said is None:
                return Step.DONE
            health.count(conn, organisation, channel.name, per_minute=channel.per_minute, now=now)
            return Prepared(claims.begin(conn, claim, now=now), *said, how.failures, since)

    def hand_over(self, prepared: Prepared, channel: Channel) -> Outcome:
        """Hands the letter to the channel, outside any transaction. What became of the last attempt is asked first."""
        try:
            if prepared.begun.in_doubt:
                taken = self._bounded(channel, lambda: channel.heard_of(prepared.claim.id))
                if taken is not None:
                    return taken
            if time.monotonic() - prepared.since > LEASE_S - channel.patience_s - NOTING_S:
                return TryLater("so long after it was taken up, somebody else may be at it")
            return self._bounded(channel, lambda: channel.send(prepared.letter, prepared.to))
        except NotAnswered as silent:
            return Unknown(str(silent))
        except OutOfTime:
            channel.drop()
            return Unknown("no answer in time")
        except psycopg.Error:
            raise
        except Exception as failure:
            log.exception("a channel failed", channel=channel.name, message=prepared.claim.id)
            return Unknown(f"the channel failed: {type(failure).__name__}")

    def note(self, prepared: Prepared, channel: Channel, outcome: Outcome) -> None:
        """Notes what became of an attempt, in one transaction; over another connection if this one is lost."""
        try:
            self._note(self._conn, prepared, channel, outcome)
        except psycopg.OperationalError:
            if self._reconnect is not None:
                self._note_elsewhere(prepared, channel, outcome)
            raise

    def _note_elsewhere(self, prepared: Prepared, channel: Channel, outcome: Outcome) -> None:
        until = time.monotonic() + NOTED_WITHIN_S
        assert self._reconnect is not None, "asked before"
        while True:
            try:
                with self._reconnect() as conn:
                    self._note(conn, prepared, channel, outcome)
                    return
            except psycopg.OperationalError:
                if time.monotonic() > until:
                    log.warning("what became of a message could not be noted", message=prepared.claim.id)
                    raise
                time.sleep(AGAIN_AFTER_S)

    def _note(self, conn: Connection, prepared: Prepared, channel: Channel, outcome: Outcome) -> None:
        with conn.transaction():
            conn.execute(FOR_ORGANISATION, (prepared.claim.organisation,))
            now = self._now(conn)
            claims.end_attempt(conn, prepared.begun, outcome, now=now)
            claim, failures = prepared.claim, prepared.failures
            settles = channel.settles_after if isinstance(outcome, Unknown) else None
            if not conclude(
                conn, claim, outcome, failures=failures, now=now, chance=self._chance(), settles=settles
            ):
                log.warning("a message was taken over meanwhile", message=prepared.claim.id)
            elif isinstance(outcome, Sent) and isinstance(channel, TellsLater):
                expect(conn, claim, outcome.reference, now=now)

    def _said_and_where(self, claim: Claim, failures: int, now: datetime) -> tuple[Letter, str] | None:
        """The letter and the address; None if it does not go, which is noted."""
        conn = self._conn
        try:
            facts = facts_of(conn, claim, now=now)
            check_is_news(conn, claim, now=now)
            to = address_of(conn, claim)
            stops = unsubscribing(conn, claim, facts, ours=self._words.ours)
            letter = self._words.letter(claim.kind, facts, id=claim.id, at=now, unsubscribe=stops)
        except NotTold as why:
            claims.end(conn, claim, "withdrawn", str(why), now=now, tries=claim.tries)
        except NoMasterKey as why:
            nobody_can = TryLater(str(why), everybody=True)
            conclude(conn, claim, nobody_can, failures=failures, now=now, chance=self._chance())
        except (NoAddress, NoNews, CannotBeWorded) as why:
            bury(conn, claim, str(why), now=now)
        except psycopg.Error:
            raise
        except Exception as failure:  # one message that nobody foresaw must not hold up the others
            log.exception("a message cannot be prepared", message=claim.id)
            bury(conn, claim, f"cannot be prepared: {type(failure).__name__}", now=now)
        else:
            return letter, to
        return None

    def _bounded(self, channel: Channel, call: Callable[[], T]) -> T:
        if not channel.patience_s:
            return call()
        return within(channel.patience_s, call, stopping=self._stopping)

    def _now(self, conn: Connection) -> datetime:
        if self._moment is not None:
            return self._moment()
        row = conn.execute("SELECT clock_timestamp()").fetchone()
        assert row is not None, "SELECT gives a row"
        moment: datetime = row[0]
        return moment
