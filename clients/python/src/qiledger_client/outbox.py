"""An outbox on disk, for when the ledger is away: what is put in it is told sooner or later, once, in order.

    outbox = Outbox("/var/lib/lifeqi/outbox.db")
    outbox.put(ledger.telling(CycleTested(cycle="C-1"), about="project/P-17", at=today, id="P-17-C-1"))
    flushed = outbox.flush(ledger)

`put` returns when the event is on disk. `flush` tells what waits, oldest first, and removes what the ledger has given
a receipt for. A crash between the two leaves the event in the box; telling it again gets the receipt it would have
had. So several processes may put and flush at once: no lock is needed where a repeat does no harm. What the ledger
will never take is set aside with its problem, what it cannot take just now waits, and neither holds anybody up.
"""

import contextlib
import json
import logging
import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from qiledger_client.answers import Outcome, Receipt
from qiledger_client.async_client import AsyncClient
from qiledger_client.client import Client
from qiledger_client.flows import BATCH_EVENTS_MAX, TRY_LATER, Flow, Ledger, in_batches
from qiledger_client.problems import LedgerError, Problem, Unfit, Unreachable
from qiledger_client.telling import Telling

log = logging.getLogger(__name__)

EVENTS_MAX = 100_000
BUSY_S = 30.0

_SCHEMA = """
    CREATE TABLE IF NOT EXISTS waiting (
        place INTEGER PRIMARY KEY AUTOINCREMENT,
        source TEXT NOT NULL,
        id TEXT NOT NULL,
        event BLOB NOT NULL,
        UNIQUE (source, id)
    );
    CREATE TABLE IF NOT EXISTS set_aside (
        place INTEGER PRIMARY KEY,
        event BLOB NOT NULL,
        problem TEXT NOT NULL
    );
"""
_PUT = "INSERT INTO waiting (source, id, event) VALUES (?, ?, ?)"
_PUT_BEFORE = "SELECT event FROM waiting WHERE source = ? AND id = ?"
_NEXT = "SELECT place, event FROM waiting WHERE place > ? ORDER BY place LIMIT ?"
_TOLD = "DELETE FROM waiting WHERE place = ?"
_SET_ASIDE = "INSERT OR REPLACE INTO set_aside (place, event, problem) VALUES (?, ?, ?)"
_ASIDE = "SELECT place, event, problem FROM set_aside ORDER BY place LIMIT 10000"


class OutboxFull(LedgerError):
    """As many events wait as the outbox may hold: the ledger has been away for long, or nobody flushes."""


@dataclass(frozen=True, kw_only=True)
class Flushed:
    """What a flush came to: told now, set aside, still waiting. `away` says why it ended early, if it did."""

    told: int
    set_aside: int
    waiting: int
    away: Unreachable | None = None


@dataclass(frozen=True, kw_only=True)
class SetAside:
    """An event that the ledger will never take as it is, and why."""

    place: int
    event: dict[str, object]
    status: int
    document: dict[str, object]


class Outbox:
    """A file of events that wait to be told (SQLite, every commit on the disk). Safe for threads and processes."""

    def __init__(self, path: str | os.PathLike[str], *, events_max: int = EVENTS_MAX) -> None:
        self._path = Path(path)
        self._events_max = events_max
        with self._open() as db:
            db.execute("PRAGMA journal_mode = WAL")
            db.executescript(_SCHEMA)

    def put(self, telling: Telling) -> None:
        """Keeps an event to be told; returns when it is on disk. The same event put twice waits once.

        Raises OutboxFull; ValueError for another event under the same source and id.
        """
        event = telling.encoded()
        with self._open() as db:
            db.execute("BEGIN IMMEDIATE")
            before = db.execute(_PUT_BEFORE, (telling.source, telling.id)).fetchone()
            if before is not None:
                if before[0] != event:
                    raise ValueError(f"another event waits under the id {telling.id} of {telling.source}")
                return
            if self._count(db) >= self._events_max:
                raise OutboxFull(f"{self._events_max} events wait in {self._path}")
            db.execute(_PUT, (telling.source, telling.id, event))
            db.execute("COMMIT")

    def __len__(self) -> int:
        """How many wait."""
        with self._open() as db:
            return self._count(db)

    def set_aside(self) -> list[SetAside]:
        """What the ledger refused, the oldest first; 10,000 at most."""
        with self._open() as db:
            rows = db.execute(_ASIDE).fetchall()
        return [
            SetAside(place=place, event=json.loads(event), **json.loads(problem))
            for place, event, problem in rows
        ]

    def forget(self, place: int) -> None:
        """Removes what was set aside, once somebody has dealt with it."""
        with self._open() as db:
            db.execute("DELETE FROM set_aside WHERE place = ?", (place,))

    def flush(self, client: Client) -> Flushed:
        """Tells what waits. A ledger that is away ends it early and leaves the rest. Raises Problem for a bad key."""
        return client.run(self._flushing(client.ledger))

    async def aflush(self, client: AsyncClient) -> Flushed:
        """The same over an `AsyncClient`."""
        return await client.run(self._flushing(client.ledger))

    @contextlib.contextmanager
    def flushing(self, client: Client, *, every_s: float = 5.0) -> Iterator[None]:
        """Flushes in a thread every few seconds, and once more at the end. The client is the thread's meanwhile.

        What goes wrong, such as a key that has expired, is said by `logging` and tried again the next time.
        """
        over = threading.Event()

        def flush_on() -> None:
            while not over.wait(every_s):
                self._try_to_flush(client)

        thread = threading.Thread(target=flush_on, name="qiledger outbox", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
            self._try_to_flush(client)

    def _try_to_flush(self, client: Client) -> None:
        try:
            self.flush(client)
        except Exception as trouble:  # a disk that is full for a while must not end the thread
            foreseen = isinstance(trouble, LedgerError)
            log.warning("the outbox %s was not flushed: %s", self._path, trouble, exc_info=not foreseen)

    def _flushing(self, ledger: Ledger) -> Flow[Flushed]:
        told = refused = place = 0
        away: Unreachable | None = None
        while away is None and (waiting := self._next(place)):
            for batch in in_batches([event for _, event in waiting]):
                part, waiting = waiting[: len(batch)], waiting[len(batch) :]
                try:
                    outcomes = yield from _told(ledger, batch)
                except Unreachable as trouble:
                    away = trouble
                    break
                told_now, refused_now = self._note(part, outcomes)
                told, refused = told + told_now, refused + refused_now
                place = part[-1][0]
        return Flushed(told=told, set_aside=refused, waiting=len(self), away=away)

    def _next(self, after: int) -> list[tuple[int, bytes]]:
        with self._open() as db:
            return db.execute(_NEXT, (after, BATCH_EVENTS_MAX)).fetchall()

    def _note(self, part: Sequence[tuple[int, bytes]], outcomes: Sequence[Outcome]) -> tuple[int, int]:
        """Removes what has a receipt, sets aside what was refused: in one commit. A crash before it repeats them.

        How many of each; the others cannot be taken just now, and wait.
        """
        told = refused = 0
        with self._open() as db:
            db.execute("BEGIN IMMEDIATE")
            for (place, event), outcome in zip(part, outcomes, strict=True):
                if isinstance(outcome, Problem) and outcome.status in TRY_LATER:
                    continue
                if isinstance(outcome, Problem):
                    refused += 1
                    db.execute(_SET_ASIDE, (place, event, json.dumps(_document(outcome))))
                else:
                    assert isinstance(outcome, Receipt)
                    told += 1
                db.execute(_TOLD, (place,))
            db.execute("COMMIT")
        return told, refused

    def _count(self, db: sqlite3.Connection) -> int:
        (count,) = db.execute("SELECT count(*) FROM waiting").fetchone()
        return int(count)

    @contextlib.contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """A connection for one step: a forked child, a thread and a crash have nothing to share."""
        db = sqlite3.connect(self._path, timeout=BUSY_S, isolation_level=None)
        try:
            db.execute("PRAGMA synchronous = FULL")
            yield db
        finally:
            db.close()


def _told(ledger: Ledger, batch: Sequence[bytes]) -> Flow[list[Outcome]]:
    """An outcome for each event, also where one of them makes the ledger refuse the whole batch: found by halves."""
    try:
        return (yield from ledger.telling_batch(batch))
    except Unfit as problem:
        if not problem.slug:  # not the ledger's word: something stands between
            raise
        if len(batch) == 1:
            return [problem]
    half = len(batch) // 2
    first = yield from _told(ledger, batch[:half])
    return first + (yield from _told(ledger, batch[half:]))


def _document(problem: Problem) -> dict[str, object]:
    members = {"title": problem.title, "detail": problem.detail, "field": problem.field, "type": problem.slug}
    document = {name: value for name, value in members.items() if value is not None} | problem.facts
    return {"status": problem.status, "document": document}
