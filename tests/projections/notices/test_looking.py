"""Looking at rows in Postgres: once each, whoever looks and however often; and whatever a clock does."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from events.projects import ProjectPaused, ProjectStarted
from events.scores import ProgressScored
from events.teams import PersonJoined
from events.vocabulary import Event
from projections.engine.advance import advance
from projections.notices.engine.found import found_rules
from projections.notices.engine.listen import listen
from projections.notices.engine.look import look, to_look_at
from projections.notices.engine.moment import Moment
from projections.notices.engine.rule import Notice, Rule
from tests.projections.engine.telling import Connection, Telling, as_role, of, open_log, tell

TODAY = datetime.now(UTC).replace(hour=12)
DAY = timedelta(days=1)
OLD_SCORE = {"score_old": found_rules()["score_old"]}


class Watched:
    """A project that began today, and whose lead is told when its score is 60 days old."""

    def __init__(self, url: str, conn: Connection) -> None:
        self.url, self.conn, self.organisation = url, conn, open_log(url)
        assert listen(conn, self.organisation, now=TODAY - DAY)
        self.told(ProjectStarted(title="Sleep"), PersonJoined(person="person/lead", role="lead"))

    def told(self, *events: Event) -> None:
        told = [of(event, "project/P-1") for event in events]
        tell(
            self.url,
            self.organisation,
            [Telling(stream=o.stream, type=o.type, body=o.body, occurred_at=TODAY) for o in told],
        )
        listen(self.conn, self.organisation, now=TODAY)
        advance(self.conn, self.organisation, deadline=float("inf"))

    def looked(self, now: datetime, **how: Any) -> list[tuple[str, bool]]:
        """The windows of all notices about old scores after a look, each with whether it holds."""
        assert look(self.conn, self.organisation, now=now, **how)
        return self.notices("score_old")

    def notices(self, rule: str) -> list[tuple[str, bool]]:
        with self.conn.transaction():
            self.conn.execute("SELECT set_config('qiledger.organisation', %s, true)", (self.organisation,))
            rows = self.conn.execute(
                'SELECT "window", cleared_at IS NULL FROM notices.notices WHERE rule = %s ORDER BY made_at',
                (rule,),
            )
            return [(window.partition("/")[2], holds) for window, holds in rows.fetchall()]


@pytest.fixture
def watched(database_url: str) -> Iterator[Watched]:
    with psycopg.connect(as_role(database_url, "qiledger_worker"), autocommit=True) as conn:
        yield Watched(database_url, conn)


def days_on(watched: Watched, last: int) -> list[tuple[str, bool]]:
    """Looking every day from tomorrow on."""
    said: list[tuple[str, bool]] = []
    for day in range(1, last + 1, 10):
        said = watched.looked(TODAY + day * DAY)
    return said


def test_what_became_due_is_told_once_however_often_it_is_looked(watched: Watched) -> None:
    assert days_on(watched, 60) == []
    assert watched.looked(TODAY + 61 * DAY) == [("1", True)]
    assert watched.looked(TODAY + 61 * DAY) == [("1", True)]
    assert watched.looked(TODAY + 75 * DAY) == [("1", True)]


def test_the_next_month_takes_the_place_of_the_last(watched: Watched) -> None:
    days_on(watched, 60)
    watched.looked(TODAY + 61 * DAY)
    assert watched.looked(TODAY + 91 * DAY) == [("1", False), ("2", True)]


def test_what_is_no_longer_true_is_cleared(watched: Watched) -> None:
    days_on(watched, 60)
    watched.looked(TODAY + 61 * DAY)
    watched.told(ProjectPaused())
    assert watched.looked(TODAY + 62 * DAY) == [("1", False)]


def test_whoever_did_not_look_for_weeks_tells_nothing_of_that_time(watched: Watched) -> None:
    watched.looked(TODAY)
    assert watched.looked(TODAY + 80 * DAY) == []
    assert watched.looked(TODAY + 91 * DAY) == [("2", True)], "the next one is told in its time"


def test_a_clock_that_runs_ahead_and_is_put_back_neither_floods_nor_loses(watched: Watched) -> None:
    days_on(watched, 51)
    wild = TODAY + 451 * DAY
    assert watched.looked(wild) == []
    assert watched.looked(wild + DAY) == []
    assert to_look_at(watched.conn, TODAY + 52 * DAY).keys() >= {watched.organisation}
    assert watched.looked(TODAY + 52 * DAY) == []
    assert watched.looked(TODAY + 61 * DAY) == [("1", True)]


def test_a_clock_that_falls_behind_tells_nothing_twice(watched: Watched) -> None:
    days_on(watched, 60)
    watched.looked(TODAY + 61 * DAY)
    assert watched.looked(TODAY - 339 * DAY) == [("1", False)], "by that clock nothing is due"
    assert watched.looked(TODAY + 62 * DAY) == [("1", True)], "it holds again"


def test_a_rule_that_is_new_is_silent_about_what_was_due(watched: Watched) -> None:
    days_on(watched, 60)
    new = Rule("a_new_rule", doc="A rule that came with an upgrade.", urgency="daily")

    @new.of_projects
    def always(row: Any, project: str, today: Any) -> Notice:
        return Notice(to=("lead",), title="Due", due=(TODAY + 30 * DAY).date())

    assert look(watched.conn, watched.organisation, now=TODAY + 55 * DAY, rules={"a_new_rule": new})
    assert watched.notices("a_new_rule") == []


def test_a_rule_that_fails_is_noted_and_keeps_nobody_else_from_speaking(watched: Watched) -> None:
    days_on(watched, 60)
    broken = Rule("broken", doc="A rule with a mistake in it.", urgency="daily")

    @broken.of_projects
    def fails(row: Any, project: str, today: Any) -> None:
        raise KeyError("somebody's words")

    rules = OLD_SCORE | {"broken": broken}
    assert watched.looked(TODAY + 61 * DAY, rules=rules) == [("1", True)]
    assert unsaid(watched) == [("broken", 0, "KeyError")]


def test_a_fact_that_a_rule_cannot_judge_is_noted_and_the_others_are_heard(watched: Watched) -> None:
    broken = Rule("broken", doc="A rule with a mistake in it.", urgency="daily")
    heard: list[int] = []
    hears = Rule("hears", doc="A rule that hears the same.", urgency="daily")

    @broken.on(ProgressScored)
    def fails(event: ProgressScored, at: Moment) -> None:
        raise KeyError("somebody's words")

    @hears.on(ProgressScored)
    def listens(event: ProgressScored, at: Moment) -> None:
        heard.append(at.record.position)

    rules = {"broken": broken, "hears": hears}
    assert listen(watched.conn, watched.organisation, now=datetime.now(UTC), rules=rules)
    tell(
        watched.url,
        watched.organisation,
        [of(ProgressScored(score=3, scale="life_qi", assessor="coach"), "project/P-1")],
    )
    listen(watched.conn, watched.organisation, now=datetime.now(UTC), rules=rules)
    assert heard == [], "what had happened long before is history"
    told = of(ProgressScored(score=4, scale="life_qi", assessor="coach"), "project/P-1")
    tell(
        watched.url,
        watched.organisation,
        [Telling(stream=told.stream, type=told.type, body=told.body, occurred_at=datetime.now(UTC))],
    )
    assert listen(watched.conn, watched.organisation, now=datetime.now(UTC), rules=rules)
    assert heard == [4]
    assert unsaid(watched) == [("broken", 4, "KeyError")]


def unsaid(watched: Watched) -> list[Any]:
    with watched.conn.transaction():
        watched.conn.execute("SELECT set_config('qiledger.organisation', %s, true)", (watched.organisation,))
        return watched.conn.execute("SELECT rule, position, error FROM notices.unsaid").fetchall()


def test_a_workers_clock_that_is_a_year_behind_makes_no_news_of_history(watched: Watched) -> None:
    old = of(ProgressScored(score=4, scale="life_qi", assessor="coach"), "project/P-1")
    year_ago = datetime.now(UTC) - 365 * DAY
    tell(
        watched.url,
        watched.organisation,
        [Telling(stream=old.stream, type=old.type, body=old.body, occurred_at=year_ago)],
    )
    joined = of(PersonJoined(person="person/sponsor", role="sponsor"), "project/P-1")
    tell(
        watched.url,
        watched.organisation,
        [Telling(stream=joined.stream, type=joined.type, body=joined.body, occurred_at=year_ago)],
    )
    assert listen(watched.conn, watched.organisation, now=year_ago)
    assert watched.notices("score_reached") == []
    assert watched.notices("role_taken") == [("lead/lead/" + f"{TODAY:%Y-%m-%d}", True)]


def test_a_rule_that_began_by_a_clock_that_was_fast_is_not_silent_until_then(
    database_url: str, watched: Watched
) -> None:
    fresh = open_log(database_url)
    assert listen(watched.conn, fresh, now=TODAY + 400 * DAY)
    joined = of(PersonJoined(person="person/lead", role="lead"), "project/P-1")
    assert listen(watched.conn, fresh, now=datetime.now(UTC)), "the clock is put right"
    now = datetime.now(UTC)
    tell(
        database_url,
        fresh,
        [Telling(stream=joined.stream, type=joined.type, body=joined.body, occurred_at=now)],
    )
    assert listen(watched.conn, fresh, now=datetime.now(UTC))
    watched.organisation = fresh
    assert [holds for _, holds in watched.notices("role_taken")] == [True]


def test_a_rule_that_is_new_is_silent_about_facts_that_were_not_heard_yet(watched: Watched) -> None:
    heard: list[str] = []

    def rule(name: str) -> Rule:
        made = Rule(name, doc="A rule that hears scores.", urgency="daily")

        @made.on(ProgressScored)
        def hears(event: ProgressScored, at: Moment) -> None:
            heard.append(name)

        return made

    old, new = rule("old"), rule("new")
    assert listen(watched.conn, watched.organisation, now=datetime.now(UTC), rules={"old": old})
    told = of(ProgressScored(score=3, scale="life_qi", assessor="coach"), "project/P-1")

    def score() -> None:
        now = datetime.now(UTC)
        tell(
            watched.url,
            watched.organisation,
            [Telling(stream=told.stream, type=told.type, body=told.body, occurred_at=now)],
        )

    score()
    both = {"old": old, "new": new}
    assert listen(watched.conn, watched.organisation, now=datetime.now(UTC), rules=both)
    assert heard == ["old"]
    score()
    assert listen(watched.conn, watched.organisation, now=datetime.now(UTC), rules=both)
    assert heard == ["old", "old", "new"]


def are_of_an_earlier_revision(watched: Watched, *projections: str) -> None:
    """As after an upgrade, until the rebuild is done."""
    with psycopg.connect(watched.url) as conn:
        conn.execute(
            "UPDATE projections.builds AS b SET revision = 0 FROM projections.active AS a"
            " WHERE a.organisation = %s AND a.projection = b.projection AND a.build = b.build"
            "   AND b.projection = ANY (%s)",
            (watched.organisation, list(projections)),
        )


@pytest.mark.parametrize("projection", ["duties", "forum_calendar", "strategies"])
def test_while_rows_are_built_anew_nobody_looks_and_nothing_is_cleared(
    own_watched: Watched, projection: str
) -> None:
    watched, overdue = own_watched, TODAY + 61 * DAY
    assert days_on(watched, 71) == [("1", True)]
    assert watched.organisation in to_look_at(watched.conn, overdue + 20 * DAY)
    are_of_an_earlier_revision(watched, projection)
    if projection == "duties":
        add_a_field_to_its_rows(watched)
    later = overdue + 20 * DAY
    assert not look(watched.conn, watched.organisation, now=later)
    assert watched.organisation not in to_look_at(watched.conn, later), "nobody is called in vain"
    assert watched.notices("score_old") == [("1", True)]


def add_a_field_to_its_rows(watched: Watched) -> None:
    """As if the rows that stand were made before today's columns were thought of."""
    with psycopg.connect(watched.url) as conn:
        ((schema,),) = conn.execute(
            "SELECT 'duties_b' || build FROM projections.active WHERE organisation = %s AND projection = 'duties'",
            (watched.organisation,),
        ).fetchall()
        conn.execute(f'ALTER TABLE "{schema}".duties_rows RENAME COLUMN title TO name')


def test_before_there_are_any_rows_nothing_is_cleared(own_watched: Watched) -> None:
    watched = own_watched
    assert days_on(watched, 61) == [("1", True)]
    with psycopg.connect(watched.url) as conn:
        conn.execute("DELETE FROM projections.active WHERE organisation = %s", (watched.organisation,))
    assert not look(watched.conn, watched.organisation, now=TODAY + 62 * DAY)
    assert watched.notices("score_old") == [("1", True)]


@pytest.fixture
def own_watched(fresh_database_url: str) -> Iterator[Watched]:
    """In a database of its own: builds are everybody's."""
    with psycopg.connect(as_role(fresh_database_url, "qiledger_worker"), autocommit=True) as conn:
        yield Watched(fresh_database_url, conn)
