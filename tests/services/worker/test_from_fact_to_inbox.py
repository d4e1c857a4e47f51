"""From what happened to what somebody reads: rules, plan, words and inbox, one after another."""

import time
from datetime import UTC, date, datetime, timedelta

import psycopg

from events.forum_members import ForumChairAppointed
from events.forums import ForumCreated
from events.meetings import MeetingScheduled
from events.projects import ProjectStarted, ProjectSubmitted
from events.scores import ProgressScored
from events.teams import PersonJoined
from events.vocabulary import Event
from projections.engine.advance import advance
from projections.notices.engine.listen import listen
from projections.notices.engine.look import look
from projections.notices.engine.plan import plan
from projections.notices.engine.words import working_days_before
from services.worker.delivering.messages import deliver_for_a_while
from services.worker.duty import Connection
from tests.projections.engine.telling import Telling, of
from tests.projections.engine.telling import tell as tell_log
from tests.services.worker.conftest import Trust

DAY = timedelta(days=1)


def meeting_with_pack_on(day: date) -> date:
    """A day five working days after this one."""
    return next(on for n in range(5, 15) if working_days_before(on := day + n * DAY, 5) <= day)


def tell(url: str, trust: Trust, stream: str, *events: Event) -> None:
    now = datetime.now(UTC)
    told = [of(event, stream) for event in events]
    tell_log(
        url,
        trust.code,
        [Telling(stream=stream, type=one.type, body=one.body, occurred_at=now) for one in told],
    )


def delivered(conn: Connection, trust: Trust, now: datetime) -> dict[str, list[tuple[str, str]]]:
    """What lies in each person's inbox, after everything has been done."""
    assert listen(conn, trust.code, now=now)
    advance(conn, trust.code, deadline=float("inf"))
    assert look(conn, trust.code, now=now)
    assert plan(conn, trust.code, now=now)
    assert deliver_for_a_while(conn, trust.code, deadline=time.monotonic() + 60)
    found: dict[str, list[tuple[str, str]]] = {}
    with conn.transaction():
        conn.execute("SELECT set_config('qiledger.organisation', %s, true)", (trust.code,))
        rows = conn.execute("SELECT person, subject, body FROM notices.inbox ORDER BY person, subject")
        for person, subject, body in rows.fetchall():
            found.setdefault(person, []).append((subject, body))
    return found


def test_a_chair_reads_the_pack_and_a_sponsor_the_news(
    fresh_database_url: str, conn: Connection, trust: Trust
) -> None:
    today = datetime.now(UTC)
    listen(conn, trust.code, now=today - 3 * DAY)
    on = meeting_with_pack_on(today.date())
    tell(
        fresh_database_url,
        trust,
        "forum/newham",
        ForumCreated(name="Newham QI Forum"),
        ForumChairAppointed(person="person/chair", role="chair"),
        MeetingScheduled(meeting="next", on=on.isoformat()),
    )
    tell(
        fresh_database_url,
        trust,
        "project/P-1",
        ProjectSubmitted(forum="newham"),
        PersonJoined(person="person/sponsor", role="sponsor"),
    )
    tell(fresh_database_url, trust, "project/P-2", ProjectStarted(title="Sleep", forum="newham"))
    inboxes = delivered(conn, trust, datetime.now(UTC))
    packs = [(s, b) for s, b in inboxes["person/chair"] if s.startswith("Agenda pack")]
    ((subject, body),) = packs
    assert subject == f"Agenda pack for Newham QI Forum, {on.day} {on:%B %Y}"
    assert "Project P-1: Put to the forum, to be approved" in body
    assert "Sleep: No sponsor, no coach" in body
    assert "You are told because you chair" in body
    assert [s for s, _ in inboxes["person/sponsor"]] == ["You are sponsor of Project P-1"]


def test_a_weekly_digest_gathers_what_is_to_celebrate(
    fresh_database_url: str, conn: Connection, trust: Trust
) -> None:
    listen(conn, trust.code, now=datetime.now(UTC) - DAY)
    with psycopg.connect(fresh_database_url) as admin:
        admin.execute(
            "INSERT INTO notices.preferences (organisation, person, rule, channel, pace)"
            " VALUES (%s, 'person/sponsor', '*', 'inbox', 'weekly')",
            (trust.code,),
        )
    for name, title in (("P-1", "Sleep"), ("P-2", "Falls")):
        tell(
            fresh_database_url,
            trust,
            f"project/{name}",
            ProjectStarted(title=title),
            PersonJoined(person="person/sponsor", role="sponsor"),
            ProgressScored(score=4, scale="life_qi", assessor="coach"),
        )
    assert delivered(conn, trust, datetime.now(UTC)) == {}
    assert plan(conn, trust.code, now=datetime.now(UTC) + 8 * DAY)
    with conn.transaction():
        conn.execute("SELECT set_config('qiledger.organisation', %s, true)", (trust.code,))
        conn.execute("UPDATE notices.messages SET due_at = now() WHERE organisation = %s", (trust.code,))
    ((_, body),) = delivered(conn, trust, datetime.now(UTC))["person/sponsor"]
    assert "Sleep reached a progress score of 4" in body
    assert "Falls reached a progress score of 4" in body
