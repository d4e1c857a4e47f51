"""An organisation of one's own, and a connection as the worker has it."""

from collections.abc import Iterator

import psycopg
import pytest

from tests.projections.engine.telling import Connection, Here, as_role, open_log


@pytest.fixture
def organisation(database_url: str) -> str:
    """An organisation that no other test uses, with an empty log."""
    return open_log(database_url)


@pytest.fixture
def conn(database_url: str) -> Iterator[Connection]:
    with psycopg.connect(as_role(database_url, "qiledger_worker"), autocommit=True) as conn:
        yield conn


@pytest.fixture
def here(database_url: str, organisation: str, conn: Connection) -> Here:
    return Here(database_url, organisation, conn)
