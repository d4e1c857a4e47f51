from collections import Counter
from datetime import date
from typing import Any

from events.coaching import CoachAllocated
from events.comments import VisibilitySet
from events.cycles import CycleTested
from events.forums import ForumClosed, ForumCreated, ForumRenamed, ForumReported
from events.involvement import InvolvementSet
from events.learning import CelebrationRecorded
from events.measures import MeasurementRecorded
from events.projects import (
    ProjectCompleted,
    ProjectPaused,
    ProjectProposed,
    ProjectStarted,
    ProjectTransferred,
)
from events.reviews import ProjectReviewed
from events.scores import ProgressScored
from events.teams import PersonJoined
from projections.forum_portfolio import portfolio
from tests.projections.history import History

ON = date(2024, 6, 30)


async def lines(database_url: str, history: History, **asked: Any) -> dict[str, Any]:
    answered = await history.ask(database_url, portfolio, "of_forum", **({"on": ON} | asked))
    return {line.project: line for line in answered}


async def test_a_chair_may_ask_for_the_projects_of_one_state(database_url: str) -> None:
    history = History()
    history.tell("project/P-1", "2024-01", ProjectStarted(title="Sleep", forum="newham"))
    history.tell("project/P-2", "2024-01", ProjectStarted(title="Falls", forum="newham"))
    history.tell("project/P-2", "2024-03", ProjectCompleted(outcome="met"))
    history.tell("project/P-3", "2024-02", ProjectProposed(title="Waits", forum="newham"))
    assert set(await lines(database_url, history, forum="newham", state="active")) == {"P-1"}
    assert set(await lines(database_url, history, forum="newham", state="active_or_completed")) == {
        "P-1",
        "P-2",
    }
    assert set(await lines(database_url, history, forum="newham")) == {"P-1", "P-2", "P-3"}


async def test_a_line_says_all_that_a_chair_asks_of_a_project(database_url: str) -> None:
    history, p = History(), "project/P-1"
    history.tell(
        p, "2024-01", ProjectStarted(title="Sleep", forum="newham", areas=("value",), approved_by="newham")
    )
    history.tell(p, "2024-01-10", PersonJoined(person="person/a", role="sponsor"))
    history.tell(p, "2024-01-10", PersonJoined(person="person/b", role="co_lead"))
    history.tell(p, "2024-01-11", ProgressScored(score=2.5, scale="life_qi", assessor="self"))
    history.tell(p, "2024-02-01", InvolvementSet(level="big_i"))
    history.tell(p, "2024-03", CycleTested(cycle="C-1"))
    history.tell(p, "2024-05-02", MeasurementRecorded(measure="M-1", period="2024-04", value=4))
    history.tell(p, "2024-05-03", MeasurementRecorded(measure="M-1", period="2024-02", value=6))
    history.tell(p, "2024-05-10", ProgressScored(score=2, scale="life_qi", assessor="self"))
    history.tell(p, "2024-06-01", ProjectReviewed(forum="newham", outcome="continue", next_review="2024-09"))
    line = (await lines(database_url, history, forum="newham"))["P-1"]
    assert (line.title, line.state, line.state_since, line.areas) == (
        "Sleep",
        "active",
        "2024-01",
        ("value",),
    )
    assert (line.has_sponsor, line.has_coach, line.has_lead) == (True, False, True)
    assert (line.score, line.trend, line.score_since, line.score_age_days) == (2, "down", "2024-05-10", 51)
    assert (line.cycles_tested, line.last_cycle, line.last_data) == (1, "2024-03", "2024-04")
    assert (line.involvement, line.next_review, line.last_sign_of_life) == ("big_i", "2024-09", "2024-06-01")
    assert not line.stale


async def test_a_project_is_stale_when_it_surely_was_silent_for_too_long(database_url: str) -> None:
    history = History()
    history.tell("project/day", "2024-04-30", ProjectStarted())
    history.tell("project/month", "2024-04", ProjectStarted())
    history.tell("project/later", "2024-05-01", ProjectStarted())
    history.tell("project/year", "2024", ProjectStarted())
    history.tell("project/paused", "2023-01-01", ProjectPaused())
    history.tell("project/hidden", "2024-04-30", ProjectStarted())
    history.tell("project/hidden", "2024-06-30", VisibilitySet(audience="organisation"))

    async def stale(**asked: Any) -> set[str]:
        return {name for name, line in (await lines(database_url, history, **asked)).items() if line.stale}

    assert await stale() == {"day", "month", "hidden"}
    assert await stale(stale_after_days=61) == set()
    assert await stale(on=date(2024, 7, 1)) == {"day", "month", "later", "hidden"}


async def test_a_transfer_moves_a_project_and_never_shows_it_twice(database_url: str) -> None:
    history = History()
    history.tell("project/P-1", "2024-01-01", ProjectStarted(forum="newham"))
    history.tell("project/P-2", "2024-01-01", ProjectStarted(forum="newham"))
    history.tell("project/P-3", "2024-01-01", ProjectProposed(title="Elsewhere"))
    history.tell("project/P-1", "2024-02-01", ProjectTransferred(forum="luton"))
    assert set(await lines(database_url, history, forum="newham")) == {"P-2"}
    assert set(await lines(database_url, history, forum="luton")) == {"P-1"}
    assert set(await lines(database_url, history, forum="")) == {"P-3"}
    assert set(await lines(database_url, history)) == {"P-1", "P-2", "P-3"}


async def test_the_forums_portfolios_add_up_to_the_organisations(database_url: str) -> None:
    history = History()
    history.tell("forum/newham", "2020", ForumCreated(name="Newham QI Forum", directorates=("newham",)))
    history.tell("forum/newham", "2022", ForumRenamed(name="Newham Improvement Forum"))
    history.tell("forum/old", "2020", ForumCreated(name="Old forum"))
    history.tell("forum/old", "2021-05", ForumClosed(successor="newham"))
    history.tell("forum/old", "2021-06", CelebrationRecorded(title="A good end"))
    for number in range(10):
        p, forum = f"project/P-{number}", ("newham", "luton", None)[number % 3]
        history.tell(p, "2024-01-01", ProjectStarted(forum=forum))
        if number % 2:
            history.tell(p, "2024-02-01", CoachAllocated(coach="person/c"))
        if number % 4 == 0:
            history.tell(p, "2024-06-01", ProjectCompleted(learned="It works."))
    history.tell("project/P-1", "2024-03-01", ProjectTransferred(forum="newham"))
    history.tell("project/P-2", "2024-03-01", VisibilitySet(audience="team"))
    history.tell("project/P-2", "2024-06-20", ProjectPaused())
    forums = {f.forum: f for f in await history.ask(database_url, portfolio, "forums", limit=2, on=ON)}
    assert set(forums) == {"", "luton", "newham", "old"}
    assert (forums["newham"].name, forums["newham"].directorates) == ("Newham Improvement Forum", ("newham",))
    assert (forums["old"].closed, forums["old"].projects) == ("2021-05", 0)
    everything = (await lines(database_url, history, reader="team")).values()
    states = Counter(line.state for line in everything)
    for counter in ("active", "paused", "completed"):
        assert sum(getattr(forum, counter) for forum in forums.values()) == states[counter]
    assert sum(forum.projects for forum in forums.values()) == 10
    assert sum(forum.active_or_completed for forum in forums.values()) == 10
    assert sum(forum.stale for forum in forums.values()) == sum(line.stale for line in everything)
    begun = [line for line in everything if line.state != "completed"]
    assert sum(forum.without_coach for forum in forums.values()) == sum(not line.has_coach for line in begun)
    assert sum(forum.without_sponsor for forum in forums.values()) == len(begun)


def test_a_forum_known_from_a_page_only_has_its_name_from_there() -> None:
    history = History()
    history.tell("forum/luton", "2021", ForumReported(summary="It meets monthly.", name="Luton QI Forum"))
    line = history.row(portfolio, "forum/luton")
    assert (line.kind, line.title, line.closed) == ("forum", "Luton QI Forum", None)


def test_a_forum_that_is_created_again_after_it_was_closed_meets_again() -> None:
    history = History()
    history.tell("forum/luton", "2021-01", ForumCreated(name="Luton QI Forum"))
    history.tell("forum/luton", "2021-05", ForumClosed())
    assert history.row(portfolio, "forum/luton").closed == "2021-05"
    history.tell("forum/luton", "2022-01", ForumCreated(name="Luton QI Forum"))
    assert history.row(portfolio, "forum/luton").closed is None
