"""Commands run as people run them: `qiledger …` in a process of its own, against a really served API."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from events.log import keys
from services.importing.public_history import SOURCE
from services.operating import open_organisation
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
    return subprocess.run(
        [sys.executable, "-m", "services.cli", *words],
        env=bare | {"COLUMNS": "200"} | env,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
