"""Where measurements take place: a real Postgres of our own with its durability on, and a database for each one."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict

from events.log.migrate import migrate
from services.embedded import Postgres, Valkey
from services.embedded.places import throwaway_directory

ORGANISATION = "RWK"
SETTINGS = {"shared_buffers": "1GB", "max_wal_size": "8GB", "checkpoint_timeout": "30min"}


@contextmanager
def server() -> Iterator[Postgres]:
    """A durable Postgres, thrown away afterwards."""
    with (
        throwaway_directory("qiledger-bench-") as directory,
        Postgres(directory / "pg", settings=SETTINGS) as postgres,
    ):
        yield postgres


@contextmanager
def doorbell() -> Iterator[str]:
    """A Valkey, thrown away afterwards: its URL."""
    with throwaway_directory("qiledger-bench-") as directory, Valkey(directory / "valkey") as valkey:
        yield valkey.url


def fresh(postgres: Postgres, *organisations: str) -> str:
    """A migrated database with empty logs: its conninfo for a superuser."""
    name = "bench_" + uuid.uuid4().hex[:8]
    with psycopg.connect(postgres.url(), autocommit=True) as conn:
        conn.execute(f"CREATE DATABASE {name}")  # type: ignore[arg-type]
    url = postgres.url(name)
    migrate(url)
    with psycopg.connect(url, autocommit=True) as conn:
        for role in ("qiledger_api", "qiledger_worker"):
            conn.execute(f"ALTER ROLE {role} LOGIN")  # type: ignore[arg-type]
        for organisation in organisations or (ORGANISATION,):
            conn.execute("SELECT log.open(%s, 'A trust')", (organisation,))
    return url


def as_role(url: str, role: str) -> str:
    """The same database, as one of the roles of the house."""
    return url.replace("://postgres@", f"://{role}@")


def run(url: str, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
    """One statement as a superuser."""
    with psycopg.connect(url, autocommit=True) as conn:
        cursor = conn.execute(statement, parameters or None)  # type: ignore[arg-type]
        return cursor.fetchall() if cursor.description else []


@cache
def pgbench() -> Path:
    """The pgbench beside the Postgres that is measured."""
    from services.embedded.binaries import postgres_binaries

    return postgres_binaries().directory / "pgbench"


def environment(url: str) -> dict[str, str]:
    """The database in the variables that Postgres's own programs read."""
    parts = conninfo_to_dict(url)
    names = {"host": "PGHOST", "user": "PGUSER", "dbname": "PGDATABASE", "port": "PGPORT"}
    return {names[key]: str(value) for key, value in parts.items() if key in names}
