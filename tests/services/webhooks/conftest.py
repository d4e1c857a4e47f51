"""A receiver of webhooks that answers as it is told, and a sender at work on a database of the test's own."""

import contextlib
import itertools
import json
import os
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import psycopg
import pytest
from psycopg_pool import ConnectionPool

from events.privacy.custody import custodian
from services.webhooks.addresses import FOREIGN_PORTS, Guard
from services.webhooks.book import new_id
from services.webhooks.keeping import Secrets, seal
from services.webhooks.posting import Poster
from services.webhooks.sending import Sender
from services.webhooks.signing import SigningSecret, new_secret
from services.webhooks.turn import Tools
from tests.patience import wait_until
from tests.roles import as_role

LOOPBACK = ["127.0.0.0/8"]
SOON_S = 20.0
_numbers = itertools.count(1)

Reply = tuple[int, Mapping[str, str], bytes]


class Received:
    """A request as it came."""

    def __init__(self, path: str, headers: Mapping[str, str], body: bytes) -> None:
        self.path = path
        self.headers = {name.lower(): value for name, value in headers.items()}
        self.body = body

    @property
    def event(self) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(self.body)
        return told

    @property
    def position(self) -> int:
        return int(self.event["sequence"])

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]


class Receiver(ThreadingHTTPServer):
    """Takes webhooks. `answers` says what each is answered; `taken` has those that were answered 2xx, in order."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self) -> None:
        self.came: list[Received] = []
        self.taken: list[Received] = []
        self.connections = 0
        self.answers: Callable[[Received], Reply | None] = lambda _: (200, {}, b"thank you")
        self.lock = threading.Lock()
        super().__init__(("127.0.0.1", 0), _Handler)
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hook"

    def positions(self) -> list[int]:
        return [received.position for received in list(self.taken)]

    def get_request(self) -> Any:
        self.connections += 1
        return super().get_request()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A sender that hangs up is no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Receiver

    def do_POST(self) -> None:
        promised = int(self.headers["content-length"])
        body = self.rfile.read(promised)
        if len(body) < promised:  # a sender was killed while it spoke: nothing has come
            self.close_connection = True
            return
        received = Received(self.path, dict(self.headers), body)
        with self.server.lock:
            self.server.came.append(received)
        reply = self.server.answers(received)
        if reply is None:  # it hangs up
            self.close_connection = True
            return
        status, headers, said = reply
        if 200 <= status < 300:
            with self.server.lock:
                self.server.taken.append(received)
        self.send_response(status)
        for name, value in {"content-length": str(len(said)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *_: Any) -> None:
        """Nothing."""


def new_receiver() -> Receiver:
    while True:
        receiver = Receiver()
        if receiver.server_port not in FOREIGN_PORTS:
            return receiver
        receiver.shutdown()
        receiver.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    served = new_receiver()
    yield served
    served.shutdown()
    served.server_close()


class Trust:
    """An organisation: what is told of it, its endpoints, and how they stand."""

    def __init__(self, admin_url: str) -> None:
        self.code = f"H{os.getpid() % 100_000}X{next(_numbers)}"
        self.admin_url = admin_url
        with psycopg.connect(admin_url) as conn:
            conn.execute("SELECT log.open(%s, 'A trust')", [self.code])

    def tell(self, *streams: str, type_: str = "project.started") -> int:
        """A record of each stream, in order. Returns the last position."""
        batch = json.dumps([_told(stream, type_) for stream in streams])
        with psycopg.connect(self.admin_url) as conn:
            rows = conn.execute(
                "SELECT position FROM log.append(%s, %s::jsonb)", [self.code, batch]
            ).fetchall()
        return max(int(position) for (position,) in rows)

    def endpoint(
        self,
        url: str,
        *,
        ordering: str = "strict",
        types: Sequence[str] = (),
        position: int = 0,
        owner: str | None = None,
    ) -> "Endpoint":
        """An endpoint that is sent what follows a position."""
        id_, secret = new_id(), new_secret()
        sealed = seal(custodian(), secret, self.code, id_)
        with psycopg.connect(self.admin_url) as conn:
            conn.execute(
                "INSERT INTO webhooks.endpoints (organisation, id, url, description, owner, types, ordering, client)"
                " VALUES (%s, %s, %s, '', %s, %s, %s, 'tests')",
                [self.code, id_, url, owner, list(types), ordering],
            )
            conn.execute(
                "INSERT INTO webhooks.cursors (organisation, endpoint, position) VALUES (%s, %s, %s)",
                [self.code, id_, position],
            )
            conn.execute(
                "INSERT INTO webhooks.secrets (organisation, endpoint, number, master, secret, seed, public_key)"
                " VALUES (%s, %s, 1, %s, %s, %s, %s)",
                [self.code, id_, sealed.master, sealed.secret, sealed.seed, secret.public_key],
            )
        return Endpoint(self, id_, secret)


class Endpoint:
    """An endpoint, as the database has it."""

    def __init__(self, trust: Trust, id_: str, secret: SigningSecret) -> None:
        self.trust = trust
        self.id = id_
        self.secret = secret

    def cursor(self) -> dict[str, Any]:
        return self._row("SELECT * FROM webhooks.cursors WHERE organisation = %s AND endpoint = %s")

    def position(self) -> int:
        return int(self.cursor()["position"])

    def state(self) -> str:
        row = self._row("SELECT state FROM webhooks.endpoints WHERE organisation = %s AND id = %s")
        return str(row["state"])

    def attempts(self) -> list[dict[str, Any]]:
        query = "SELECT * FROM webhooks.attempts WHERE organisation = %s AND endpoint = %s ORDER BY number"
        return self._rows(query)

    def waiting(self) -> dict[str, dict[str, Any]]:
        query = "SELECT * FROM webhooks.waiting WHERE organisation = %s AND endpoint = %s ORDER BY position"
        return {row["lane"]: row for row in self._rows(query)}

    def let_time_pass(self, seconds: float) -> None:
        """As if everything noted had been noted so much earlier."""
        self.change(
            "UPDATE webhooks.cursors SET tried_at = tried_at - make_interval(secs => %(s)s),"
            " failing_since = failing_since - make_interval(secs => %(s)s)"
            " WHERE organisation = %(organisation)s AND endpoint = %(id)s",
            s=seconds,
        )
        self.change(
            "UPDATE webhooks.waiting SET tried_at = tried_at - make_interval(secs => %(s)s),"
            " since = since - make_interval(secs => %(s)s) WHERE organisation = %(organisation)s AND endpoint = %(id)s",
            s=seconds,
        )

    def change(self, query: str, **named: Any) -> None:
        with psycopg.connect(self.trust.admin_url) as conn:
            conn.execute(query, {"organisation": self.trust.code, "id": self.id, **named})

    def _row(self, query: str) -> dict[str, Any]:
        (row,) = self._rows(query)
        return row

    def _rows(self, query: str) -> list[dict[str, Any]]:
        with psycopg.connect(self.trust.admin_url, row_factory=psycopg.rows.dict_row) as conn:
            return conn.execute(query, [self.trust.code, self.id]).fetchall()


def _told(stream: str, type_: str) -> dict[str, Any]:
    return {
        "stream": stream,
        "source": "/tests",
        "id": uuid.uuid4().hex,
        "type": type_,
        "occurred_at": "2024-05-20T09:30:00+00:00",
        "precise_to": "instant",
        "actor": "client/tests",
        "body": '{"forum":"city-hackney"}',
    }


@pytest.fixture
def trust(fresh_database_url: str) -> Trust:
    return Trust(fresh_database_url)


@pytest.fixture
def pool(fresh_database_url: str) -> Iterator[ConnectionPool]:
    with ConnectionPool(
        as_role(fresh_database_url, "qiledger_worker"),
        min_size=1,
        max_size=4,
        kwargs={"autocommit": True},
        open=True,
    ) as opened:
        yield opened


Send = Callable[..., contextlib.AbstractContextManager[Sender]]


@pytest.fixture
def sending(fresh_database_url: str, pool: ConnectionPool) -> Send:
    """A sender at work within a block: `with sending(): …`."""

    @contextlib.contextmanager
    def at_work(
        *, within_s: float = 5.0, networks: Sequence[str] = LOOPBACK, ca: str | None = None
    ) -> Iterator[Sender]:
        over = threading.Event()
        tools = Tools(
            pool=pool,
            poster=Poster(Guard(networks), ca=ca, within_s=within_s),
            secrets=Secrets(),
            lanes=ThreadPoolExecutor(16),
            agent="qiledger tests",
        )
        with psycopg.connect(as_role(fresh_database_url, "qiledger_worker"), autocommit=True) as conn:
            sender = Sender(tools, conn, None, stopping=over.is_set)
            thread = threading.Thread(target=sender.send_on, daemon=True)
            thread.start()
            try:
                yield sender
                assert thread.is_alive(), "the sender fell"
            finally:
                over.set()
                thread.join(SOON_S)
                sender.close()

    return at_work


def soon(condition: Callable[[], object], what: str, within_s: float = SOON_S) -> None:
    wait_until(condition, within_s=within_s, what=what)
