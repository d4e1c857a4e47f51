from typing import Any

from events.aims import AimSet
from events.comments import VisibilitySet
from events.improvements import (
    ImprovementPromoted,
    ImprovementReported,
    ImprovementStopped,
    ImprovementSustained,
)
from events.learning import LearningCaptured
from events.projects import ProjectCompleted, ProjectProposed, ProjectRedescribed, ProjectStarted
from projections.similar_work import works
from tests.projections.history import History


def trust() -> History:
    told = History()
    told.tell(
        "project/P-1",
        "2023-01-01",
        ProjectProposed(
            title="Shorter waits for a first appointment", areas=("value", "service_user_experience")
        ),
        ProjectStarted(),
        AimSet(statement="80% of people referred are seen within 28 days"),
        ProjectCompleted(learned="Calling people the day before works; a letter does not."),
    )
    told.tell("project/P-2", "2023-02-01", ProjectProposed(title="Fewer falls on the ward", areas=("value",)))
    told.tell(
        "project/P-3",
        "2023-02-01",
        ProjectProposed(title="Physical health checks", problem="Waiting lists for checks grow."),
    )
    told.tell(
        "improvement/I-1",
        "2023-03-01",
        ImprovementReported(what_changed="People are called the day before their appointment", level="team"),
    )
    return told


async def like(told: History, url: str, title: str, **asked: Any) -> list[str]:
    return [one.stream for one in await told.ask(url, works, "like", title=title, **asked)]


async def test_whoever_proposes_a_project_sees_work_like_it_most_alike_first(database_url: str) -> None:
    found = await like(trust(), database_url, "Waiting less long for appointments")
    assert found == ["project/P-1", "improvement/I-1", "project/P-3"]


async def test_each_answer_says_why_it_is_there(database_url: str) -> None:
    answers = await trust().ask(
        database_url, works, "like", title="Waits for appointments", areas="value,staff_experience"
    )
    first = answers[0]
    assert (first.stream, first.shared_words, first.shared_areas) == (
        *("project/P-1", ("appointments", "waits")),
        ("value",),
    )
    assert first.state == "completed"
    assert first.learned == "Calling people the day before works; a letter does not."


async def test_the_aim_is_compared_as_well_as_the_title(database_url: str) -> None:
    assert await like(trust(), database_url, "Nobody left out", aim="Referred and seen by April 28") == [
        "project/P-1"
    ]


async def test_shared_areas_strengthen_likeness_and_never_make_it(database_url: str) -> None:
    told = trust()
    told.tell("project/P-4", "2023-02-01", ProjectProposed(title="Fewer falls on the ward"))
    assert await like(told, database_url, "Falls") == ["project/P-2", "project/P-4"]
    told.tell("project/P-4", "2023-03-01", ProjectRedescribed(areas=("staff_experience",)))
    assert await like(told, database_url, "Falls", areas="staff_experience") == ["project/P-4", "project/P-2"]
    assert await like(told, database_url, "Sleep", areas="value") == []


async def test_a_word_that_everybody_uses_says_nothing(database_url: str) -> None:
    told = trust()
    for number in range(10, 15):
        told.tell(f"project/P-{number}", "2023-02-01", ProjectStarted(title=f"Ward {number}"))
    assert await like(told, database_url, "Falls on our ward") == ["project/P-2"]


async def test_an_improvement_that_grew_into_a_project_is_shown_as_that_project(database_url: str) -> None:
    told = trust()
    told.tell("improvement/I-1", "2023-04-01", ImprovementPromoted(project="P-9"))
    assert "improvement/I-1" in await like(told, database_url, "Called before an appointment")
    told.tell("project/P-9", "2023-05-01", ProjectStarted(title="A call before each appointment"))
    assert await like(told, database_url, "Called before each appointment") == ["project/P-9", "project/P-1"]


async def test_what_a_team_keeps_to_itself_and_the_proposal_itself_are_left_out(database_url: str) -> None:
    told = trust()
    told.tell("project/P-2", "2023-03-01", VisibilitySet(audience="team"))
    assert await like(told, database_url, "Falls") == []
    assert await like(told, database_url, "Falls", reader="team", but="P-2") == []
    assert await like(told, database_url, "Falls", reader="team") == ["project/P-2"]


async def test_any_signs_may_stand_in_a_title(database_url: str) -> None:
    told = trust()
    for title in (
        "&",
        "the and of",
        "it's o'clock \\ 'quoted' | a:b*",
        "follow-up at 9.30 https://example.org/a?b=c&d",
    ):
        assert await like(told, database_url, title) == []


def test_what_was_learned_last_is_kept() -> None:
    told = trust()
    told.tell("project/P-1", "2024-01-01", LearningCaptured(kind="worked", text="Texts work too."))
    assert told.row(works, "project/P-1").learned == "Texts work too."


def test_an_improvement_that_is_sustained_after_it_was_stopped_is_practised() -> None:
    told = trust()
    told.tell("improvement/I-9", "2024-01-01", ImprovementReported(what_changed="A huddle", level="team"))
    told.tell("improvement/I-9", "2024-02-01", ImprovementStopped())
    assert told.row(works, "improvement/I-9").stopped
    told.tell("improvement/I-9", "2024-03-01", ImprovementSustained())
    assert not told.row(works, "improvement/I-9").stopped
