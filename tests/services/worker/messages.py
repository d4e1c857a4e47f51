"""An organisation that tells people things: messages that wait, people with addresses, and what became of it all."""

import itertools
import os
import secrets
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import psycopg

from events.privacy.custody import KeysInHand, entrust, new_master_key
from events.privacy.vault import Reach, put_contact
from services.channels.letter import Letter
from services.channels.outcome import NotAnswered, Outcome, Sent
from services.channels.wording import Words
from services.worker.delivering.deliverer import Deliverer
from services.worker.delivering.messages import due_by
from services.worker.delivering.rounds import Round
from services.worker.duty import Connection
from tests.roles import as_role

OURS = "https://qi.trust.test"
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
PERSON = "person/p-1"
_numbers = itertools.count(1)


class Telling:
    """One organisation's messages."""

    def __init__(self, admin_url: str, code: str | None = None) -> None:
        self.admin_url = admin_url
        self.code = code or f"M{os.getpid() % 100_000}X{next(_numbers)}"
        self.now = NOON
        with psycopg.connect(admin_url) as conn:
            conn.execute("SELECT log.open(%s, 'A trust')", [self.code])

    def admin(self) -> psycopg.Connection[Any]:
        conn = psycopg.connect(self.admin_url, autocommit=True)
        conn.execute("SELECT set_config('qiledger.organisation', %s, false)", [self.code])
        return conn

    def knows(self, person: str = PERSON, email: str | None = "jo.bloggs@nhs.test") -> None:
        with self.admin() as conn:
            put_contact(conn, self.code, person, Reach(name="Jo Bloggs", email=email))

    def plans(
        self,
        channel: str = "email",
        *,
        kind: str = "endpoint_disabled",
        notices: tuple[str, ...] = (),
        facts: dict[str, Any] | None = None,
        due_at: datetime | None = None,
        person: str = PERSON,
    ) -> str:
        """A message that waits. Returns its id."""
        id_ = secrets.token_hex(16)
        told = {"endpoint": f"we_{id_}", "url": "https://bridge.test", "reason": "it was gone", "position": 7}
        row = [self.code, id_, person, channel, kind, list(notices)]
        row += [msgspec.json.encode(told if facts is None else facts).decode(), due_at or self.now]
        with self.admin() as conn:
            conn.execute(
                "INSERT INTO notices.messages (organisation, id, recipient, channel, kind, notices, facts, due_at)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s::jsonb, %s)",
                row,
            )
        return id_

    def notices(self, title: str = "It is done", **changes: Any) -> str:
        """A notice that somebody should be told. Returns its id."""
        id_ = secrets.token_hex(16)
        plain = {
            "organisation": self.code,
            "id": id_,
            "rule": "story_shared",
            "subject": "project/P-1",
            "window": id_,
            "recipient": PERSON,
            "urgency": "at_once",
            "action": False,
            "title": title,
            "why": "you lead this project.",
            "link": "streams/project/P-1",
            "made_at": self.now,
        }
        row = plain | changes
        names = ", ".join(f'"{name}"' for name in row)
        with self.admin() as conn:
            conn.execute(
                f"INSERT INTO notices.notices ({names}) VALUES ({', '.join(['%s'] * len(row))})",
                list(row.values()),
            )
        return id_

    def does(self, statement: str, *params: Any) -> list[tuple[Any, ...]]:
        """A statement as an administrator, `%s` for the organisation first."""
        with self.admin() as conn:
            cursor = conn.execute(statement, [self.code, *params])
            return cursor.fetchall() if cursor.description else []

    def state(self, id_: str) -> str:
        ((state,),) = self.does("SELECT state FROM notices.messages WHERE organisation = %s AND id = %s", id_)
        return str(state)

    def reason(self, id_: str) -> str:
        ((reason,),) = self.does(
            "SELECT reason FROM notices.messages WHERE organisation = %s AND id = %s", id_
        )
        return str(reason)

    def attempts(self, id_: str) -> list[str | None]:
        """The outcome of each attempt, in order."""
        rows = self.does(
            "SELECT outcome FROM notices.attempts WHERE organisation = %s AND message = %s ORDER BY attempt",
            id_,
        )
        return [outcome for (outcome,) in rows]

    def lease_is_over(self) -> None:
        """As if whoever held a message had been gone for minutes."""
        self.does(
            "UPDATE notices.messages SET lease_until = clock_timestamp() - interval '1 second'"
            " WHERE organisation = %s AND lease_until IS NOT NULL"
        )

    def later(self, **how: float) -> None:
        self.now += timedelta(**how)


class Peer:
    """A channel whose other side answers as a test says: outcomes in turn, then `Sent`."""

    patience_s = 5.0
    per_minute = 0
    settles_after = timedelta(minutes=10)

    def __init__(self, name: str = "email", *outcomes: Outcome) -> None:
        self.name = name
        self.outcomes = list(outcomes)
        self.letters: list[Letter] = []
        self.addresses: list[str] = []
        self.knows: dict[str, Sent] = {}
        self.answers = True
        self.asked: list[str] = []

    def send(self, letter: Letter, to: str) -> Outcome:
        self.letters.append(letter)
        self.addresses.append(to)
        return self.outcomes.pop(0) if self.outcomes else Sent(f"<{letter.id}>")

    def heard_of(self, letter_id: str) -> Sent | None:
        self.asked.append(letter_id)
        if not self.answers:
            raise NotAnswered("silent")
        return self.knows.get(letter_id)

    def reach(self) -> str:
        return "here"

    def drop(self) -> None:
        """Nothing is held."""


def deliver(
    conn: Connection, telling: Telling, *peers: Any, within_s: float = 60, asks: bool = False, **how: Any
) -> bool:
    """A round for one organisation alone, by these channels, at the time that the test says, with jitter in the middle.

    Returns whether all of it is done.
    """
    worker = as_role(telling.admin_url, "qiledger_worker")
    now = how.pop("now", lambda: telling.now)

    def due(conn: Connection, channels: Sequence[str]) -> dict[str, dict[str, object]]:
        found = due_by(conn, channels, now=now and now())
        return {telling.code: found[telling.code]} if telling.code in found else {}

    how = {"connect": lambda: psycopg.connect(worker, autocommit=True), "chance": lambda: 0.5} | how
    how |= {"due": due, "deadline": time.monotonic() + within_s, "now": now}
    return Round(conn, {peer.name: peer for peer in peers}, Words(OURS), **how).go(telling.code, asks=asks)


def deliverer(conn: Connection, telling: Telling, *peers: Any, **how: Any) -> Deliverer:
    """One who delivers by these channels, at the time that the test says, with jitter in the middle."""
    how = {"now": lambda: telling.now, "chance": lambda: 0.5} | how
    return Deliverer(conn, {peer.name: peer for peer in peers}, Words(OURS), **how)


def with_master_key() -> Callable[[], None]:
    """A master key for this process. Returns what takes it away again."""
    entrust(KeysInHand(new_master_key()))
    return lambda: entrust(None)
