"""Why is this so, by HTTP: the records behind a row and behind a thing."""

from datetime import UTC, datetime

from tests.services.api.conftest import Door, event, problem


def told(door: Door) -> None:
    """A project that is started, renamed by a correction, and one that was told by mistake."""
    started = {
        "type": "project.started",
        "subject": "project/P-1",
        "data": {"forum": "newham", "title": "Falls"},
    }
    assert door.tell(event("a", **started)).status_code == 201
    corrected = {"of": "a", "fields": {"title": "Fewer falls"}, "reason": "Mistyped."}
    answer = door.tell(
        event("b", type="event.corrected", subject="project/P-1", time="2024-06-01T00:00:00Z", data=corrected)
    )
    assert answer.status_code == 201, answer.text
    assert door.tell(event("c", **(started | {"subject": "project/P-2"}))).status_code == 201
    retracted = door.tell(
        event(
            "d", type="event.retracted", subject="project/P-2", time="2024-06-02T00:00:00Z", data={"of": "c"}
        )
    )
    assert retracted.status_code == 201


def test_a_row_is_told_with_the_records_that_made_it(door: Door) -> None:
    told(door)
    answer = door.get(f"/v1/{door.organisation}/projections/projects/why?key=project/P-1")
    assert answer.status_code == 200, answer.text
    page = answer.json()
    assert (page["key"], page["position"], page["row"]["title"]) == ("project/P-1", 4, "Fewer falls")
    first, second = page["steps"]
    assert (first["position"], first["actor"], first["source"]) == (1, "client/lifeqi", "/lifeqi")
    assert (first["standing"], first["corrected_by"], first["before"]) == ("counts", [2], None)
    assert (second["standing"], second["puts_right"], second["occurred"]) == (
        "puts_right",
        [1],
        "2024-06-01T00:00:00.000000Z",
    )
    assert datetime.fromisoformat(second["recorded"]) <= datetime.now(UTC)


def test_steps_come_in_pages(door: Door) -> None:
    told(door)
    address = f"/v1/{door.organisation}/projections/projects/why?key=project/P-1&limit=1"
    first = door.get(address).json()
    assert (len(first["steps"]), first["next"]) == (1, 1)
    second = door.get(f"{address}&after=1").json()
    assert (second["steps"][0]["position"], second["next"]) == (2, None)


def test_the_reasons_of_the_past_are_those_of_what_had_happened(door: Door) -> None:
    told(door)
    address = f"/v1/{door.organisation}/projections/projects/why?key=project/P-1&as_at=2024-05"
    page = door.get(address).json()
    assert (page["row"]["title"], len(page["steps"])) == ("Falls", 1)


def test_what_happened_to_a_thing_says_what_was_taken_back(door: Door) -> None:
    told(door)
    page = door.get(f"/v1/{door.organisation}/streams/project/P-2/history").json()
    assert [step["standing"] for step in page["steps"]] == ["retracted", "puts_right"]
    assert page["steps"][0]["retracted_by"] == [4]


def test_what_is_not_on_record_has_no_reasons(door: Door, stranger: Door) -> None:
    told(door)
    why = f"/v1/{door.organisation}/projections/projects/why?key="
    problem(door.get(f"{why}project/P-3"), "no-record", 404)
    problem(door.get(f"{why}project/P-1/C-1"), "wrong-parameter", 400)
    problem(
        door.get(f"/v1/{door.organisation}/projections/nothing/why?key=project/P-1"), "no-projection", 404
    )
    problem(door.get(f"/v1/{door.organisation}/streams/project/P-3/history"), "no-record", 404)
    problem(stranger.get(f"{why}project/P-1"), "no-key", 401)
