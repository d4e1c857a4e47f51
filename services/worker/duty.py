"""What every job needs when it begins: settings, and the database as the workers' role."""

import contextlib
from collections.abc import Iterator
from typing import Any, TypeAlias

import psycopg
from psycopg.conninfo import make_conninfo

from services.custody import entrust_by
from services.settings import Settings

Connection: TypeAlias = psycopg.Connection[tuple[Any, ...]]


class NoDatabase(RuntimeError):
    """A worker was started without being told where the log is kept."""


@contextlib.contextmanager
def on_duty(*, name: str) -> Iterator[Connection]:
    """A connection for one job. A stop (`KeyboardInterrupt`, see `answering.py`) ends the job in good order.

    What it had not done yet is found again by the sweep.
    """
    with contextlib.suppress(KeyboardInterrupt), connected(Settings.read(), name=name) as conn:
        yield conn


@contextlib.contextmanager
def connected(settings: Settings, *, name: str) -> Iterator[Connection]:
    """A connection that commits each statement unless told otherwise."""
    if settings.database_url is None:
        raise NoDatabase("set QILEDGER_DATABASE_URL to the workers' way into the database")
    entrust_by(settings)
    conninfo = make_conninfo(settings.database_url, application_name=f"qiledger {name}", connect_timeout=5)
    with psycopg.connect(conninfo, autocommit=True) as conn:
        conn.execute("SET timezone = 'UTC'")
        yield conn
