"""From a fact to a message: the sweep finds what there is to say, with a doorbell and without."""

import time
from datetime import UTC, datetime

import psycopg
import pytest
import redis

from events.reviews import ProjectReviewed
from events.teams import PersonJoined
from events.vocabulary import Event
from services.doorbell import DELIVER, queue
from services.worker.duty import Connection
from services.worker.speaking import NOTICES, speak, unspoken
from services.worker.sweep import Sweeper
from tests.patience import wait_until
from tests.projections.engine.telling import Telling, of
from tests.projections.engine.telling import tell as tell_log
from tests.services.worker.conftest import Start, Trust

FAR = float("inf")
MESSAGES = """
    SELECT recipient, channel, kind
      FROM notices.messages
     WHERE organisation = %s
     ORDER BY recipient, channel
"""


def now_told(event: Event) -> Telling:
    told = of(event, "project/P-1")
    return Telling(stream=told.stream, type=told.type, body=told.body, occurred_at=datetime.now(UTC))


def messages(conn: Connection, trust: Trust) -> list[tuple[str, str, str]]:
    return conn.execute(MESSAGES, (trust.code,)).fetchall()  # type: ignore[return-value]


def decide(url: str, trust: Trust) -> None:
    """A forum decides on a project whose lead is known."""
    joined = PersonJoined(person="person/lead", role="lead")
    decided = ProjectReviewed(forum="newham", outcome="approved")
    tell_log(url, trust.code, [now_told(joined), now_told(decided)])


EXPECTED = [("person/lead", "email", "notice"), ("person/lead", "inbox", "notice")] * 2
"""That they lead it now, and what was decided."""


def test_without_a_doorbell_the_sweep_speaks_itself(
    fresh_database_url: str, conn: Connection, trust: Trust
) -> None:
    sweeper = Sweeper(conn, None, [NOTICES])
    sweeper.sweep()
    decide(fresh_database_url, trust)
    speak(conn, trust.code, FAR)
    assert sorted(messages(conn, trust)) == sorted(EXPECTED)
    assert unspoken(conn) == {}, "all is said"


def test_a_worker_is_called_once_and_speaks(
    fresh_database_url: str, conn: Connection, trust: Trust, bell: redis.Redis, start: Start
) -> None:
    speak(conn, trust.code, FAR)
    decide(fresh_database_url, trust)
    sweeper = Sweeper(conn, bell, [NOTICES])
    sweeper.sweep()
    sweeper.sweep()
    assert [job.args for job in queue(bell, DELIVER).jobs] == [[trust.code]]
    start("queue", DELIVER)
    wait_until(lambda: len(messages(conn, trust)) == len(EXPECTED), within_s=30, what="it is planned")


def test_whoever_speaks_for_a_trust_keeps_others_from_it(
    fresh_database_url: str, conn: Connection, worker_url: str, trust: Trust
) -> None:
    speak(conn, trust.code, FAR)
    decide(fresh_database_url, trust)
    with psycopg.connect(worker_url) as other:
        other.execute("SELECT set_config('qiledger.organisation', %s, true)", (trust.code,))
        other.execute("SELECT FROM notices.checkpoints WHERE organisation = %s FOR UPDATE", (trust.code,))
        assert not speak(conn, trust.code, FAR)
        assert messages(conn, trust) == []
    assert speak(conn, trust.code, FAR)
    assert len(messages(conn, trust)) == len(EXPECTED)


def test_a_batch_that_is_broken_off_leaves_nothing(
    fresh_database_url: str, conn: Connection, trust: Trust, monkeypatch: pytest.MonkeyPatch
) -> None:
    from projections.notices.engine import listen

    speak(conn, trust.code, FAR)
    decide(fresh_database_url, trust)

    def dies(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(listen, "move", dies)
        with pytest.raises(KeyboardInterrupt):
            speak(conn, trust.code, FAR)
    assert speak(conn, trust.code, FAR)
    assert sorted(messages(conn, trust)) == sorted(EXPECTED)


def test_rows_that_cannot_be_looked_at_keep_no_message_back(
    fresh_database_url: str, conn: Connection, trust: Trust, monkeypatch: pytest.MonkeyPatch
) -> None:
    speak(conn, trust.code, FAR)
    decide(fresh_database_url, trust)

    def cannot(*_: object, **__: object) -> None:
        raise psycopg.errors.UndefinedColumn

    monkeypatch.setattr("services.worker.speaking.to_look_at", lambda *_: {trust.code: None})
    monkeypatch.setattr("services.worker.speaking.look", cannot)
    with pytest.raises(psycopg.errors.UndefinedColumn):
        speak(conn, trust.code, FAR)
    assert sorted(messages(conn, trust)) == sorted(EXPECTED)


def test_a_log_that_is_far_ahead_keeps_no_message_back(
    fresh_database_url: str, conn: Connection, trust: Trust, monkeypatch: pytest.MonkeyPatch
) -> None:
    from services.worker import speaking

    speak(conn, trust.code, FAR)
    decide(fresh_database_url, trust)

    def hears_for_ever(*args: object, deadline: float, **how: object) -> bool:
        listen(*args, deadline=FAR, **how)  # type: ignore[arg-type]
        return False

    listen = speaking.listen
    monkeypatch.setattr(speaking, "listen", hears_for_ever)
    assert not speak(conn, trust.code, time.monotonic() - 1)
    assert sorted(messages(conn, trust)) == sorted(EXPECTED)
