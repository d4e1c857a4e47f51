from datetime import date
from typing import Any

from events.corrections import EventRetracted
from events.fields import first_day
from events.improvements import ImprovementPromoted, ImprovementReported, ImprovementStopped
from events.projects import (
    ProjectCancelled,
    ProjectCompleted,
    ProjectPaused,
    ProjectProposed,
    ProjectRedescribed,
    ProjectStarted,
    ProjectTransferred,
)
from events.stories import StoryShared, StoryWithdrawn
from events.strategies import Area, AreaMove, StrategyAdopted, StrategyRefreshed
from projections.strategy_areas import areas
from tests.projections.history import History

HUDDLE = ImprovementReported(
    what_changed="A better huddle", level="team", areas=("staff",), directorate="luton"
)
STAFF = (Area(area="staff", label="Staff experience"),)
COUNTERS = ("active", "paused", "completed", "active_or_completed", "improvements", "stories", "together")


async def totals(database_url: str, history: History, **asked: Any) -> dict[tuple[str, ...], dict[str, int]]:
    """By month, area and directorate; without the counters that are nought."""
    answered = await history.ask(database_url, areas, "monthly", **asked)
    return {
        (line.month, line.area, line.directorate): {
            name: count for name in COUNTERS if (count := getattr(line, name))
        }
        for line in answered
    }


async def on(
    database_url: str, history: History, day: str, area: str = "*", place: str = "*"
) -> dict[str, int]:
    at = first_day(day)
    found = await totals(database_url, history, since=at, until=at, area=area, directorate=place)
    return found.get((day[:7], area, place), {})


async def test_active_or_completed_means_begun_and_neither_cancelled_nor_only_proposed(
    database_url: str,
) -> None:
    history = History()
    for number, last in enumerate([None, ProjectPaused(), ProjectCompleted(), ProjectCancelled()]):
        history.tell(f"project/P-{number}", "2022-01-01", ProjectStarted())
        if last is not None:
            history.tell(f"project/P-{number}", "2022-02-01", last)
    history.tell("project/P-9", "2022-01-01", ProjectProposed(title="Not yet"))
    assert await on(database_url, history, "2022-05-20") == {
        "active": 1,
        "paused": 1,
        "completed": 1,
        "active_or_completed": 3,
        "together": 3,
    }
    assert (await on(database_url, history, "2022-01-31"))["active"] == 4


async def test_a_month_shows_how_things_stood_on_its_last_day(database_url: str) -> None:
    history = History()
    history.tell("project/P-1", "2022-01-31", ProjectStarted(areas=("value",), directorate="luton"))
    history.tell("project/P-1", "2022-03-01", ProjectPaused())
    history.tell("project/P-1", "2022-04", ProjectTransferred(directorate="newham"))
    history.tell("project/P-1", "2022-05-15", ProjectRedescribed(areas=("staff", "value")))
    asked: dict[str, Any] = {"since": date(2021, 12, 5), "until": date(2022, 5, 14)}
    found = await totals(database_url, history, **asked, area="value")
    assert [(month, place) for month, _, place in found] == [
        *[("2022-01", "*"), ("2022-01", "luton"), ("2022-02", "*"), ("2022-02", "luton")],
        *[("2022-03", "*"), ("2022-03", "luton"), ("2022-04", "*"), ("2022-04", "newham")],
        *[("2022-05", "*"), ("2022-05", "newham")],
    ]
    assert [line.get("paused", 0) for line in found.values()] == [0, 0, 0, 0, 1, 1, 1, 1, 1, 1]
    assert await on(database_url, history, "2022-05-14", "staff") == {}
    assert await on(database_url, history, "2022-05-15", "staff") == {
        "paused": 1,
        "active_or_completed": 1,
        "together": 1,
    }


async def test_work_for_several_areas_counts_in_each_and_once_in_all(database_url: str) -> None:
    history = History()
    history.tell("project/P-1", "2022", ProjectStarted(areas=("value", "staff")))
    history.tell("project/P-2", "2022", ProjectStarted())
    counts = {
        area: (await on(database_url, history, "2022-06-01", area))["active"] for area in ("value", "staff")
    }
    assert counts == {"value": 1, "staff": 1}
    assert (await on(database_url, history, "2022-06-01", ""))["active"] == 1
    assert (await on(database_url, history, "2022-06-01"))["active"] == 2


async def test_an_improvement_that_grew_into_a_project_counts_once_with_it(database_url: str) -> None:
    history = History()
    history.tell("improvement/I-1", "2022-01-01", HUDDLE)
    history.tell("improvement/I-1", "2022-02-01", ImprovementPromoted(project="P-1"))
    history.tell("improvement/I-1", "2022-04-01", ImprovementStopped())
    history.tell("improvement/I-2", "2022-01-01", HUDDLE)
    history.tell("project/P-1", "2022-03-01", ProjectStarted(areas=("staff",), directorate="newham"))
    now = await on(database_url, history, "2022-05-01", "staff")
    assert (now["active"], now["improvements"], now["together"]) == (1, 2, 2)
    assert (await on(database_url, history, "2022-02-28", "staff"))["together"] == 2
    assert (await on(database_url, history, "2022-05-01", "staff", "luton"))["together"] == 2
    assert (await on(database_url, history, "2022-05-01", "staff", "newham"))["together"] == 1


async def test_a_project_proposed_from_an_improvement_counts_once_with_it(database_url: str) -> None:
    history = History()
    history.tell("improvement/I-1", "2022-01-01", HUDDLE)
    history.tell(
        "project/P-1",
        "2022-02-01",
        ProjectProposed(title="Huddles", from_improvement="I-1"),
        ProjectStarted(),
    )
    now = await on(database_url, history, "2022-03-01")
    assert (now["active"], now["improvements"], now["together"]) == (1, 1, 1)
    history.tell("improvement/I-1", "2022-02-01", ImprovementPromoted(project="P-1"))
    assert (await on(database_url, history, "2022-03-01"))["together"] == 1


async def test_stories_count_until_they_are_withdrawn_and_retold_ones_once(database_url: str) -> None:
    history = History()
    history.tell("story/S-1", "2022-01-01", StoryShared(title="Sleep"))
    history.tell("story/S-2", "2022-01-01", StoryShared(title="ঘুম", retells="S-1"))
    history.tell("story/S-3", "2022-01-01", StoryShared(title="Falls"))
    history.tell("story/S-3", "2022-03-01", StoryWithdrawn())
    assert (await on(database_url, history, "2022-02-01"))["stories"] == 2
    assert (await on(database_url, history, "2022-03-01"))["stories"] == 1


async def test_a_retelling_of_a_retelling_counts_once_with_the_first(database_url: str) -> None:
    history = History()
    for number, retells in (("1", None), ("2", "S-1"), ("3", "S-2"), ("4", "S-9")):
        history.tell(f"story/S-{number}", "2022-01-01", StoryShared(title="Sleep", retells=retells))
    assert (await on(database_url, history, "2022-02-01"))["stories"] == 2


async def test_stories_that_retell_one_another_count_once(database_url: str) -> None:
    history = History()
    for number, retells in (("1", "S-2"), ("2", "S-3"), ("3", "S-1"), ("4", "S-3"), ("5", "S-5")):
        history.tell(f"story/S-{number}", "2022-01-01", StoryShared(title="Sleep", retells=retells))
    assert (await on(database_url, history, "2022-02-01"))["stories"] == 2


async def test_a_story_withdrawn_on_the_day_it_was_shared_does_not_count(database_url: str) -> None:
    history = History()
    history.tell("story/S-1", "2022-01-01T10:00Z", StoryShared(title="Sleep"))
    history.tell("story/S-1", "2022-01", StoryWithdrawn())
    assert await on(database_url, history, "2022-02-01") == {}
    history.tell("story/S-1", "2022-02-01", StoryShared(title="Sleep"))
    assert (await on(database_url, history, "2022-02-01"))["stories"] == 1


async def test_what_was_retracted_never_counted(database_url: str) -> None:
    history = History()
    history.tell("project/P-1", "2022-01-01", ProjectStarted())
    history.tell("project/P-1", "2022-02-01", EventRetracted(of="e-1"))
    assert await on(database_url, history, "2022-06-01") == {}


async def test_a_refreshed_strategy_counts_the_same_work_under_its_own_areas(database_url: str) -> None:
    def worded(*names: str) -> tuple[Area, ...]:
        return tuple(Area(area=name, label=name.capitalize()) for name in names)

    history = History()
    history.tell(
        "strategy/main",
        "2018",
        StrategyAdopted(title="First", valid_from="2018", areas=worded("health", "waste")),
    )
    history.tell(
        "strategy/main",
        "2021",
        StrategyRefreshed(
            version=2,
            valid_from="2021-04",
            areas=worded("population", "value"),
            maps_from=(AreaMove(old="health", new="population"), AreaMove(old="waste", new="value")),
        ),
    )
    history.tell(
        "strategy/main",
        "2024",
        StrategyRefreshed(
            version=3,
            valid_from="2024",
            areas=worded("communities"),
            maps_from=(AreaMove(old="population", new="communities"), AreaMove(old="value")),
        ),
    )
    history.tell("project/P-1", "2019", ProjectStarted(areas=("health",)))
    history.tell("project/P-2", "2019", ProjectStarted(areas=("waste", "other")))
    history.tell("project/P-3", "2022", ProjectStarted(areas=("population",)))
    at = {"since": date(2024, 6, 1), "until": date(2024, 6, 1), "directorate": "*"}

    async def counted(**asked: Any) -> dict[str, int]:
        found = await totals(database_url, history, **at, **asked)
        return {area: line["active"] for (_, area, _), line in found.items()}

    assert await counted() == {"*": 3, "health": 1, "waste": 1, "other": 1, "population": 1}
    assert await counted(strategy="main", version=1) == await counted()
    assert await counted(strategy="main", version=2) == {"*": 3, "population": 2, "value": 1, "other": 1}
    assert await counted(strategy="main") == {"*": 3, "communities": 2, "value": 1, "other": 1}
    labels = await history.ask(database_url, areas, "in_force", on=date(2021, 4, 1))
    assert [(line.version, line.title, line.label) for line in labels] == [
        (2, "First", "Population"),
        (2, "First", "Value"),
    ]


async def test_a_strategy_is_in_force_until_its_last_day(database_url: str) -> None:
    adopted = StrategyAdopted(title="Ours", valid_from="2018-04", valid_to="2023-03", areas=STAFF)
    history = History()
    history.tell("strategy/ours", "2018-04", adopted)

    async def in_force(day: date) -> list[str]:
        return [named.area for named in await history.ask(database_url, areas, "in_force", on=day)]

    assert await in_force(date(2023, 3, 31)) == ["staff"]
    assert await in_force(date(2023, 4, 1)) == []
    history.tell("strategy/ours", "2023-04", StrategyRefreshed(version=2, valid_from="2023-04", areas=STAFF))
    assert await in_force(date(2023, 4, 1)) == ["staff"]


async def test_a_strategy_that_nobody_told_of_is_not_taken_for_none(database_url: str) -> None:
    history = History()
    history.tell("project/P-1", "2022-01-01", ProjectStarted(areas=("staff",)))
    history.tell(
        "strategy/ours",
        "2022-01-01",
        StrategyAdopted(version=1, valid_from="2022", title="Ours", areas=STAFF),
    )
    day = {"since": date(2022, 5, 20), "until": date(2022, 5, 20), "area": "staff", "directorate": "*"}
    assert len(await totals(database_url, history, **day, strategy="ours")) == 1
    assert len(await totals(database_url, history, **day, strategy="ours", version=1)) == 1
    assert await totals(database_url, history, **day, strategy="theirs") == {}
    assert await totals(database_url, history, **day, strategy="ours", version=9) == {}
