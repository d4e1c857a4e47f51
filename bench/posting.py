"""Events told over HTTP: one a request and two hundred a request, against the same server without its log, and COPY."""

import itertools
import random
import time
from collections.abc import Iterator

import msgspec
import psycopg

from bench.client import Load, post, press
from bench.place import ORGANISATION, as_role, doorbell, fresh, run
from bench.report import Row
from bench.served import serving
from bench.telling import SOURCE, batch, submission
from events.log import keys
from events.log.record import Submission, written
from services.embedded import Postgres

SECONDS = 5
CONNECTIONS = 64
BATCH = 200
SENDERS = 4  # of batches at once
STRUCTURED, BATCHED = "application/cloudevents+json", "application/cloudevents-batch+json"
PATH = f"/v1/{ORGANISATION}/events"
COLUMNS = """
    organisation, position, version, occurred_at, recorded_at,
    stream, source, id, type, precise_to, actor, body, leaf
"""


def measure(postgres: Postgres, runs: int) -> list[Row]:
    """Single events and batches."""
    with doorbell() as redis_url:
        singles = [(single(postgres, redis_url), single(postgres, redis_url, bare=True)) for _ in range(runs)]
        batches = [(batched(postgres, redis_url), copied(postgres)) for _ in range(runs)]
    return [
        Row(
            what=f"one event a POST, {CONNECTIONS} connections",
            unit="events/s",
            ours=[load.rate for load, _ in singles],
            peer=[load.rate for _, load in singles],
            peer_is="the same server without the log",
            reach=0.6,
        ),
        Row(
            what="  its 99th percentile",
            unit="ms",
            ours=[load.percentile(0.99) * 1e3 for load, _ in singles],
            peer=[load.percentile(0.99) * 1e3 for _, load in singles],
            peer_is="the same server without the log",
        ),
        Row(
            what=f"POST of batches of {BATCH}",
            unit="events/s",
            ours=[ours for ours, _ in batches],
            peer=[peer for _, peer in batches],
            peer_is="COPY of the same rows, same indexes",
            reach=0.5,
        ),
    ]


def single(postgres: Postgres, redis_url: str, *, bare: bool = False) -> Load:
    """One event a request."""
    url = fresh(postgres)
    key = _key(url)
    chance = random.Random(1)
    told = (
        post(PATH, msgspec.json.encode(cloud_event(submission(chance))), key=key, content_type=STRUCTURED)
        for _ in itertools.count()
    )
    ready = itertools.chain(list(itertools.islice(told, 60_000)), told)
    app = "bench.bare:served" if bare else "services.api.app:served"
    with serving(as_role(url, "qiledger_api"), redis_url, app) as port:
        load = press(port, ready.__next__, connections=CONNECTIONS, seconds=SECONDS)
    return _checked(load)


def batched(postgres: Postgres, redis_url: str) -> float:
    """Events a second in batches, over a few connections."""
    url = fresh(postgres)
    key = _key(url)
    ready = (
        post(PATH, msgspec.json.encode([cloud_event(s) for s in told]), key=key, content_type=BATCHED)
        for told in list(_batches(1_500))
    )
    with serving(as_role(url, "qiledger_api"), redis_url) as port:
        load = press(port, iter(list(ready)).__next__, connections=SENDERS, seconds=SECONDS)
    ((kept,),) = run(url, "SELECT position FROM log.organisations")
    assert kept == load.answers * BATCH, "every event of every batch is kept"
    return _checked(load).rate * BATCH


def copied(postgres: Postgres) -> float:
    """The same rows, made ready, by COPY in batches of the same size, over one connection with one commit a batch."""
    url = fresh(postgres)
    run(url, "CREATE TABLE rows (LIKE log.records INCLUDING ALL)")
    batches = [list(_rows(told, n * BATCH)) for n, told in enumerate(_batches(600))]
    with psycopg.connect(url) as conn:
        began = time.perf_counter()
        for rows in batches:
            with conn.cursor().copy(f"COPY rows ({COLUMNS}) FROM STDIN") as copy:  # type: ignore[arg-type]
                for row in rows:
                    copy.write_row(row)
            conn.commit()
        return len(batches) * BATCH / (time.perf_counter() - began)


def cloud_event(submission: Submission) -> dict[str, object]:
    """An event as a sending system puts it."""
    return {
        "specversion": "1.0",
        "id": submission.id,
        "source": submission.source,
        "type": submission.type,
        "subject": submission.stream,
        "time": written(submission.occurred_at),
        "data": msgspec.Raw(submission.body.encode()),
    }


def _batches(count: int) -> Iterator[list[Submission]]:
    chance = random.Random(2)
    return (batch(chance, BATCH) for _ in range(count))


def _rows(told: list[Submission], offset: int) -> Iterator[tuple[object, ...]]:
    for position, s in enumerate(told, offset + 1):
        yield (
            *(ORGANISATION, position, position, s.occurred_at, s.occurred_at, s.stream, s.source, s.id),
            *(s.type, s.precise_to, s.actor, s.body, bytes(32)),
        )


def _key(url: str) -> str:
    with psycopg.connect(url) as conn:
        scopes = [keys.WRITE, keys.READ, keys.ASK]
        return keys.create(conn, ORGANISATION, "bench", scopes=scopes, sources=[SOURCE]).text


def _checked(load: Load) -> Load:
    assert not load.refused, f"{load.refused} of {load.answers} requests were refused"
    return load
