"""Filling a new build: each stream is folded once, from its first record, and its rows are written once.

So it does not matter in which order a log was told, nor how often it was put right: the work grows with the log and
with nothing else. The rows are those at the position where filling began (`filling_to`), all at once, when the last
stream is done; from there on the build is fed.

What a crash leaves behind: the streams up to `filled_up_to`; the next to come goes on after it.
"""

import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from psycopg import Connection

from projections.engine.builds import Build
from projections.engine.checkpoint import Claim, claimed, fill
from projections.engine.feed import Feeder, OnProgress, Progress
from projections.engine.projection import Projection
from projections.engine.reading import Reader, Size, for_organisation, head

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
        for streams in _chunks([size for size in sizes if not _is_filled(claim, size)], batch_max):
            _fill(conn, feeder, claim, streams)
            done += sum(size.records for size in streams)
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


def _fill(conn: Connection[Any], feeder: Feeder, claim: Claim, streams: list[Size]) -> None:
    """One transaction: the rows of some streams."""
    before = claim.filled_up_to
    claim.filled_up_to = streams[-1].stream
    try:
        with conn.transaction():
            for_organisation(conn, claim.organisation)
            fill(conn, claim)
            names = [size.stream for size in streams]
            short = sum(size.records for size in streams) <= RECORDS_MAX
            short = short and sum(size.bytes for size in streams) <= BYTES_MAX
            for _ in feeder.fold_again(conn, names, until=claim.filling_to or 0, new=True, short=short):
                pass  # written by now
    except BaseException:
        claim.filled_up_to = before
        raise


def _end(conn: Connection[Any], claim: Claim) -> None:
    """The build has come to where it was filled to."""
    with conn.transaction():
        claim.position, claim.filling_to, claim.filled_up_to = claim.filling_to or 0, None, None
        fill(conn, claim)
