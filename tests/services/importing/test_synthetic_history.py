"""An invented history: the same for the same seed, valid, sized like a trust, never to be mistaken for a real one."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import pytest

from events.log.keys import WRITE, Key
from services.api.admission import admit
from services.api.cloudevents import CloudEvent, read_structured
from services.importing.synthetic_history import BEGINS, ENDS, histories
from services.importing.telling import Telling

PROJECTS = 24
NOW = datetime(2026, 11, 23, tzinfo=UTC)


@pytest.fixture(scope="module")
def history() -> list[Telling]:
    return list(histories(7, projects=PROJECTS))


def fields(telling: Telling) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(telling.cloud_event())["data"]
    return data


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(history: list[Telling]):
    again = [telling.cloud_event() for telling in histories(7, projects=PROJECTS)]
    assert again == [telling.cloud_event() for telling in history]
    assert [telling.cloud_event() for telling in histories(8, projects=PROJECTS)] != again


def test_every_event_passes_the_door(history: list[Telling]):
    key = Key(
        organisation="SYN",
        id="AAAAAAAA",
        client="synthetic-history",
        scopes=(WRITE,),
        sources=("https://qiledger.example/history/synthetic",),
        created_at=NOW,
        expires_at=NOW + timedelta(days=1),
    )
    for telling in history:
        event = read_structured(telling.cloud_event())
        assert isinstance(event, CloudEvent), event
        assert admit(event, key, NOW) == telling.submission(actor="client/synthetic-history")


def test_it_says_that_it_is_synthetic_in_every_event(history: list[Telling]):
    assert {telling.source for telling in history} == {"https://qiledger.example/history/synthetic"}
    assert {telling.organisation for telling in history} == {"SYN"}


def test_every_id_is_told_once(history: list[Telling]):
    ids = Counter(telling.id for telling in history)
    assert ids.most_common(1)[0][1] == 1


def test_it_is_sized_like_a_trust():
    told = Counter(telling.type for telling in histories())
    assert 30_000 <= told.total() <= 60_000
    assert 420 <= told["project.started"] - told["project.cancelled"] <= 440


def test_every_project_that_counts_started(history: list[Telling]):
    started = {telling.stream for telling in history if telling.type == "project.started"}
    cancelled = {telling.stream for telling in history if telling.type == "project.cancelled"}
    assert cancelled < started
    assert len(started - cancelled) == PROJECTS


def test_what_is_put_right_was_told_before_in_the_same_stream(history: list[Telling]):
    told: dict[str, str] = {}
    put_right = 0
    for telling in history:
        if of := fields(telling).get("of"):
            assert told[of] == telling.stream
            put_right += 1
        told[telling.id] = telling.stream
    assert put_right > 10


def test_it_has_the_troubles_of_real_histories():
    told = list(histories(1, projects=120))
    types = {telling.type for telling in told}
    assert {
        "measurement.corrected",
        "event.corrected",
        "event.retracted",
        "project.paused",
        "project.resumed",
        "project.cancelled",
        "project.transferred",
        "project.reopened",
        "story.withdrawn",
        "strategy.refreshed",
    } <= types
    latest, late = BEGINS, 0
    for telling in told:
        late += latest - telling.occurred_at > timedelta(days=30)
        latest = max(latest, telling.occurred_at)
    assert late > 100
    paused = {telling.occurred_at.strftime("%Y-%m") for telling in told if telling.type == "project.paused"}
    assert paused == {"2020-03"}


def test_a_stream_begins_with_its_beginning(history: list[Telling]):
    first: dict[str, str] = {}
    for telling in history:
        first.setdefault(telling.stream, telling.type)
    begins = {stream.partition("/")[0]: set[str]() for stream in first}
    for stream, type_ in first.items():
        begins[stream.partition("/")[0]].add(type_)
    assert begins["project"] == {"project.proposed"}
    assert begins["forum"] == {"forum.created"}
    assert begins["improvement"] == {"improvement.reported"}
    assert begins["idea"] == {"idea.raised"}


def test_readings_are_within_what_they_are_out_of(history: list[Telling]):
    shares = [fields(telling) for telling in history if "denominator" in fields(telling)]
    readings = [share for share in shares if isinstance(share["denominator"], float | int)]
    assert len(readings) > 100
    assert all(0 <= reading["numerator"] <= reading["denominator"] for reading in readings)


def test_a_measure_has_one_reading_for_each_period(history: list[Telling]):
    readings = Counter(
        (telling.stream, fields(telling)["measure"], fields(telling)["period"])
        for telling in history
        if telling.type == "measurement.recorded"
    )
    assert readings.most_common(1)[0][1] == 1


def test_nothing_happens_after_the_history_ends(history: list[Telling]):
    assert max(telling.occurred_at for telling in history) <= ENDS


def test_a_large_history_is_told_from_its_beginning_without_living_it_whole():
    beginning = list(islice(histories(1, projects=1_000_000), 500))
    assert beginning[0].occurred_at == BEGINS


def test_a_history_needs_a_project():
    with pytest.raises(ValueError, match="needs a project"):
        next(histories(projects=0))
