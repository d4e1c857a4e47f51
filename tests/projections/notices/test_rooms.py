"""Chat rooms are told of a thing once, however many people are told of it; each forum has its own."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from events.comments import VisibilitySet
from events.fields import Audience
from events.ideas import IdeaRaised
from events.projects import ProjectStarted
from projections.duties import duties
from projections.engine.advance import advance
from projections.notices.engine.plan import plan, to_plan
from tests.projections.engine.telling import as_role, of, tell
from tests.projections.notices.test_planning import A_RULE, MONDAY, Desk

TUESDAY, LATER = MONDAY + timedelta(days=1), MONDAY + timedelta(days=8)
Posts = list[tuple[str, str, int]]


class Rooms(Desk):
    """A desk for which chat was chosen for everybody."""

    def posts(self, now: datetime = MONDAY) -> Posts:
        """What is posted, after planning: where, of which kind, and for how many."""
        assert plan(self.conn, self.organisation, now=now, rules={"a_rule": A_RULE})
        rows = self.do(
            "SELECT recipient, kind, cardinality(notices) FROM notices.messages"
            " WHERE organisation = %(organisation)s AND channel = 'chat' ORDER BY 1, 2, 3"
        )
        return list(rows)

    def starts(
        self, url: str, project: str, forum: str | None, *, audience: Audience = "organisation"
    ) -> None:
        """A project is told of, and its row is fed."""
        told = [of(ProjectStarted(title="Sleep", forum=forum), project)]
        told.append(of(VisibilitySet(audience=audience), project))
        tell(url, self.organisation, told)
        advance(self.conn, self.organisation, deadline=float("inf"))

    def carried(self) -> list[tuple[str, bool]]:
        """Of each notice whether a post told of it."""
        return self.do(
            "SELECT notice, message IS NOT NULL FROM notices.carried"
            " WHERE organisation = %(organisation)s AND channel = 'chat' ORDER BY 1"
        )


@pytest.fixture
def rooms(fresh_database_url: str) -> Iterator[Rooms]:
    with (
        psycopg.connect(as_role(fresh_database_url, "qiledger_worker"), autocommit=True) as conn,
        psycopg.connect(as_role(fresh_database_url, "qiledger_api"), autocommit=True) as api,
    ):
        desk = Rooms(fresh_database_url, conn, api)
        desk.choose("at_once", person="*", channel="chat")
        yield desk


def test_one_thing_that_five_people_are_told_of_is_one_post(rooms: Rooms) -> None:
    told = [rooms.notice("forum/newham", recipient=f"person/p-{n}") for n in range(5)]
    assert rooms.posts() == [("forum/newham", "notice", 5)]
    assert rooms.carried() == [(notice, True) for notice in sorted(told)]
    rooms.notice("forum/newham", recipient="person/later")
    assert rooms.posts(TUESDAY) == [("forum/newham", "notice", 5)], "the room has heard of it"
    assert len(rooms.carried()) == 6


def test_what_belongs_to_a_forum_is_posted_in_its_room(rooms: Rooms, fresh_database_url: str) -> None:
    rooms.starts(fresh_database_url, "project/P-1", "newham")
    rooms.starts(fresh_database_url, "project/P-2", None)
    for subject in ("project/P-1", "project/P-2", "forum/city-hackney", "strategy/2026"):
        rooms.notice(subject)
    assert rooms.posts() == [
        ("forum/*", "notice", 1),
        ("forum/*", "notice", 1),
        ("forum/city-hackney", "notice", 1),
        ("forum/newham", "notice", 1),
    ]


@pytest.mark.parametrize(
    ("audience", "posts"), [("public", 1), ("organisation", 1), ("forum", 0), ("team", 0)]
)
def test_what_the_whole_organisation_may_not_see_is_posted_nowhere(
    rooms: Rooms, fresh_database_url: str, audience: Audience, posts: int
) -> None:
    """Nor after the audience was made wider: it was decided."""
    rooms.starts(fresh_database_url, "project/P-1", "newham", audience=audience)
    notice = rooms.notice("project/P-1")
    assert rooms.posts() == [("forum/newham", "notice", 1)] * posts
    assert rooms.carried() == [(notice, posts == 1)]
    assert len(rooms.planned()) == 1, "the mail goes"


def test_an_idea_is_posted_as_soon_as_it_is_known_who_may_see_it(
    rooms: Rooms, fresh_database_url: str
) -> None:
    rooms.notice("idea/I-1")
    assert rooms.posts() == []
    tell(fresh_database_url, rooms.organisation, [of(IdeaRaised(title="Quiet rooms"), "idea/I-1")])
    advance(rooms.conn, rooms.organisation, deadline=float("inf"))
    assert rooms.posts(TUESDAY) == [("forum/*", "notice", 1)]


def test_what_is_about_one_person_is_posted_nowhere(rooms: Rooms) -> None:
    rooms.notice("person/somebody")
    assert rooms.posts() == []
    assert [told for _, told in rooms.carried()] == [False]


def test_a_room_that_is_not_known_yet_is_waited_for_and_nothing_else_is(
    rooms: Rooms, fresh_database_url: str
) -> None:
    now = datetime.now(UTC)
    rooms.notice("project/P-1", now)
    assert rooms.posts(now) == []
    assert len(rooms.planned(now)) == 1, "the mail goes"
    assert rooms.organisation in to_plan(rooms.conn, now), "it is looked again soon"
    assert rooms.posts(now - timedelta(minutes=2)) == []
    assert rooms.organisation not in to_plan(rooms.conn, now - timedelta(minutes=2))
    assert rooms.posts(now + timedelta(minutes=2)) == []
    assert rooms.organisation not in to_plan(rooms.conn, now + timedelta(minutes=2)), (
        "but not for ever so often"
    )
    rooms.starts(fresh_database_url, "project/P-1", "newham")
    assert rooms.posts(now + timedelta(minutes=6)) == [("forum/newham", "notice", 1)]


def test_while_it_is_built_anew_whose_a_project_is_nothing_is_posted_in_a_wrong_room(
    rooms: Rooms, fresh_database_url: str
) -> None:
    rooms.starts(fresh_database_url, "project/P-1", "newham")
    with psycopg.connect(fresh_database_url) as conn:
        conn.execute("UPDATE projections.builds SET revision = 0 WHERE projection = 'duties'")
    rooms.notice("project/P-1")
    assert rooms.posts() == []
    with psycopg.connect(fresh_database_url) as conn:
        conn.execute(
            "UPDATE projections.builds SET revision = %s WHERE projection = 'duties'", (duties.revision,)
        )
    assert rooms.posts(TUESDAY) == [("forum/newham", "notice", 1)]


def test_what_one_wants_at_once_and_another_weekly_is_posted_once(rooms: Rooms) -> None:
    rooms.choose("weekly", person="person/slow", channel="chat")
    for recipient in ("person/slow", "person/a"):
        rooms.notice("forum/newham", recipient=recipient)
    rooms.notice("forum/newham2", recipient="person/slow")
    expected = [("forum/newham", "notice", 1)]
    assert rooms.posts() == expected
    assert rooms.posts(LATER) == [*expected, ("forum/newham2", "digest", 1)]


def test_a_digest_of_a_room_has_each_thing_once(rooms: Rooms) -> None:
    for person, pace in (("person/d", "daily"), ("person/w", "weekly"), ("person/v", "weekly")):
        rooms.choose(pace, person=person, channel="chat")
        for subject in ("forum/newham", "forum/newham"):
            rooms.notice(subject, recipient=person)
    assert rooms.posts(LATER) == [("forum/newham", "digest", 3)]


def test_a_room_keeps_the_quiet_hours_of_the_organisation_and_of_no_person(rooms: Rooms) -> None:
    for person, ends in (("person/a", "12:00"), ("*", "11:00")):
        rooms.do_as_api(
            "INSERT INTO notices.quiet_hours (organisation, person, starts, ends)"
            " VALUES (%(organisation)s, %(person)s, '09:00', %(ends)s)",
            person=person,
            ends=ends,
        )
    rooms.notice("forum/newham")
    rooms.posts()
    due = rooms.do(
        "SELECT due_at FROM notices.messages WHERE organisation = %(organisation)s AND channel = 'chat'"
    )
    assert due == [(datetime(2026, 6, 1, 10, tzinfo=UTC),)]


def test_where_nobody_chose_chat_no_room_is_looked_for(rooms: Rooms, monkeypatch: pytest.MonkeyPatch) -> None:
    rooms.do_as_api("DELETE FROM notices.preferences WHERE organisation = %(organisation)s")
    monkeypatch.setattr("projections.notices.engine.plan.rooms_of", None)
    rooms.notice("project/P-1")
    assert rooms.posts() == []
    assert [told for _, told in rooms.carried()] == [False]
