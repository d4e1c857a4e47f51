"""Sealing a long log, and looking at all of it again, against reading and hashing the same records and nothing more."""

import json
import resource
import subprocess
import sys
import time

import psycopg

from bench.place import ORGANISATION, as_role, fresh, run
from bench.report import Row, console
from events.log import fsck, lines, refusals
from events.log.merkle import leaf_hash
from events.log.notes import SigningKey
from events.log.read import FOR_ORGANISATION, PAGE, record_of
from events.log.seal import PAGE_RECORDS, seal
from events.log.sealing_key import Signer
from services.embedded import Postgres

EVENTS = 1_000_000
BATCH = 5_000
KEY = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"

_TELL = """
    SELECT count(*)
      FROM log.append(%s, (
           SELECT jsonb_agg(jsonb_build_object(
                      'stream', 'project/P-' || n / 120, 'source', 'https://lifeqi.example', 'id', 'e-' || n,
                      'type', 'cycle.tested', 'occurred_at', '2022-05-20T00:00:00Z', 'precise_to', 'day',
                      'actor', 'person/8Qm2',
                      'body', '{"cycle":"C-' || n || '","happened":"' || repeat('x', 200) || '"}'))
             FROM generate_series(%s::bigint, %s::bigint) AS n))
"""
_REFUSE = """
    INSERT INTO proof.refusals (organisation, generation, reason)
    SELECT organisation, generation, 'to be measured again'
      FROM proof.logs
     WHERE organisation = %s
"""


def measure(postgres: Postgres, runs: int, events: int = EVENTS) -> list[Row]:
    """Records a second, and the memory of the process that seals them."""
    url = fresh(postgres)
    with console.status(f"telling {events:,} events …"):
        for first in range(1, events + 1, BATCH):
            run(url, _TELL, ORGANISATION, first, min(events, first + BATCH - 1))
        run(url, "VACUUM ANALYZE log.records")
    measured = []
    for number in range(runs):
        with console.status(f"sealing {events:,} records, {number + 1} of {runs} …"):
            measured.append([_apart(url, what) for what in ("seal", "hash", "fsck")])
    return [
        Row(
            what=what,
            unit="records/s",
            ours=[one[at]["rate"] for one in measured],
            peer=[one[1]["rate"] for one in measured],
            peer_is="reading and hashing them",
        )
        for what, at in (("sealing", 0), ("looking at all of it again", 2))
    ] + [
        Row(what=f"  memory at most, {what}", unit="MB", ours=[one[at]["megabytes"] for one in measured])
        for what, at in (("sealing", 0), ("looking", 2))
    ]


def _apart(url: str, what: str) -> dict[str, float]:
    """Does it in a process of its own, so that its memory can be told."""
    command = [sys.executable, "-m", "bench.sealing", what, as_role(url, "qiledger_worker")]
    measured: dict[str, float] = json.loads(
        subprocess.run(command, capture_output=True, text=True, check=True).stdout
    )
    return measured


def _anew(conn: psycopg.Connection[tuple[object, ...]]) -> None:
    """The log is to be sealed from its first record on, if it was before."""
    if conn.execute("SELECT 1 FROM proof.logs WHERE organisation = %s", (ORGANISATION,)).fetchone():
        conn.execute(_REFUSE, (ORGANISATION,))
        refusals.begin_anew(conn, ORGANISATION, "to be measured again")


def _hash(conn: psycopg.Connection[tuple[object, ...]], head: int) -> None:
    """The same pages, each record's leaf made anew from its bytes."""
    for after in range(0, head, PAGE_RECORDS):
        with conn.transaction():
            conn.execute(FOR_ORGANISATION, (ORGANISATION,))
            asked = {"organisation": ORGANISATION, "after": after, "until": head, "limit": PAGE_RECORDS}
            for row in conn.execute(PAGE, asked, binary=True):
                leaf_hash(lines.canonical(record_of(row)))


def main(what: str, url: str) -> None:
    """One measurement, printed as JSON."""
    signer = Signer(key=SigningKey.read(KEY), host="bench.example.org")
    with psycopg.connect(url, autocommit=True, options="-c timezone=UTC") as conn:
        (head,) = conn.execute(
            "SELECT position FROM log.heads WHERE organisation = %s", (ORGANISATION,)
        ).fetchone() or (0,)
        if what == "seal":
            _anew(conn)
        began = time.perf_counter()
        if what == "seal":
            assert seal(conn, ORGANISATION, signer, deadline=time.monotonic() + 3600)
        elif what == "hash":
            _hash(conn, head)
        else:
            with conn.transaction():
                conn.execute(fsck.SNAPSHOT)
                assert fsck.flaws(conn, ORGANISATION, [signer.key.public]) == []
        rate = head / (time.perf_counter() - began)
    print(json.dumps({"rate": rate, "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))


if __name__ == "__main__":
    main(*sys.argv[1:])
