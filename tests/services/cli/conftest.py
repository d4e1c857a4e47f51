"""Commands run as people run them: `qiledger …` in a process of its own, against a really served API."""

import os
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from events.log import keys
from services.importing.public_history import SOURCE
from services.operating import open_organisation
from tests import warm
from tests.audited import Audited, audited
from tests.conftest import Servers, cloned
from tests.services.api.conftest import Server

TRUSTS = {"RWK": "East London", "RV3": "Central and North West London"}


class Ledgers:
    """An API over an empty database with the logs of two trusts, and a key for each."""

    def __init__(self, server: Server, database_url: str, keys_: dict[str, str]) -> None:
        self.server = server
        self.url = server.url
        self.database_url = database_url
        self.keys = keys_

    def position(self, organisation: str) -> int:
        with psycopg.connect(self.database_url) as conn:
            row = conn.execute(
                "SELECT position FROM log.heads WHERE organisation = %s", (organisation,)
            ).fetchone()
        assert row is not None
        return int(row[0])


@pytest.fixture
def ledgers(fresh_database_url: str, tmp_path: Path) -> Iterator[Ledgers]:
    made = {}
    with psycopg.connect(fresh_database_url) as conn:
        for code, name in TRUSTS.items():
            open_organisation(conn, code, name)
            made[code] = keys.create(
                conn, code, "public-history", scopes=(keys.WRITE,), sources=(SOURCE,)
            ).text
    server = Server(fresh_database_url, None, tmp_path)
    yield Ledgers(server, fresh_database_url, made)
    server.stop()


def qiledger(*words: str, **env: str) -> "subprocess.CompletedProcess[str]":
    """Runs a command with none of our environment but what is given; wide enough that nothing is wrapped."""
    bare = {name: value for name, value in os.environ.items() if not name.startswith("QILEDGER_")}
    return warm.qiledger(*words, env=bare | {"COLUMNS": "200"} | env)


@pytest.fixture(scope="session")
def trust(postgres_url: str, template: str, servers: Servers, worker_id: str) -> Iterator[Audited]:
    """An organisation with a history, its projections fed, its log sealed. Tests leave it as it is."""
    with cloned(postgres_url, template, f"qiledger_test_{servers.run}_{worker_id}_trust") as url:
        yield audited(url)


@pytest.fixture
def trust_to_touch(trust: Audited, postgres_url: str, servers: Servers) -> Iterator[str]:
    """Where a copy of that organisation is, for the test to do with as it likes."""
    name = f"qiledger_test_{servers.run}_{uuid.uuid4().hex[:8]}"
    with cloned(postgres_url, urlsplit(trust.url).path.lstrip("/"), name) as url:
        yield url
