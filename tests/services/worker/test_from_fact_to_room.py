"""From what happened to what is posted in a chat room: one post, in the forum's own, though three people are told."""

import re
import time

import psycopg
import pytest

from events.coaching import CoachAllocated
from events.projects import ProjectStarted
from events.reviews import ProjectReviewed
from events.teams import PersonJoined
from projections.engine.advance import advance
from services.worker.delivering.messages import deliver_for_a_while
from services.worker.duty import Connection
from services.worker.speaking import speak
from tests.services.channels.http_server import Room
from tests.services.worker.conftest import Trust
from tests.services.worker.test_from_fact_to_inbox import tell

FAR = float("inf")


def test_what_a_forum_decides_is_posted_once_in_its_own_room(
    fresh_database_url: str, worker_url: str, conn: Connection, trust: Trust, monkeypatch: pytest.MonkeyPatch
) -> None:
    speak(conn, trust.code, FAR)
    with psycopg.connect(fresh_database_url) as admin:
        admin.execute(
            "INSERT INTO notices.preferences (organisation, person, rule, channel, pace)"
            " VALUES (%s, '*', 'forum_decision', 'chat', 'at_once')",
            (trust.code,),
        )
    tell(
        fresh_database_url,
        trust,
        "project/P-1",
        ProjectStarted(title="Sleep", forum="newham"),
        PersonJoined(person="person/lead", role="lead"),
        PersonJoined(person="person/sponsor", role="sponsor"),
        CoachAllocated(coach="person/coach"),
        ProjectReviewed(forum="newham", outcome="approved"),
    )
    with Room() as newham, Room() as others:
        monkeypatch.setenv("QILEDGER_DATABASE_URL", worker_url)
        monkeypatch.setenv("QILEDGER_CHAT_URLS", f"newham={newham.address} *={others.address}")
        speak(conn, trust.code, FAR)
        assert posted(conn, trust) == []
        assert newham.posts == [], "whose the project is, is not fed yet"
        advance(conn, trust.code, deadline=FAR)
        speak(conn, trust.code, FAR)
        assert posted(conn, trust) == ["sent"]
        assert posted(conn, trust) == ["sent"]
    assert others.posts == []
    (post,) = newham.posts
    assert "Sleep" in post["title"]
    assert "because this room is told of such things" in post["message"]
    assert "/unsubscribe/" not in post["message"]
    assert len(re.findall("/notice/", post["message"])) == 1
    assert len(told_in_the_room(conn, trust)) == 3, "lead, sponsor and coach"


def posted(conn: Connection, trust: Trust) -> list[str]:
    """How the posts stand, after whatever is due was delivered."""
    assert deliver_for_a_while(conn, trust.code, deadline=time.monotonic() + 60)
    with conn.transaction():
        conn.execute("SELECT set_config('qiledger.organisation', %s, true)", (trust.code,))
        rows = conn.execute("SELECT state FROM notices.messages WHERE channel = 'chat'").fetchall()
    return [state for (state,) in rows]


def told_in_the_room(conn: Connection, trust: Trust) -> list[str]:
    with conn.transaction():
        conn.execute("SELECT set_config('qiledger.organisation', %s, true)", (trust.code,))
        rows = conn.execute(
            "SELECT n.recipient FROM notices.carried AS c JOIN notices.notices AS n ON n.id = c.notice"
            " WHERE c.channel = 'chat' AND c.message IS NOT NULL ORDER BY n.recipient"
        ).fetchall()
    return [person for (person,) in rows]
