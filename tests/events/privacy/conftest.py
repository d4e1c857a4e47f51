"""The vault of an organisation of the test's own, entered by the roles of the house."""

import uuid
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo


@pytest.fixture
def organisation(database_url: str) -> str:
    code = "V" + uuid.uuid4().hex[:8].upper()
    with psycopg.connect(database_url, autocommit=True) as conn:
        conn.execute("SELECT log.open(%s, 'A trust')", (code,))
    return code


@pytest.fixture
def api(database_url: str, organisation: str) -> Iterator[psycopg.Connection[Any]]:
    """As the API, acting for the organisation."""
    with entered(database_url, "qiledger_api", organisation) as conn:
        yield conn


@pytest.fixture
def worker(database_url: str, organisation: str) -> Iterator[psycopg.Connection[Any]]:
    """As a worker, acting for the organisation."""
    with entered(database_url, "qiledger_worker", organisation) as conn:
        yield conn


def entered(url: str, role: str, organisation: str) -> psycopg.Connection[Any]:
    conninfo = make_conninfo(url, options=f"-c role={role} -c qiledger.organisation={organisation}")
    return psycopg.connect(conninfo, autocommit=True)
