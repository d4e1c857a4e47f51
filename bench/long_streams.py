"""What news of a long stream costs, and a page of it, against the same of a short one: about the same, if all is well.

One is a measure with thousands of points, of which one more is told; the other a timeline with tens of thousands of
lines, of which a page is turned to. What is told is fed, and it is heard by the rules of notices. Of a point these ask
what its chart says now, which is the work of all its points; of a score, how the project stands.
"""

import asyncio
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from typing import Any

import msgspec
import psycopg
from msgspec.structs import replace

from bench.place import ORGANISATION, as_role, fresh, run
from bench.report import Row, console, pairs
from events.log.record import Submission
from events.measures import MeasurementRecorded
from events.scores import ProgressScored
from events.vocabulary import canonical_body, tag_of
from projections.engine.ask import answer
from projections.engine.builds import ensure
from projections.engine.feed import feed
from projections.engine.together import feed_together
from projections.measure_series import series
from projections.notices.engine.listen import listen
from projections.timeline import OfSubject, timeline
from services.embedded import Postgres

POINTS, LINES, FEW = 5_000, 20_000, 50
SLICE = 500
TIMES = 100
HEARD = 20
LINES_SHOWN = 50
FIRST = datetime(1960, 1, 1, tzinfo=UTC)

Connection = psycopg.Connection[Any]


def measure(postgres: Postgres, runs: int, points: int = POINTS, lines: int = LINES) -> list[Row]:
    """Points fed and pages asked a second, one after the other."""
    url = fresh(postgres)
    streams = {length: _points(f"project/LONG-{length}") for length in (points, lines, FEW)}
    others = {length: _points(f"project/HEARD-{length}") for length in (points, FEW)}
    with console.status("telling long streams …"):
        for length, told in (*streams.items(), *others.items()):
            while length and (some := list(islice(told, min(SLICE, length)))):
                _tell(url, some)
                length -= len(some)
    with psycopg.connect(as_role(url, "qiledger_worker"), autocommit=True) as conn:
        for projection in (series, timeline):
            ensure(conn, projection, ORGANISATION)
            feed(conn, projection, ORGANISATION)
        run(url, "VACUUM ANALYZE")
        long, short = pairs(
            runs, lambda: _fed(url, conn, streams[points]), lambda: _fed(url, conn, streams[FEW])
        )
        heard = _heard_of(url, conn, runs, others[points], others[FEW])
        scores = _heard_of(
            url, conn, runs, _scores(f"project/HEARD-{points}"), _scores(f"project/HEARD-{FEW}")
        )
    pages = pairs(
        runs, lambda: _pages(url, f"project/LONG-{lines}"), lambda: _pages(url, f"project/LONG-{FEW}")
    )
    return [
        Row(
            what=what,
            unit=f"{unit}/s",
            ours=ours,
            peer=peer,
            peer_is=f"one of {FEW}",
            reach=reach,
        )
        for what, unit, (ours, peer), reach in (
            (f"one more point of a series of {points:,}, fed", "points", (long, short), 0.8),
            ("  the same, heard: its chart is judged", "points", heard, None),
            ("  a score of its project, heard", "scores", scores, 0.8),
            (f"a page of a timeline of {lines:,} lines", "pages", pages, 0.8),
        )
    ]


def _points(stream: str) -> Iterator[Submission]:
    """A point for each day, for as long as anybody asks."""
    day = date(1960, 1, 1)
    while True:
        point = MeasurementRecorded(measure="M-1", period=day.isoformat(), value=float(day.day))
        yield Submission(
            stream=stream,
            source="https://example.org/measures",
            id=f"{stream} {day}",
            type=tag_of(MeasurementRecorded),
            occurred_at=FIRST + timedelta(days=day.toordinal() - FIRST.toordinal()),
            precise_to="day",
            actor="client/bench",
            body=canonical_body(point).decode(),
        )
        day += timedelta(days=1)


def _scores(stream: str) -> Iterator[Submission]:
    """Scores of a project, for as long as anybody asks."""
    for n, point in enumerate(_points(stream)):
        scored = ProgressScored(score=1.0 + n % 3, scale="life_qi", assessor="coach")
        body = canonical_body(scored).decode()
        yield replace(point, id=f"{stream} scored {n}", type=tag_of(ProgressScored), body=body)


def _tell(url: str, told: list[Submission]) -> None:
    run(
        url,
        "SELECT count(*) FROM log.append(%s, %s::jsonb)",
        ORGANISATION,
        msgspec.json.encode(told).decode(),
    )


def _fed(url: str, conn: Connection, points: Iterator[Submission]) -> float:
    """How many points a second are fed to a stream, each as soon as it is told. Telling is not counted."""
    took = 0.0
    for point in islice(points, TIMES):
        _tell(url, [point])
        began = time.perf_counter()
        assert feed_together(conn, ORGANISATION, [series]) == {series.name}
        took += time.perf_counter() - began
    return TIMES / took


def _heard_of(
    url: str, conn: Connection, runs: int, long: Iterator[Submission], short: Iterator[Submission]
) -> tuple[list[float], list[float]]:
    """How many a second are heard of each. The first are not counted: with them it is found where the streams stand."""
    listen(conn, ORGANISATION, now=datetime.now(UTC))
    for told in (long, short):
        _heard(url, conn, told)
    return pairs(runs, lambda: _heard(url, conn, long), lambda: _heard(url, conn, short))


def _heard(url: str, conn: Connection, told: Iterator[Submission]) -> float:
    """How many a second are heard of a stream, each as soon as it is told. Telling is not counted."""
    took = 0.0
    for one in islice(told, HEARD):
        now = datetime.now(UTC)
        _tell(url, [replace(one, occurred_at=now, precise_to="instant")])
        began = time.perf_counter()
        assert listen(conn, ORGANISATION, now=now)
        took += time.perf_counter() - began
    return HEARD / took


def _pages(url: str, subject: str) -> float:
    """How many pages a second are given of a timeline, the first of it again and again."""
    return asyncio.run(_asked(url, OfSubject(subject=subject)))


async def _asked(url: str, subject: OfSubject) -> float:
    question = timeline.questions["of_subject"]
    async with await psycopg.AsyncConnection.connect(as_role(url, "qiledger_api"), autocommit=True) as conn:
        began = time.perf_counter()
        for _ in range(TIMES):
            page = await answer(conn, timeline, question, ORGANISATION, subject, limit=LINES_SHOWN)
            assert page.rows
        return TIMES / (time.perf_counter() - began)
