"""What becomes of notices: messages at once or in a digest, as people chose; each once, whoever plans how often."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from projections.notices.engine.choosing import DIGEST_MAX
from projections.notices.engine.heard import Made
from projections.notices.engine.kept import id_of, make
from projections.notices.engine.plan import plan
from projections.notices.engine.rule import Rule, Urgency
from tests.projections.engine.telling import Connection, as_role, open_log

MONDAY = datetime(2026, 6, 1, 9, tzinfo=UTC)  # ten in London; the first working day of its month
A_RULE = Rule("a_rule", doc="A rule of these tests.", urgency="at_once")
NOBODY = "person/a"


class Desk:
    """One organisation whose notices are planned."""

    def __init__(self, url: str, conn: Connection, api: Connection) -> None:
        self.conn, self.api = conn, api
        self.organisation = open_log(url)
        self.do(
            "INSERT INTO notices.checkpoints (organisation, position, looked_at) VALUES (%(organisation)s, 0, now())"
        )

    def do(self, statement: str, **asked: Any) -> list[Any]:
        return self._done(self.conn, statement, asked)

    def do_as_api(self, statement: str, **asked: Any) -> None:
        """Choices are written by the API; workers only read them."""
        self._done(self.api, statement, asked)

    def _done(self, conn: Connection, statement: str, asked: dict[str, Any]) -> list[Any]:
        with conn.transaction():
            conn.execute("SELECT set_config('qiledger.organisation', %s, true)", (self.organisation,))
            done = conn.execute(statement, {"organisation": self.organisation} | asked)
            return done.fetchall() if done.description else []

    def notice(
        self,
        subject: str,
        at: datetime = MONDAY,
        *,
        urgency: Urgency = "at_once",
        action: bool = False,
        recipient: str = NOBODY,
    ) -> str:
        made = Made(
            rule="a_rule",
            subject=subject,
            window="",
            recipient=recipient,
            urgency=urgency,
            action=action,
            title=f"Of {subject}",
            why="it concerns you.",
            link="x",
            facts={},
            position=None,
        )
        with self.conn.transaction():
            self.conn.execute("SELECT set_config('qiledger.organisation', %s, true)", (self.organisation,))
            make(self.conn, self.organisation, [made], at)
        return id_of(self.organisation, made)

    def choose(self, pace: str, *, person: str = NOBODY, rule: str = "*", channel: str = "email") -> None:
        self.do_as_api(
            "INSERT INTO notices.preferences (organisation, person, rule, channel, pace)"
            " VALUES (%(organisation)s, %(person)s, %(rule)s, %(channel)s, %(pace)s)",
            person=person,
            rule=rule,
            channel=channel,
            pace=pace,
        )

    def clear(self, notice: str) -> None:
        self.do(
            "UPDATE notices.notices SET cleared_at = now()"
            " WHERE organisation = %(organisation)s AND id = %(id)s",
            id=notice,
        )

    def planned(
        self, now: datetime = MONDAY, *, channel: str = "email"
    ) -> list[tuple[str, tuple[str, ...], str]]:
        """Every message of a channel, after planning: kind, notices, state."""
        assert plan(self.conn, self.organisation, now=now, rules={"a_rule": A_RULE})
        rows = self.do(
            "SELECT kind, notices, state FROM notices.messages"
            " WHERE organisation = %(organisation)s AND channel = %(channel)s ORDER BY due_at, id",
            channel=channel,
        )
        return [(kind, tuple(sorted(notices)), state) for kind, notices, state in rows]

    def due(self) -> list[datetime]:
        rows = self.do(
            "SELECT due_at FROM notices.messages WHERE organisation = %(organisation)s AND channel = 'email'"
        )
        return [at for (at,) in rows]


@pytest.fixture
def desk(database_url: str) -> Iterator[Desk]:
    with (
        psycopg.connect(as_role(database_url, "qiledger_worker"), autocommit=True) as conn,
        psycopg.connect(as_role(database_url, "qiledger_api"), autocommit=True) as api,
    ):
        yield Desk(database_url, conn, api)


def test_what_is_told_at_once_is_a_message_by_itself_and_is_planned_once(desk: Desk) -> None:
    notice = desk.notice("project/P-1")
    expected = [("notice", (notice,), "waiting")]
    assert desk.planned() == expected
    assert desk.planned(MONDAY + timedelta(days=1)) == expected
    assert desk.planned(channel="inbox") == expected
    assert desk.planned(channel="notify") == []


def test_a_digest_gathers_what_was_made_before_it_went_out(desk: Desk) -> None:
    before, after = (
        desk.notice("project/P-1", urgency="daily"),
        desk.notice("project/P-2", MONDAY + timedelta(hours=23), urgency="daily"),
    )
    assert desk.planned(MONDAY + timedelta(hours=1)) == []
    assert desk.planned(MONDAY + timedelta(hours=22, minutes=1)) == [("digest", (before,), "waiting")]
    tuesday = MONDAY + timedelta(days=1, hours=23)
    assert ("digest", (after,), "waiting") in desk.planned(tuesday)
    assert len(desk.planned(tuesday + timedelta(days=3))) == 2


def test_there_is_no_digest_when_there_is_nothing_to_tell(desk: Desk) -> None:
    assert desk.planned(MONDAY + timedelta(days=40)) == []


def test_what_was_cleared_before_the_digest_is_left_out(desk: Desk) -> None:
    cleared, holds = (
        desk.notice("project/P-1", urgency="weekly"),
        desk.notice("project/P-2", urgency="weekly"),
    )
    desk.clear(cleared)
    assert desk.planned(MONDAY + timedelta(days=8)) == [("digest", (holds,), "waiting")]


def test_a_message_that_waits_with_nothing_left_to_tell_is_withdrawn(desk: Desk) -> None:
    notice = desk.notice("project/P-1")
    desk.planned()
    desk.clear(notice)
    assert desk.planned() == [("notice", (notice,), "withdrawn")]


def test_a_person_chooses_how_soon_by_rule_and_channel(desk: Desk) -> None:
    desk.choose("never")
    desk.choose("weekly", rule="a_rule", channel="inbox")
    desk.choose("at_once", channel="notify")
    notice = desk.notice("project/P-1")
    assert desk.planned() == []
    assert desk.planned(channel="inbox") == []
    assert desk.planned(channel="notify") == [("notice", (notice,), "waiting")]
    assert desk.planned(MONDAY + timedelta(days=8), channel="inbox") == [("digest", (notice,), "waiting")]


def test_what_needs_action_cannot_be_switched_off_or_muted(desk: Desk) -> None:
    desk.choose("never")
    desk.choose("never", rule="a_rule")
    desk.do_as_api(
        "INSERT INTO notices.mutes (organisation, person, subject)"
        " VALUES (%(organisation)s, 'person/a', 'project/P-1')"
    )
    action, other = desk.notice("project/P-1", action=True), desk.notice("project/P-2")
    assert desk.planned() == [("notice", (action,), "waiting")]
    assert (
        desk.planned(channel="inbox")
        == sorted([("notice", (action,), "waiting"), ("notice", (other,), "waiting")])
        or len(desk.planned(channel="inbox")) == 2
    )


def test_what_was_muted_is_not_told_later_either(desk: Desk) -> None:
    desk.do_as_api(
        "INSERT INTO notices.mutes (organisation, person, subject, until)"
        " VALUES (%(organisation)s, 'person/a', 'project/P-1', %(until)s)",
        until=MONDAY + timedelta(days=1),
    )
    desk.notice("project/P-1")
    heard = desk.notice("project/P-2")
    assert desk.planned() == [("notice", (heard,), "waiting")]
    assert desk.planned(MONDAY + timedelta(days=2)) == [("notice", (heard,), "waiting")]


def test_an_organisation_chooses_for_everybody_until_somebody_chooses_for_themselves(
    desk: Desk,
) -> None:
    desk.choose("never", person="*")
    desk.choose("at_once", person="*", channel="notify")
    desk.choose("at_once", person="person/b")
    a, b = desk.notice("project/P-1", action=True), desk.notice("project/P-1", recipient="person/b")
    assert desk.planned() == [("notice", (b,), "waiting")]
    assert {notices for _, notices, _ in desk.planned(channel="notify")} == {(a,), (b,)}


def test_nothing_but_the_inbox_goes_out_in_quiet_hours(desk: Desk) -> None:
    desk.do_as_api(
        "INSERT INTO notices.quiet_hours (organisation, person, starts, ends)"
        " VALUES (%(organisation)s, 'person/a', '09:00', '12:00')"
    )
    desk.notice("project/P-1")
    desk.planned()
    assert desk.due() == [datetime(2026, 6, 1, 11, tzinfo=UTC)]
    inbox = desk.do(
        "SELECT due_at FROM notices.messages WHERE organisation = %(organisation)s AND channel = 'inbox'"
    )
    assert inbox == [(MONDAY,)]


@pytest.mark.parametrize("days", [400, -400])
def test_a_clock_that_jumps_neither_floods_nor_loses(desk: Desk, days: int) -> None:
    notices = tuple(sorted(desk.notice(f"project/P-{n}", urgency="monthly") for n in range(5)))
    wild = desk.planned(MONDAY + timedelta(days=days))
    assert wild == [("digest", notices, "waiting")], "one digest, of all that was open"
    assert desk.planned(MONDAY + timedelta(days=31)) == wild


def test_what_one_digest_cannot_hold_has_another_and_nothing_is_lost(desk: Desk) -> None:
    """What somebody has to act on first, and of that what is oldest."""
    news = [
        desk.notice(f"project/P-{n}", MONDAY + timedelta(minutes=n), urgency="daily")
        for n in range(DIGEST_MAX)
    ]
    acts = [
        desk.notice(f"project/A-{n}", MONDAY + timedelta(minutes=n), urgency="daily", action=True)
        for n in range(2)
    ]
    desk.planned(MONDAY + timedelta(hours=23))
    rows = desk.do(
        "SELECT facts ->> 'there_is_more', notices FROM notices.messages"
        " WHERE organisation = %(organisation)s AND channel = 'email' ORDER BY 1 DESC"
    )
    assert rows == [("true", acts + news[:-2]), ("false", news[-2:])]


def test_two_who_plan_at_once_make_no_message_twice(desk: Desk, database_url: str) -> None:
    desk.notice("project/P-1")
    with psycopg.connect(as_role(database_url, "qiledger_worker"), autocommit=True) as other:
        with other.transaction():
            other.execute("SELECT set_config('qiledger.organisation', %s, true)", (desk.organisation,))
            other.execute(
                "SELECT 1 FROM notices.checkpoints WHERE organisation = %s FOR UPDATE", (desk.organisation,)
            )
            assert not plan(desk.conn, desk.organisation, now=MONDAY)
        assert plan(other, desk.organisation, now=MONDAY)
    assert len(desk.planned()) == 1
