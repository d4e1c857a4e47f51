"""Webhooks to a receiver on this machine, and live streams: how many, how soon, and what a thousand of them weigh."""

import http.client
import os
import random
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import msgspec
import psycopg

from bench.place import ORGANISATION, as_role, doorbell, fresh, run
from bench.posting import PATH, STRUCTURED, _key, cloud_event
from bench.report import Row
from bench.served import serving
from bench.telling import submission
from events.privacy.custody import KeysInHand, new_master_key
from services.embedded import Postgres
from services.embedded.lifeline import Descent, launch
from services.webhooks.addresses import FOREIGN_PORTS
from services.webhooks.book import new_id
from services.webhooks.keeping import seal
from services.webhooks.signing import new_secret

RECORDS = {1: 1_000, 32: 200}  # for each endpoint, by how many endpoints there are
TOLD, PACE_S = 300, 0.01
STREAMS, WARM = 1_000, 10  # of one key, which may have no more
WITHIN_S = 300.0


def measure(postgres: Postgres, runs: int) -> list[Row]:
    """Deliveries a second, milliseconds to a live stream, and kilobytes for each stream."""
    rows = [
        Row(
            what=f"webhooks, {endpoints} endpoint{'s' * (endpoints > 1)}, strict order",
            unit="deliveries/s",
            ours=[delivered(postgres, endpoints) for _ in range(runs)],
        )
        for endpoints in RECORDS
    ]
    times = [sorted(heard_after(postgres)) for _ in range(runs)]
    for name, share in (("median", 0.5), ("p99", 0.99)):
        heard = [of_run[int(len(of_run) * share)] * 1e3 for of_run in times]
        rows.append(Row(what=f"from 201 to a live stream, {name}", unit="ms", ours=heard))
    weights = [weight(postgres) for _ in range(runs)]
    rows.append(Row(what=f"{STREAMS:,} idle live streams, each", unit="KiB", ours=weights))
    return rows


def delivered(postgres: Postgres, endpoints: int) -> float:
    """Deliveries a second by one sender, over all endpoints."""
    url, master, chance = fresh(postgres), new_master_key(), random.Random(1)
    told = [submission(chance) for _ in range(RECORDS[endpoints])]
    run(
        url,
        "SELECT position FROM log.append(%s, %s::jsonb)",
        ORGANISATION,
        msgspec.json.encode(told).decode(),
    )
    with _receiving() as port, ExitStack() as stack:
        for _ in range(endpoints):
            _endpoint(url, KeysInHand(master), f"http://127.0.0.1:{port}/")
        began = time.perf_counter()
        stack.enter_context(_sending(url, master))
        _wait(lambda: not run(url, "SELECT 1 FROM webhooks.cursors WHERE position < %s", len(told)))
        first, last = run(url, "SELECT min(began_at), max(began_at) FROM webhooks.attempts")[0]
    assert time.perf_counter() - began < WITHIN_S
    return float(endpoints * len(told) / (last - first).total_seconds())


def heard_after(postgres: Postgres) -> list[float]:
    """Seconds from the moment before a POST is answered to the moment at which a listener has its record."""
    url, chance = fresh(postgres), random.Random(2)
    key, heard = _key(url), dict[str, float]()
    with doorbell() as redis_url, serving(as_role(url, "qiledger_api"), redis_url) as port:
        listening = threading.Event()
        threading.Thread(target=_listen, args=(port, key, heard, listening), daemon=True).start()
        assert listening.wait(20)
        told = _tell(port, key, chance)
        _wait(lambda: len(heard) == TOLD)
    return [heard[id_] - at for id_, at in told.items()]


def _tell(port: int, key: str, chance: random.Random) -> dict[str, float]:
    """When each event was acknowledged, by its id."""
    at: dict[str, float] = {}
    headers = {"authorization": f"Bearer {key}", "content-type": STRUCTURED}
    door = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    for _ in range(TOLD):
        event = submission(chance)
        door.request("POST", PATH, msgspec.json.encode(cloud_event(event)), headers)
        door.getresponse().read()
        at[event.id] = time.perf_counter()
        time.sleep(PACE_S)
    door.close()
    return at


def _listen(port: int, key: str, heard: dict[str, float], listening: threading.Event) -> None:
    with _stream(port, key) as sock, sock.makefile("rb") as lines:
        for line in lines:
            listening.set()
            if b"data: " in line:
                heard[msgspec.json.decode(line[line.index(b"{") : line.rindex(b"}") + 1])["id"]] = (
                    time.perf_counter()
                )


def weight(postgres: Postgres) -> float:
    """KiB of the server's memory for each of a thousand streams that nothing happens on."""
    url = fresh(postgres)
    key = _key(url)
    with (
        doorbell() as redis_url,
        serving(as_role(url, "qiledger_api"), redis_url) as port,
        ExitStack() as stack,
    ):
        _open_streams(stack, port, key, WARM)
        before = _memory_kib(port)
        _open_streams(stack, port, key, STREAMS - WARM)
        return (_memory_kib(port) - before) / (STREAMS - WARM)


def _open_streams(stack: ExitStack, port: int, key: str, number: int) -> None:
    opened = [stack.enter_context(_stream(port, key)) for _ in range(number)]
    for sock in opened:
        assert b"200" in sock.recv(64)


def _stream(port: int, key: str) -> socket.socket:
    sock = socket.create_connection(("127.0.0.1", port), timeout=60)
    asked = f"GET /v1/{ORGANISATION}/live HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\n\r\n"
    sock.sendall(asked.encode())
    return sock


def _memory_kib(port: int) -> int:
    """Resident memory of the server and its children, found by its command line."""
    words, found = f"bench.served\0{port}\0".encode(), 0
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # gone meanwhile
            if words in (process / "cmdline").read_bytes():
                status = (process / "status").read_text().splitlines()
                found += sum(int(line.split()[1]) for line in status if line.startswith("VmRSS"))
    return found


def _endpoint(url: str, custodian: KeysInHand, address: str) -> None:
    id_, secret = new_id(), new_secret()
    sealed = seal(custodian, secret, ORGANISATION, id_)
    with psycopg.connect(url) as conn:
        conn.execute(
            "INSERT INTO webhooks.endpoints (organisation, id, url, description, types, ordering, client)"
            " VALUES (%s, %s, %s, '', '{}', 'strict', 'bench')",
            (ORGANISATION, id_, address),
        )
        conn.execute(
            "INSERT INTO webhooks.cursors (organisation, endpoint, position) VALUES (%s, %s, 0)",
            (ORGANISATION, id_),
        )
        conn.execute(
            "INSERT INTO webhooks.secrets (organisation, endpoint, number, master, secret, seed, public_key)"
            " VALUES (%s, %s, 1, %s, %s, %s, %s)",
            (ORGANISATION, id_, sealed.master, sealed.secret, sealed.seed, secret.public_key),
        )


@contextmanager
def _sending(url: str, master: str) -> Iterator[None]:
    """One sender, a process of its own."""
    env = os.environ | {
        "QILEDGER_DATABASE_URL": as_role(url, "qiledger_worker"),
        "QILEDGER_MASTER_KEY": master,
    }
    env |= {"QILEDGER_WEBHOOK_NETWORKS": "127.0.0.0/8"}
    process = launch(
        [sys.executable, "-m", "services.worker", "webhooks"], Descent(death_signal=15), output=None, env=env
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait(15)


_RECEIVER = """
import asyncio, sys
async def serve(reader, writer):
    try:
        while True:
            head = await reader.readuntil(b"\\r\\n\\r\\n")
            size = int(head.lower().split(b"content-length: ")[1].split(b"\\r\\n")[0])
            await reader.readexactly(size)
            writer.write(b"HTTP/1.1 204 No Content\\r\\n\\r\\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()
async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", int(sys.argv[1]))
    await server.serve_forever()
asyncio.run(main())
"""


@contextmanager
def _receiving() -> Iterator[int]:
    """A receiver that takes everything at once, a process of its own: its port."""
    port = 1
    while port < 1_024 or port in FOREIGN_PORTS:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
    process = launch(
        [sys.executable, "-c", _RECEIVER, str(port)],
        Descent(death_signal=15),
        output=None,
        env=dict(os.environ),
    )
    try:
        _wait(lambda: _is_open(port))
        yield port
    finally:
        process.terminate()
        process.wait(15)


def _is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _wait(condition: Callable[[], object]) -> None:
    until = time.monotonic() + WITHIN_S
    while not condition():
        if time.monotonic() > until:
            raise RuntimeError("what was to be measured did not happen")
        time.sleep(0.02)
