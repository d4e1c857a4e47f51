"""Each Postgres that this machine has beside our own keeps a log, folds and rebuilds from it, and rewrites none of it.

All other tests run on one version. QILEDGER_TEST_DATABASE_URL runs them on another: see CONTRIBUTING.md.
"""

import re
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg_pool import AsyncConnectionPool

from events.log.append import Appender
from events.log.outcomes import Conflict, WrongVersion
from events.log.record import Receipt
from events.vocabulary import ANY_STREAM, example_of, vocabulary
from projections.engine.compare import rows_kept
from projections.engine.feed import feed
from projections.engine.found import found
from projections.engine.rebuild import rebuild
from services.embedded import Postgres
from services.embedded.binaries import PostgresBinaries
from services.embedded.places import throwaway_directory
from tests.conftest import FAST
from tests.events.log.conftest import Tell, as_role
from tests.events.log.sealing import sealed_by
from tests.events.log.test_nobody_rewrites import (
    ANYBODY,
    MOVED,
    OWNER,
    everything,
    strike,
    told_twice,
)
from tests.projections.engine.telling import of
from tests.projections.engine.telling import tell as tell_log

MAJOR_MIN = 15


class Of(Postgres):
    """A Postgres of a given version."""

    def __init__(self, home: Path, directory: Path) -> None:
        super().__init__(directory, settings=FAST)
        self.home = home

    @property
    def binaries(self) -> PostgresBinaries:
        return PostgresBinaries(self.home, major_of(self.home))


@cache
def major_of(home: Path) -> int:
    """The version that a server says it is; 0 if it does not run here."""
    command = [home / "postgres", "--version"]
    said = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False).stdout
    version = re.search(r"\(PostgreSQL\) (\d+)", said)
    return int(version[1]) if version else 0


def homes() -> list[Path]:
    """Every version of Postgres that is installed here, beside the wheel that the tests run on."""
    on_path = shutil.which("postgres")
    found = {
        *Path("/usr/lib/postgresql").glob("*/bin"),
        *([Path(on_path).resolve().parent] if on_path else []),
    }
    return sorted(home for home in found if (home / "initdb").exists() and major_of(home) >= MAJOR_MIN)


NONE = pytest.param(None, marks=pytest.mark.skip(reason="no other Postgres of 15 or newer is installed here"))


@pytest.fixture(
    scope="module",
    params=homes() or [NONE],
    ids=lambda home: f"postgres {major_of(home)}" if home else "none",
)
def server(request: pytest.FixtureRequest) -> Iterator[Postgres]:
    with (
        throwaway_directory("qiledger-test-") as directory,
        Of(request.param, directory / "postgres") as server,
    ):
        yield server


@pytest.fixture(scope="module")
def url(server: Postgres) -> str:
    """A database with two records in it, on that server."""
    with psycopg.connect(server.url(), autocommit=True) as conn:
        conn.execute("CREATE DATABASE qiledger")
    told_twice(server.url("qiledger"))
    return server.url("qiledger")


def open_log(url: str, organisation: str) -> str:
    with psycopg.connect(url) as conn:
        conn.execute("SELECT log.open(%s, 'A trust')", (organisation,))
    return organisation


async def test_a_log_is_kept(url: str, tell: Tell) -> None:
    log = open_log(url, "APPEND")
    async with AsyncConnectionPool(as_role(url, "qiledger_api"), min_size=1, max_size=2) as pool:
        appender = Appender(pool)
        plain = [tell(id="e1"), tell(id="e2"), tell("project/P-18", id="e3")]
        first = await appender.append(log, plain)
        again = await appender.append(log, [plain[0], tell(id="e2", body="{}"), tell(id="e4", expected=7)])
        await appender.close()
    assert [(one.position, one.version) for one in first if isinstance(one, Receipt)] == [
        (1, 1),
        (2, 2),
        (3, 1),
    ]
    duplicate, conflict, wrong = again
    assert isinstance(duplicate, Receipt)
    assert (duplicate.position, duplicate.duplicate) == (1, True)
    assert isinstance(conflict, Conflict)
    assert isinstance(wrong, WrongVersion)
    assert sealed_by(url, log)


def test_every_projection_is_fed_and_rebuilt_to_the_same_rows(url: str) -> None:
    log = open_log(url, "FOLD")
    told = [
        of(example_of(kind), f"{'project' if kind.stream == ANY_STREAM else kind.stream}/X-1", minute=n)
        for n, kind in enumerate(vocabulary().values())
    ]
    tell_log(url, log, told)
    rows = 0
    with psycopg.connect(as_role(url, "qiledger_worker"), autocommit=True) as conn:
        for projection in found().values():
            assert feed(conn, projection, log).caught_up
            live = list(rows_kept(conn, projection, log))
            assert rebuild(conn, projection, log).done
            assert list(rows_kept(conn, projection, log)) == live
            rows += len(live)
    assert rows > 30


@pytest.mark.parametrize("role", [OWNER, "qiledger_api"])
def test_history_stays(url: str, role: str) -> None:
    before = everything(url)
    for attack in ANYBODY:
        with psycopg.connect(url) as conn:
            conn.execute(sql.SQL("SET SESSION AUTHORIZATION {}").format(sql.Identifier(role)))
            conn.execute("SELECT set_config('qiledger.organisation', 'RWK', true)")
            strike(conn, attack)
    assert everything(url) == before


def test_nothing_is_moved_out_of_the_log(url: str) -> None:
    for attack in MOVED.values():
        with psycopg.connect(url) as conn:
            conn.execute("GRANT CREATE ON DATABASE qiledger TO qiledger_owner")
            conn.execute("SET SESSION AUTHORIZATION qiledger_owner")
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match="only a superuser may redefine"):
                conn.execute(attack)
