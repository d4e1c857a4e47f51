"""Filling a new build: each stream is folded once, from its first record, and its rows are written once.

So it does not matter in which order a log was told, nor how often it was put right: the work grows with the log and
with nothing else. The rows are those at the position where filling began (`filling_to`), all at once, when the last
stream is done; from there on the build is fed.

What a crash leaves behind: the streams up to `filled_up_to`; the next to come goes on after it.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import zip_longest
from typing import Any

import msgspec
from psycopg import Connection

from events.log.record import Record
from projections.engine.builds import Build
from projections.engine.checkpoint import Claim, claimed, fill
from projections.engine.feed import Feeder, OnProgress, Progress
from projections.engine.projection import Projection
from projections.engine.reading import Reader, Size, for_organisation, head
from projections.engine.stream import Stream

RECORDS_MAX = (
    10_000  # held in memory, and in a transaction; if one stream alone has more, it is read in pages
)
BYTES_MAX = 10_000_000


def filled(
    conn: Connection[Any],
    projection: Projection[Any],
    organisation: str,
    *,
    build: Build,
    until: int | None = None,
    occurred_until: datetime | None = None,
    batch_max: int = RECORDS_MAX,
    deadline: float | None = None,
    on_progress: OnProgress | None = None,
) -> Progress:
    """Fills a build that nobody is shown up to the head, or to position `until`; goes on where an earlier call stopped.

    Progress is told in positions: that share of the log which the folded records are of it. A build that is filled
    already, or has been fed, is left as it is. Needs and raises what `feed` does.
    """
    with claimed(conn, organisation, build) as claim:
        if claim.position:
            return Progress(claim.position, claim.position, 0, 0.0)
        reader = Reader(projection, organisation, occurred_until=occurred_until)
        feeder = Feeder(projection, build, claim, reader)
        sizes = _begun(conn, claim, reader, until)
        to = claim.filling_to or 0
        whole = sum(size.records for size in sizes)
        done = sum(size.records for size in sizes if _is_filled(claim, size))
        began, before = time.monotonic(), done
        chunks = list(_chunks([size for size in sizes if not _is_filled(claim, size)], batch_max))
        filling = Filling(conn, feeder, reader, claim)
        for written in filling.steps(chunks):
            done += written
            now = time.monotonic()
            events = to * (done - before) // whole
            progress = Progress(min(to * done // whole, to - (done < whole)), to, events, now - began)
            if on_progress is not None:
                on_progress(progress)
            if deadline is not None and now >= deadline and done < whole:
                return progress
        _end(conn, claim)
        return Progress(to, to, to * (done - before) // max(1, whole), time.monotonic() - began)


def _begun(conn: Connection[Any], claim: Claim, reader: Reader, until: int | None) -> list[Size]:
    """Settles up to where the build is filled, the first time. Returns all the streams it will hold."""
    with conn.transaction():
        for_organisation(conn, claim.organisation)
        if claim.filling_to is None:
            claim.filling_to = head(conn, claim.organisation)
            if until is not None:
                claim.filling_to = min(claim.filling_to, until)
            fill(conn, claim)
        return reader.sizes(conn, until=claim.filling_to)


def _is_filled(claim: Claim, size: Size) -> bool:
    return claim.filled_up_to is not None and size.stream.encode() <= claim.filled_up_to.encode()


def _chunks(sizes: list[Size], records_max: int) -> Iterator[list[Size]]:
    """Streams to be filled together: few enough to be held in memory."""
    chunk: list[Size] = []
    records = size_in_bytes = 0
    for size in sizes:
        records, size_in_bytes = records + size.records, size_in_bytes + size.bytes
        if chunk and (records > records_max or size_in_bytes > BYTES_MAX):
            yield chunk
            chunk, records, size_in_bytes = [], size.records, size.bytes
        chunk.append(size)
    if chunk:
        yield chunk


class Folded(msgspec.Struct, frozen=True):
    """Streams that have been folded, the last of them, and how many records they had."""

    streams: dict[str, Stream]
    up_to: str
    records: int


class Filling:
    """Folds the streams of one chunk while the database writes the rows of the chunk before and reads the next.

    So two chunks are in memory at once. What has been folded is written, together with the place it has come to, in
    the transaction in which the next chunk is folded.
    """

    def __init__(self, conn: Connection[Any], feeder: Feeder, reader: Reader, claim: Claim) -> None:
        self._conn = conn
        self._feeder = feeder
        self._reader = reader
        self._claim = claim
        self._until = claim.filling_to or 0
        self._read: list[Record] | None = None  # of the chunk that is folded next
        self._folded: Folded | None = None  # not yet written

    def steps(self, chunks: list[list[Size]]) -> Iterator[int]:
        """Fills chunk by chunk. Tells at each commit of how many records it wrote the rows."""
        for streams, following in zip_longest(chunks, chunks[1:]):
            if _short(streams):
                yield from self._chunk(streams, following)
            else:
                yield from self._rest()
                yield self._long(streams)
        yield from self._rest()

    def _chunk(self, streams: list[Size], following: list[Size] | None) -> Iterator[int]:
        """Writes the chunk before, reads the one that follows, and folds this one."""
        conn, reader, names, written = self._conn, self._reader, _names(streams), self._folded
        with self._transaction(written):
            records = self._read
            if records is None:
                records = reader.told(reader.ask(conn, names, until=self._until))
            with conn.pipeline():
                self._write_folded()
                ahead = None
                if following is not None and _short(following):
                    ahead = reader.ask(conn, _names(following), until=self._until)
                # What the socket has no room for yet is sent on from time to time.
                folded = self._feeder.folded(
                    conn, names, records, until=self._until, meanwhile=conn.pgconn.flush
                )
        self._folded = Folded(folded, names[-1], len(records))
        self._read = None if ahead is None else reader.told(ahead)
        if written is not None:
            yield written.records

    def _rest(self) -> Iterator[int]:
        """Writes what has been folded."""
        written = self._folded
        if written is not None:
            with self._transaction(written), self._conn.pipeline():
                self._write_folded()
            self._folded = None
            yield written.records

    def _long(self, streams: list[Size]) -> int:
        """Streams that are too long to be held in memory: they are folded and written some at a time."""
        names, records = _names(streams), sum(size.records for size in streams)
        with self._transaction(Folded({}, names[-1], records)):
            for _ in self._feeder.fold_again(self._conn, names, until=self._until, new=True):
                pass  # written by now
        return records

    def _write_folded(self) -> None:
        if self._folded is not None:
            self._feeder.write_new(self._conn, self._folded.streams)

    @contextmanager
    def _transaction(self, written: Folded | None) -> Iterator[None]:
        """A transaction that is fenced, and notes how far the build has come with the rows that are written in it."""
        claim, before = self._claim, self._claim.filled_up_to
        try:
            with self._conn.transaction():
                for_organisation(self._conn, claim.organisation)
                claim.filled_up_to = before if written is None else written.up_to
                fill(self._conn, claim)
                yield
        except BaseException:
            claim.filled_up_to = before
            raise


def _names(streams: list[Size]) -> list[str]:
    return [size.stream for size in streams]


def _short(streams: list[Size]) -> bool:
    """Whether all their records may be held in memory."""
    return (
        sum(size.records for size in streams) <= RECORDS_MAX
        and sum(size.bytes for size in streams) <= BYTES_MAX
    )


def _end(conn: Connection[Any], claim: Claim) -> None:
    """The build has come to where it was filled to."""
    with conn.transaction():
        claim.position, claim.filling_to, claim.filled_up_to = claim.filling_to or 0, None, None
        fill(conn, claim)
