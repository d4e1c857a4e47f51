"""Rebuilding from a long log: all projections in one pass, and each by itself.

The measure of each is reading and decoding the same events, once, and nothing more.

A rebuild is folded by a process for each processor, as `qiledger rebuild` does; reading alone is one process. So beside
the rebuild of everything, and of what is read most, stands the same in one process, which is the ratio to go by.

Memory is that of all its processes together, each at its highest. It stands against that of a rebuild from the first
tenth of the log: flat is a ratio of about one.

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
from pathlib import Path
from typing import Any, TypeAlias

import msgspec
import psycopg
from psycopg import sql
from psycopg_pool import AsyncConnectionPool

from bench.place import ORGANISATION, as_role, fresh
from bench.report import Row, console
from events.log.append import Appender
from events.log.record import Submission
from events.vocabulary import canonical_body
from projections.engine.beside import processors
from projections.engine.builds import active_build, ensure
from projections.engine.found import found
from projections.engine.projection import Projection
from projections.engine.reading import RECORDS_MAX, Reader, for_organisation, head
from projections.engine.rebuild import Rebuilt, rebuild_together
from projections.engine.tables import Tables
from services.embedded import Postgres
from services.importing.synthetic_history import histories

EVENTS = 1_000_000
ALL = "all"
ALONE = (ALL, "forum_portfolio", "measure_series")  # also in one process
MEGABYTES_MAX = 300
SLICE = 500
EVENTS_PER_PROJECT = 120

Connection: TypeAlias = psycopg.Connection[tuple[Any, ...]]


def measure(postgres: Postgres, runs: int, events: int = EVENTS) -> list[Row]:
    """Events of the log a second, and the memory of the processes that rebuild."""
    url = fresh(postgres)
    told = itertools.islice(_history(events), events)
    asyncio.run(_fill(url, told, events // 10))
    with console.status("rebuilding all projections of a tenth of the log …"):
        tenth = [_apart(url, "rebuild", ALL)["megabytes"] for _ in range(runs)]
    asyncio.run(_fill(url, told, events - events // 10))
    rows = _rebuilt(url, ALL, f"all {len(found())}, {processors()} processes", runs)
    rows.append(msgspec.structs.replace(rows.pop(), peer=tenth, peer_is=f"from {events // 10:,} of them"))
    for name in found():
        rows += _one(url, name, runs, events)
    return rows


def _rebuilt(url: str, name: str, what: str, runs: int, reach: float | None = None) -> list[Row]:
    """One pass over the log, against reading it; by a process for each processor and, of some, in one."""
    with console.status(f"rebuilding {what} …"):
        measured = [(_apart(url, "rebuild", name), _apart(url, "read", name)) for _ in range(runs)]
        alone = [_apart(url, "alone", name) for _ in range(runs)] if name in ALONE else []
    read = [peer["rate"] for _, peer in measured]
    against = "reading and decoding them"
    ways = [(what, [ours["rate"] for ours, _ in measured])]
    ways += [("  in one process", [ours["rate"] for ours in alone])] if alone else []
    return [
        *(
            Row(what=way, unit="events/s", ours=rates, peer=read, peer_is=against, reach=reach)
            for way, rates in ways
        ),
        Row(
            what="  a CPU second of ours", unit="events", ours=[ours["a_cpu_second"] for ours, _ in measured]
        ),
        Row(
            what="  memory at most",
            unit="MB",
            ours=[ours["megabytes"] for ours, _ in measured],
            at_most=MEGABYTES_MAX,
        ),
    ]


def _one(url: str, name: str, runs: int, events: int) -> list[Row]:
    """One projection by itself."""
    rows = _rebuilt(url, name, name, runs, reach=0.6)
    copied = _copied(url, name)
    whole = Row(
        what=f"  with its {copied.rows:,} rows",
        unit="events/s",
        ours=rows[0].ours,
        peer=[1 / (1 / rate + copied.seconds / events) for rate in rows[0].peer],
        peer_is="… and then COPY of its rows",
    )
    return [*rows[:-2], whole, rows[-1]]


async def _fill(url: str, history: Iterator[Submission], events: int) -> None:
    """Tells so much more of the history of a very large trust."""
    told = itertools.islice(history, events)
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
    printed = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
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


def _rebuild(conn: Connection, projections: list[Projection[Any]], processes: int) -> int:
    for projection in projections:
        ensure(conn, projection, ORGANISATION)
    done = list(rebuild_together(conn, projections, ORGANISATION, processes=processes).values())
    assert all(isinstance(how, Rebuilt) and how.done for how in done), done
    return max(how.head for how in done if isinstance(how, Rebuilt))


def _read(conn: Connection, projections: list[Projection[Any]]) -> int:
    """The same pages, each body decoded into its event."""
    reader = Reader(*projections, organisation=ORGANISATION)
    ways = {tag: way for projection in projections for tag, way in projection.ways.items()}
    with conn.transaction():
        for_organisation(conn, ORGANISATION)
        last = head(conn, ORGANISATION)
    position = 0
    while position < last:
        with conn.transaction():
            for_organisation(conn, ORGANISATION)
            page = reader.page(conn, after=position, until=last, limit=RECORDS_MAX)
        for record in page.records:
            way = ways.get(record.type)
            if way is not None:
                way.decode(record.body)
        position = page.position
    return last


def main(what: str, name: str, url: str) -> None:
    """One measurement, printed as JSON."""
    projections = list(found().values()) if name == ALL else [found()[name]]
    with psycopg.connect(url, autocommit=True) as conn:
        began, began_cpu = time.perf_counter(), _cpu()
        processes = processors() if what == "rebuild" else 0
        events = _read(conn, projections) if what == "read" else _rebuild(conn, projections, processes)
        seconds = time.perf_counter() - began
    cpu = _cpu() - began_cpu
    mine = _most_memory()
    largest_of_others = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    megabytes = (mine + processes * largest_of_others) / 1024  # at most: they need not peak at once
    print(json.dumps({"rate": events / seconds, "a_cpu_second": events / cpu, "megabytes": megabytes}))


def _cpu() -> float:
    """Seconds of this process, and of those that it started and that have ended."""
    used = (resource.getrusage(of) for of in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in used)


def _most_memory() -> int:
    """Kilobytes of this process at most. (What `getrusage` says of itself begins with whoever started it.)"""
    try:
        status = Path("/proc/self/status").read_text()
    except FileNotFoundError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    (most,) = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")]
    return int(most)


if __name__ == "__main__":
    main(*sys.argv[1:])
