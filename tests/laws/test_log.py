"""The laws of the log, under random interleavings of callers, repeats, conflicts, batches and crashes.

Whatever is thrown at it: positions run without gap or repeat, versions run without gap in each stream, each
(source, id) is kept once, every acknowledgement is true and in order, and a reader who tails the log meets every record
exactly once and never one before its predecessor.
"""

import asyncio
import uuid
from datetime import UTC, datetime
from typing import Any

import psycopg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import Struct
from psycopg.conninfo import make_conninfo
from psycopg_pool import AsyncConnectionPool

from events.log.append import Appender
from events.log.outcomes import Conflict, HeldBack, LogBusy, Outcome, WrongVersion
from events.log.read import records_after
from events.log.record import Receipt, Record, Submission
from tests.effort import examples

NOON = datetime(2022, 5, 20, 12, tzinfo=UTC)


class Telling(Struct, frozen=True):
    """One event somebody tells: few streams and few ids, so that callers get in each other's way."""

    stream: int
    id: int
    content: int
    expected: int | None

    def submission(self) -> Submission:
        return Submission(
            stream=f"project/{self.stream}",
            source="https://example.org/qi",
            id=str(self.id),
            type="cycle.tested",
            occurred_at=NOON,
            precise_to="instant",
            actor="client/law",
            body=f'{{"content":{self.content}}}',
            expected=self.expected,
        )


class Asking(Struct, frozen=True):
    """One request, and how often it is sent (a caller who heard nothing sends it again)."""

    tellings: list[Telling]
    whole: bool
    times: int


tellings = st.builds(
    Telling,
    stream=st.integers(0, 3),
    id=st.integers(0, 60),
    content=st.integers(0, 1),
    expected=st.none() | st.integers(0, 6),
)
askings = st.builds(
    Asking,
    tellings=st.lists(tellings, min_size=1, max_size=6),
    whole=st.booleans(),
    times=st.integers(1, 3),
)
callers = st.lists(st.lists(askings, min_size=1, max_size=5), min_size=1, max_size=12)
crashes = st.lists(st.integers(0, 20), max_size=3)  # after how many acknowledgements a crash comes

Heard = list[tuple[Asking, list[Outcome]]]


async def tell(
    appender: Appender, organisation: str, asked: list[Asking], heard: Heard, ring: asyncio.Event
) -> None:
    """A caller: sends its requests in order, again and again while the log is away or it never heard."""
    for asking in asked:
        for _ in range(asking.times):
            outcomes = await insist(appender, organisation, asking)
            heard.append((asking, outcomes))
            ring.set()


async def insist(appender: Appender, organisation: str, asking: Asking) -> list[Outcome]:
    for _ in range(50):
        try:
            told = [telling.submission() for telling in asking.tellings]
            return await appender.append(organisation, told, all_or_nothing=asking.whole)
        except LogBusy:
            continue
    raise AssertionError("the log stayed away")


async def crash(url: str, organisation: str, after: list[int], heard: Heard, ring: asyncio.Event) -> None:
    """Ends the appender's sessions in the middle of whatever they do."""
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as conn:
        for number in sorted(after):
            while len(heard) < number:
                ring.clear()
                await ring.wait()
            await conn.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s",
                (organisation,),
            )


async def tail(pool: AsyncConnectionPool[Any], organisation: str, done: asyncio.Event) -> list[Record]:
    """A reader who follows the log while it grows, in small pages."""
    seen: list[Record] = []
    while True:
        ended = done.is_set()
        async with pool.connection() as conn:
            page = await records_after(conn, organisation, seen[-1].position if seen else 0, limit=3)
        seen += page.records
        if ended and page.caught_up:
            return seen


async def live(
    url: str, organisation: str, plan: list[list[Asking]], after: list[int]
) -> tuple[Heard, list[Record]]:
    options = "-c role=qiledger_api -c timezone=UTC"
    writing = make_conninfo(url, options=options, application_name=organisation)
    reading = make_conninfo(url, options=options)
    heard: Heard = []
    ring, done = asyncio.Event(), asyncio.Event()
    async with (
        AsyncConnectionPool(
            writing, min_size=2, max_size=2, check=AsyncConnectionPool.check_connection
        ) as pool,
        AsyncConnectionPool(reading, min_size=1, max_size=1) as readers,
    ):
        appenders = [Appender(pool), Appender(pool)]  # two processes' worth
        tailing = asyncio.ensure_future(tail(readers, organisation, done))
        crashing = asyncio.ensure_future(crash(url, organisation, after, heard, ring))
        await asyncio.gather(
            *(tell(appenders[n % 2], organisation, asked, heard, ring) for n, asked in enumerate(plan))
        )
        crashing.cancel()
        done.set()
        return heard, await tailing


@settings(
    max_examples=examples(40),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(plan=callers, after=crashes)
def test_the_log_keeps_its_promises(database_url: str, plan: list[list[Asking]], after: list[int]):
    organisation = "L" + uuid.uuid4().hex[:9].upper()
    with psycopg.connect(database_url, autocommit=True) as conn:
        conn.execute("SELECT log.open(%s, 'A trust')", (organisation,))
        heard, seen = asyncio.run(live(database_url, organisation, plan, after))
        kept = conn.execute(
            "SELECT position, stream, version, id, body, leaf, recorded_at FROM log.records"
            " WHERE organisation = %s ORDER BY position",
            (organisation,),
        ).fetchall()
        counted = conn.execute(
            "SELECT position FROM log.heads WHERE organisation = %s", (organisation,)
        ).fetchone()

    assert [row[0] for row in kept] == list(range(1, len(kept) + 1))
    assert counted == (len(kept),)
    for stream in {row[1] for row in kept}:
        versions = [row[2] for row in kept if row[1] == stream]
        assert versions == list(range(1, len(versions) + 1))
    assert len({row[3] for row in kept}) == len(kept)
    assert [row[6] for row in kept] == sorted(row[6] for row in kept)
    assert [(r.position, r.leaf) for r in seen] == [(row[0], row[5]) for row in kept]
    for asking, outcomes in heard:
        holds(asking, outcomes, kept)


def holds(asking: Asking, outcomes: list[Outcome], kept: list[tuple[Any, ...]]) -> None:
    """Each acknowledgement agrees with the log; each refusal had its reason."""
    assert len(outcomes) == len(asking.tellings)
    for telling, outcome in zip(asking.tellings, outcomes, strict=True):
        match outcome:
            case Receipt():
                _, stream, version, id_, body, leaf, recorded_at = kept[outcome.position - 1]
                told = telling.submission()
                assert (stream, id_, body) == (told.stream, told.id, told.body)
                assert (version, leaf, recorded_at) == (outcome.version, outcome.leaf, outcome.recorded_at)
                if telling.expected is not None and not outcome.duplicate:
                    assert version == telling.expected + 1
            case Conflict(kept=None):
                assert asking.whole
            case Conflict(kept=Receipt() as other):
                told = telling.submission()
                _, stream, _, id_, body, leaf, _ = kept[other.position - 1]
                assert (id_, leaf) == (told.id, other.leaf)
                assert (stream, body) != (told.stream, told.body)
            case WrongVersion():
                assert outcome.found != outcome.expected == telling.expected
            case HeldBack():
                assert asking.whole
                assert any(isinstance(o, Conflict | WrongVersion) for o in outcomes)
    new = [o.position for o in outcomes if isinstance(o, Receipt) and not o.duplicate]
    assert new == sorted(new)
    if asking.whole and any(not isinstance(o, Receipt) for o in outcomes):
        assert not new
