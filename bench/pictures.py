"""Asking pictures: the slowest question over HTTP among many organisations, and the past asked of for the first time.

One organisation's history is told and folded. The others hold copies of its rows, because a question reads rows alone
and the same events would make the same; so a hundred organisations are there in minutes instead of hours.
"""

import asyncio
import http.client
import random
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import Any
from urllib.parse import quote, urlencode

import msgspec
import psycopg
from psycopg import sql
from psycopg_pool import AsyncConnectionPool

from bench.place import as_role, fresh
from bench.report import Row, console
from bench.served import serving
from events.log import keys
from events.log.append import Appender
from projections.engine.advance import advance
from projections.engine.as_at import as_at
from projections.engine.columns import LEXEMES
from projections.engine.found import found
from projections.engine.tables import schema_of
from services.embedded import Postgres
from services.importing.synthetic_history import ENDS, histories
from services.importing.synthetic_words import DIRECTORATES

ORGANISATIONS, PROJECTS = 10, 500
FOLD_WITHIN_S = 3_600.0
SLICE = 500
ASKED_MIN, ASKED_MAX, ASKED_FOR_S = 20, 300, 2.0
SLOWEST = 5  # of the questions, that are shown
HALF_WAY = datetime(2022, 5, 20, 23, 59, 59, 999999, UTC)

# What is asked for: a value for each parameter that some question cannot do without.
VALUES: dict[str, Callable[[random.Random, int], str]] = {
    "project": lambda chance, projects: f"P-{chance.randint(1, projects):04d}",
    "subject": lambda chance, projects: f"project/P-{chance.randint(1, projects):04d}",
    "projects": lambda chance, projects: ",".join(
        f"P-{number:04d}" for number in sorted(chance.sample(range(1, projects + 1), min(projects, 100)))
    ),
    "measure": lambda chance, projects: f"M-{chance.randint(1, 3)}",
    "forum": lambda chance, projects: chance.choice(DIRECTORATES)[0],
    "programme": lambda chance, projects: "violence-reduction",
    "person": lambda chance, projects: f"person/c{chance.randint(1, 60)}",
    "raised_by": lambda chance, projects: f"person/c{chance.randint(1, 60)}",
    "title": lambda chance, projects: chance.choice(("Reducing waiting times", "Safer wards", "Joy in work")),
    "since": lambda chance, projects: f"{chance.randint(2015, 2023)}-04-01",
    "until": lambda chance, projects: "2024-12-31",
    "on": lambda chance, projects: f"2024-{chance.randint(1, 12):02}-15",
}


def measure(
    postgres: Postgres, runs: int, organisations: int = ORGANISATIONS, projects: int = PROJECTS
) -> list[Row]:
    """The slowest questions by their 99th percentile, and how long a past takes that nobody has asked of before."""
    codes = [f"T{number:03}" for number in range(organisations)]
    url = fresh(postgres, *codes)
    with console.status(f"telling a history of {projects} projects …"):
        events = asyncio.run(_tell(url, codes[0], projects))
    with console.status("folding it …"):
        _fold(url, codes)
    rows = _questions(url, codes, projects, runs)
    with console.status("asking of the past …"):
        rows += _pasts(url, codes[0], events, runs)
    return rows


async def _tell(url: str, organisation: str, projects: int) -> int:
    told = (telling.submission(actor="client/bench") for telling in histories(1, projects=projects))
    async with AsyncConnectionPool(as_role(url, "qiledger_api"), min_size=3, max_size=3) as pool:
        appender, events = Appender(pool), 0
        while batches := [batch for _ in range(4) if (batch := list(islice(told, SLICE)))]:
            await asyncio.gather(*(appender.append(organisation, batch) for batch in batches))
            events += sum(map(len, batches))
    return events


def _fold(url: str, codes: list[str]) -> None:
    """The first organisation's rows are folded, the others' copied from them."""
    with psycopg.connect(as_role(url, "qiledger_worker"), autocommit=True) as conn:
        conn.execute("SET timezone = 'UTC'")
        assert advance(conn, codes[0], deadline=time.monotonic() + FOLD_WITHIN_S)
    with psycopg.connect(url, autocommit=True) as conn:
        for projection, build in conn.execute(
            "SELECT projection, build FROM projections.active WHERE organisation = %s", (codes[0],)
        ).fetchall():
            rows = sql.Identifier(schema_of(projection, build), f"{projection}_rows")
            for table, only in (
                (rows, sql.SQL("true")),
                (sql.SQL("projections.checkpoints"), sql.SQL("projection = {}").format(projection)),
                (sql.SQL("projections.active"), sql.SQL("projection = {}").format(projection)),
            ):
                _copy(conn, table, only, codes)
            conn.execute(sql.SQL("VACUUM ANALYZE {}").format(rows))


def _copy(
    conn: psycopg.Connection[Any], table: sql.Composable, only: sql.Composable, codes: list[str]
) -> None:
    cursor = conn.execute(sql.SQL("SELECT * FROM {} LIMIT 0").format(table))
    names = [
        column.name for column in cursor.description or () if column.name not in ("organisation", LEXEMES)
    ]
    columns = sql.SQL(", ").join(map(sql.Identifier, names))
    conn.execute(
        sql.SQL(
            "INSERT INTO {table} (organisation, {columns}) "
            "SELECT code, {columns} FROM {table}, unnest(%s::text[]) AS code WHERE organisation = %s AND {only}"
        ).format(table=table, columns=columns, only=only),
        (codes[1:], codes[0]),
    )


def _questions(url: str, codes: list[str], projects: int, runs: int) -> list[Row]:
    with psycopg.connect(url) as conn:
        secrets = {
            code: keys.create(conn, code, "bench", scopes=[keys.ASK_OF_PEOPLE], sources=["*"]).text
            for code in codes
        }
    measured: dict[str, list[list[float]]] = {}
    with serving(as_role(url, "qiledger_api"), None) as port:
        for _ in range(runs):
            for name, address in _addresses(projects):
                with console.status(f"asking {name} …"):
                    measured.setdefault(name, []).append(sorted(_asked(port, secrets, address)))
    slowest = sorted(measured, key=lambda name: -min(_percentile(times, 0.99) for times in measured[name]))
    return [
        Row(
            what=f"{name}: {called}, {len(codes)} × {projects} projects",
            unit="ms",
            ours=[_percentile(times, share) * 1e3 for times in measured[name]],
        )
        for name in slowest[:SLOWEST]
        for share, called in ((0.5, "median"), (0.99, "p99"))
    ]


def _addresses(projects: int) -> Iterator[tuple[str, Callable[[random.Random], str]]]:
    """Every question there is, found by itself, and how it is asked: what it needs, and nothing that narrows it."""
    for projection in found().values():
        for question in projection.questions.values():
            needed = [field.name for field in msgspec.structs.fields(question.asks) if field.required]

            def address(
                chance: random.Random,
                path: str = f"projections/{projection.name}/{question.name}",
                needed: list[str] = needed,
            ) -> str:
                return f"{path}?{urlencode({name: VALUES[name](chance, projects) for name in needed})}"

            yield f"{projection.name}.{question.name}", address


def _asked(port: int, secrets: dict[str, str], address: Callable[[random.Random], str]) -> list[float]:
    """How long answers take, in seconds, one after the other over one connection."""
    chance, times = random.Random(1), list[float]()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    until = time.perf_counter() + ASKED_FOR_S
    while len(times) < ASKED_MIN or (len(times) < ASKED_MAX and time.perf_counter() < until):
        code = chance.choice(list(secrets))
        path = f"/v1/{code}/{quote(address(chance), safe='/?=&%-+')}"
        began = time.perf_counter()
        connection.request("GET", path, headers={"Authorization": f"Bearer {secrets[code]}"})
        answer = connection.getresponse()
        text = answer.read()
        times.append(time.perf_counter() - began)
        assert answer.status == 200, (path, text)
    connection.close()
    return times[1:]  # the first opens the connection


def _pasts(url: str, organisation: str, events: int, runs: int) -> list[Row]:
    """Making each projection's picture of a day, by business time and by recorded time, when nobody has asked yet."""
    measured: dict[str, list[float]] = {}
    with psycopg.connect(as_role(url, "qiledger_worker"), autocommit=True) as conn:
        for run in range(runs):
            for projection in found().values():
                day = HALF_WAY if run == 0 else HALF_WAY.replace(year=2022 + run)
                began = time.perf_counter()
                as_at(conn, projection, organisation, occurred_until=min(day, ENDS))
                measured.setdefault(projection.name, []).append(time.perf_counter() - began)
    slowest = max(measured, key=lambda name: max(measured[name]))
    return [
        Row(
            what=f"{name}: a past, the first time, {events:,} events",
            unit="s",
            ours=measured[name],
        )
        for name in dict.fromkeys(
            (slowest, *sorted(measured, key=lambda name: -max(measured[name]))[:SLOWEST])
        )
    ]


def _percentile(ordered: list[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
