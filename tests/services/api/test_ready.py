"""Whether traffic may be sent here: `/readyz` says yes only to a database that is there, whole, and of this schema."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import psycopg
import pytest

from events.log import half_restored
from events.log.migrate import migrate
from services.embedded import Postgres
from tests.plain_http import PLAIN
from tests.services.api.conftest import Server


@pytest.fixture
def house(own_postgres: Postgres, tmp_path: Path) -> Iterator[tuple[Postgres, Server]]:
    migrate(own_postgres.url())
    with psycopg.connect(own_postgres.url(), autocommit=True) as conn:
        conn.execute("ALTER ROLE qiledger_api LOGIN")
    server = Server(own_postgres.url(), None, tmp_path)
    yield own_postgres, server
    server.stop()


def test_traffic_is_sent_elsewhere_for_as_long_as_the_database_is_not_what_it_should_be(
    house: tuple[Postgres, Server],
):
    postgres, server = house

    def checks() -> object:
        answer = httpx.get(f"{server.url}/readyz", timeout=30, verify=PLAIN)
        if answer.status_code == 200:
            return "ready"
        assert (answer.status_code, answer.json()["type"]) == (503, "/problems/not-ready")
        assert answer.json()["checks"]["stopping"] == "no"
        return answer.json()["checks"]["database"]

    with psycopg.connect(postgres.url(), autocommit=True) as conn:
        half_restored.mark(conn)
        assert checks() == "a restore into it was not finished"
        half_restored.unmark(conn)
        assert checks() == "ready"

        conn.execute(
            "INSERT INTO public.qiledger_migrations (name, checksum) VALUES ('9999_of_tomorrow', '')"
        )
        assert checks() == "newer than this code"
        conn.execute("DELETE FROM public.qiledger_migrations WHERE name > '0038'")
        assert checks() == "not migrated"
        conn.execute("ALTER TABLE public.qiledger_migrations RENAME TO elsewhere")
        assert checks() == "not migrated"
    postgres.stop()
    assert checks() == "away"
