"""What tells more of an earlier notice goes out where that went out, and nowhere else."""

from collections.abc import Iterator

import psycopg
import pytest

from projections.notices.engine.heard import Cleared, Made
from projections.notices.engine.kept import clear, make
from projections.notices.engine.rule import Follows
from tests.projections.engine.telling import as_role
from tests.projections.notices.test_planning import MONDAY, Desk

HEARD, MUTED, NEVER_TOLD = "person/heard", "person/muted", "person/never-told"


@pytest.fixture
def desk(database_url: str) -> Iterator[Desk]:
    with (
        psycopg.connect(as_role(database_url, "qiledger_worker"), autocommit=True) as conn,
        psycopg.connect(as_role(database_url, "qiledger_api"), autocommit=True) as api,
    ):
        yield Desk(database_url, conn, api)


def told(desk: Desk, window: str, *people: str, follows: Follows | None = None) -> None:
    made = [
        Made(
            rule="a_rule",
            subject="project/P-1",
            window=window,
            recipient=person,
            urgency="at_once",
            action=False,
            title=window,
            why="it concerns you.",
            link="x",
            facts={},
            position=None,
            follows=follows,
        )
        for person in people
    ]
    with desk.conn.transaction():
        desk.conn.execute("SELECT set_config('qiledger.organisation', %s, true)", (desk.organisation,))
        make(desk.conn, desk.organisation, made, MONDAY)


def gone(desk: Desk) -> None:
    """The signal is cleared, and people are told so."""
    with desk.conn.transaction():
        desk.conn.execute("SELECT set_config('qiledger.organisation', %s, true)", (desk.organisation,))
        over = Cleared(rule="a_rule", subject="project/P-1", window="signal/7")
        clear(desk.conn, desk.organisation, [over], MONDAY)
    told(desk, "gone", HEARD, MUTED, NEVER_TOLD, follows=Follows("a_rule", ("signal",)))


def whom(desk: Desk, channel: str) -> set[str]:
    """Who was told by a channel that it is gone."""
    desk.planned(channel=channel)
    rows = desk.do(
        "SELECT m.recipient FROM notices.messages AS m JOIN notices.notices AS n ON n.id = ANY (m.notices)"
        " WHERE m.organisation = %(organisation)s AND n.organisation = m.organisation"
        " AND m.channel = %(channel)s AND n.\"window\" = 'gone'",
        channel=channel,
    )
    return {person for (person,) in rows}


def test_only_who_was_told_by_a_channel_is_told_by_it_that_it_is_gone(desk: Desk) -> None:
    desk.choose("never", person=MUTED)
    told(desk, "signal/7", HEARD, MUTED)
    desk.planned()
    desk.do(
        "UPDATE notices.messages SET state = 'sent', ended_at = made_at WHERE organisation = %(organisation)s"
    )
    gone(desk)
    assert whom(desk, "email") == {HEARD}
    assert whom(desk, "inbox") == {HEARD, MUTED}


def test_of_what_went_out_to_nobody_nobody_is_told_that_it_is_gone(desk: Desk) -> None:
    told(desk, "signal/7", HEARD, MUTED)
    gone(desk)
    assert whom(desk, "email") == whom(desk, "inbox") == set()
    assert desk.do("SELECT count(*) FROM notices.notices WHERE undecided") == [(0,)]
