"""Each published fact becomes events, a check or a reason; nothing is made up, nothing is lost."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest

from events.log.keys import WRITE, Key
from events.log.record import Submission, written
from services.api.admission import admit
from services.api.cloudevents import CloudEvent, read_structured
from services.data import public_history as the_file
from services.importing.public_history import COUNTERS, SOURCE, read
from services.importing.reading import LINE_BYTES_MAX, Check, Events, NotUnderstood

NOW = datetime(2026, 11, 23, tzinfo=UTC)
LINES = the_file().read_bytes().splitlines()
FACTS: list[dict[str, Any]] = [json.loads(line) for line in LINES]
READINGS = [read(line) for line in LINES]


def at_the_door(line: bytes, organisation: str = "RWK") -> Submission:
    """The event as the API's own door takes it in; raises the problem it would answer."""
    event = read_structured(line)
    assert isinstance(event, CloudEvent), event
    key = Key(
        organisation=organisation,
        id="AAAAAAAA",
        client="public-history",
        scopes=(WRITE,),
        sources=(SOURCE,),
        created_at=NOW,
        expires_at=NOW + timedelta(days=1),
    )
    return admit(event, key, NOW)


TOLD = [
    (fact, at_the_door(wire.line))
    for fact, reading in zip(FACTS, READINGS, strict=True)
    if isinstance(reading, Events)
    for wire in reading.wires
]


def of(fact_id: str) -> list[Submission]:
    return [submission for fact, submission in TOLD if fact["id"] == fact_id]


def body(submission: Submission) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(submission.body)
    return told


def a_fact(**changes: Any) -> bytes:
    fact = {
        "id": "elft-9001",
        "organisation": "RWK",
        "date": "2019-05-01",
        "date_precision": "month",
        "kind": "project_started",
        "title": "A project begins",
        "subject": "Quiet nights",
        "url": "https://example.org/page",
    }
    return json.dumps(fact | changes).encode()


def test_the_file_is_the_published_one_unchanged():
    assert sha256(the_file().read_bytes()).hexdigest() == (
        "c9a564f17ab4c1e77b8d59247efd15df196e96004ebb874b4ef58584411e0f60"
    )
    assert "446 published facts" in the_file().with_name("README.md").read_text()


def test_every_line_becomes_events_or_a_check():
    assert len(READINGS) == 446
    assert [reading for reading in READINGS if isinstance(reading, NotUnderstood)] == []
    assert Counter(type(reading).__name__ for reading in READINGS) == {"Events": 394, "Check": 52}


def test_counters_and_only_counters_are_checks():
    checked = {fact["id"] for fact in FACTS if fact["kind"] in COUNTERS}
    assert {reading.name for reading in READINGS if isinstance(reading, Check)} == checked
    assert {s.type for _, s in TOLD} & {"count.published", "rating.received"} == set()


def test_a_check_keeps_what_was_counted_and_when():
    (check,) = [r for r in READINGS if isinstance(r, Check) and r.name == "elft-0256"]
    assert (check.organisation, check.counted, check.written) == ("RWK", "project_count", "2022-05-20")
    assert check.figures == {"projects_active_or_completed": 433}


def test_dates_and_their_precision_are_those_of_the_fact():
    for fact, submission in TOLD:
        assert submission.precise_to == fact["date_precision"], fact["id"]
        said = written(submission.occurred_at, submission.precise_to)
        assert said == fact["date"][: len(said)], fact["id"]


def test_ids_are_the_facts_own_under_one_source_that_says_public_history():
    ids = [(fact["organisation"], submission.source, submission.id) for fact, submission in TOLD]
    assert len(set(ids)) == len(ids)
    assert {submission.source for _, submission in TOLD} == {"https://qiledger.example/history/public"}
    for fact, submission in TOLD:
        assert submission.id.startswith(fact["id"])
    assert {fact["id"] for fact, submission in TOLD if submission.id == fact["id"]} == {
        fact["id"] for fact, _ in TOLD
    }


def test_page_title_figures_note_and_what_was_inferred_stay_with_the_event():
    for fact, submission in TOLD:
        if submission.id.endswith("-project"):
            continue
        cited = body(submission)["published"]
        assert cited["page"] == fact["url"]
        assert cited["title"] == fact["title"]
        assert cited.get("figures", {}) == fact.get("numbers", {})
        assert cited.get("note") == fact.get("note")
        assert cited.get("inferred", []) == fact.get("inferred", [])


def test_a_test_of_a_change_says_what_was_tested_and_makes_nothing_up():
    tested = [submission for _, submission in TOLD if submission.type == "cycle.tested"]
    assert len(tested) == 40
    for submission in tested:
        assert body(submission).keys() <= {"cycle", "tested", "tools", "published"}


def test_every_project_is_known_by_its_title_from_its_first_fact_on():
    first: dict[tuple[str, str], str] = {}
    for fact, submission in TOLD:
        if submission.stream.startswith("project/"):
            first.setdefault((fact["organisation"], submission.stream), submission.type)
    assert len(first) == 38 + 16 + 5  # of each trust, and where five programmes tested changes
    named = {
        (f["organisation"], s.stream) for f, s in TOLD if s.type in ("project.started", "project.reported")
    }
    assert first.keys() == named


def test_a_story_is_about_streams_that_exist():
    streams = {(fact["organisation"], submission.stream) for fact, submission in TOLD}
    about = {
        (fact["organisation"], stream)
        for fact, submission in TOLD
        for stream in body(submission).get("about", [])
        if stream.partition("/")[0] in ("project", "forum", "strategy")
    }
    assert about
    assert about <= streams


def test_two_measures_of_one_fact_are_two_results():
    stay, occupancy = of("elft-0055")
    assert (stay.id, occupancy.id) == ("elft-0055", "elft-0055-2")
    assert {name: body(stay)[name] for name in ("before", "after", "unit")} == {
        "before": 47,
        "after": 30,
        "unit": "days",
    }
    assert {name: body(occupancy)[name] for name in ("before", "after", "unit")} == {
        "before": 77,
        "after": 54,
        "unit": "%",
    }


def test_a_range_is_not_taken_for_a_value():
    (result,) = of("elft-0044")
    assert body(result).keys() & {"before", "after"} == set()
    assert body(result)["published"]["figures"] == {
        "wait_from_min_weeks": 40,
        "wait_from_max_weeks": 45,
        "wait_to_weeks": 28,
    }


def test_an_aim_that_is_dated_by_its_end_says_so():
    *_, aim = of("elft-0040")
    assert (aim.type, body(aim)["by"]) == ("aim.set", "2016-01-01")


@pytest.mark.parametrize(
    ("fact", "type_", "stream"),
    [
        ("elft-0002", "programme.started", "programme/elft-qi-programme"),
        ("elft-0008", "story.shared", "story/elft-0008"),
        ("elft-0010", "cohort.completed", "cohort/improvement-science-in-action-wave-1"),
        ("elft-0028", "learning_event.held", "programme/tower-hamlets-violence-reduction-collaborative"),
        ("elft-0139", "programme.completed", "programme/newham-violence-reduction-collaborative"),
        ("elft-0144", "strategy.adopted", "strategy/elft-strategy-2018"),
        ("elft-0187", "portfolio.published", "directorate/forensics"),
        ("elft-0212", "programme.paused", "programme/qi-in-bedfordshire-luton"),
        ("elft-0238", "forum.created", "forum/crisis-pathway-qi-forum"),
        ("elft-0260", "learning_event.held", "cohort/using-qi-to-tackle-inequity-workshop"),
        ("elft-0264", "cohort.completed", "cohort/using-qi-to-tackle-inequity-workshop"),
        ("elft-0003", "partnership.started", "organisation/RWK"),
        ("cnwl-0044", "project.completed", "project/ellington-ward-falls"),
        ("cnwl-0082", "learning_event.held", "directorate/jameson-division"),
        ("cnwl-0096", "programme.started", "programme/happy-doc"),
        ("cnwl-0110", "cycle.tested", "project/happy-doc"),
    ],
)
def test_a_fact_is_told_of_what_it_is_about(fact: str, type_: str, stream: str):
    assert [(submission.type, submission.stream) for submission in of(fact)] == [(type_, stream)]


def test_a_strategy_names_areas_only_where_the_page_names_them():
    (launched,), (pledge,) = of("elft-0144"), of("elft-0235")
    assert [area["area"] for area in body(launched)["areas"]] == [
        "population_health",
        "service_user_experience",
        "staff_experience",
        "value",
    ]
    assert "areas" not in body(pledge)


def test_a_new_fact_about_an_unknown_subject_is_placed_by_its_kind():
    reading = read(a_fact())
    assert isinstance(reading, Events)
    assert [(wire.type, wire.stream) for wire in reading.wires] == [
        ("project.started", "project/quiet-nights")
    ]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b"{", "not a published fact"),
        (b'"elft-0001"', "not a published fact"),
        (b"\xff\xfe", "not a published fact"),
        (b"[" * 60_000, "not a published fact"),
        (a_fact(kind="project_dreamt"), "'project_dreamt' are not known"),
        (a_fact(date="2019-02-30", date_precision="day"), "day is out of range"),
        (a_fact(date_precision="hour"), "date_precision"),
        (a_fact(colour="red"), "colour"),
        (a_fact(url="ftp://example.org"), "url"),
        (a_fact(title="x" * 301), "title"),
        (a_fact(kind="external_review"), "does not say who reviewed"),
        (b'"' + b"x" * LINE_BYTES_MAX + b'"', "more than"),
    ],
)
def test_a_line_that_is_not_understood_says_why(line: bytes, why: str):
    reading = read(line)
    assert isinstance(reading, NotUnderstood)
    assert why in reading.why


def test_a_line_that_is_not_understood_is_still_called_by_its_id():
    reading = read(a_fact(colour="red"))
    assert isinstance(reading, NotUnderstood)
    assert reading.name == "elft-9001"
