"""`POST /v1/{organisation}/import`: a history of any length, one CloudEvent a line, answered line by line.

Lines are kept in slices as they come. Send a file again after a break: what was kept is answered as a duplicate.
"""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import msgspec
import structlog
from litestar import post
from litestar.types import ASGIApp, Receive, Scope, Send

from events.log.keys import WRITE, Key
from events.log.outcomes import LogBusy, Outcome
from events.log.record import Submission
from services.api import cloudevents, told
from services.api.admission import admit
from services.api.answers import NDJSON, encode, instance, new_number, note_problem, unforeseen
from services.api.asked import Asked, Gone, desk_of, drain, media_type, pieces, query
from services.api.backlog import Backlog, Full
from services.api.cloudevents import EVENT_BYTES_MAX
from services.api.doors import Door, at
from services.api.let_in import still_let_in
from services.api.problems import Problem, kinds, problem_of_failure
from services.api.routes.telling import DryRun, note_refusals, refuse_preconditions, sealed_of

LINE_BYTES_MAX = EVENT_BYTES_MAX + 8_192
SLICE_EVENTS_MAX = 500
BUSY_TRIES = 5
BUSY_PAUSE_S = 0.5
UNREAD_MAX = 64 * 1_048_576  # bytes of answers that the sender has not taken
TAKEN_WITHIN_S = 30.0  # a piece of them, once all is sent
TAKEN = ("application/x-ndjson", "application/jsonl", "application/ndjson")

log = structlog.get_logger(__name__)


class Importing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How lines are to be taken."""

    dry_run: DryRun = False


@post(
    "/v1/{organisation:str}/import",
    opt=at(
        Door(scope=WRITE, query=Importing, takes=TAKEN[:1], answers={NDJSON: told.One}, refuses=(413, 415)),
    ),
)
async def bring(request: Asked) -> ASGIApp:
    """Bring a history: newline-delimited CloudEvents in structured mode, of any number.

    Answers one line for each line, in order and as it goes: its number, its status, and its receipt or its problem.
    Original dates are kept. Send again what has no answer: if it was kept all the same, that is known.
    """
    how = query(request, Importing)
    if media_type(request) not in TAKEN:
        raise Problem(kinds.WRONG_MEDIA_TYPE, field="content-type")
    refuse_preconditions(request)
    return _Import(request, dry_run=how.dry_run)


class _Import:
    """An import under way. Reading and answering do not wait for one another: a sender who reads only after he has
    sent everything finds his answers in a file of ours, not in a memory of ours, and nobody stands still.
    """

    def __init__(self, request: Asked, *, dry_run: bool) -> None:
        self._request = request
        self._desk = desk_of(request)
        self._dry_run = dry_run
        self._line = 1  # the first that has not been answered
        self._last_words = b""  # what stopped us; not in the backlog, which may be what did
        self._news = asyncio.Event()
        self._done = False
        self._sending: asyncio.Timeout | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with Backlog(self._desk.shelf, UNREAD_MAX) as self._backlog:
            headers = [(b"content-type", NDJSON.encode()), (b"cache-control", b"no-store")]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            taking = asyncio.create_task(self._take_all())
            try:
                async for piece in self._answers():
                    await self._say(send, piece)
                await taking  # it reads on for a while: once all is answered the connection may be closed
                await send({"type": "http.response.body", "body": b"", "more_body": False})
            except TimeoutError:
                # What was sent says itself that it is not whole: the end of the body is missing.
                log.warning("an import broke off", line=self._line, reason="its sender takes no answers")
            finally:
                taking.cancel()
                await asyncio.gather(taking, return_exceptions=True)

    async def _answers(self) -> AsyncIterator[bytes]:
        while True:
            self._news.clear()
            if piece := self._backlog.take():
                yield piece
            elif self._done:
                break
            else:
                await self._news.wait()
        if self._last_words:
            yield self._last_words

    async def _say(self, send: Send, piece: bytes) -> None:
        """Sends a piece, in whose time the sender may send on. Raises TimeoutError once he has nothing else to do."""
        async with self._desk.patience(TAKEN_WITHIN_S if self._done else None) as self._sending:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        self._sending = None

    async def _take_all(self) -> None:
        """Takes every line, slice by slice; what stops it is said in a last line."""
        coming = pieces(self._request)
        try:
            async for slice_ in _slices(coming):
                self._line = slice_[0][0]
                answers = await self._take(slice_)
                self._backlog.put(b"".join(encode(answer) + b"\n" for answer in answers))
                self._line = slice_[-1][0] + 1
                self._news.set()
                if self._desk.stopping.is_set():
                    raise Problem(kinds.STOPPING)
        except Gone:
            pass
        except Exception as failure:
            self._last_words = encode(self._stopped_by(failure)) + b"\n"
        self._end()
        if self._last_words:
            await drain(coming)

    def _stopped_by(self, failure: Exception) -> told.One:
        """The last words of an import that ends before its time, which are also said in the log and counted."""
        number = new_number()
        match failure:
            case Problem():
                problem = failure
            case TimeoutError():
                problem = Problem(kinds.TOO_SLOW)
            case Full():
                problem = Problem(kinds.NOT_READ)
            case _:
                foreseen = problem_of_failure(failure)
                problem = foreseen or unforeseen(self._request, failure, number, line=self._line)
        note_problem(self._request, problem, number)
        return told.one_refused(problem, line=self._line, instance=instance(number))

    def _end(self) -> None:
        """Nothing is taken any more: from now on whoever does not take his answers is let go."""
        self._done = True
        self._news.set()
        if self._sending is not None:
            self._sending.reschedule(asyncio.get_running_loop().time() + TAKEN_WITHIN_S)

    async def _take(self, lines: list[tuple[int, bytes | Problem]]) -> list[told.One]:
        key, now = await still_let_in(self._request, WRITE), datetime.now(UTC)
        checked = [_admitted(line, key, now) for _, line in lines]
        if not self._dry_run:
            checked = await sealed_of(self._request, checked)
        admitted = [(number, each) for (number, _), each in zip(lines, checked, strict=True)]
        submissions = [each for _, each in admitted if isinstance(each, Submission)]
        outcomes = iter([] if self._dry_run else await self._append(submissions))
        results = []
        for number, each in admitted:
            if isinstance(each, Problem):
                results.append(told.one_refused(each, line=number))
            elif self._dry_run:
                results.append(told.one_tried(each, line=number))
            else:
                results.append(told.one_kept(each, next(outcomes), line=number))
        note_refusals(self._request, results)
        return results

    async def _append(self, submissions: list[Submission]) -> list[Outcome]:
        """Keeps a slice, with some patience for a log that is busy."""
        desk, organisation = self._desk, self._request.auth.organisation
        for left in reversed(range(BUSY_TRIES)):
            try:
                outcomes = await desk.appender.append(organisation, submissions)
                break
            except LogBusy:
                if left == 0:
                    raise
                await asyncio.sleep(BUSY_PAUSE_S)
        if (position := told.newest(outcomes)) is not None:
            desk.doorbell.ring(organisation, position)
        return outcomes


def _admitted(line: bytes | Problem, key: Key, now: datetime) -> Submission | Problem:
    reading = line if isinstance(line, Problem) else cloudevents.read_structured(line)
    if isinstance(reading, Problem):
        return reading
    try:
        return admit(reading, key, now)
    except Problem as problem:
        return problem


async def _slices(coming: AsyncIterator[bytes]) -> AsyncIterator[list[tuple[int, bytes | Problem]]]:
    """The lines that are not blank with their numbers from 1, in slices as they come: none waits for the next piece."""
    number, rest, too_long = 0, b"", False
    async for piece in coming:
        *lines, rest = (rest + piece).split(b"\n")
        slice_: list[tuple[int, bytes | Problem]] = []
        for line in lines:
            number += 1
            if too_long or len(line) > LINE_BYTES_MAX:
                slice_.append(
                    (number, Problem(kinds.TOO_LARGE, f"A line has at most {LINE_BYTES_MAX} bytes."))
                )
                too_long = False
            elif line.strip():
                slice_.append((number, line))
            if len(slice_) == SLICE_EVENTS_MAX:
                yield slice_
                slice_ = []
        if len(rest) > LINE_BYTES_MAX:
            rest, too_long = b"", True
        if slice_:
            yield slice_
    if too_long:
        yield [(number + 1, Problem(kinds.TOO_LARGE, f"A line has at most {LINE_BYTES_MAX} bytes."))]
    elif rest.strip():
        yield [(number + 1, rest)]
