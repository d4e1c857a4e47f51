"""The file behind an outbox: what waits, and what was set aside (SQLite, every commit on the disk).

It may hold people's words until they are told, so that nobody but its owner may read a file that is made here.
"""

import contextlib
import json
import logging
import os
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from qiledger_client.answers import Outcome
from qiledger_client.flows import BATCH_EVENTS_MAX, TRY_LATER
from qiledger_client.problems import LedgerError, NotAllowed, Problem
from qiledger_client.telling import Telling

log = logging.getLogger("qiledger_client.outbox")

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
_PUT = "INSERT INTO waiting (place, source, id, event) VALUES (?, ?, ?, ?)"
_PUT_BEFORE = "SELECT event FROM waiting WHERE source = ? AND id = ?"
_NEXT = "SELECT place, event FROM waiting WHERE place > ? ORDER BY place LIMIT ?"
_NO_MORE = "DELETE FROM waiting WHERE place = ?"
_SET_ASIDE = "INSERT OR REPLACE INTO set_aside (place, event, problem) VALUES (?, ?, ?)"
_WAITING = "SELECT place, event FROM waiting ORDER BY place LIMIT 10000"
_ASIDE = "SELECT place, event, problem FROM set_aside ORDER BY place LIMIT 10000"
_ASIDE_AT = "SELECT event FROM set_aside WHERE place = ?"
_FORGET = "DELETE FROM set_aside WHERE place = ?"


class OutboxFull(LedgerError):
    """As many events wait as the outbox may hold: the ledger has been away for long, or nobody flushes."""


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """An event that waits to be told."""

    place: int
    event: dict[str, object]


@dataclass(frozen=True, kw_only=True)
class SetAside:
    """An event that the ledger will never take as it is, and why."""

    place: int
    event: dict[str, object]
    status: int
    document: dict[str, object]


class Box:
    """A file of events that wait. Safe for threads and processes."""

    def __init__(self, path: str | os.PathLike[str], *, events_max: int = EVENTS_MAX) -> None:
        self._path = Path(path)
        self._events_max = events_max
        os.close(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600))
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
            self._let_wait(db, telling.source, telling.id, event)
            db.execute("COMMIT")

    def _let_wait(
        self, db: sqlite3.Connection, source: str, id_: str, event: bytes, *, place: int | None = None
    ) -> None:
        before = db.execute(_PUT_BEFORE, (source, id_)).fetchone()
        if before is not None:
            if before[0] != event:
                raise ValueError(f"another event waits under the id {id_} of {source}")
            return
        if self._count(db) >= self._events_max:
            raise OutboxFull(f"{self._events_max} events wait in {self._path}")
        db.execute(_PUT, (place, source, id_, event))

    def __len__(self) -> int:
        """How many wait."""
        with self._open() as db:
            return self._count(db)

    def waiting(self) -> list[Waiting]:
        """What waits, the oldest first; 10,000 at most."""
        with self._open() as db:
            rows = db.execute(_WAITING).fetchall()
        return [Waiting(place=place, event=json.loads(event)) for place, event in rows]

    def withdraw(self, place: int) -> None:
        """Removes what waits, so that it is not told: unless it was, or is on its way just now."""
        with self._open() as db:
            db.execute(_NO_MORE, (place,))

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
            db.execute(_FORGET, (place,))

    def put_back(self, place: int) -> None:
        """Lets what was set aside wait again, as it was and where it was: what the ledger had against it is mended.

        Raises KeyError where nothing is set aside, ValueError where another event waits under its source and id by now,
        OutboxFull; then it stays aside.
        """
        with self._open() as db:
            db.execute("BEGIN IMMEDIATE")
            found = db.execute(_ASIDE_AT, (place,)).fetchone()
            if found is None:
                raise KeyError(place)
            told = json.loads(found[0])
            self._let_wait(db, told["source"], told["id"], found[0], place=place)
            db.execute(_FORGET, (place,))
            db.execute("COMMIT")

    def _next(self, after: int) -> list[tuple[int, bytes]]:
        with self._open() as db:
            return db.execute(_NEXT, (after, BATCH_EVENTS_MAX)).fetchall()

    def _note(self, part: Sequence[tuple[int, bytes]], outcomes: Sequence[Outcome]) -> tuple[int, int]:
        """Removes what has a receipt, sets aside what was refused: in one commit. A crash before it repeats them.

        How many of each; the others cannot be taken just now, or not by this key, and wait.
        """
        told = 0
        refused: list[tuple[bytes, Problem]] = []
        with self._open() as db:
            db.execute("BEGIN IMMEDIATE")
            for (place, event), outcome in zip(part, outcomes, strict=True):
                if waits(outcome) or not db.execute(_NO_MORE, (place,)).rowcount:
                    continue  # or somebody who flushed at the same time has noted it
                if isinstance(outcome, Problem):
                    refused.append((event, outcome))
                    db.execute(_SET_ASIDE, (place, event, json.dumps(_document(outcome))))
                else:
                    told += 1
            db.execute("COMMIT")
        if refused:
            self._say_aside(*refused[0], len(refused))
        return told, len(refused)

    def _say_aside(self, event: bytes, problem: Problem, number: int) -> None:
        """Names the event and what is wrong with it, and repeats nothing of what it says."""
        log.warning(
            "the outbox %s set %d aside that the ledger does not take, first %s: %s%s %s",
            self._path,
            number,
            json.loads(event)["id"],
            problem.title,
            f" Field: {problem.field}." if problem.field else "",
            problem.link or "",
        )

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


def waits(outcome: Outcome) -> bool:
    """Whether the same event may yet be taken: later, by another key, or if it was not the ledger that refused it."""
    if not isinstance(outcome, Problem):
        return False
    return isinstance(outcome, NotAllowed) or outcome.status in TRY_LATER or not outcome.slug


def _document(problem: Problem) -> dict[str, object]:
    members = {"title": problem.title, "detail": problem.detail, "field": problem.field, "type": problem.slug}
    document = {name: value for name, value in members.items() if value is not None} | problem.facts
    return {"status": problem.status, "document": document}
