"""Rebuilding each projection from a long log, against reading and decoding the same events and nothing more.

A rebuild also folds and writes. What writing alone costs is shown beside it: the rate at which one could read and
decode the events and then COPY the very rows of the projection, ready made, into a table with the same keys and
indexes. Where a projection has a row for each event, no rebuild can come near to reading alone.
"""

import asyncio
import itertools
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator

import msgspec
import psycopg
from psycopg import sql
from psycopg_pool import AsyncConnectionPool

from bench.place import ORGANISATION, as_role, fresh
from bench.report import Row, console
from events.log.append import Appender
from events.log.record import Submission
from events.vocabulary import canonical_body
from projections.engine.builds import active_build, ensure
from projections.engine.found import found
from projections.engine.projection import Projection
from projections.engine.reading import RECORDS_MAX, Reader, for_organisation, head
from projections.engine.rebuild import rebuild
from projections.engine.tables import Tables
from services.embedded import Postgres
from services.importing.synthetic_history import histories

EVENTS = 1_000_000
SLICE = 500
EVENTS_PER_PROJECT = 120


def measure(postgres: Postgres, runs: int, events: int = EVENTS) -> list[Row]:
    """Events of the log a second, and the memory of the process that rebuilds."""
    url = fresh(postgres)
    asyncio.run(_fill(url, events))
    rows = []
    for name in found():
        with console.status(f"rebuilding {name} …"):
            measured = [(_apart(url, "rebuild", name), _apart(url, "read", name)) for _ in range(runs)]
            copied = _copied(url, name)
        rows += [
            Row(
                what=name,
                unit="events/s",
                ours=[ours["rate"] for ours, _ in measured],
                peer=[peer["rate"] for _, peer in measured],
                peer_is="reading and decoding them",
                reach=0.6,
            ),
            Row(
                what=f"  with its {copied.rows:,} rows",
                unit="events/s",
                ours=[ours["rate"] for ours, _ in measured],
                peer=[1 / (1 / peer["rate"] + copied.seconds / events) for _, peer in measured],
                peer_is="… and then COPY of its rows",
            ),
            Row(what="  memory at most", unit="MB", ours=[ours["megabytes"] for ours, _ in measured]),
        ]
    return rows


async def _fill(url: str, events: int) -> None:
    """Tells a synthetic history of a very large trust."""
    told = itertools.islice(_history(events), events)
    with console.status(f"telling {events:,} events …"):
        async with AsyncConnectionPool(as_role(url, "qiledger_api"), min_size=3, max_size=3) as pool:
            appender = Appender(pool)
            while batches := [batch for _ in range(4) if (batch := list(itertools.islice(told, SLICE)))]:
                await asyncio.gather(*(appender.append(ORGANISATION, batch) for batch in batches))
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute("VACUUM ANALYZE log.records")


def _history(events: int) -> Iterator[Submission]:
    for telling in histories(1, projects=max(1, events // EVENTS_PER_PROJECT * 11 // 10)):
        yield Submission(
            stream=telling.stream,
            source=telling.source,
            id=telling.id,
            type=telling.type,
            occurred_at=telling.occurred_at,
            precise_to=telling.precise_to,
            actor="client/bench",
            body=canonical_body(telling.event).decode(),
        )


def _apart(url: str, what: str, name: str) -> dict[str, float]:
    """Does it in a process of its own, so that its memory can be told."""
    command = [sys.executable, "-m", "bench.rebuild", what, name, as_role(url, "qiledger_worker")]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    measured: dict[str, float] = json.loads(printed)
    return measured


class Copied(msgspec.Struct, frozen=True):
    """How long it took to write so many rows by COPY."""

    rows: int
    seconds: float


def _copied(url: str, name: str) -> Copied:
    """The rows that readers are shown, written once more by COPY, in one go, keys and indexes included."""
    projection = found()[name]
    with psycopg.connect(url, autocommit=True) as conn, tempfile.TemporaryFile() as file:
        build = active_build(conn, projection, ORGANISATION)
        assert build is not None
        tables = Tables(projection, build.build)
        columns = sql.SQL(", ").join(map(sql.Identifier, ("organisation", *tables.written)))
        with conn.cursor().copy(sql.SQL(_OUT).format(columns=columns, rows=tables.rows)) as copy:
            for block in copy:
                file.write(block)
        file.seek(0)
        conn.execute(sql.SQL("CREATE TABLE public.again (LIKE {} INCLUDING ALL)").format(tables.rows))
        began = time.perf_counter()
        with conn.cursor() as cursor:
            with cursor.copy(sql.SQL(_IN).format(columns=columns)) as copy:
                while block := file.read(1_000_000):
                    copy.write(block)
            rows = cursor.rowcount
        seconds = time.perf_counter() - began
        conn.execute("DROP TABLE public.again")
        return Copied(rows, seconds)


_OUT = "COPY {rows} ({columns}) TO STDOUT (FORMAT binary)"
_IN = "COPY public.again ({columns}) FROM STDIN (FORMAT binary)"


def _rebuild(conn: psycopg.Connection[tuple[object, ...]], projection: Projection[object]) -> int:  # type: ignore[type-var]
    ensure(conn, projection, ORGANISATION)
    done = rebuild(conn, projection, ORGANISATION)
    assert done.done
    return done.head


def _read(conn: psycopg.Connection[tuple[object, ...]], projection: Projection[object]) -> int:  # type: ignore[type-var]
    """The same pages, each body decoded into its event."""
    reader = Reader(projection, organisation=ORGANISATION)
    with conn.transaction():
        for_organisation(conn, ORGANISATION)
        last = head(conn, ORGANISATION)
    position = 0
    while position < last:
        with conn.transaction():
            for_organisation(conn, ORGANISATION)
            page = reader.page(conn, after=position, until=last, limit=RECORDS_MAX)
        for record in page.records:
            way = projection.ways.get(record.type)
            if way is not None:
                way.decode(record.body)
        position = page.position
    return last


def main(what: str, name: str, url: str) -> None:
    """One measurement, printed as JSON."""
    projection = found()[name]
    with psycopg.connect(url, autocommit=True) as conn:
        began = time.perf_counter()
        events = {"rebuild": _rebuild, "read": _read}[what](conn, projection)
        rate = events / (time.perf_counter() - began)
    print(json.dumps({"rate": rate, "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))


if __name__ == "__main__":
    main(*sys.argv[1:])
