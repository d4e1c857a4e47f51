"""The laws of projections, tried on huddles: rows, parts, lines; late, corrected, retracted, unreadable records."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from events.corrections import EventCorrected, EventRetracted
from events.vocabulary import Event
from projections.engine.projection import Projection
from tests.effort import examples
from tests.laws import projection_laws as laws
from tests.projections.engine.huddles import (
    HuddleClosed,
    HuddleCounted,
    HuddleNamed,
    HuddleNoted,
    HuddleOpened,
    boards,
    huddles,
    timeline,
)
from tests.projections.engine.telling import NOON, SOURCE, Telling, of

Make = Callable[..., Projection[Any]]

EVENTS_MAX = 14
each_shape = pytest.mark.parametrize("make", [huddles, boards, timeline])
thorough = settings(
    max_examples=examples(10),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

ids = st.integers(0, EVENTS_MAX - 1).map(lambda n: f"e{n}")
fields = st.sampled_from(
    [
        {"title": "Mended"},
        {"words": "mended"},
        {"words": "spill"},
        {"people": 2},
        {"board": "beds", "people": 4},
        {"no": 1},
    ]
)
happenings: st.SearchStrategy[Event] = st.one_of(
    st.builds(HuddleOpened, title=st.sampled_from(["Safety", "Flow"])),
    st.builds(HuddleNamed, name=st.just("Of old")),
    st.builds(HuddleCounted, board=st.sampled_from(["beds", "all"]), people=st.sampled_from([0, 3, 7, 13])),
    st.builds(HuddleNoted, words=st.sampled_from(["calm", "busy", "hush", "spill"])),
    st.just(HuddleClosed()),
    st.builds(EventRetracted, of=ids, of_source=st.sampled_from([None, SOURCE, "https://elsewhere.example"])),
    st.builds(EventCorrected, of=ids, fields=fields),
)
unreadable = st.sampled_from(
    [
        ("huddle_noted", '{"words":1}'),
        ("huddle_unheard_of", "{}"),
        ("event.retracted", "{}"),
        ("story.shared", "{}"),
    ]
)


@st.composite
def histories(
    draw: st.DrawFn,
    events: st.SearchStrategy[Event] = happenings,
    *,
    huddles: int = 3,
    poisoned: bool = True,
) -> list[Telling]:
    """Up to EVENTS_MAX things that happened to some huddles at different moments, told in any order."""
    count = draw(st.integers(1, EVENTS_MAX))
    minutes = draw(st.permutations(range(count)))
    told = []
    for n in range(count):
        telling = of(
            draw(events), f"huddle/H-{draw(st.integers(0, huddles - 1))}", minute=minutes[n], id=f"e{n}"
        )
        if poisoned and draw(st.integers(0, 11)) == 0:
            kind, body = draw(unreadable)
            telling = Telling(
                stream=telling.stream, type=kind, body=body, occurred_at=telling.occurred_at, id=telling.id
            )
        told.append(telling)
    return told


@each_shape
@thorough
@given(told=histories())
def test_rebuilt_is_live(make: Make, database_url: str, told: list[Telling]) -> None:
    laws.rebuilt_is_live(database_url, make(), told)


@thorough
@given(told=histories(), size=st.integers(1, 6), stops=st.booleans())
def test_rebuilt_together_is_live(database_url: str, told: list[Telling], size: int, stops: bool) -> None:
    together = [huddles(), boards(), timeline()]
    laws.rebuilt_together_is_live(database_url, together, told, size=size, stops=stops)


@each_shape
@thorough
@given(told=histories(), size=st.integers(1, 6))
def test_any_batch_size_is_the_same(make: Make, database_url: str, told: list[Telling], size: int) -> None:
    laws.any_batch_size_is_the_same(database_url, make(), told, [size])


@each_shape
@thorough
@given(told=histories(), restarts=st.lists(st.integers(1, 5), max_size=5))
def test_any_restart_is_the_same(
    make: Make, database_url: str, told: list[Telling], restarts: list[int]
) -> None:
    laws.any_restart_is_the_same(database_url, make(), told, restarts)


@each_shape
@thorough
@given(told=histories())
def test_twice_is_once(make: Make, database_url: str, told: list[Telling]) -> None:
    laws.twice_is_once(database_url, make(), told)


@each_shape
@thorough
@given(told=histories(), data=st.data())
def test_any_order_of_arrival_is_the_same(
    make: Make, database_url: str, told: list[Telling], data: st.DataObject
) -> None:
    laws.any_order_of_arrival_is_the_same(database_url, make(), told, data.draw(st.permutations(told)))


@each_shape
@thorough
@given(told=histories())
def test_in_memory_is_in_postgres(make: Make, database_url: str, told: list[Telling]) -> None:
    laws.in_memory_is_in_postgres(database_url, make(), told)


@each_shape
@thorough
@given(told=histories(), minute=st.integers(0, EVENTS_MAX), kept=st.integers(0, EVENTS_MAX))
def test_as_at_is_just_those_records(
    make: Make, database_url: str, told: list[Telling], minute: int, kept: int
) -> None:
    laws.as_at_is_just_those_records(database_url, make(), told, NOON + timedelta(minutes=minute), kept)


@pytest.mark.parametrize("make", [huddles, boards])
@thorough
@given(told=histories(poisoned=False))
def test_retracted_is_never_told(make: Make, database_url: str, told: list[Telling]) -> None:
    with laws.a_place(database_url, make()) as place:
        place.tell(told)
        laws.retracted_is_never_told(make(), place.records())


@each_shape
@thorough
@given(told=histories(poisoned=False))
def test_what_is_parked_heals_in_order(make: Make, database_url: str, told: list[Telling]) -> None:
    laws.parked_heals(database_url, make(), make(mended=True), told)


@each_shape
@thorough
@given(told=histories(), every=st.integers(1, 3))
def test_folded_from_a_waypoint_is_folded_from_the_beginning(
    make: Make, database_url: str, told: list[Telling], every: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("projections.engine.waypoints.EVERY", every)
    laws.any_restart_is_the_same(database_url, make(), told, [1] * len(told))
    laws.in_memory_is_in_postgres(database_url, make(), told)


plain: st.SearchStrategy[Event] = st.one_of(
    st.builds(HuddleCounted, board=st.sampled_from(["all", "beds"]), people=st.sampled_from([0, 3, 7])),
    st.just(HuddleClosed()),
)


def in_order(told: list[Telling]) -> list[Telling]:
    return sorted(told, key=lambda telling: telling.occurred_at)


@thorough
@given(
    told=st.one_of(histories(), histories(plain, huddles=1, poisoned=False).map(in_order)),
    short=st.integers(1, 2),
    size=st.integers(1, 6),
)
def test_long_streams_are_read_in_part_and_fed_as_any(
    database_url: str, told: list[Telling], short: int, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("projections.engine.rows.SHORT", short)
    laws.any_restart_is_the_same(database_url, boards(), told, [1] * len(told))
    laws.any_batch_size_is_the_same(database_url, boards(), told, [size])
    laws.in_memory_is_in_postgres(database_url, boards(), told)


@each_shape
@thorough
@given(told=histories(poisoned=False), every=st.integers(1, 3))
def test_what_is_parked_heals_in_order_where_there_are_waypoints(
    make: Make, database_url: str, told: list[Telling], every: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("projections.engine.waypoints.EVERY", every)
    laws.parked_heals(database_url, make(), make(mended=True), told)
