"""The appender: many callers, one commit.

While one batch is on its way to the database, the requests that come in gather into the next. So one head lock,
one round trip and one fsync serve as many events as happen to wait, and a lone event waits for nobody. An outcome
is handed to its caller only after the commit that makes it true; a crash before that leaves the caller without an
answer, and telling the same event again gets the receipt it would have had.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Any, TypeAlias

import msgspec
import psycopg
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from events.log.outcomes import Conflict, HeldBack, LogBusy, Outcome, UnknownOrganisation, WrongVersion
from events.log.record import Receipt, Submission

Pool: TypeAlias = AsyncConnectionPool[psycopg.AsyncConnection[TupleRow]]

EVENTS_MAX = 1_000  # in one call of log.append
BYTES_MAX = 4 * 1024 * 1024  # of event bodies in one call
WAITING_MAX = 20_000  # events gathered for one organisation before callers are told that the log is busy
IN_FLIGHT_MAX = 2  # calls for one organisation: while one holds the head lock, the next is parsed

_APPEND = "SELECT item, outcome, position, version, recorded_at, leaf FROM log.append(%s, %s::jsonb)"
_encode = msgspec.json.Encoder().encode


class _Bundled(Submission, frozen=True, kw_only=True, gc=False):
    """An event that stands or falls with the others of its request."""

    bundle: int
    whole: bool


class _Request:
    """What one caller asked for, and where its answer goes."""

    __slots__ = ("answer", "size", "submissions", "whole")

    def __init__(self, submissions: Sequence[Submission], whole: bool) -> None:
        self.submissions = submissions
        self.whole = whole
        self.size = sum([len(submission.body) for submission in submissions])
        self.answer: asyncio.Future[list[Outcome]] = asyncio.get_running_loop().create_future()


class _Gathering:
    """The requests to one organisation that wait for the next batch."""

    __slots__ = ("events", "in_flight", "waiting")

    def __init__(self) -> None:
        self.waiting: deque[_Request] = deque()
        self.events = 0  # that wait
        self.in_flight = 0  # calls that are, or are about to be

    def batch(self) -> list[_Request]:
        """Takes the next batch: in order of arrival, bounded in events and bytes, at least one request."""
        taken = [self.waiting.popleft()]
        events, size = len(taken[0].submissions), taken[0].size
        while self.waiting:
            request = self.waiting[0]
            events += len(request.submissions)
            size += request.size
            if events > EVENTS_MAX or size > BYTES_MAX:
                break
            taken.append(self.waiting.popleft())
        self.events -= sum([len(request.submissions) for request in taken])
        return taken


class Appender:
    """Appends to the logs of any number of organisations, over a pool whose role may execute `log.append`."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._gatherings: dict[str, _Gathering] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def append(
        self, organisation: str, submissions: Sequence[Submission], *, all_or_nothing: bool = False
    ) -> list[Outcome]:
        """Keeps the events, and answers for each in the order given, once that is durable.

        Raises UnknownOrganisation, or LogBusy when the log is behind, locked or away: then nothing was
        acknowledged and telling the same events again is safe.
        """
        if not submissions:
            return []
        gathering = self._gatherings.setdefault(organisation, _Gathering())
        if gathering.events + len(submissions) > WAITING_MAX:
            raise LogBusy(f"{gathering.events} events are waiting for the log of {organisation}")
        request = _Request(submissions, all_or_nothing)
        gathering.waiting.append(request)
        gathering.events += len(submissions)
        if gathering.in_flight < IN_FLIGHT_MAX:
            self._start(organisation, gathering)
        return await request.answer

    async def close(self) -> None:
        """Waits until every request taken so far is answered."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    def _start(self, organisation: str, gathering: _Gathering) -> None:
        gathering.in_flight += 1
        task = asyncio.get_running_loop().create_task(self._drain(organisation, gathering))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _drain(self, organisation: str, gathering: _Gathering) -> None:
        """Sends batch after batch until nothing waits. Not cancelled with any caller: others share its batches."""
        try:
            while gathering.waiting:
                await self._send(organisation, gathering.batch())
        finally:
            gathering.in_flight -= 1

    async def _send(self, organisation: str, requests: list[_Request]) -> None:
        """Whatever happens, every caller is answered."""
        try:
            _hand_out(await self._call(organisation, requests), requests)
        except Exception as failure:
            for request in requests:
                if not request.answer.done():
                    request.answer.set_exception(_in_our_words(failure, organisation))

    async def _call(self, organisation: str, requests: list[_Request]) -> list[TupleRow]:
        batch = _encode(_items(requests)).decode()
        async with self._pool.connection() as conn:
            # The call is its own transaction: no round trips for BEGIN and COMMIT.
            if not conn.autocommit:
                await conn.set_autocommit(True)
            cursor = await conn.execute(_APPEND, (organisation, batch), prepare=True, binary=True)
            return await cursor.fetchall()


def _items(requests: list[_Request]) -> list[Submission]:
    """The batch in the words of `log.append`, which reads members by the names they have here."""
    items: list[Submission] = []
    for bundle, request in enumerate(requests):
        if request.whole:
            items += [
                _Bundled(**msgspec.structs.asdict(s), bundle=bundle, whole=True) for s in request.submissions
            ]
        else:
            items += request.submissions
    return items


def _hand_out(rows: list[TupleRow], requests: list[_Request]) -> None:
    """Gives each caller the outcomes of its own events, in its own order."""
    rows.sort(key=lambda row: row[0])
    begin = 0
    for request in requests:
        end = begin + len(request.submissions)
        if not request.answer.done():  # its caller may have gone away meanwhile
            own = zip(rows[begin:end], request.submissions, strict=True)
            request.answer.set_result([_outcome(row, submission) for row, submission in own])
        begin = end


def _outcome(row: Sequence[Any], submission: Submission) -> Outcome:
    _, outcome, position, version, recorded_at, leaf = row
    match outcome:
        case "appended":
            return Receipt(position=position, version=version, recorded_at=recorded_at, leaf=leaf)
        case "duplicate":
            return Receipt(
                position=position, version=version, recorded_at=recorded_at, leaf=leaf, duplicate=True
            )
        case "conflict":
            kept = Receipt(position=position, version=version, recorded_at=recorded_at, leaf=leaf)
            return Conflict(source=submission.source, id=submission.id, kept=kept if position else None)
        case "wrong_version":
            return WrongVersion(stream=submission.stream, expected=submission.expected or 0, found=version)
        case _:
            return HeldBack()


def _in_our_words(failure: Exception, organisation: str) -> Exception:
    match failure:
        case psycopg.errors.NoDataFound():
            return UnknownOrganisation(organisation)
        case PoolTimeout() | psycopg.OperationalError():
            return LogBusy(f"the log of {organisation} did not answer: {type(failure).__name__}")
        case _:
            return failure
