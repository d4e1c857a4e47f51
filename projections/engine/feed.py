"""Feeding: reads what is new of a log, folds it, and writes the rows and the checkpoint in one transaction.

What a crash leaves behind: before the commit of a batch, nothing of it; after it, all of it. The claim that was not
given back runs out after LEASE_S. A batch that somebody else overtook is rolled back (`checkpoint.py`).
"""

import time
from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import datetime
from functools import lru_cache
from itertools import groupby
from operator import attrgetter
from typing import Any, TypeAlias

import msgspec
from psycopg import Connection

from events.log.record import Record
from projections.engine.batch import fold_batch, misfits, strange_parts
from projections.engine.builds import Build, ensure
from projections.engine.checkpoint import LEASE_S, Claim, claimed, move
from projections.engine.late import Late
from projections.engine.parking import park
from projections.engine.projection import Projection
from projections.engine.reading import Reader, for_folding, head
from projections.engine.rows import ROWS_MAX, load, load_parts, save
from projections.engine.stream import Stream, amendments, fold_stream
from projections.engine.tables import Tables
from projections.engine.waypoints import Waypoints

BATCH_MAX = 200_000  # records in a transaction
BATCH_FIRST = 5_000  # then more, as time allows: the more records at once, the less often a row is written
BATCH_LEAST = 1_000
BATCH_SHARE = 0.2  # of its lease that a batch may take
STREAMS_MAX = 20_000  # remembered from batch to batch …
REMEMBERED_BYTES = 20_000_000  # … or fewer: about so many bytes of rows, as they are written
AGAIN_MAX = 2_000  # streams folded again by one query


class Progress(msgspec.Struct, frozen=True):
    """How far a feed has come: at `position` of `head`, having read `events` records in `seconds`."""

    position: int
    head: int
    events: int
    seconds: float

    @property
    def caught_up(self) -> bool:
        return self.position >= self.head


OnProgress: TypeAlias = Callable[[Progress], None]


class OtherRevision(RuntimeError):
    """The build was made by another revision of the code: it is rebuilt, never fed."""


def feed(
    conn: Connection[Any],
    projection: Projection[Any],
    organisation: str,
    *,
    build: Build | None = None,
    until: int | None = None,
    occurred_until: datetime | None = None,
    batch_max: int = BATCH_MAX,
    deadline: float | None = None,
    on_progress: OnProgress | None = None,
) -> Progress:
    """Brings a build (that which readers are shown) up to the head, or to position `until`; stops at `deadline`.

    `deadline` is a moment of `time.monotonic()`. The connection commits by itself (`autocommit`) and acts as the
    workers' role. Raises Held, Fenced or OtherRevision; whatever was committed before that holds.
    """
    assert conn.autocommit, "feeding commits batch by batch"
    build = build or ensure(conn, projection, organisation)
    if build.revision != projection.revision:
        raise OtherRevision(f"{build.schema} holds revision {build.revision}, not {projection.revision}")
    began = time.monotonic()
    with claimed(conn, organisation, build) as claim:
        if claim.filling_to is not None:
            raise NotFilled(f"{build.schema} is still being filled for {organisation}")
        reader = Reader(projection, organisation=organisation, occurred_until=occurred_until)
        feeder = Feeder(projection, build, claim, reader)
        from_position, size = claim.position, min(batch_max, BATCH_FIRST)
        while True:
            batch_began = time.monotonic()
            reached = feeder.batch(conn, size, until)
            now = time.monotonic()
            progress = Progress(claim.position, reached, claim.position - from_position, now - began)
            if on_progress is not None:
                on_progress(progress)
            if progress.caught_up or (deadline is not None and now >= deadline):
                return progress
            size = paced(size, now - batch_began, BATCH_SHARE * LEASE_S, batch_max)


def paced(size: int, took_s: float, meant_s: float, most: int) -> int:
    """The size of the next batch: twice or half as many, to take about as long as is meant."""
    if took_s < meant_s / 2:
        return min(most, size * 2)
    return min(most, max(BATCH_LEAST, size // 2)) if took_s > meant_s * 2 else size


@lru_cache(maxsize=1_000)
def tables_of(projection: Projection[Any], build: int) -> Tables:
    return Tables(projection, build)


class NotFilled(RuntimeError):
    """The build is new, and a rebuild is filling it stream by stream: it cannot be fed before that is done."""


class Feeder:
    """One run of feeding. Remembers the streams it has met; that holds as long as its claim does."""

    def __init__(self, projection: Projection[Any], build: Build, claim: Claim, reader: Reader) -> None:
        self._projection = projection
        self._build = build
        self._claim = claim
        self._reader = reader
        self._tables = tables_of(projection, build.build)
        self._waypoints = Waypoints(projection, build, claim.organisation)
        self._late = Late(self._tables, build, claim.organisation, reader, self._waypoints)
        self._known: dict[str, Stream] = {}
        self._largest = 0  # bytes a stream, on average of what was written together
        self._knows_all = claim.position == 0  # nothing is kept that is not remembered

    def batch(self, conn: Connection[Any], size: int, until: int | None) -> int:
        """One transaction: up to `size` records more. Returns the position to be reached."""
        claim, touched, again = self._claim, dict[str, Stream](), set[str]()
        with conn.transaction():
            for_folding(conn, claim.organisation)
            target = head(conn, claim.organisation)
            target = target if until is None else min(target, until)
            position, left = claim.position, size
            while position < target and left > 0 and len(touched) < self._most:
                page = self._reader.page(conn, after=position, until=target, limit=left)
                if not self._knows_all:
                    self._meet(conn, page.records)
                fold_batch(self._projection, self._known, page.records, touched, again)
                position, left = page.position, left - max(len(page.records), 1)
            again |= misfits(self._projection, touched)
            if position > claim.position:
                move(conn, claim, position)
                self.write(conn, touched, again, until=position)
        claim.position = max(claim.position, position)
        return target

    @property
    def projection(self) -> Projection[Any]:
        return self._projection

    @property
    def build(self) -> Build:
        return self._build

    @property
    def position(self) -> int:
        """How far the build has come."""
        return self._claim.position

    def digest(self, conn: Connection[Any], records: Iterable[Record], *, until: int) -> None:
        """Folds the next records, of any types, and writes what changed; the caller moves the checkpoint to `until`."""
        passed_over = self._projection.passed_over
        mine = [record for record in records if record.type not in passed_over]
        if not mine:
            return
        touched, again = dict[str, Stream](), set[str]()
        self._meet(conn, mine)
        fold_batch(self._projection, self._known, mine, touched, again)
        again |= misfits(self._projection, touched)
        if touched or again:
            self.write(conn, touched, again, until=until)

    def write(
        self, conn: Connection[Any], touched: dict[str, Stream], again: set[str], *, until: int
    ) -> None:
        """Writes everything that changed, and folds again what must be."""
        for name in again:
            touched.pop(name, None)
        with conn.pipeline():
            self._save(conn, touched)
        for name in self._folded_late(conn, again, until):
            self._known.pop(name)
            self._knows_all = False
            again.remove(name)
        for streams in self.fold_again(conn, again, until=until):
            self._known.update(streams)
        self._forget()

    def _folded_late(self, conn: Connection[Any], again: Collection[str], until: int) -> set[str]:
        """Folds what can be folded without going back to the beginning. Returns the streams."""
        met = {name: self._known[name].again for name in again if name in self._known}
        return self._late.fold(conn, met, since=self._claim.position, until=until) if met else set()

    def fold_again(
        self, conn: Connection[Any], again: Collection[str], *, until: int, new: bool = False
    ) -> Iterator[dict[str, Stream]]:
        """Folds streams from their first records up to a position and writes them, some at a time.

        `new` says that they have no rows yet, nor need any where nothing was told of them.
        """
        names = sorted(again)
        for start in range(0, len(names), AGAIN_MAX):
            if not new:
                self._forget_waypoints(conn, names[start : start + AGAIN_MAX])
            for streams in self._folded_again(conn, names[start : start + AGAIN_MAX], until):
                written = (
                    {name: stream for name, stream in streams.items() if stream.is_known} if new else streams
                )
                with conn.pipeline():
                    self._save(conn, written, anew=not new, new=new)
                yield streams

    def _save(
        self, conn: Connection[Any], streams: dict[str, Stream], *, anew: bool = False, new: bool = False
    ) -> None:
        organisation = self._claim.organisation
        size = save(conn, self._tables, organisation, streams, anew=anew, new=new)
        if anew or new:  # what is new was never parked before
            listed = [name for name, stream in streams.items() if anew or stream.parked]
            park(conn, organisation, self._build, streams, listed)
        for stream in streams.values():
            if self._projection.shape == "lines":
                stream.rows.clear()
            for kept in stream.rows.values():
                kept.saved = True
        self._largest = max(self._largest, size // max(1, len(streams)))

    def _folded_again(
        self, conn: Connection[Any], names: list[str], until: int
    ) -> Iterator[dict[str, Stream]]:
        """These streams, folded from their first records, some at a time: never more than about ROWS_MAX rows."""
        projection, reader = self._projection, self._reader
        amended = amendments(projection, reader.revisions(conn, names, until=until))
        amended.expect(reader.places(conn, amended.put_right(), until=until))

        def fold(name: str, told: Iterable[Record]) -> Stream:
            stream = Stream()
            if projection.shape != "lines":
                told = self._waypoints.noting(conn, name, told, stream, until)
            return fold_stream(projection, name, told, amended, onto=stream)

        odd: list[str] = []
        for streams in _stream_by_stream(names, reader.streams(conn, names, until=until), fold):
            odd += (misfit := misfits(projection, streams))
            waits = {name for name, stream in streams.items() if stream.parked}
            self._forget_waypoints(conn, waits.union(misfit))
            yield {name: stream for name, stream in streams.items() if name not in misfit}
        if odd:

            def carefully(name: str, told: Iterable[Record]) -> Stream:
                return fold_stream(projection, name, told, amended, carefully=True)

            yield from _stream_by_stream(odd, reader.streams(conn, odd, until=until), carefully)

    def _forget_waypoints(self, conn: Connection[Any], names: Collection[str]) -> None:
        """They are noted anew; a stream that waits has none, as it does not stand where its records say."""
        if names and self._tables.shape != "lines":
            self._waypoints.forget(conn, names)

    def _meet(self, conn: Connection[Any], records: Collection[Record]) -> None:
        """Remembers what is kept of whatever these records are folded into: not the rest of a long stream."""
        known, organisation = self._known, self._claim.organisation
        if strange := {record.stream for record in records} - known.keys():
            known.update(load(conn, self._tables, organisation, strange))
        if self._tables.shape == "parts":
            parts = strange_parts(self._projection, known, records)
            load_parts(conn, self._tables, organisation, parts, known)

    @property
    def _most(self) -> int:
        """How many streams may be remembered: fewer if their rows are large."""
        return min(STREAMS_MAX, REMEMBERED_BYTES // max(1, self._largest))

    def _forget(self) -> None:
        """Forgets the streams met longest ago, when there are too many. All is written by now."""
        while len(self._known) > self._most:
            del self._known[next(iter(self._known))]
            self._knows_all = False


def _stream_by_stream(
    names: Collection[str], records: Iterable[Record], fold: Callable[[str, Iterable[Record]], Stream]
) -> Iterator[dict[str, Stream]]:
    """Folds the records of streams, some streams at a time; those of which there are none are empty."""
    left, streams, rows = set(names), dict[str, Stream](), 0
    for name, told in groupby(records, key=attrgetter("stream")):
        left.remove(name)
        streams[name] = stream = fold(name, told)
        rows += len(stream.rows)
        if rows >= ROWS_MAX:
            yield streams
            streams, rows = {}, 0
    yield streams | {name: Stream() for name in left}
