"""Real servers for every test, started once for a run and shared by its xdist workers; nothing to set up.

Given servers are used instead: `QILEDGER_TEST_DATABASE_URL` (of one who may create databases and roles) and
`QILEDGER_TEST_REDIS_URL` (its numbered databases are emptied; up to 16 processes).
What the run shares does not fear a power cut (fsync is off). A test about durability takes `own_postgres`.
"""

import contextlib
import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis
from psycopg import conninfo, sql

from events.privacy.custody import KeysInHand, entrust
from services.embedded import Postgres, Valkey
from services.embedded.places import throwaway_directory

FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "shared_buffers": "128MB"}
REDIS_DATABASES = 16
TEMPLATE_LOCK = 0x71694C65  # any number, the same in every worker
MASTER_KEY = "dGhlIG1hc3RlciBrZXkgb2YgdGhlIHRlc3RzIG9ubHk"  # of every process and server of the tests

servers_key = pytest.StashKey["Servers"]()


def pytest_xdist_auto_num_workers() -> int:
    """One more than there are processors: much of a test is waiting for the processes it started."""
    return min((os.cpu_count() or 1) + 1, REDIS_DATABASES)


class Servers:
    """The servers of one run: given, or started when first asked for."""

    def __init__(self, *, postgres_url: str | None, redis_url: str | None, run: str) -> None:
        self.run = run
        self._postgres_url = postgres_url
        self._redis_url = redis_url
        self._open = contextlib.ExitStack()
        self._directory: Path | None = None

    def directory(self) -> Path:
        if self._directory is None:
            self._directory = self._open.enter_context(throwaway_directory("qiledger-tests-"))
        return self._directory

    def postgres_url(self) -> str:
        if self._postgres_url is None:
            server = Postgres(self.directory() / "postgres", settings=FAST)
            self._postgres_url = self._open.enter_context(server).url()
        return self._postgres_url

    def redis_url(self) -> str:
        if self._redis_url is None:
            settings = {"appendonly": "no"}
            server = Valkey(self.directory() / "valkey", settings=settings)
            self._redis_url = self._open.enter_context(server).url
        return self._redis_url

    def close(self) -> None:
        """Leave a given server as it was found; stop and remove our own."""
        if self._postgres_url is not None and self._directory is None:
            drop_databases(self._postgres_url, self.run)
        self._open.close()


def drop_databases(admin_url: str, run: str) -> None:
    with psycopg.connect(admin_url, autocommit=True) as connection:
        mine = f"qiledger\\_test\\_{run}%"
        for (name,) in connection.execute(
            "SELECT datname FROM pg_database WHERE datname LIKE %s", [mine]
        ).fetchall():
            drop_database(connection, name)


def drop_database(connection: psycopg.Connection, name: str) -> None:
    connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def pytest_configure(config: pytest.Config) -> None:
    """In an xdist worker the controller's servers, else our own."""
    given: dict[str, str] = getattr(config, "workerinput", {})
    config.stash[servers_key] = Servers(
        postgres_url=given.get("postgres_url") or os.environ.get("QILEDGER_TEST_DATABASE_URL"),
        redis_url=given.get("redis_url") or os.environ.get("QILEDGER_TEST_REDIS_URL"),
        run=given.get("run") or uuid.uuid4().hex[:8],
    )


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: pytest.Item) -> None:
    """In the xdist controller: tell each worker where the shared servers are."""
    servers = node.config.stash[servers_key]
    node.workerinput |= {  # type: ignore[attr-defined]
        "postgres_url": servers.postgres_url(),
        "redis_url": servers.redis_url(),
        "run": servers.run,
    }


def pytest_unconfigure(config: pytest.Config) -> None:
    """The controller, or a run without xdist, clears up."""
    if not hasattr(config, "workerinput"):
        config.stash[servers_key].close()


@pytest.fixture(autouse=True)
def _master_key() -> None:
    """This process has the master key, as the processes of a house do, whatever a test before did to it."""
    entrust(KeysInHand(MASTER_KEY))


@pytest.fixture(scope="session")
def servers(pytestconfig: pytest.Config) -> Servers:
    return pytestconfig.stash[servers_key]


@pytest.fixture(scope="session")
def postgres_url(servers: Servers) -> str:
    """The administrator's way into the shared Postgres."""
    return servers.postgres_url()


@pytest.fixture(scope="session")
def redis_url(servers: Servers, worker_id: str) -> Iterator[str]:
    """An empty numbered database of the shared Valkey, one for each xdist worker."""
    number = int(worker_id.removeprefix("gw")) if worker_id.startswith("gw") else 0
    url = numbered(servers.redis_url(), number)
    with redis.Redis.from_url(url) as client:
        client.flushdb()
        yield url
        client.flushdb()


def numbered(url: str, number: int) -> str:
    """The same server, another database: `?db=` for a socket, the path for a host."""
    server, _, query = url.partition("?")
    if server.startswith("unix:"):
        return f"{server}?db={number}"
    scheme, _, place = server.partition("://")
    return f"{scheme}://{place.partition('/')[0]}/{number}" + (f"?{query}" if query else "")


@pytest.fixture(scope="session")
def template(postgres_url: str, servers: Servers) -> str:
    """The name of a migrated, empty database, made once for the run by whichever worker comes first."""
    from events.log.migrate import migrate

    name = f"qiledger_test_{servers.run}_template"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", [TEMPLATE_LOCK])
        if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone() is None:
            draft = f"{name}_draft"
            drop_database(connection, draft)
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(draft)))
            migrate(in_database(postgres_url, draft))
            rename = sql.SQL("ALTER DATABASE {} RENAME TO {}")
            connection.execute(rename.format(sql.Identifier(draft), sql.Identifier(name)))
    return name


def in_database(url: str, name: str) -> str:
    """The same server and user, another database; a URL stays a URL."""
    if "://" not in url:
        return conninfo.make_conninfo(url, dbname=name)
    server, _, query = url.partition("?")
    scheme, _, place = server.partition("://")
    return f"{scheme}://{place.partition('/')[0]}/{name}" + (f"?{query}" if query else "")


@contextlib.contextmanager
def cloned(postgres_url: str, template: str, name: str) -> Iterator[str]:
    """A database of this name, cloned from the template; dropped at the end with whoever is still in it."""
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        clone = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        connection.execute(clone.format(sql.Identifier(name), sql.Identifier(template)))
    yield in_database(postgres_url, name)
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        drop_database(connection, name)


@pytest.fixture(scope="session")
def database_url(postgres_url: str, template: str, servers: Servers, worker_id: str) -> Iterator[str]:
    """A migrated database for this xdist worker, shared by its tests: use an organisation of your own."""
    with cloned(postgres_url, template, f"qiledger_test_{servers.run}_{worker_id}") as url:
        yield url


@pytest.fixture
def fresh_database_url(postgres_url: str, template: str, servers: Servers) -> Iterator[str]:
    """A migrated, empty database for this test alone."""
    with cloned(postgres_url, template, f"qiledger_test_{servers.run}_{uuid.uuid4().hex[:8]}") as url:
        yield url


@pytest.fixture(scope="module")
def module_database_url(postgres_url: str, template: str, servers: Servers) -> Iterator[str]:
    """A migrated database for the tests of one file: the tables of projections are made in it once."""
    with cloned(postgres_url, template, f"qiledger_test_{servers.run}_{uuid.uuid4().hex[:8]}") as url:
        yield url


@pytest.fixture
def throwaway() -> Iterator[Path]:
    """A directory that any user's server can reach; `tmp_path` is closed to others where we are root."""
    with throwaway_directory("qiledger-test-") as directory:
        yield directory


@pytest.fixture
def own_postgres(throwaway: Path) -> Iterator[Postgres]:
    """A Postgres for this test alone, every commit on the disk: kill it, restart it. Not migrated."""
    with Postgres(throwaway / "postgres") as server:
        yield server


@pytest.fixture
def own_valkey(throwaway: Path) -> Iterator[Valkey]:
    """A Valkey for this test alone, append-only file on: kill it, restart it."""
    with Valkey(throwaway / "valkey") as server:
        yield server
