"""The journal: what this process refused, and what auditors read, on its way to the logs of operations.

Counted in memory and told every few seconds, one event for each organisation, so that a flood of refusals is a number
and not a flood of records. Nobody waits for it: where the log is away, counts are kept until it is back, and a crash
loses those of some seconds. What must be on record before it happens is told at once, and whoever asked waits (`tell`).
"""

import asyncio
import re
import time
from collections.abc import Iterable

import psycopg
import structlog
from psycopg_pool import PoolTimeout

from events.log.append import Appender, Pool
from events.log.keys import Key
from events.log.operations import ENDING, log_of, submission
from events.log.outcomes import LogBusy, UnknownOrganisation
from events.log.read import opened
from events.operations import LISTED_MAX, Reads, RecordsRead, Refusals, RequestsRefused
from events.vocabulary import Event

EVERY_S = 5.0
KINDS_MAX = (
    1_000  # of different refusals or reads counted for one organisation; what goes beyond is counted together
)
STRANGERS_MAX = 50  # organisations asked for of which nothing is known yet, at once
PERSONS_MAX = 10_000  # remembered for one key and door
PERSONS_LISTED_MAX = 400  # in one event, so that it stays a record of ordinary size

_CODE = re.compile(r"[A-Z0-9]{2,10}")
_ASIDE = (LogBusy, PoolTimeout, psycopg.Error)

log = structlog.get_logger(__name__)


class _Read:
    """What one key read at one door."""

    __slots__ = ("first", "key", "last", "persons", "times")

    def __init__(self, key: Key) -> None:
        self.key = key
        self.times = 0
        self.first: int | None = None
        self.last: int | None = None
        self.persons: set[str] = set()


class _Counts:
    """What is to be told of one organisation."""

    __slots__ = ("other_reads", "other_refusals", "reads", "refusals", "since")

    def __init__(self) -> None:
        self.since = time.monotonic()
        self.refusals: dict[tuple[str, int, str, str | None, str | None], int] = {}
        self.other_refusals = 0
        self.reads: dict[tuple[str, str], _Read] = {}
        self.other_reads = 0


class Journal:
    """Of one process: counts what happens at its doors, and tells it."""

    def __init__(self, appender: Appender, pool: Pool) -> None:
        self._appender = appender
        self._pool = pool
        self._counts: dict[str, _Counts] = {}
        self._known: set[str] = set()

    def knows(self, organisation: str) -> None:
        """An organisation is really there: one of its keys was let in."""
        self._known.add(organisation.removesuffix(ENDING))

    def refused(
        self, organisation: str | None, problem: str, status: int, door: str, key: Key | None
    ) -> None:
        """Counts a refusal. Of an organisation that nobody has heard of, only if not too many such are asked for."""
        counts = self._of(organisation)
        if counts is None:
            return
        kind = (problem, status, door, *((key.client, key.id) if key else (None, None)))
        if kind in counts.refusals or len(counts.refusals) < KINDS_MAX:
            counts.refusals[kind] = counts.refusals.get(kind, 0) + 1
        else:
            counts.other_refusals += 1

    def read(
        self,
        key: Key,
        door: str,
        positions: Iterable[int] = (),
        persons: Iterable[str] = (),
        *,
        times: int = 1,
    ) -> None:
        """Counts a read, with the positions and the persons whose words were shown."""
        counts = self._of(key.organisation)
        if counts is None:
            return
        found = counts.reads.get((key.id, door))
        if found is None:
            if len(counts.reads) >= KINDS_MAX:
                counts.other_reads += 1
                return
            found = counts.reads[key.id, door] = _Read(key)
        found.times += times
        shown = list(positions)
        if shown:
            found.first = min(shown) if found.first is None else min(found.first, *shown)
            found.last = max(shown) if found.last is None else max(found.last, *shown)
        if len(found.persons) < PERSONS_MAX:
            found.persons.update(persons)

    def _of(self, organisation: str | None) -> _Counts | None:
        code = (organisation or "").removesuffix(ENDING)
        if code in self._counts:
            return self._counts[code]
        if code not in self._known:
            strangers = sum(code not in self._known for code in self._counts)
            if not _CODE.fullmatch(code) or strangers >= STRANGERS_MAX:
                return None
        return self._counts.setdefault(code, _Counts())

    async def tell(self, organisation: str, event: Event, *, actor: str) -> None:
        """Tells one event now; it is on record when this returns. Raises LogBusy, UnknownOrganisation."""
        code = organisation.removesuffix(ENDING)
        await self._appender.append(log_of(code), [submission(code, event, actor=actor)])

    async def keep(self) -> None:
        """Tells what was counted every few seconds, for as long as it is let run."""
        while True:
            await asyncio.sleep(EVERY_S)
            await self.tell_counts()

    async def tell_counts(self) -> None:
        """Tells what was counted since the last time. What cannot be told now stays counted."""
        await self._get_to_know_strangers()
        for code in [code for code in self._counts if code in self._known]:
            counts = self._counts.pop(code)
            try:
                told = [submission(code, event, actor="client/qiledger") for event in events_of(counts)]
                await self._appender.append(log_of(code), told)
            except UnknownOrganisation:
                self._known.discard(code)
            except _ASIDE as failure:
                log.warning("operations cannot be told", organisation=code, reason=type(failure).__name__)
                self._counts[code] = merged(counts, self._counts.get(code))

    async def _get_to_know_strangers(self) -> None:
        """Which of the organisations that were asked for are there. What was counted of the others is nobody's.

        Anybody can make names up: so they are asked for all at once, and nothing is appended on a guess.
        """
        strangers = [code for code in self._counts if code not in self._known]
        if not strangers:
            return
        try:
            async with self._pool.connection() as conn:
                there = await opened(conn, [log_of(code) for code in strangers])
        except _ASIDE as failure:
            log.warning("organisations cannot be looked up", reason=type(failure).__name__)
            return
        for code in strangers:
            if log_of(code) in there:
                self._known.add(code)
            elif code not in self._known:  # a key may have been let in meanwhile
                self._counts.pop(code, None)


def merged(older: _Counts, newer: _Counts | None) -> _Counts:
    """Both together, as one that was counted for longer."""
    if newer is None:
        return older
    for kind, times in newer.refusals.items():
        if kind in older.refusals or len(older.refusals) < KINDS_MAX:
            older.refusals[kind] = older.refusals.get(kind, 0) + times
        else:
            older.other_refusals += times
    for name, read in newer.reads.items():
        if (had := older.reads.setdefault(name, read)) is not read:
            had.times += read.times
            ends = [end for end in (had.first, had.last, read.first, read.last) if end is not None]
            had.first, had.last = min(ends, default=None), max(ends, default=None)
            if len(had.persons) < PERSONS_MAX:
                had.persons |= read.persons
    older.other_refusals += newer.other_refusals
    older.other_reads += newer.other_reads
    return older


def events_of(counts: _Counts) -> list[Event]:
    """What was counted, as events: the most frequent by name, the rest as a number."""
    seconds = round(time.monotonic() - counts.since, 1)
    events: list[Event] = []
    if counts.refusals or counts.other_refusals:
        refusals = sorted(counts.refusals.items(), key=lambda one: -one[1])
        listed = tuple(_refusals(*kind, times=times) for kind, times in refusals[:LISTED_MAX])
        others = sum(times for _, times in refusals[LISTED_MAX:]) + counts.other_refusals
        events.append(RequestsRefused(refusals=listed, seconds=seconds, others=others))
    if counts.reads or counts.other_reads:
        reads = sorted(counts.reads.items(), key=lambda one: -one[1].times)
        shown: list[Reads] = []
        left = PERSONS_LISTED_MAX
        for (_, door), read in reads[:LISTED_MAX]:
            shown.append(_reads(door, read, persons_max=left))
            left -= len(shown[-1].persons)
        others = sum(read.times for _, read in reads[LISTED_MAX:]) + counts.other_reads
        events.append(RecordsRead(reads=tuple(shown), seconds=seconds, others=others))
    return events


def _refusals(
    problem: str, status: int, door: str, client: str | None, key: str | None, *, times: int
) -> Refusals:
    return Refusals(problem=problem, status=status, door=door, times=bounded(times), client=client, key=key)


def _reads(door: str, read: _Read, *, persons_max: int) -> Reads:
    persons = sorted(read.persons)
    listed = min(persons_max, LISTED_MAX)
    return Reads(
        client=read.key.client,
        key=read.key.id,
        door=door,
        times=bounded(read.times),
        first=read.first,
        last=read.last,
        persons=tuple(persons[:listed]),
        more_persons=max(0, len(persons) - listed),
    )


def bounded(times: int) -> int:
    """A number as an event can hold it."""
    return max(1, min(times, 100_000))
