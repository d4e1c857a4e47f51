"""The records of an organisation as they are kept: read once, encoded once, sent to all who listen."""

from collections import deque
from collections.abc import Callable, Sequence

import msgspec
import psycopg
from psycopg_pool import PoolTimeout

from events.log.read import head, records_after
from events.log.record import Record
from services.api import kept
from services.api.desk import Desk
from services.api.live.channels import News
from services.cloud_event import cloudevent

LOOK_AGAIN_S = 1.0  # a ring may be lost: nobody waits longer for what is there
KEPT_MAX, KEPT_BYTES_MAX = 2_000, 8 * 1_048_576  # records of one organisation that are kept encoded
PAGE = 50
AT_ONCE_BYTES_MAX = 65_536

NoteRead = Callable[[Sequence[int]], None]
_encode = msgspec.json.Encoder().encode


class Wanted(msgspec.Struct, frozen=True):
    """Which records a stream wants: of these types, of this stream or kind of streams; None is all."""

    types: frozenset[str] | None
    stream: str | None

    def fits(self, type_: str, stream: str) -> bool:
        """Whether a record is one of them."""
        if self.types is not None and type_ not in self.types:
            return False
        wanted = self.stream
        return wanted is None or stream == wanted or (wanted.endswith("/") and stream.startswith(wanted))


class Line(msgspec.Struct, frozen=True):
    """A record as all streams send it."""

    position: int
    type: str
    stream: str
    text: bytes


def line_of(record: Record) -> Line:
    """A record as a server-sent event: the CloudEvent, under the cursor that leads on from it."""
    cursor = kept.cursor(record.position).encode()
    text = b"event: record\nid: " + cursor + b"\ndata: " + _encode(cloudevent(record)) + b"\n\n"
    return Line(record.position, record.type, record.stream, text)


class RecordChannel:
    """What is new in one organisation's log: everything in (`began_at`, `position`]."""

    def __init__(self, desk: Desk, organisation: str) -> None:
        self._desk = desk
        self._organisation = organisation
        self._lines: deque[Line] = deque()
        self._bytes = 0
        self.news = News()
        self.began_at = 0
        self.position = 0

    async def open(self) -> None:
        """Begins at the end of the log. Raises UnknownOrganisation, psycopg.Error."""
        async with self._desk.pool.connection() as conn:
            self.began_at = self.position = (await head(conn, self._organisation)).position

    async def read_on(self) -> None:
        """Reads what is new until we stop. A database that is away is waited for."""
        while not self._desk.stopping.is_set():
            if await self._read():
                await self._desk.news(self._organisation, after=self.position, within_s=LOOK_AGAIN_S)

    async def _read(self) -> bool:
        """One page. Says whether nothing was left, or nothing could be read."""
        try:
            async with self._desk.pool.connection() as conn:
                page = await records_after(conn, self._organisation, self.position, limit=PAGE)
        except (psycopg.OperationalError, PoolTimeout):
            return True
        if page.records:
            self._add([line_of(record) for record in page.records])
        return page.caught_up

    def _add(self, lines: Sequence[Line]) -> None:
        self._lines.extend(lines)
        self._bytes += sum(len(line.text) for line in lines)
        self.position = lines[-1].position
        while len(self._lines) > KEPT_MAX or self._bytes > KEPT_BYTES_MAX:
            gone = self._lines.popleft()
            self._bytes -= len(gone.text)
            self.began_at = gone.position
        self.news.rouse()

    def after(self, position: int) -> list[Line]:
        """The lines beyond a position that is not before `began_at`."""
        found: list[Line] = []
        for line in reversed(self._lines):
            if line.position <= position:
                break
            found.append(line)
        found.reverse()
        return found


def at_once(lines: Sequence[Line]) -> Sequence[Line]:
    """Those of the lines that are held for one reader at a time, however many readers take little; one at least."""
    size = 0
    for n, line in enumerate(lines):
        size += len(line.text)
        if size > AT_ONCE_BYTES_MAX and n > 0:
            return lines[:n]
    return lines


class RecordTeller:
    """The records that one stream wants, from its place on."""

    def __init__(
        self,
        desk: Desk,
        channel: RecordChannel,
        organisation: str,
        *,
        wanted: Wanted,
        after: int | None,
        note: NoteRead,
    ) -> None:
        self._desk = desk
        self._channel = channel
        self._organisation = organisation
        self._wanted = wanted
        self._position = channel.position if after is None else after
        self._note = note
        self._page = PAGE  # records that are read for this stream at once

    async def next(self) -> bytes:
        """The next records: of those that are kept, or out of the log for one who is further behind."""
        if self._position >= self._channel.position:
            return b""
        if self._position < self._channel.began_at:
            return await self._own_page()
        lines = self._channel.after(self._position)[:PAGE]
        wanted = [line for line in lines if self._wanted.fits(line.type, line.stream)]
        fitting = at_once(wanted)
        self._position = (lines if len(fitting) == len(wanted) else fitting)[-1].position
        return self._told(fitting)

    async def _own_page(self) -> bytes:
        types = None if self._wanted.types is None else sorted(self._wanted.types)
        async with self._desk.live.catching_up, self._desk.pool.connection() as conn:
            page = await records_after(
                conn,
                self._organisation,
                self._position,
                limit=self._page,
                types=types,
                stream=self._wanted.stream,
            )
        lines = [line_of(record) for record in page.records]
        fitting = at_once(lines)
        is_whole = len(fitting) == len(lines)
        self._position = page.scanned if is_whole else fitting[-1].position
        self._page = min(PAGE, 2 * self._page) if is_whole else len(fitting)
        return self._told(fitting) or self._passed()

    def _told(self, lines: Sequence[Line]) -> bytes:
        if lines:
            self._note([line.position for line in lines])
        return b"".join(line.text for line in lines)

    def _passed(self) -> bytes:
        """An event without data is no event to the reader, but its id is noted: what is not wanted has been passed."""
        return self.place() + b"\n"

    def place(self) -> bytes:
        """The cursor that leads on from what was told and what is not wanted."""
        return f"id: {kept.cursor(self._position)}\n".encode()

    async def news(self) -> None:
        """Returns when there may be more to say. Raises ChannelOver."""
        if self._position >= self._channel.position:
            await self._channel.news.wait()
