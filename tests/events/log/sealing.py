"""Logs to seal: many records at once, and a signer."""

import time
from pathlib import Path
from typing import Any, LiteralString

import psycopg

from events.log.notes import SigningKey
from events.log.seal import seal
from events.log.sealing_key import Signer
from tests.events.log.conftest import as_role

HOST = "qiledger.example.org"
KEY = SigningKey.read("PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz")

MANY = """
    SELECT count(*)
      FROM log.append(%(log)s, (
           SELECT jsonb_agg(jsonb_build_object(
                      'stream', 'project/P-' || n %% 7, 'source', '/tests', 'id', %(batch)s || '-' || n,
                      'type', 'cycle.tested', 'occurred_at', '2022-05-20T00:00:00Z', 'precise_to', 'day',
                      'actor', 'client/“tests”', 'body', '{"cycle":"C-' || n || '","said":"a \\" b"}') ORDER BY n)
             FROM generate_series(1, %(number)s) AS n))
"""


def tell_many(url: str, log: str, number: int, batch: str) -> None:
    """So many records more."""
    with psycopg.connect(as_role(url, "qiledger_api"), autocommit=True) as conn:
        for start in range(0, number, 5_000):
            conn.execute(
                MANY, {"log": log, "number": min(5_000, number - start), "batch": f"{batch}-{start}"}
            )


TRIGGERS = """
    SELECT format('ALTER TABLE %s %%s TRIGGER %I', tgrelid::regclass, tgname)
      FROM pg_trigger
     WHERE NOT tgisinternal AND tgrelid::regclass::text ~ '^(log|proof)[.]'
"""


def tamper(url: str, statement: LiteralString, *given: Any) -> None:
    """What a superuser may do, with the guards out of his way; and he puts them back."""
    with psycopg.connect(url) as conn:
        tampered(conn, statement, *given)


def tampered(conn: psycopg.Connection[Any], statement: LiteralString, *given: Any) -> None:
    """The same, in the caller's transaction."""
    changes = [change for (change,) in conn.execute(TRIGGERS)]
    for change in changes:
        conn.execute(change % "DISABLE")
    assert conn.execute(statement, given).rowcount, "nothing was tampered with"
    for change in changes:
        conn.execute(change % "ENABLE ALWAYS")


def signer(directory: Path | None = None, **changes: Any) -> Signer:
    return Signer(**({"key": KEY, "host": HOST, "directory": directory} | changes))


def as_worker(url: str) -> psycopg.Connection[Any]:
    """As a worker connects."""
    return psycopg.connect(as_role(url, "qiledger_worker"), autocommit=True)


def sealed_by(url: str, log: str, by: Signer | None = None, *, within_s: float = 60) -> bool:
    """Seals what is new, as a sealer does."""
    with as_worker(url) as conn:
        return seal(conn, log, by or signer(), deadline=time.monotonic() + within_s)
