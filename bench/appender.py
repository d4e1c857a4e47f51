"""The appender called by many at once, against pgbench inserting one row a transaction into the same table.

At 32 callers also against the same calls made one after another over one connection, with nothing to hand out between
them: how near our process comes to costing nothing.
"""

import asyncio
import random
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import msgspec
import psycopg
from psycopg import pq
from psycopg.adapt import Transformer
from psycopg_pool import AsyncConnectionPool

from bench.place import ORGANISATION, as_role, environment, fresh, pgbench, run
from bench.report import Row
from bench.telling import _body, submission
from events.log.append import Appender
from events.log.gathering import PLAIN
from events.log.record import Receipt
from services.embedded import Postgres

CALLERS = (1, 8, 32, 128)
COMPARED = 32
SECONDS = 5

# The same columns, keys and indexes; the leaf comes ready made. Random ids and one of the projects, as ours.
_INSERT = f"""\\set project random(1, 433)
\\set version random(1, 9000000000000000)
INSERT INTO rows (organisation, position, version, occurred_at, recorded_at, stream, source, id, type, precise_to,
                  actor, body, leaf)
VALUES ('{ORGANISATION}', nextval('positions'), :version, now(), now(), 'project/P-' || :project,
        'https://example.org/life-of-projects', gen_random_uuid(), 'cycle.tested', 'instant', 'client/bench',
        '{_body}', decode(md5(:version::text) || md5(:version::text), 'hex'));
"""


def measure(postgres: Postgres, runs: int) -> list[Row]:
    """Events a second at each number of callers."""
    rows = []
    for callers in CALLERS:
        measured = [(ours(postgres, callers), peers(postgres, callers)) for _ in range(runs)]
        rows.append(
            Row(
                what=f"appender, {callers} callers",
                unit="events/s",
                ours=[ours for ours, _ in measured],
                peer=[peer for _, peer in measured],
                peer_is="pgbench, one row a transaction",
                reach=1.5 if callers == COMPARED else None,
            )
        )
        if callers == COMPARED:
            alone = [alone_on_a_connection(postgres, callers) for _ in range(runs)]
            ours_again = [ours for ours, _ in measured]
            peer_is = "such calls, one after another, alone"
            rows.append(Row(what="  the same", unit="events/s", ours=ours_again, peer=alone, peer_is=peer_is))
    return rows


def alone_on_a_connection(postgres: Postgres, events: int) -> float:
    """Calls of so many events each, as the appender makes them, as quickly as the database answers."""
    chance, seen, kept = random.Random(events), dict[str, int](), 0
    with psycopg.connect(as_role(fresh(postgres), "qiledger_api"), autocommit=True) as conn:
        conn.pgconn.prepare(PLAIN.name, PLAIN.sql)
        stop, spent = time.perf_counter() + SECONDS, 0.0
        while time.perf_counter() < stop:
            items = [submission(chance) for _ in range(events)]
            known = {item.stream: seen[item.stream] for item in items if item.stream in seen}
            parameters = [ORGANISATION.encode(), msgspec.json.encode(items), msgspec.json.encode(known)]
            began = time.perf_counter()
            answer = conn.pgconn.exec_prepared(PLAIN.name, parameters, result_format=pq.Format.BINARY)
            spent += time.perf_counter() - began
            ((_, _, versions, leaves),) = _rows(conn, answer)
            assert leaves is not None
            seen.update(zip([item.stream for item in items], versions, strict=True))
            kept += events
    return kept / spent


def _rows(conn: psycopg.Connection, answer: pq.abc.PGresult) -> list[Any]:
    read = Transformer(conn)
    read.set_pgresult(answer)
    return read.load_rows(0, answer.ntuples, tuple)


def ours(postgres: Postgres, callers: int) -> float:
    """The appender, each caller waiting for its answer before it tells the next event."""
    return asyncio.run(_ours(fresh(postgres), callers))


async def _ours(url: str, callers: int) -> float:
    chance = random.Random(callers)
    ready = [submission(chance) for _ in range(200_000)]
    told = iter(ready)
    async with AsyncConnectionPool(as_role(url, "qiledger_api"), min_size=4, max_size=4) as pool:
        appender = Appender(pool)
        stop = time.perf_counter() + SECONDS

        async def tell() -> int:
            count = 0
            while time.perf_counter() < stop:
                (kept,) = await appender.append(ORGANISATION, [next(told)])
                assert isinstance(kept, Receipt)
                count += 1
            return count

        began = time.perf_counter()
        counts = await asyncio.gather(*(tell() for _ in range(callers)))
        return sum(counts) / (time.perf_counter() - began)


def peers(postgres: Postgres, callers: int) -> float:
    """pgbench into a table like ours, all its indexes and checks, no guard and no function."""
    url = fresh(postgres)
    run(url, "CREATE TABLE rows (LIKE log.records INCLUDING ALL)")
    run(url, "CREATE SEQUENCE positions CACHE 50")
    with tempfile.TemporaryDirectory() as directory:
        script = Path(directory) / "insert.sql"
        script.write_text(_INSERT)
        printed = subprocess.run(
            [
                str(pgbench()),
                "-n",
                "-M",
                "prepared",
                "-c",
                str(callers),
                "-j",
                "2",
                "-T",
                str(SECONDS),
                "-f",
                str(script),
            ],
            env=environment(url),
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    (line,) = [line for line in printed.splitlines() if line.startswith("tps")]
    return float(line.split()[2])
