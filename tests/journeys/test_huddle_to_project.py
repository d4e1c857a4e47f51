"""An improvement from a huddle grows into a project: it stays on record as what it was; together they count once."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.journeys.trust import Trust
from tests.standing_house import StandingHouse

IMPROVEMENT, PROJECT = "improvement/I-huddle", "project/P-falls"


@pytest.fixture
def trust(home: StandingHouse) -> Iterator[Trust]:
    with Trust(home) as trust:
        yield trust


def counted(trust: Trust, on: str) -> tuple[int, int, int]:
    """On a day, over all areas and directorates: projects active or completed, improvements, and both together."""
    rows = trust.asks("strategy_areas/monthly", since=on, until=on, area="*", directorate="*")
    if not rows:
        return 0, 0, 0
    return rows[0]["active_or_completed"], rows[0]["improvements"], rows[0]["together"]


def on_the_wall(trust: Trust) -> dict[str, Any]:
    return trust.asks_for_one("story_wall/shown", kind="improvement", reader="organisation")


def test_an_improvement_from_a_huddle_becomes_a_project_and_is_counted_once(trust: Trust):
    a_ward_changes_its_huddle(trust)
    it_goes_on_getting_better(trust)
    it_grows_into_a_project(trust)
    the_project_goes_its_own_way(trust)


def a_ward_changes_its_huddle(trust: Trust) -> None:
    trust.tells(
        "improvement.reported",
        IMPROVEMENT,
        "2024-02",
        title="Falls in the huddle",
        what_changed="The huddle asks every morning who might fall today.",
        level="team",
        team="Ruby ward",
        directorate="newham",
        areas=["service_user_experience"],
        tools=["safety huddle"],
    )
    wall = on_the_wall(trust)
    assert (wall["title"], wall["standing"], wall["told"]) == ("Falls in the huddle", "practised", "2024-02")
    assert counted(trust, "2024-02-29") == (0, 1, 1)


def it_goes_on_getting_better(trust: Trust) -> None:
    trust.tells("improvement.updated", IMPROVEMENT, "2024-05-03", note="The night shift asks as well.")
    trust.tells("improvement.sustained", IMPROVEMENT, "2024-09-01", note="It is how the day begins.")
    assert on_the_wall(trust)["standing"] == "sustained"
    found = trust.asks("story_wall/shown", words="night shift", reader="organisation")
    assert [piece["stream"] for piece in found] == [IMPROVEMENT]
    assert counted(trust, "2024-09-30") == (0, 1, 1)


def it_grows_into_a_project(trust: Trust) -> None:
    alike = trust.asks("similar_work/like", title="Fewer falls on Ruby ward")
    assert [work["stream"] for work in alike] == [IMPROVEMENT]
    trust.tells(
        "project.proposed",
        PROJECT,
        "2024-10-01",
        title="Fewer falls on Ruby ward",
        directorate="newham",
        forum="newham",
        areas=["service_user_experience"],
        from_improvement="I-huddle",
    )
    assert counted(trust, "2024-10-31") == (0, 1, 1)  # proposed is not begun
    trust.tells(
        "improvement.promoted",
        IMPROVEMENT,
        "2024-10-01",
        project="P-falls",
        criteria=["complex_issue", "team_agrees"],
    )
    assert on_the_wall(trust)["standing"] == "became_project"
    assert trust.asks_for_one("projects/one", project="P-falls")["grew_from"] == IMPROVEMENT
    trust.tells("project.started", PROJECT, "2024-11-04", approved_by="newham")
    assert counted(trust, "2024-11-30") == (1, 1, 1)
    assert counted(trust, "2024-09-30") == (0, 1, 1)  # what was so on a day remains so


def the_project_goes_its_own_way(trust: Trust) -> None:
    trust.tells(
        "improvement.reported", "improvement/I-other", "2024-12-02", what_changed="Tea at four.", level="team"
    )
    assert counted(trust, "2024-12-31") == (1, 2, 2)
    trust.tells("project.completed", PROJECT, "2025-06-30", outcome="partly_met", learned="Shoes matter.")
    assert counted(trust, "2025-06-30") == (1, 2, 2)
    story = [line["type"] for line in trust.asks("timeline/of_subject", subject=IMPROVEMENT)]
    assert story == [
        "improvement.promoted",
        "project.proposed",
        "improvement.sustained",
        "improvement.updated",
        "improvement.reported",
    ]
    wrong = trust.tells("project.cancelled", PROJECT, "2025-09-01", reason="Told of the wrong project.")
    assert counted(trust, "2025-09-30") == (0, 2, 2)
    trust.tells("event.retracted", PROJECT, "2025-09-02", of=wrong["id"])
    assert counted(trust, "2025-09-30") == (1, 2, 2)
