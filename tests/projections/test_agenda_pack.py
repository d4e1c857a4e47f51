from datetime import date
from typing import Any

from events.coaching import CoachAllocated
from events.comments import VisibilitySet
from events.learning import CelebrationRecorded
from events.projects import (
    ProjectCompleted,
    ProjectPaused,
    ProjectProposed,
    ProjectStarted,
    ProjectSubmitted,
    ProjectTransferred,
)
from events.reviews import ProjectReviewed
from events.scores import ProgressScored
from events.spread import SpreadAdopted
from events.sustaining import SustainCheckRecorded
from events.teams import PersonJoined
from projections.agenda_pack import pack
from tests.projections.history import History

TEAM = (
    PersonJoined(person="person/s", role="sponsor"),
    CoachAllocated(coach="person/c"),
    PersonJoined(person="person/u", role="member", kind="service_user"),
)
NEWHAM = ProjectStarted(title="Falls", forum="newham")


def scored(score: float) -> ProgressScored:
    return ProgressScored(score=score, scale="life_qi", assessor="coach")


def newham() -> History:
    told = History()
    told.tell("project/P-1", "2024-01-01", NEWHAM, *TEAM)
    return told


async def agenda(told: History, url: str, on: str, **asked: Any) -> list[tuple[str, str, str]]:
    items = await told.ask(url, pack, "agenda", forum="newham", on=on, **asked)
    return [(item.section, item.project, item.says) for item in items]


async def test_a_project_in_good_hands_is_not_on_the_agenda(database_url: str) -> None:
    assert await agenda(newham(), database_url, "2024-06-14") == []


async def test_a_project_put_to_the_forum_is_to_be_approved_until_it_is_decided(database_url: str) -> None:
    told = History()
    told.tell("project/P-2", "2024-06-01", ProjectSubmitted(forum="newham"))
    assert [item[0] for item in await agenda(told, database_url, "2024-06-14")] == ["to_approve"]
    told.tell("project/P-2", "2024-06-14", ProjectReviewed(forum="newham", outcome="approved"))
    assert await agenda(told, database_url, "2024-07-14") == []


async def test_a_review_is_due_in_the_month_it_was_wanted(database_url: str) -> None:
    told = newham()
    told.tell(
        "project/P-1",
        "2024-03-14",
        ProjectReviewed(forum="newham", outcome="continue", next_review="2024-06"),
    )
    assert await agenda(told, database_url, "2024-05-31") == []
    assert await agenda(told, database_url, "2024-06-01") == [
        ("to_review", "P-1", "The forum wanted to see it by 2024-06")
    ]


async def test_a_score_unchanged_for_three_months_is_stuck(database_url: str) -> None:
    told = newham()
    told.tell("project/P-1", "2024-03-10", scored(2.5))
    told.tell("project/P-1", "2024-05-10", scored(2.5))
    assert await agenda(told, database_url, "2024-06-09") == []
    assert await agenda(told, database_url, "2024-06-10") == [("stuck", "P-1", "At 2.5 since 2024-03-10")]
    told.tell("project/P-1", "2024-06-01", scored(3))
    assert await agenda(told, database_url, "2024-12-01") == []


async def test_a_score_known_to_the_month_is_not_called_stuck_too_soon(database_url: str) -> None:
    told = newham()
    told.tell("project/P-1", "2024-03", scored(2))
    assert await agenda(told, database_url, "2024-06-29") == []
    assert [item[0] for item in await agenda(told, database_url, "2024-06-30")] == ["stuck"]


async def test_a_paused_project_is_on_the_agenda_and_not_missing_anybody(database_url: str) -> None:
    told = History()
    told.tell("project/P-1", "2024-01-01", NEWHAM, ProjectPaused(reason="All staff are on the wards."))
    assert await agenda(told, database_url, "2024-06-14") == [("paused", "P-1", "Paused")]


async def test_who_is_missing_is_said_in_words(database_url: str) -> None:
    told = History()
    told.tell("project/P-1", "2024-01-01", NEWHAM, CoachAllocated(coach="person/c"))
    assert await agenda(told, database_url, "2024-06-14") == [
        ("missing", "P-1", "No sponsor, no service user or carer")
    ]


async def test_what_happened_since_the_last_meeting_is_celebrated(database_url: str) -> None:
    told = newham()
    told.tell("project/P-1", "2024-05-20", scored(4.5))
    told.tell("project/P-1", "2024-05-22", scored(3))
    told.tell("project/P-1", "2024-05-23", scored(4))
    told.tell("project/P-1", "2024-05-25", CelebrationRecorded(title="A hundred days without a fall"))
    told.tell("project/P-1", "2024-06-01", ProjectCompleted(outcome="partly_met", learned="Ask early."))
    told.tell("project/P-1", "2024-06-02", SpreadAdopted(to="Globe ward"))
    told.tell("project/P-1", "2024-06-20", SustainCheckRecorded(result="held"))
    assert await agenda(told, database_url, "2024-06-14", since="2024-05-14") == [
        ("to_celebrate", "P-1", "Scored 4.5 for the first time"),
        ("to_celebrate", "P-1", "A hundred days without a fall"),
        ("to_celebrate", "P-1", "Completed, its aim partly met"),
        ("to_celebrate", "P-1", "Taken up by Globe ward"),
    ]
    assert await agenda(told, database_url, "2024-07-14", since="2024-06-14") == [
        ("to_celebrate", "P-1", "Its gains have held")
    ]


async def test_another_forums_projects_and_a_teams_own_are_not_shown(database_url: str) -> None:
    told = History()
    told.tell("project/P-1", "2024-01-01", NEWHAM)
    told.tell("project/P-1", "2024-02-01", ProjectTransferred(forum="luton"))
    told.tell("project/P-2", "2024-01-01", NEWHAM, VisibilitySet(audience="team"))
    assert await agenda(told, database_url, "2024-06-14") == []


async def test_a_project_is_approved_by_the_forum_that_it_is_put_to(database_url: str) -> None:
    told = History()
    told.tell("project/P-1", "2024-01-01", ProjectProposed(title="Sleep", forum="newham"))
    told.tell("project/P-1", "2024-06-01", ProjectSubmitted(forum="trust-wide"))

    async def to_approve(forum: str) -> list[str]:
        found = await told.ask(database_url, pack, "agenda", forum=forum, on=date(2024, 6, 14))
        return [item.project for item in found if item.section == "to_approve"]

    assert (await to_approve("trust-wide"), await to_approve("newham")) == (["P-1"], [])
    told.tell("project/P-1", "2024-06-05", ProjectReviewed(forum="trust-wide", outcome="approved"))
    assert await to_approve("trust-wide") == []
