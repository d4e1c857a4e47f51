from datetime import date

from events.strategies import Area, AreaMove, StrategyAdopted, StrategyRefreshed
from projections.engine.memory import fold_in_memory
from projections.strategies import LetGo, areas_let_go, strategies
from tests.projections.history import History


def area(name: str) -> Area:
    return Area(area=name, label=name.title())


def three_wordings() -> History:
    told = History()
    areas = (area("value"), area("staff"), area("health"))
    told.tell("strategy/s", "2018-04-01", StrategyAdopted(title="S", valid_from="2018-04", areas=areas))
    second = StrategyRefreshed(
        version=2,
        valid_from="2021",
        areas=(area("staff"), area("health")),
        maps_from=(AreaMove(old="value"),),
    )
    told.tell("strategy/s", "2021-03-01", second)
    third = StrategyRefreshed(
        version=3,
        valid_from="2024",
        areas=(area("health"),),
        maps_from=(AreaMove(old="staff", new="health"),),
    )
    told.tell("strategy/s", "2024-01-01", third)
    return told


def let_go(told: History, on: str) -> dict[str, LetGo]:
    return areas_let_go(fold_in_memory(strategies, told.records), date.fromisoformat(on))


def test_an_area_is_let_go_by_the_first_wording_in_force_that_neither_has_it_nor_hands_it_on() -> None:
    told = three_wordings()
    assert let_go(told, "2021-02-28") == {}, "valid since January, and known of in March"
    assert let_go(told, "2021-03-01") == {"value": LetGo("s", 2, date(2021, 3, 1))}
    assert set(let_go(told, "2025-01-01")) == {"value"}, "staff goes on as health"


def test_an_area_that_comes_back_or_that_another_strategy_has_is_not_gone() -> None:
    told = three_wordings()
    told.tell(
        "strategy/t", "2022-01-01", StrategyAdopted(title="T", valid_from="2022", areas=(area("value"),))
    )
    assert let_go(told, "2021-12-31") != {} == let_go(told, "2022-01-01")
    back = three_wordings()
    both = (area("health"), area("value"))
    back.tell("strategy/s", "2025-01-01", StrategyRefreshed(version=4, valid_from="2025", areas=both))
    assert let_go(back, "2025-01-01") == {}


def test_a_wording_without_areas_of_its_own_lets_nothing_go() -> None:
    told = three_wordings()
    told.tell("strategy/s", "2025-01-01", StrategyRefreshed(version=4, valid_from="2025", areas=()))
    assert set(let_go(told, "2025-02-01")) == {"value"}


async def test_every_wording_is_shown_with_how_many_areas_it_has_and_retired(database_url: str) -> None:
    shown = await three_wordings().ask(database_url, strategies, "wordings", strategy="s")
    assert [(one.version, one.title, one.areas, one.retired) for one in shown] == [
        (1, "S", 3, 0),
        (2, "S", 2, 1),
        (3, "S", 1, 0),
    ]
    assert await three_wordings().ask(database_url, strategies, "wordings", strategy="other") == []
