"""What holds again in Postgres: it stands again in whatever order it was heard, and goes out no second time."""

import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from events.coaching import CoachAllocated, CoachReleased
from events.corrections import EventRetracted
from events.ideas import IdeaRaised
from events.people import PersonRolesChanged
from events.projects import ProjectStarted
from events.teams import PersonJoined
from events.vocabulary import Event
from projections.engine.advance import advance
from projections.notices.engine.listen import listen
from projections.notices.engine.look import look
from projections.notices.engine.plan import plan
from tests.projections.engine.telling import Connection, Telling, as_role, of, open_log, tell

TODAY = datetime.now(UTC).replace(hour=12)
DAY = timedelta(days=1)
IDEA, P1 = "idea/ID-1", "project/P-1"
ADVISOR = "person/advisor"


class Desk:
    """An organisation with an advisor, whose facts are heard, whose rows are looked at, whose messages are planned."""

    def __init__(self, url: str, conn: Connection) -> None:
        self.url, self.conn, self.organisation = url, conn, open_log(url)
        assert listen(conn, self.organisation, now=TODAY - DAY)
        self.told(ADVISOR, PersonRolesChanged(roles=("improvement_advisor",)))

    def told(self, stream: str, *events: Event, id_: str | None = None, days: int = 0) -> None:
        told = [of(event, stream) for event in events]
        tell(
            self.url,
            self.organisation,
            [
                Telling(
                    stream=o.stream, type=o.type, body=o.body, id=id_ or o.id, occurred_at=TODAY - days * DAY
                )
                for o in told
            ],
        )

    def heard(self) -> None:
        assert listen(self.conn, self.organisation, now=datetime.now(UTC))

    def looked(self, day: int) -> None:
        advance(self.conn, self.organisation, deadline=float("inf"))
        assert look(self.conn, self.organisation, now=TODAY + day * DAY)

    def planned(self, now: datetime) -> list[str]:
        """The states of all messages by e-mail."""
        assert plan(self.conn, self.organisation, now=now)
        rows = self.do(
            "SELECT state FROM notices.messages WHERE organisation = %s AND channel = 'email' ORDER BY state",
            self.organisation,
        )
        return [state for (state,) in rows]

    def sent(self) -> None:
        """Everything that waits has gone out."""
        self.do(
            "UPDATE notices.messages SET state = 'sent', ended_at = clock_timestamp()"
            " WHERE organisation = %s AND state = 'waiting'",
            self.organisation,
        )

    def whom(self, rule: str) -> set[str]:
        """Who is told by a rule, of what holds."""
        rows = self.do("SELECT recipient FROM notices.notices WHERE rule = %s AND cleared_at IS NULL", rule)
        return {person for (person,) in rows}

    def do(self, statement: str, *asked: Any) -> list[Any]:
        with self.conn.transaction():
            self.conn.execute("SELECT set_config('qiledger.organisation', %s, true)", (self.organisation,))
            done = self.conn.execute(statement, asked[0] if asked and isinstance(asked[0], dict) else asked)
            return done.fetchall() if done.description else []


@pytest.fixture
def desk(database_url: str) -> Iterator[Desk]:
    with psycopg.connect(as_role(database_url, "qiledger_worker"), autocommit=True) as conn:
        yield Desk(database_url, conn)


def test_an_idea_that_is_told_again_stands_again_and_goes_out_no_second_time(desk: Desk) -> None:
    desk.told(IDEA, IdeaRaised(title="A map"), id_="first")
    desk.heard()
    assert desk.planned(datetime.now(UTC)) == ["waiting"]
    desk.sent()
    desk.told(IDEA, EventRetracted(of="first"))
    desk.heard()
    assert desk.whom("idea_raised") == set()
    desk.told(IDEA, IdeaRaised(title="A map"))
    desk.heard()
    assert desk.whom("idea_raised") == {ADVISOR}
    assert desk.planned(datetime.now(UTC)) == ["sent"]


def test_no_command_takes_the_id_of_a_message_for_an_option(desk: Desk) -> None:
    desk.told(IDEA, IdeaRaised(title="A map"))
    desk.heard()
    desk.planned(datetime.now(UTC))
    ((id_,),) = desk.do(
        "SELECT id FROM notices.messages WHERE organisation = %s AND channel = 'email'", desk.organisation
    )
    assert re.fullmatch("[0-9a-f]{32}", id_)


def test_what_never_went_out_before_it_was_cleared_goes_out_when_it_holds_again(desk: Desk) -> None:
    desk.told(IDEA, IdeaRaised(title="A map"), id_="first")
    desk.heard()
    desk.planned(datetime.now(UTC))
    desk.told(IDEA, EventRetracted(of="first"))
    desk.heard()
    assert desk.planned(datetime.now(UTC)) == ["withdrawn"]
    desk.told(IDEA, IdeaRaised(title="A map"))
    desk.heard()
    assert desk.planned(datetime.now(UTC)) == ["waiting", "withdrawn"]


def test_what_was_taken_back_and_told_again_in_one_batch_stands(desk: Desk) -> None:
    desk.told(IDEA, IdeaRaised(title="A map"), id_="first")
    desk.heard()
    desk.told(IDEA, EventRetracted(of="first"), IdeaRaised(title="A map"))
    desk.heard()
    assert desk.whom("idea_raised") == {ADVISOR}


def test_a_coach_who_comes_and_goes_leaves_the_project_without_a_coach(desk: Desk) -> None:
    desk.told(P1, ProjectStarted(title="Sleep"), PersonJoined(person="person/s", role="sponsor"))
    desk.heard()
    desk.looked(14)
    assert desk.whom("role_missing") == {ADVISOR}
    desk.told(P1, CoachAllocated(coach="person/coach"))
    desk.looked(20)
    assert desk.whom("role_missing") == set()
    desk.told(P1, CoachReleased(coach="person/coach"))
    desk.looked(25)
    assert desk.whom("role_missing") == {ADVISOR}
    desk.told(P1, CoachAllocated(coach="person/coach"))
    desk.looked(26)
    desk.told(P1, CoachReleased(coach="person/coach"))
    desk.looked(60)
    assert desk.whom("role_missing") == {ADVISOR}, "however long ago it was due"


def test_a_rule_that_can_judge_the_rows_again_is_no_longer_noted_as_one_that_cannot(desk: Desk) -> None:
    desk.do(
        "INSERT INTO notices.unsaid (organisation, rule, position, error)"
        " VALUES (%(o)s, 'role_missing', 0, 'KeyError'), (%(o)s, 'idea_raised', 7, 'KeyError')",
        {"o": desk.organisation},
    )
    desk.heard()
    desk.looked(1)
    assert desk.do("SELECT rule FROM notices.unsaid") == [("idea_raised",)]


def test_a_batch_ends_when_its_time_is_over_and_the_next_goes_on_from_there(desk: Desk) -> None:
    desk.told(IDEA, IdeaRaised(title="A map"))
    desk.told("idea/ID-2", IdeaRaised(title="Another map"))
    over = time.monotonic()
    turns = 0
    while not listen(desk.conn, desk.organisation, now=datetime.now(UTC), deadline=over):
        turns += 1
        assert turns < 10
    assert turns == 2, "three records, one in each turn"
    assert len(desk.do("SELECT id FROM notices.notices WHERE rule = 'idea_raised'")) == 2
