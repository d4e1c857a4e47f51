"""Many messages under fire: a server that breaks off where it likes, and one who delivers that is killed and killed.

What is promised of each message, however many there are: it is told; and once more only for each time that nobody could
know whether it went.
"""

import random
import signal
from collections import Counter
from typing import Any, cast

import psycopg
import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session

from services.channels.smtp import Smtp
from services.worker.delivering.deliverer import BATCH_MAX
from tests.failures.test_delivering import (
    _master_key,
    conn,
    run,
    smtp,
    started,
    telling,
    worker_url,
)
from tests.patience import ENDS_WITHIN_S, wait_until
from tests.services.channels.mail_server import Box, Mailbox
from tests.services.worker.messages import Telling

__all__ = ["_master_key", "conn", "telling", "worker_url"]


class Moody(Box):
    """Takes messages, and is moody: by a seed, it puts off, refuses for now, takes without a word, or hangs up."""

    MOODS = ("421 enough for one connection", "450 not now", "451 try again", "hang up", "")

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._random = random.Random(seed)
        self.calm = False

    def _mood(self) -> str:
        return "" if self.calm or self._random.random() < 0.8 else self._random.choice(self.MOODS)

    async def handle_MAIL(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        envelope.mail_from = address
        return self._in_a_mood(server) or "250 fine"

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        envelope.rcpt_tos.append(address)
        return self._in_a_mood(server) or "250 fine"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        mood = self._mood()
        if mood in ("", "hang up"):
            await super().handle_DATA(server, session, envelope)
        return self._said(server, mood) or "250 taken"

    def _in_a_mood(self, server: SMTP) -> str:
        return self._said(server, self._mood())

    def _said(self, server: SMTP, mood: str) -> str:
        if mood != "hang up":
            return mood
        cast(Any, server.transport).abort()
        return "250 nobody hears this"

    def copies(self) -> Counter[str]:
        """How often each message was taken, by its Message-ID."""
        return Counter(str(mail["Message-ID"]) for mail in self.mails)


def unpaced(port: int) -> Smtp:
    """A channel that goes as fast as it can: a clock that stands still allows no pace."""
    channel = smtp(port)
    channel.per_minute = 0
    return channel


def plans(telling: Telling, messages: int) -> list[str]:
    """So many messages that wait. Returns their ids."""
    first = telling.plans()
    more = telling.does(
        "INSERT INTO notices.messages (organisation, id, recipient, channel, kind, facts, due_at)"
        " SELECT organisation, translate(gen_random_uuid()::text, '-', ''), recipient, channel, kind, facts, due_at"
        " FROM (SELECT * FROM notices.messages WHERE organisation = %s) AS one CROSS JOIN generate_series(2, %s)"
        " RETURNING id",
        messages,
    )
    return [first, *(id_ for (id_,) in more)]


def states(telling: Telling) -> dict[str, int]:
    """How many messages stand how."""
    return dict(
        telling.does("SELECT state, count(*) FROM notices.messages WHERE organisation = %s GROUP BY state")
    )


def all_attempts(telling: Telling) -> dict[str, list[str | None]]:
    """The outcomes of the attempts at each message, in order."""
    return dict(
        telling.does(
            "SELECT message, array_agg(outcome ORDER BY attempt) FROM notices.attempts"
            " WHERE organisation = %s GROUP BY message"
        )
    )


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_of_a_server_that_breaks_off_anywhere_everybody_hears_and_twice_only_what_nobody_could_know(
    conn: psycopg.Connection[Any], telling: Telling, seed: int
) -> None:
    ids = plans(telling, 2 * BATCH_MAX)
    with Mailbox() as server:
        box = server.box = Moody(seed)
        for round_ in range(50):
            box.calm = round_ > 10
            run(conn, telling, unpaced(server.port))
            telling.later(minutes=30)
            if states(telling) == {"sent": len(ids)}:
                break
        copies = box.copies()
    every = all_attempts(telling)
    assert set(every) == set(ids)
    for id_, attempts in every.items():
        assert attempts[-1] == "sent"
        assert 1 <= copies[f"<{id_}@trust.test>"] <= 1 + attempts.count("unknown"), attempts
    assert copies.total() > len(ids), "the seed tries nothing"


def test_one_who_is_killed_in_the_middle_of_many_leaves_one_message_in_doubt(
    conn: psycopg.Connection[Any], telling: Telling, worker_url: str
) -> None:
    """Those that were taken up with it and not begun were never tried; those before it are on record."""
    ids = plans(telling, BATCH_MAX)
    with Mailbox() as server:
        dying = started(
            "tests.failures.dying_deliverer",
            "after sending",
            telling.code,
            "7",
            worker_url=worker_url,
            smtp_url=f"smtp://127.0.0.1:{server.port}?tls=none&rate=60000",
        )
        assert dying.wait(100) == -signal.SIGKILL
        left = Counter(tuple(outcomes) for outcomes in all_attempts(telling).values())
        assert left == {("sent",): 6, (None,): 1}
        telling.lease_is_over()
        run(conn, telling, unpaced(server.port), now=None)
        copies = Counter(str(mail["Message-ID"]) for mail in server.box.mails)
    assert sorted(copies.values()) == [1] * (BATCH_MAX - 1) + [2]
    assert states(telling) == {"sent": len(ids)}


def test_one_who_is_killed_again_and_again_tells_everybody_and_one_twice_a_time_at_most(
    conn: psycopg.Connection[Any], telling: Telling, worker_url: str
) -> None:
    ids = plans(telling, 8 * BATCH_MAX)
    kills = 0
    with Mailbox() as server:
        for _ in range(3):
            taken = len(server.box.mails)
            doomed = started(
                "tests.failures.dying_deliverer",
                "never",
                telling.code,
                worker_url=worker_url,
                smtp_url=f"smtp://127.0.0.1:{server.port}?tls=none&rate=60000",
            )
            wait_until(
                lambda: len(server.box.mails) > taken + BATCH_MAX,  # noqa: B023  (called at once)
                within_s=90,
                what="messages are under way",
            )
            doomed.kill()
            doomed.wait(ENDS_WITHIN_S)
            kills += 1
            telling.lease_is_over()
        run(conn, telling, unpaced(server.port), now=None)
        copies = Counter(str(mail["Message-ID"]) for mail in server.box.mails)
    assert states(telling) == {"sent": len(ids)}
    assert set(copies) == {f"<{id_}@trust.test>" for id_ in ids}
    assert sum(copies.values()) <= len(ids) + kills
