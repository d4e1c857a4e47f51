"""Filling chunk by chunk: the streams of one are folded while the database writes the rows of the one before it.

A chunk is some streams, whole, few enough to be held in memory. One transaction writes the rows of the chunk before,
together with the place that each build has come to; meanwhile this chunk is folded, and those that follow are read or
folded too, here or by other processes (`folding.py`). So a few chunks are in memory at once.

If such a transaction fails, nothing of it is there. Then each build is written by itself: the one at fault fails alone,
with its error, and the others go on without it.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import msgspec
from psycopg import Connection

from projections.engine.builds import Build
from projections.engine.checkpoint import Claim, fill, renew
from projections.engine.feed import Feeder, tables_of
from projections.engine.folding import Folding
from projections.engine.making import Made, Task
from projections.engine.new_rows import add
from projections.engine.parking import park
from projections.engine.projection import NotARow, Projection
from projections.engine.reading import Reader, Size, for_folding
from projections.engine.stream import Stream

RECORDS_MAX = 10_000  # of a chunk; if one stream alone has more, it is read in pages
BYTES_MAX = 10_000_000


class Member(msgspec.Struct):
    """A build that is filled together with others, until it fails."""

    projection: Projection[Any]
    build: Build
    claim: Claim
    failure: Exception | None = None

    def has(self, stream: str) -> bool:
        """Whether the rows of a stream are there."""
        up_to = self.claim.filled_up_to
        return up_to is not None and stream.encode() <= up_to.encode()


class Chunk(msgspec.Struct, frozen=True):
    """Streams that have been folded and not yet written, the last of them, and how many records they had."""

    made: Mapping[str, Made]
    up_to: str
    records: int


def chunks(sizes: list[Size], records_max: int, cuts: Collection[str | None]) -> Iterator[list[Size]]:
    """Streams to be filled together; none of the `cuts`, where somebody has stopped, stands within a chunk."""
    ends = {cut.encode() for cut in cuts if cut is not None}
    chunk: list[Size] = []
    records = size_in_bytes = 0
    for size in sizes:
        records, size_in_bytes = records + size.records, size_in_bytes + size.bytes
        cut = chunk and any(chunk[-1].stream.encode() <= end < size.stream.encode() for end in ends)
        if chunk and (cut or records > records_max or size_in_bytes > BYTES_MAX):
            yield chunk
            chunk, records, size_in_bytes = [], size.records, size.bytes
        chunk.append(size)
    if chunk:
        yield chunk


class Filling:
    """Fills the builds of `members`, chunk by chunk, up to position `until`."""

    def __init__(
        self, conn: Connection[Any], reader: Reader, folding: Folding, members: list[Member], until: int
    ) -> None:
        self.members = members
        self._conn = conn
        self._reader = reader
        self.folding = folding
        self._until = until
        self._folded: Chunk | None = None  # not yet written

    @property
    def active(self) -> list[Member]:
        """Those that have not failed."""
        return [member for member in self.members if member.failure is None]

    def left(self, sizes: list[Size]) -> list[Size]:
        """The streams that some of the builds lack."""
        return [size for size in sizes if not all(member.has(size.stream) for member in self.members)]

    def settle(self) -> None:
        """Notes where the builds are filled to, before anything is written."""
        self._each_by_itself(lambda _: None)

    def end(self) -> None:
        """The builds have come to where they were filled to."""
        for member in self.active:
            claim = member.claim
            before = claim.filling_to, claim.filled_up_to
            claim.position, claim.filling_to, claim.filled_up_to = self._until, None, None
            try:
                with self._conn.transaction():
                    fill(self._conn, [claim])
            except Exception as failure:
                claim.position, (claim.filling_to, claim.filled_up_to) = 0, before
                self._failed(member, failure)

    def steps(self, all_chunks: list[list[Size]]) -> Iterator[int]:
        """Fills chunk by chunk. Tells at each commit of how many records it wrote the rows."""
        for n, streams in enumerate(all_chunks):
            if not self._taking_part(streams[-1]):  # whoever lacked them has failed
                yield sum(size.records for size in streams)
            elif _short(streams):
                yield from self._chunk(streams, all_chunks[n + 1 : n + 1 + self.folding.ahead])
            else:
                yield from self._rest()
                yield self._long(streams)
            if not self.active:
                return
        yield from self._rest()

    def _chunk(self, streams: list[Size], following: list[list[Size]]) -> Iterator[int]:
        """Writes the chunk before, and folds this one."""
        while self.active:
            written = self._folded
            try:
                self._folded = self._overlapped(streams, following)
            except Exception as error:
                self._apart(error)
                if written is not None and self.active:
                    yield written.records
            else:
                if written is not None:
                    yield written.records
                return

    def _overlapped(self, streams: list[Size], following: list[list[Size]]) -> Chunk:
        conn, folding, written, task = self._conn, self.folding, self._folded, self._task(streams)
        with self._transaction(self.active, written):
            folding.prepare(task)  # before the writing is queued, or it would wait for that
            with conn.pipeline():
                if written is not None:
                    for member in self.active:
                        self._write(member, written)
                folding.look_ahead([self._task(chunk) for chunk in following if _short(chunk)])
                # What the socket has no room for yet is sent on from time to time.
                making = folding.make(task, meanwhile=conn.pgconn.flush)
        for member in self.active:
            made = making.made.get(member.projection.name)
            if made is not None and made.rows is None:
                member.failure = NotARow(f"{member.projection.name} makes rows that no table can hold")
        return Chunk(making.made, task.up_to, making.records)

    def _task(self, streams: list[Size]) -> Task:
        return Task(_names(streams), self._taking_part(streams[-1]), _positions(streams))

    def _taking_part(self, last: Size) -> tuple[str, ...]:
        """For which projections the chunk that ends here is folded."""
        return tuple(member.projection.name for member in self.active if not member.has(last.stream))

    def _rest(self) -> Iterator[int]:
        """Writes what has been folded."""
        written = self._folded
        if written is None or not self.active:
            return
        try:
            with self._transaction(self.active, written), self._conn.pipeline():
                for member in self.active:
                    self._write(member, written)
        except Exception as error:
            self._apart(error)
        self._folded = None
        yield written.records

    def _long(self, streams: list[Size]) -> int:
        """Streams that are too long to be held in memory: they are read in pages, for one build after the other."""
        names, records = _names(streams), sum(size.records for size in streams)
        chunk = Chunk({}, names[-1], records)
        written_before = {member.projection.name: member.has(names[-1]) for member in self.members}

        def fold_in_pages(member: Member) -> None:
            if member.projection.follows(names[0]) and not written_before[member.projection.name]:
                reader = self._reader.alone(member.projection)
                feeder = Feeder(member.projection, member.build, member.claim, reader)
                for _ in feeder.fold_again(self._conn, names, until=self._until, new=True):
                    pass  # written by now

        self._each_by_itself(fold_in_pages, chunk)
        return records

    def _apart(self, error: Exception) -> None:
        """Writes what has been folded for each build by itself. Raises the error again if nobody is to blame for it."""
        written, before = self._folded, self.active
        self._folded = None
        self.folding.forget()
        if len(before) == 1:
            self._failed(before[0], error)
            return
        self._each_by_itself(
            lambda member: self._write(member, written) if written is not None else None, written
        )
        if self.active == before:
            raise error

    def _each_by_itself(self, work: Callable[[Member], object], written: Chunk | None = None) -> None:
        """Does something for each build in a transaction of its own, which is fenced and moves its place."""
        for member in self.active:
            renew(self._conn, [other.claim for other in self.active])  # they wait meanwhile
            try:
                with self._transaction([member], written):
                    work(member)
            except Exception as failure:
                self._failed(member, failure)

    def _failed(self, member: Member, failure: Exception) -> None:
        if self._conn.closed or self._conn.broken:
            raise failure  # nobody can go on
        member.failure = failure

    @contextmanager
    def _transaction(self, members: list[Member], written: Chunk | None) -> Iterator[None]:
        """A transaction that is fenced, and notes how far the builds have come with the rows written in it."""
        before = [(member.claim, member.claim.filled_up_to) for member in members]
        try:
            with self._conn.transaction():
                for_folding(self._conn, members[0].claim.organisation)
                for member in members:
                    if written is not None and not member.has(written.up_to):
                        member.claim.filled_up_to = written.up_to
                fill(self._conn, [member.claim for member in members])
                yield
        except BaseException:
            for claim, place in before:
                claim.filled_up_to = place
            raise

    def _write(self, member: Member, written: Chunk) -> None:
        """Writes what a chunk makes of one build. In a pipeline, an error may show only at its end."""
        made = written.made.get(member.projection.name)
        if made is not None and made.rows is not None:
            organisation = member.claim.organisation
            add(self._conn, tables_of(member.projection, member.build.build), organisation, made.rows)
            waiting = {name: Stream(parked=parked) for name, parked in made.parked.items()}
            park(self._conn, organisation, member.build, waiting, waiting)


def _names(streams: list[Size]) -> list[str]:
    return [size.stream for size in streams]


def _positions(streams: list[Size]) -> list[int] | None:
    """Of all their records, where they are known."""
    positions: list[int] = []
    for size in streams:
        if size.positions is None:
            return None
        positions += size.positions
    return positions


def _short(streams: list[Size]) -> bool:
    """Whether all their records may be held in memory."""
    return (
        sum(size.records for size in streams) <= RECORDS_MAX
        and sum(size.bytes for size in streams) <= BYTES_MAX
    )
