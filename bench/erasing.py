"""Erasing a person from a long log, and how long tellers have to wait meanwhile, against waiting without it."""

import asyncio
import random
import tempfile
import time
from pathlib import Path

import msgspec
import psycopg
from psycopg_pool import AsyncConnectionPool

from bench.place import ORGANISATION, as_role, fresh
from bench.report import Row, console
from bench.telling import batch
from events.log.append import Appender
from events.log.operations import submission
from events.log.read import FOR_ORGANISATION
from events.log.record import Submission
from events.people import PersonRolesChanged
from events.privacy.custody import KeysInHand, entrust, new_master_key
from events.privacy.erasing import erase
from events.privacy.ledger import Ledger
from events.privacy.vault import key_for
from events.privacy.words import seal
from services.embedded import Postgres

WORDS = 100  # of each person who is erased
FILL = 500
LONE = 20  # events told in a batch meanwhile

Waits = list[float]


def measure(postgres: Postgres, runs: int, events: int = 1_000_000) -> list[Row]:
    """Seconds that an erasure takes, and the longest wait of a teller, in milliseconds."""
    entrust(KeysInHand(new_master_key()))
    url = fresh(postgres)
    took, waited, alone = asyncio.run(_measure(url, runs, events))
    return [
        Row(what=f"erase a person among {events:,} records", unit="s", ours=took),
        Row(
            what="longest wait of a teller meanwhile",
            unit="ms",
            ours=waited,
            peer=alone,
            peer_is="without an erasure",
        ),
    ]


async def _measure(url: str, runs: int, events: int) -> tuple[Waits, Waits, Waits]:
    chance = random.Random(7)
    took, waited, alone = Waits(), Waits(), Waits()
    async with AsyncConnectionPool(as_role(url, "qiledger_api"), min_size=3, max_size=3) as pool:
        appender = Appender(pool)
        with console.status(f"the log grows to {events:,} records …"):
            for _ in range(events // (2 * FILL)):
                halves = (batch(chance, FILL), batch(chance, FILL))
                await asyncio.gather(*(appender.append(ORGANISATION, half) for half in halves))
        for run in range(runs):
            person = f"person/P{run}"
            await appender.append(ORGANISATION, await asyncio.to_thread(_words, url, person))
            telling = asyncio.create_task(_tell(appender, chance))
            took.append(await asyncio.to_thread(_erase, url, person))
            telling.cancel()
            waited.append(await telling)
            telling = asyncio.create_task(_tell(appender, chance))
            await asyncio.sleep(took[-1])
            telling.cancel()
            alone.append(await telling)
    return took, waited, alone


async def _tell(appender: Appender, chance: random.Random) -> float:
    """Tells small batches until cancelled; the longest wait for an answer, in milliseconds."""
    longest = 0.0
    try:
        while True:
            began = time.perf_counter()
            await asyncio.shield(appender.append(ORGANISATION, batch(chance, LONE)))
            longest = max(longest, time.perf_counter() - began)
    except asyncio.CancelledError:
        return longest * 1000


def _words(url: str, person: str) -> list[Submission]:
    """Events that hold words of a person."""
    with psycopg.connect(url) as conn:
        conn.execute(FOR_ORGANISATION, (ORGANISATION,))
        key = key_for(conn, ORGANISATION, person)
    told = []
    for n in range(WORDS):
        event = PersonRolesChanged(roles=("coach",), reason=f"Because of reason {n}")
        plain = msgspec.structs.replace(submission(ORGANISATION, event), stream=person)
        told.append(seal(plain, event, ORGANISATION, person, key, frozenset({"reason"})))
    return told


def _erase(url: str, person: str) -> float:
    """Seconds."""
    with tempfile.TemporaryDirectory() as directory, psycopg.connect(url, autocommit=True) as conn:
        began = time.perf_counter()
        given = erase(conn, Ledger(Path(directory) / "ledger"), ORGANISATION, person, grounds="objection")
        took = time.perf_counter() - began
    assert given.words_unreadable == WORDS
    return took
