"""Telling people: 100,000 notices from facts, charts looked at for signals, rows looked at, messages planned."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import msgspec
import psycopg

from bench.place import as_role, fresh
from bench.report import Row, doing
from events.coaching import CoachAllocated
from events.forum_members import ForumChairAppointed
from events.measures import MeasureDefined, MeasurementRecorded
from events.projects import ProjectStarted
from events.reviews import ProjectReviewed
from events.teams import PersonJoined
from events.vocabulary import Event, canonical_body, tag_of
from projections.engine.advance import advance
from projections.notices.engine.listen import listen
from projections.notices.engine.look import look
from projections.notices.engine.plan import plan
from services.embedded import Postgres

NOTICES = 100_000
PROJECTS = 500
HEARERS = 3  # of a decision: lead, sponsor and coach
POINTS = 40
SLICE = 1_000


def measure(postgres: Postgres, runs: int, notices: int = NOTICES) -> list[Row]:
    """Facts and notices a second, in one process; each run for an organisation of its own."""
    codes = [f"R{run}" for run in range(runs)]
    url = fresh(postgres, *codes)
    facts, told, points, rows, planned = [], [], [], [], []
    with psycopg.connect(as_role(url, "qiledger_worker"), autocommit=True) as conn:
        for code in codes:
            with doing(f"telling of {notices:,} notices"):
                listen(conn, code, now=datetime.now(UTC))
                _tell(url, code, _trust())
                listen(conn, code, now=datetime.now(UTC))
                decisions = notices // HEARERS
                _tell(url, code, _decisions(decisions))
            began = time.perf_counter()
            assert listen(conn, code, now=datetime.now(UTC))
            seconds = time.perf_counter() - began
            facts.append(decisions / seconds)
            told.append(decisions * HEARERS / seconds)
            _tell(url, code, _measurements())
            began = time.perf_counter()
            assert listen(conn, code, now=datetime.now(UTC))
            points.append(PROJECTS * POINTS / (time.perf_counter() - began))
            advance(conn, code, deadline=float("inf"))
            began = time.perf_counter()
            assert look(conn, code, now=datetime.now(UTC) + timedelta(days=70))
            rows.append(PROJECTS / (time.perf_counter() - began))
            began = time.perf_counter()
            assert plan(conn, code, now=datetime.now(UTC))
            planned.append(2 * decisions * HEARERS / (time.perf_counter() - began))
    return [
        Row(what=f"{notices:,} notices from facts, {PROJECTS} projects", unit="facts/s", ours=facts),
        Row(what="  the same", unit="notices/s", ours=told),
        Row(
            what=f"measurements, {POINTS} to a chart, which is judged with each",
            unit="facts/s",
            ours=points,
        ),
        Row(what="rows looked at by every rule over rows", unit="rows/s", ours=rows),
        Row(what="messages planned for them, by e-mail and inbox", unit="messages/s", ours=planned),
    ]


def _trust() -> Iterator[tuple[str, Event]]:
    yield "forum/newham", ForumChairAppointed(person="person/chair", role="chair")
    for n in range(PROJECTS):
        project = f"project/P-{n}"
        yield project, ProjectStarted(title=f"Project {n}", forum="newham")
        yield project, PersonJoined(person=f"person/lead{n}", role="lead")
        yield project, PersonJoined(person=f"person/sponsor{n % 40}", role="sponsor")
        yield project, CoachAllocated(coach=f"person/coach{n % 90}")
        yield project, MeasureDefined(measure="M-1", name="Hours slept", chart="i", direction="increase")


def _decisions(number: int) -> Iterator[tuple[str, Event]]:
    for n in range(number):
        yield (
            f"project/P-{n % PROJECTS}",
            ProjectReviewed(forum="newham", outcome="continue", meeting=f"m-{n // PROJECTS}"),
        )


def _measurements() -> Iterator[tuple[str, Event]]:
    for n in range(POINTS):
        period = f"{2020 + n // 12}-{n % 12 + 1:02}"
        for project in range(PROJECTS):
            value = 50 + (n * 7 + project) % 5 + (20 if n > 30 and project % 3 == 0 else 0)
            yield f"project/P-{project}", MeasurementRecorded(measure="M-1", period=period, value=value)


def _tell(url: str, organisation: str, told: Iterator[tuple[str, Event]]) -> None:
    """Tells it now, in slices."""
    began = datetime.now(UTC)
    with psycopg.connect(url, autocommit=True) as conn:
        batch: list[dict[str, object]] = []
        for n, (stream, event) in enumerate(told):
            batch.append(
                {
                    "stream": stream,
                    "source": "/bench",
                    "id": f"{began.isoformat()}-{n}",
                    "type": tag_of(type(event)),
                    "occurred_at": began,
                    "precise_to": "instant",
                    "actor": "client/bench",
                    "body": canonical_body(event).decode(),
                }
            )
            if len(batch) == SLICE:
                _append(conn, organisation, batch)
                batch = []
        _append(conn, organisation, batch)


def _append(
    conn: psycopg.Connection[tuple[object, ...]], organisation: str, batch: list[dict[str, object]]
) -> None:
    if batch:
        asked = (organisation, msgspec.json.encode(batch).decode())
        conn.execute("SELECT count(*) FROM log.append(%s, %s::jsonb)", asked)
