"""Delivering messages by SMTP to a server in this process, one after another; beside it, smtplib without a record."""

import asyncio
import json
import secrets
import smtplib
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.message import EmailMessage
from functools import partial

import psycopg
from aiosmtpd.smtp import SMTP

from bench.place import ORGANISATION, as_role, fresh
from bench.report import Row, pairs
from events.privacy.custody import KeysInHand, entrust, new_master_key
from events.privacy.vault import Reach, put_contact
from services.channels.smtp import Smtp, way_of
from services.channels.wording import Words
from services.embedded import Postgres
from services.worker.delivering.messages import due_by
from services.worker.delivering.rounds import Round

MESSAGES = 1_000
PERSON = "person/bench"


def measure(postgres: Postgres, runs: int) -> list[Row]:
    """Messages a second, at concurrency 1; every attempt on record before and after, on the disk."""
    entrust(KeysInHand(new_master_key()))
    with _receiving() as port:
        ours, peer = pairs(runs, lambda: _delivered(fresh(postgres), port), lambda: _sent_bare(port))
    entrust(None)
    what = f"{MESSAGES:,} messages by SMTP, one after another"
    return [Row(what=what, unit="messages/s", ours=ours, peer=peer, peer_is="smtplib, no record")]


def _delivered(url: str, port: int) -> float:
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute("SELECT set_config('qiledger.organisation', %s, false)", (ORGANISATION,))
        put_contact(conn, ORGANISATION, PERSON, Reach(email="jo@nhs.test"))
        facts = json.dumps(
            {"endpoint": "we_1", "url": "https://bridge.test", "reason": "it was gone", "position": 7}
        )
        with conn.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO notices.messages (organisation, id, recipient, channel, kind, facts, due_at)"
                " VALUES (%s, %s, %s, 'email', 'endpoint_disabled', %s::jsonb, now())",
                [(ORGANISATION, secrets.token_urlsafe(18), PERSON, facts) for _ in range(MESSAGES)],
            )
    channel = Smtp(way_of(f"smtp://127.0.0.1:{port}?tls=none&rate=60000"), "qi@trust.test")
    channel.per_minute = 0
    worker = as_role(url, "qiledger_worker")
    connect = partial(psycopg.connect, worker, autocommit=True)
    with connect() as conn:
        words, until = Words("https://qi.trust.test"), time.monotonic() + 600
        one = Round(conn, {"email": channel}, words, connect=connect, due=due_by, deadline=until)
        began = time.perf_counter()
        assert one.go(ORGANISATION, asks=False)
        took = time.perf_counter() - began
    return MESSAGES / took


def _sent_bare(port: int) -> float:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "qi@trust.test", "jo@nhs.test", "News"
    mail["Date"] = datetime.now(UTC)
    mail.set_content("It was switched off.")
    with smtplib.SMTP("127.0.0.1", port, local_hostname="trust.test") as server:
        began = time.perf_counter()
        for _ in range(MESSAGES):
            server.send_message(mail)
        return MESSAGES / (time.perf_counter() - began)


class _Taking:
    async def handle_DATA(self, *_: object) -> str:  # noqa: N802
        return "250 taken"


@contextmanager
def _receiving() -> Iterator[int]:
    """A mail server that takes everything, on a free port."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    listening = loop.create_server(lambda: SMTP(_Taking(), hostname="mail.test", loop=loop), "127.0.0.1", 0)
    server = asyncio.run_coroutine_threadsafe(listening, loop).result(30)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
