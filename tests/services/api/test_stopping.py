"""SIGTERM: what is under way is answered, what waits is let go, and the process ends within ten seconds."""

import json
import signal
import socket
import subprocess
import sys
import threading
import time

import httpx
import psycopg
import pytest

from events.log import keys
from tests.patience import ENDS_WITHIN_S, gone, wait_until
from tests.services.api.conftest import STRUCTURED, Door, Server, event

STOPPED_WITHIN_S = 10


@pytest.fixture
def standing(fresh_database_url: str, redis_url: str, tmp_path_factory: pytest.TempPathFactory):
    with psycopg.connect(fresh_database_url) as conn:
        conn.execute("SELECT log.open('RWK', 'East London')")
        key = keys.create(conn, "RWK", "lifeqi", scopes=[keys.WRITE, keys.READ], sources=["*"]).text
    server = Server(fresh_database_url, redis_url, tmp_path_factory.mktemp("stopping"))
    yield server, Door(server.url, "RWK", key)
    server.process.kill()
    server.process.wait()


def test_a_long_poll_is_let_go_and_a_post_under_way_is_answered(
    standing: tuple[Server, Door], fresh_database_url: str
) -> None:
    server, door = standing
    with door.http, psycopg.connect(fresh_database_url) as holding:
        polled: list[httpx.Response] = []
        poll = threading.Thread(target=lambda: polled.append(door.get(f"{door.events}?after=0&wait=30")))
        poll.start()
        # a POST that waits for the head of the log, which another transaction holds
        holding.execute("SELECT 1 FROM log.heads WHERE organisation = 'RWK' FOR UPDATE")
        posted: list[httpx.Response] = []
        other = Door(server.url, "RWK", door.key)
        post = threading.Thread(target=lambda: posted.append(other.tell(event())))
        post.start()
        with psycopg.connect(fresh_database_url, autocommit=True) as looking:
            waits = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
            wait_until(
                lambda: looking.execute(waits).fetchone(), within_s=10, what="the POST waits for the lock"
            )
        began = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        poll.join(STOPPED_WITHIN_S)
        assert polled, "the long-poll is answered at once"
        assert time.monotonic() - began < STOPPED_WITHIN_S
        assert polled[0].status_code == 200
        assert server.process.poll() is None, "the POST is waited for"
        holding.rollback()
        post.join(STOPPED_WITHIN_S)
        assert posted[0].status_code == 201
        server.process.wait(STOPPED_WITHIN_S)
        assert time.monotonic() - began < STOPPED_WITHIN_S
        other.http.close()
    with psycopg.connect(fresh_database_url) as conn:
        assert conn.execute("SELECT position FROM log.organisations").fetchone() == (1,)


def test_an_import_and_bodies_half_sent_do_not_hold_the_process(standing: tuple[Server, Door]) -> None:
    server, door = standing
    line = json.dumps(event()).encode() + b"\n"
    opened = []
    for path, kind in (("import", "application/x-ndjson"), ("events", STRUCTURED)):
        connection = socket.create_connection(("127.0.0.1", server.port), timeout=STOPPED_WITHIN_S)
        head = (
            f"POST /v1/RWK/{path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {door.key}\r\n"
            f"content-type: {kind}\r\ncontent-length: 5000\r\n\r\n"
        )
        connection.sendall(head.encode() + line)
        opened.append(connection)
    idle = socket.create_connection(("127.0.0.1", server.port))
    seen = b""
    while b'"status":201' not in seen:
        seen += opened[0].recv(65_536)
    began = time.monotonic()
    server.process.send_signal(signal.SIGTERM)
    server.process.wait(STOPPED_WITHIN_S)
    assert time.monotonic() - began < STOPPED_WITHIN_S
    for connection in [*opened, idle]:
        connection.close()
    door.http.close()


def test_a_stream_that_waits_for_the_database_is_told_that_it_ends(
    standing: tuple[Server, Door], fresh_database_url: str
) -> None:
    """As streams do that catch up while others read: what they wait for is given up, and none is ended by force."""
    server, door = standing
    with door.http, psycopg.connect(fresh_database_url) as holding:
        door.tell(event())
        holding.execute("LOCK TABLE log.records IN ACCESS EXCLUSIVE MODE")
        with httpx.stream(
            "GET", f"{server.url}/v1/RWK/live?after=0", headers={"authorization": f"Bearer {door.key}"}
        ) as answer:
            waits = "SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 'log.records'::regclass"
            wait_until(
                lambda: holding.execute(waits).fetchone(), within_s=20, what="the stream waits for records"
            )
            server.process.send_signal(signal.SIGTERM)
            said = "".join(answer.iter_text())
        server.process.wait(ENDS_WITHIN_S)
    assert said.endswith(": the ledger is being stopped\n\n")
    assert "refused to gracefully stop" not in server.said.read_text()


DEAF = """
import asyncio, os, signal
from services.api.desk import Desk
from services.settings import Settings

async def main():
    loop, told = asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, told.set)  # as the server does
    desk = Desk(Settings.read({"QILEDGER_DATABASE_URL": "postgresql://nowhere"}))
    with desk._told_to_stop():
        try:
            while True:
                loop._csock.send(bytes(4096))  # others' wake-ups, as many as fit in
        except BlockingIOError:
            os.kill(os.getpid(), signal.SIGTERM)
        async with asyncio.timeout(20):
            await told.wait()
        assert desk.stopping.is_set()
    print("heard")

asyncio.run(main())
"""


def test_a_signal_that_comes_while_a_thousand_readers_hang_up_is_heard() -> None:
    """What they leave fills the pipe through which the server hears of signals."""
    ran = subprocess.run(
        [sys.executable, "-c", DEAF], capture_output=True, text=True, timeout=90, check=False
    )
    assert (ran.returncode, ran.stdout) == (0, "heard\n"), ran.stderr


def test_no_worker_outlives_a_server_that_was_killed(standing: tuple[Server, Door]) -> None:
    server, door = standing
    import psutil

    workers = [child.pid for child in psutil.Process(server.process.pid).children(recursive=True)]
    assert workers
    server.process.kill()
    server.process.wait(STOPPED_WITHIN_S)
    for pid in workers:
        wait_until(lambda pid=pid: gone(pid), within_s=STOPPED_WITHIN_S, what="the worker is gone")
    door.http.close()


def test_a_worker_that_falls_is_started_again(standing: tuple[Server, Door]) -> None:
    server, door = standing
    import psutil

    with door.http:
        (worker,) = psutil.Process(server.process.pid).children()
        worker.kill()

        def answers() -> bool:
            try:
                return door.get("/readyz").status_code == 200
            except httpx.TransportError:
                return False

        wait_until(lambda: gone(worker.pid), within_s=5, what="the worker is gone")
        wait_until(answers, within_s=90, what="another worker answers")
        assert door.tell(event()).status_code == 201
