"""A whole house for tests that break it: API, workers and sweep as processes, on servers of its own that can be killed.

Postgres is durable and Valkey keeps its file, as in earnest. Whoever is killed is brought back by the house; a server
that a test stops itself stays down until the test restarts it.
"""

import contextlib
import itertools
import os
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import psycopg
import redis

from events.log import keys
from projections.engine.advance import behind
from services.embedded import Postgres, Valkey
from services.embedded.places import throwaway_directory
from services.house import House
from services.operating import Ways, make_database, open_house, open_organisation
from services.ports import kept_port
from services.whole_house import Plan, the_children
from tests.patience import wait_until
from tests.plain_http import PLAIN

_numbers = itertools.count(1)


class StandingHouse:
    """A house that stands, its servers, and the ways into it."""

    def __init__(
        self, *, postgres: Postgres, valkey: Valkey, ways: Ways, house: House, port: int, logs: Path
    ) -> None:
        self.postgres = postgres
        self.valkey = valkey
        self.ways = ways
        self.house = house
        self.url = f"http://127.0.0.1:{port}"
        self.logs = logs

    def open(self) -> "Organisation":
        """A new organisation with an empty log, and a key."""
        code = f"T{next(_numbers)}X"
        with psycopg.connect(self.ways.admin) as conn:
            open_organisation(conn, code, "A trust")
            scopes = [keys.WRITE, keys.READ, keys.ASK, keys.ASK_OF_PEOPLE]
            secret = keys.create(conn, code, "tests", scopes=scopes, sources=["/tests"])
        return Organisation(self, code, secret.text)

    def bell(self) -> redis.Redis:
        return redis.Redis.from_url(self.valkey.url)

    def pid(self, name: str) -> int:
        """A child that is up."""
        wait_until(lambda: self.house.pid(name), within_s=15, what=f"{name} is up")
        pid = self.house.pid(name)
        assert pid is not None
        return pid

    def kill(self, name: str) -> None:
        """SIGKILL to a child; the house brings it back."""
        os.kill(self.pid(name), signal.SIGKILL)

    def is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/readyz", timeout=2, verify=PLAIN).status_code == 200
        except httpx.TransportError:
            return False


class Organisation:
    """One organisation of a standing house: its log, its way in over HTTP, its projections."""

    def __init__(self, home: StandingHouse, code: str, key: str) -> None:
        self.home = home
        self.code = code
        self.key = key
        self.path = f"/v1/{code}/events"

    def door(self, *, timeout_s: float = 30.0) -> httpx.Client:
        """A client with the organisation's key."""
        headers = {"authorization": f"Bearer {self.key}"}
        return httpx.Client(base_url=self.home.url, headers=headers, timeout=timeout_s, verify=PLAIN)

    def tell(self, event: dict[str, Any]) -> httpx.Response:
        """One event, over a connection of its own."""
        with self.door() as door:
            return door.post(self.path, json=event, headers={"content-type": STRUCTURED})

    def kept(self) -> list[tuple[int, str, int, str]]:
        """Position, stream, version and id of every record, as the database has them."""
        with psycopg.connect(self.home.ways.admin) as conn:
            return conn.execute(
                "SELECT position, stream, version, id FROM log.records WHERE organisation = %s ORDER BY position",
                [self.code],
            ).fetchall()

    @contextlib.contextmanager
    def held_up(self) -> Iterator[None]:
        """Meanwhile nothing is kept: somebody else has the lock on the head of this log."""
        with psycopg.connect(self.home.ways.admin) as conn:
            conn.execute("SELECT 1 FROM log.heads WHERE organisation = %s FOR UPDATE", [self.code])
            yield
            let_go(conn)

    def is_waited_for(self) -> bool:
        """Whether the API's call waits for that lock."""
        with psycopg.connect(self.home.ways.admin) as conn:
            waiting = conn.execute(
                "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%log.append%'"
            )
            return waiting.fetchone() is not None

    def caught_up(self) -> bool:
        """Whether every projection has come as far as the log. A Postgres that is away has not."""
        try:
            with psycopg.connect(self.home.ways.worker, autocommit=True) as conn:
                return not any(lag.organisation == self.code for lag in behind(conn))
        except psycopg.OperationalError:
            return False


STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"


def event(id_: str, **changes: Any) -> dict[str, Any]:
    """A project that somebody started."""
    plain: dict[str, Any] = {
        "specversion": "1.0",
        "id": id_,
        "source": "/tests",
        "type": "project.started",
        "subject": f"project/{id_}",
        "time": "2024-05-20T09:30:00Z",
        "data": {"title": f"Project {id_}", "forum": "city-hackney"},
    }
    return plain | changes


def let_go(conn: psycopg.Connection[Any]) -> None:
    """Gives locks back; with a Postgres that was killed meanwhile they are gone already."""
    with contextlib.suppress(psycopg.OperationalError):
        conn.rollback()


@contextlib.contextmanager
def standing_house(
    *,
    fresh: int = 2,
    without: Sequence[str] = ("past-1", "deliver-1", "long-1", "webhooks-1", "clock", "sealer"),
    backoff_s: float = 0.05,
) -> Iterator[StandingHouse]:
    """The house, up and answering; gone without a trace at the end."""
    with contextlib.ExitStack() as stack:
        directory = stack.enter_context(throwaway_directory("qiledger-test-"))
        postgres = stack.enter_context(Postgres(directory / "postgres"))
        valkey = stack.enter_context(Valkey(directory / "valkey"))
        make_database(postgres.url(), "qiledger")
        ways = open_house(postgres.url("qiledger"))
        plan = Plan(directory=directory, fresh=fresh)
        port = stack.enter_context(kept_port("127.0.0.1"))
        children = [
            child for child in the_children(plan, ways, valkey.url, port) if child.name not in without
        ]
        house = House(
            children, logs=directory / "logs", servers=[postgres, valkey], backoff_s=backoff_s, falls_max=50
        )
        home = StandingHouse(
            postgres=postgres, valkey=valkey, ways=ways, house=house, port=port, logs=directory / "logs"
        )
        stack.enter_context(house)
        if "api" not in without:
            wait_until(home.is_ready, within_s=60, what="the API is ready")
        yield home


def children_of(pid: int) -> list[int]:
    """The processes that a process has started and that live: a worker's horse, a server's processes."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = stat.read_text().rpartition(")")[2].split()
            if int(fields[1]) == pid and fields[0] != "Z":
                found.append(int(stat.parent.name))
    return found
