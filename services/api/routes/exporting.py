"""`GET /v1/{organisation}/export`: the record with its proof, streamed, for `qiledger verify` to prove anywhere."""

import asyncio
from collections import Counter
from typing import Annotated, Any

import msgspec
import psycopg
import structlog
from litestar import route
from litestar.types import ASGIApp, Receive, Scope, Send
from msgspec import Meta

from events.log.exporting import BrokenRecord
from events.log.keys import READ
from events.log.taking import NoSuchRange, Wanted
from services.api.answers import NDJSON
from services.api.asked import Asked, accepted, desk_of, query
from services.api.doors import Door, at
from services.api.let_in import still_let_in
from services.api.problems import Problem, kinds
from services.exports import SpooledRows, head_of, lines_under, taken, wanted

AT_ONCE_MAX = 4  # exports under way in one process; whoever comes then is asked to come again …
OF_ONE_MAX = 2  # … and so many of one organisation, so that no other waits for its slow readers
TAKEN_WITHIN_S = 20.0  # a reader who takes nothing for so long is let go; the rest is taken with `from`
PIECE_BYTES = 262_144
RETRY_AFTER_S = 30
POSITION_MAX = 2**53 - 1

log = structlog.get_logger(__name__)


class ExportQuery(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"first": "from", "last": "to"}
):
    """Which records to take, and what for: it is put on record."""

    first: Annotated[int, Meta(ge=1, le=POSITION_MAX, description="The first position.")] = 1
    last: (
        Annotated[
            int,
            Meta(ge=0, le=POSITION_MAX, description="The last; by default that of the newest checkpoint."),
        ]
        | None
    ) = None
    projections: Annotated[bool, Meta(description="Also the rows that readers are shown now.")] = False
    purpose: Annotated[str, Meta(min_length=1, max_length=500, description="What it is taken for.")] = "Audit"
    taken_for: Annotated[str, Meta(min_length=1, max_length=60, description="The role it is taken for.")] = (
        "Auditor"
    )


@route(
    "/v1/{organisation:str}/export",
    http_method=["GET"],
    opt=at(Door(scope=READ, query=ExportQuery, answers={NDJSON: str}, refuses=(503,))),
)
async def export(request: Asked) -> ASGIApp:
    """The record in one file: a head, every record's canonical line, the leaves, and a seal with the signed checkpoint.

    Save it and run `qiledger verify` on it, anywhere. After an interruption take the rest with `from`. That an export
    was taken is itself put on record.
    """
    how = query(request, ExportQuery)
    accepted(request, (NDJSON,))
    asked = wanted(
        request.auth.organisation,
        first=how.first,
        last=how.last,
        purpose=how.purpose,
        taken_for=how.taken_for,
    )
    desk = desk_of(request)
    if desk.exports.total() >= AT_ONCE_MAX or desk.exports[asked.organisation] >= OF_ONE_MAX:
        raise Problem(kinds.EXPORTS_CROWDED, headers={"retry-after": str(RETRY_AFTER_S)})
    under_way = _Export(request, asked, with_rows=how.projections)
    desk.exports[asked.organisation] += 1  # from here on `end` gives the place back, whatever fails
    try:
        await asyncio.to_thread(under_way.begin)
        event = taken(under_way.head)
        await desk.journal.tell(asked.organisation, event, actor=f"client/{request.auth.client}")
    except BaseException as failure:
        await under_way.end()
        if isinstance(failure, NoSuchRange):
            raise Problem(kinds.WRONG_PARAMETER, f"{failure}.".capitalize(), field="to") from None
        if isinstance(failure, msgspec.ValidationError):
            raise Problem(kinds.WRONG_PARAMETER, f"{failure}.", field="purpose") from None
        raise
    return under_way


class _Export:
    """An export under way, on a connection and in threads of its own: it is taken as fast as its reader reads."""

    def __init__(self, request: Asked, asked: Wanted, *, with_rows: bool) -> None:
        self._request = request
        self._desk = desk_of(request)
        self._asked = asked
        self._with_rows = with_rows
        self._conn: psycopg.Connection[Any] | None = None
        self._rows = SpooledRows()

    def begin(self) -> None:
        """Decides what is in it. Raises NoSuchRange, UnknownOrganisation, psycopg.Error."""
        url = self._desk.settings.database_url
        assert url is not None, "a desk has a database"
        self._conn = psycopg.connect(url, autocommit=True, application_name="qiledger export")
        self._conn.execute("SET timezone = 'UTC'")
        if self._with_rows:
            self._rows.take(self._conn, self._asked.organisation)
        self.head = head_of(self._conn, self._asked, self._rows)

    async def end(self) -> None:
        """Makes room for another, and lets go of everything."""
        self._desk.exports -= Counter((self._asked.organisation,))
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        self._rows.close()
        if self._conn is not None:
            self._conn.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        name = f"{self._asked.organisation}-{self.head.first}-{self.head.last}.ndjson"
        headers = [
            (b"content-type", NDJSON.encode()),
            (b"cache-control", b"no-store"),
            (b"x-content-type-options", b"nosniff"),
            (b"content-disposition", f'attachment; filename="{name}"'.encode()),
        ]
        try:
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await self._send_all(send)
        except (BrokenRecord, psycopg.Error, TimeoutError, Problem) as failure:
            # What was sent says itself that it is not whole: the last line, with the seal, is missing.
            reason = "its reader takes nothing" if isinstance(failure, TimeoutError) else str(failure)[:200]
            log.warning("an export broke off", organisation=self._asked.organisation, reason=reason)
        finally:
            await self.end()

    async def _send_all(self, send: Send) -> None:
        assert self._conn is not None
        pieces = lines_under(self._conn, self.head, self._rows)
        while not self._desk.stopping.is_set():
            text = await asyncio.to_thread(next, pieces, None)
            if text is None:
                break
            await still_let_in(self._request, READ)
            await self._say(send, text)
        await asyncio.to_thread(pieces.close)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _say(self, send: Send, text: bytes) -> None:
        """A piece at a time: the server keeps a few of them for a slow reader. Raises TimeoutError if he takes none."""
        for begin in range(0, len(text), PIECE_BYTES):
            piece = text[begin : begin + PIECE_BYTES]
            async with self._desk.patience(TAKEN_WITHIN_S):
                await send({"type": "http.response.body", "body": piece, "more_body": True})
