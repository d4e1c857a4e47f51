"""The appender called by many at once, against pgbench inserting one row a transaction into the same table."""

import asyncio
import random
import subprocess
import tempfile
import time
from pathlib import Path

from psycopg_pool import AsyncConnectionPool

from bench.place import ORGANISATION, as_role, environment, fresh, pgbench, run
from bench.report import Row
from bench.telling import _body, submission
from events.log.append import Appender
from events.log.record import Receipt
from services.embedded import Postgres

CALLERS = (1, 8, 32, 128)
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
                reach=1.5 if callers == 32 else None,
            )
        )
    return rows


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
