"""The requests to one organisation's log that wait for the next call, and the calls that are under way.

While there is something to do, one connection is held, and on it two calls at most. The second goes ahead only if it
carries enough to be worth a commit of its own: then the database works on while we read what comes in over HTTP. What
carries less joins whatever else comes until the first is answered.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Any, TypeAlias

import msgspec
import psycopg
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from events.log.outcomes import Conflict, HeldBack, LogBusy, Outcome, UnknownOrganisation, WrongVersion
from events.log.pipelined import Pipelined, Statement, pipelined
from events.log.record import Receipt, Submission

Pool: TypeAlias = AsyncConnectionPool[psycopg.AsyncConnection[TupleRow]]

EVENTS_MAX = 1_000  # in one call
BYTES_MAX = 4 * 1024 * 1024  # of event bodies in one call
IN_FLIGHT_MAX = 2  # calls
AHEAD_FROM = 64  # events that are worth a call of their own while another is under way
CALLS_MAX = 16  # over a connection before others who wait for one have their turn
SEEN_MAX = 10_000  # streams whose newest version is remembered

PLAIN = Statement(
    b"append_plain",
    b"SELECT head, recorded_at, versions, leaves FROM log.append_plain($1::text, $2::jsonb, $3::jsonb)",
)
JUDGED = Statement(
    b"append_judged",
    b"SELECT item, outcome, position, version, recorded_at, leaf FROM log.append_judged($1::text, $2::jsonb)"
    b" ORDER BY item",
)
LEAF_BYTES = 32
_encode = msgspec.json.Encoder().encode


class Request:
    """What one caller asked for, and where its answer goes."""

    __slots__ = ("answer", "size", "submissions", "whole")

    def __init__(self, submissions: Sequence[Submission], whole: bool) -> None:
        self.submissions = submissions
        self.whole = whole
        self.size = sum([len(submission.body) for submission in submissions])
        self.answer: asyncio.Future[list[Outcome]] = asyncio.get_running_loop().create_future()

    def settle(self, outcomes: list[Outcome]) -> None:
        """The caller hears; it may have gone away meanwhile."""
        if not self.answer.done():
            self.answer.set_result(outcomes)

    def fail(self, failure: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(failure)


class _Bundled(Submission, frozen=True, kw_only=True, gc=False):
    """An event that stands or falls with the others of its request."""

    bundle: int
    whole: bool


class Gathering:
    """One organisation's requests, from when they come until each is answered."""

    def __init__(self, organisation: str, pool: Pool) -> None:
        self._organisation = organisation
        self._pool = pool
        self._waiting: deque[Request] = deque()
        self.events = 0  # that wait
        self.drains = False  # somebody does
        self._seen: dict[str, int] = {}  # the newest version of streams, as far as we know
        self._line: Pipelined | None = None
        self._in_flight = 0
        self._calls = 0  # since the connection was taken
        self._over = asyncio.Event()  # no call is under way
        self._soon = False

    @property
    def remembers(self) -> bool:
        """Whether it knows streams of its organisation: one that begins anew would be slower."""
        return bool(self._seen)

    def add(self, request: Request) -> None:
        """Goes with the next call. Callers who ask in the same moment go together."""
        self._waiting.append(request)
        self.events += len(request.submissions)
        if self._line is not None:
            self._send_soon()

    async def drain(self) -> None:
        """Until nothing waits. Not cancelled with any caller: others share its calls."""
        while self._waiting:
            try:
                async with self._pool.connection() as conn, pipelined(conn) as self._line:
                    await self._turn(self._line)
            except Exception as failure:  # no connection, or one that was broken
                if self._waiting:
                    self._refuse(self._next(), failure)
            finally:
                self._line = None
        self.drains = False

    async def _turn(self, line: Pipelined) -> None:
        """Call upon call, for as long as there is something to tell and it is not the turn of others."""
        self._calls = 0
        while self._waiting and self._calls < CALLS_MAX and line.lost is None:
            self._over.clear()
            self._send_what_waits()
            await self._over.wait()

    def _send_soon(self) -> None:
        """When all who ask in this moment have asked: those who were just answered, too."""
        if not self._soon:
            self._soon = True
            asyncio.get_running_loop().call_soon(self._send_what_waits)

    def _send_what_waits(self) -> None:
        self._soon = False
        while self._waiting and self._may_call():
            self._send(self._next())
        if self._in_flight == 0:
            self._over.set()

    def _may_call(self) -> bool:
        return (
            self._line is not None
            and self._line.lost is None
            and (self._in_flight == 0 or (self._in_flight < IN_FLIGHT_MAX and self.events >= AHEAD_FROM))
            and self._calls < CALLS_MAX
        )

    def _next(self) -> list[Request]:
        """Takes the requests of the next call: in order of arrival, bounded in events and bytes, at least one."""
        taken = [self._waiting.popleft()]
        events, size = len(taken[0].submissions), taken[0].size
        while self._waiting:
            request = self._waiting[0]
            if events + len(request.submissions) > EVENTS_MAX or size + request.size > BYTES_MAX:
                break
            events += len(request.submissions)
            size += request.size
            taken.append(self._waiting.popleft())
        self.events -= events
        return taken

    def _send(self, requests: list[Request]) -> None:
        items = [submission for request in requests for submission in request.submissions]
        seen = {item.stream: self._seen[item.stream] for item in items if item.stream in self._seen}
        self._call(PLAIN, [_encode(items), _encode(seen)], requests, partial(self._kept, requests, items))

    def _call(
        self,
        statement: Statement,
        texts: list[bytes],
        requests: list[Request],
        then: Callable[[list[TupleRow]], None],
    ) -> None:
        assert self._line is not None, "calls are made while a connection is held"
        self._in_flight += 1
        self._calls += 1
        heard = partial(self._heard, requests, then)
        self._line.call(statement, [self._organisation.encode(), *texts], heard)

    def _heard(
        self,
        requests: list[Request],
        then: Callable[[list[TupleRow]], None],
        answer: list[TupleRow] | Exception,
    ) -> None:
        """Whatever happened, every caller is answered."""
        self._in_flight -= 1
        try:
            if isinstance(answer, Exception):
                raise answer
            then(answer)
        except Exception as failure:
            self._refuse(requests, failure)
        self._send_soon()

    def _kept(self, requests: list[Request], items: list[Submission], rows: list[TupleRow]) -> None:
        """The answer of the plain case. If there is none, the batch has to be judged."""
        ((head, recorded_at, versions, leaves),) = rows
        if leaves is None:
            self._call(JUDGED, [_encode(_bundled(requests))], requests, partial(_hand_out_judged, requests))
            return
        if len(self._seen) > SEEN_MAX:
            self._seen.clear()
        self._seen.update(zip([item.stream for item in items], versions, strict=True))
        _hand_out(requests, _receipts(head, recorded_at, versions, leaves))

    def _refuse(self, requests: list[Request], failure: Exception) -> None:
        for request in requests:
            request.fail(_in_our_words(failure, self._organisation))


def _bundled(requests: list[Request]) -> list[Submission]:
    """The batch as it is judged: which request each event came with, where that is all or nothing."""
    items: list[Submission] = []
    for bundle, request in enumerate(requests):
        if request.whole:
            items += [
                _Bundled(**msgspec.structs.asdict(s), bundle=bundle, whole=True) for s in request.submissions
            ]
        else:
            items += request.submissions
    return items


def _hand_out(requests: list[Request], outcomes: Sequence[Outcome]) -> None:
    """Gives each caller the outcomes of its own events, in its own order."""
    begin = 0
    for request in requests:
        end = begin + len(request.submissions)
        request.settle(list(outcomes[begin:end]))
        begin = end


def _receipts(head: int, recorded_at: datetime, versions: list[int], leaves: bytes) -> list[Receipt]:
    return [
        Receipt(
            position=head + n + 1,
            version=version,
            recorded_at=recorded_at,
            leaf=leaves[n * LEAF_BYTES : (n + 1) * LEAF_BYTES],
        )
        for n, version in enumerate(versions)
    ]


def _hand_out_judged(requests: list[Request], rows: list[TupleRow]) -> None:
    told = [submission for request in requests for submission in request.submissions]
    _hand_out(requests, [_outcome(row, submission) for row, submission in zip(rows, told, strict=True)])


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
        case PoolTimeout() | psycopg.OperationalError() | psycopg.errors.InvalidSqlStatementName():
            return LogBusy(f"the log of {organisation} did not answer: {type(failure).__name__}")
        case _:
            return failure
