"""`POST /v1/{organisation}/import`: a history of any length, one CloudEvent a line, answered line by line.

Lines are kept in slices as they come. Send a file again after a break: what was kept is answered as a duplicate.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Annotated

import msgspec
from litestar import post
from litestar.types import ASGIApp, Receive, Scope, Send
from msgspec import Meta

from events.log.keys import WRITE
from events.log.outcomes import LogBusy, Outcome
from events.log.record import Submission
from services.api import cloudevents, told
from services.api.admission import admit
from services.api.answers import NDJSON, encode, instance, new_number, unforeseen
from services.api.asked import Asked, Gone, desk_of, media_type, pieces, query
from services.api.cloudevents import EVENT_BYTES_MAX
from services.api.doors import Door, at
from services.api.problems import Problem, kinds, problem_of_failure
from services.api.routes.telling import note_refusals, sealed_of

LINE_BYTES_MAX = EVENT_BYTES_MAX + 8_192
SLICE_EVENTS_MAX = 500
BUSY_TRIES = 5
BUSY_PAUSE_S = 0.5
PIECE_BYTES = 64 * 1024
TAKEN = ("application/x-ndjson", "application/jsonl", "application/ndjson")


class Importing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How lines are to be taken."""

    dry_run: Annotated[bool, Meta(description="Check only; keep nothing; answer what would be kept.")] = False


@post(
    "/v1/{organisation:str}/import",
    opt=at(
        Door(scope=WRITE, query=Importing, takes=TAKEN[:1], answers={NDJSON: told.One}, refuses=(413, 415)),
    ),
)
async def bring(request: Asked) -> ASGIApp:
    """Bring a history: newline-delimited CloudEvents in structured mode, of any number.

    Answers one line for each line, in order and as it goes: its number, its status, and its receipt or its problem.
    Original dates are kept. A line without an answer was not kept: send it again.
    """
    how = query(request, Importing)
    if media_type(request) not in TAKEN:
        raise Problem(kinds.WRONG_MEDIA_TYPE, field="content-type")
    return _Import(request, dry_run=how.dry_run)


class _Import:
    """An import under way. Reading and answering do not wait for one another: a sender who reads only after he has
    sent everything finds his answers in a file of ours, not in a memory of ours, and nobody stands still.
    """

    def __init__(self, request: Asked, *, dry_run: bool) -> None:
        self._request = request
        self._dry_run = dry_run
        self._written = 0
        self._sent = 0
        self._news = asyncio.Event()
        self._done = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with tempfile.TemporaryFile(prefix="qiledger-import-") as file:
            self._file = file
            headers = [(b"content-type", NDJSON.encode()), (b"cache-control", b"no-store")]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            reading = asyncio.create_task(self._take_all())
            try:
                async for piece in self._answers():
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
                await send({"type": "http.response.body", "body": b"", "more_body": False})
            finally:
                reading.cancel()
                await asyncio.gather(reading, return_exceptions=True)

    async def _answers(self) -> AsyncIterator[bytes]:
        while True:
            self._news.clear()
            if self._sent < self._written:
                self._file.seek(self._sent)
                piece = self._file.read(min(PIECE_BYTES, self._written - self._sent))
                self._sent += len(piece)
                yield piece
            elif self._done:
                return
            else:
                await self._news.wait()

    def _answer(self, results: list[told.One]) -> None:
        text = b"".join(encode(result) + b"\n" for result in results)
        self._file.seek(self._written)
        self._file.write(text)
        self._written += len(text)
        self._news.set()

    async def _take_all(self) -> None:
        """Takes every line, slice by slice; what stops it is said in a last line."""
        taken = 0
        try:
            async for slice_ in _slices(self._request):
                taken = slice_[-1][0]
                self._answer(await self._take(slice_))
                if desk_of(self._request).stopping.is_set():
                    raise Problem(kinds.STOPPING)
        except Problem as problem:
            self._answer([told.one_refused(problem, line=taken + 1)])
        except TimeoutError:
            self._answer([told.one_refused(Problem(kinds.TOO_SLOW), line=taken + 1)])
        except Gone:
            pass
        except Exception as failure:
            number = new_number()
            why = problem_of_failure(failure) or unforeseen(self._request, failure, number, line=taken + 1)
            self._answer([told.one_refused(why, line=taken + 1, instance=instance(number))])
        finally:
            self._done = True
            self._news.set()

    async def _take(self, lines: list[tuple[int, bytes | Problem]]) -> list[told.One]:
        now = datetime.now(UTC)
        checked = [self._admitted(line, now) for _, line in lines]
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

    def _admitted(self, line: bytes | Problem, now: datetime) -> Submission | Problem:
        reading = line if isinstance(line, Problem) else cloudevents.read_structured(line)
        if isinstance(reading, Problem):
            return reading
        try:
            return admit(reading, self._request.auth, now)
        except Problem as problem:
            return problem

    async def _append(self, submissions: list[Submission]) -> list[Outcome]:
        """Keeps a slice, with some patience for a log that is busy."""
        desk, organisation = desk_of(self._request), self._request.auth.organisation
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


async def _slices(request: Asked) -> AsyncIterator[list[tuple[int, bytes | Problem]]]:
    """The lines that are not blank with their numbers from 1, in slices as they come: none waits for the next piece."""
    number, rest, too_long = 0, b"", False
    async for piece in pieces(request):
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
