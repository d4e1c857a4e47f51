"""What is refused is explained: every problem has a page, every page a cause and a cure."""

import re
from pathlib import Path

import pytest

import services.api
from services.api.problems import Problem, kinds
from tests.services.api.conftest import Door, event, problem

ROOM = Path(services.api.__file__).parent


@pytest.mark.parametrize("slug", kinds.ALL)
def test_every_problem_type_resolves_to_its_cause_and_cure(stranger: Door, slug: str) -> None:
    address = Problem(kinds.ALL[slug]).document()["type"]
    page = stranger.get(address, accept="text/html")
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert {"<h2>Cause</h2>", "<h2>Cure</h2>"} <= set(re.findall(r"<h2>.*?</h2>", page.text))
    assert "default-src 'none'" in page.headers["content-security-policy"]
    told = stranger.get(address, accept="application/json").json()
    assert told["status"] == kinds.ALL[slug].status
    assert told["cause"]
    assert told["cure"]


def test_the_list_of_problems_names_every_one(stranger: Door) -> None:
    listed = stranger.get("/problems", accept="application/json").json()["items"]
    assert {kind["slug"] for kind in listed} == set(kinds.ALL)
    assert stranger.get("/problems").text.count("<li>") == len(kinds.ALL)


def test_every_problem_in_the_catalogue_is_raised_somewhere() -> None:
    code = "\n".join(
        path.read_text() for path in ROOM.rglob("*.py") if path.parts[-2:] != ("problems", "kinds.py")
    )
    names = {name for name, value in vars(kinds).items() if isinstance(value, kinds.Kind)}
    assert {name for name in names if f"kinds.{name}" not in code} == set()


def test_only_the_catalogue_knows_the_statuses_of_refusals() -> None:
    for path in ROOM.rglob("*.py"):
        if "problems" not in path.parts:
            assert not re.search(r"status(_code)?=(4|5)[0-9]{2}\b", path.read_text()), path


def test_a_refusal_can_be_found_again_in_the_log(door: Door) -> None:
    answer = door.tell(event(type="no.such"))
    document = problem(answer, "unknown-type", 422)
    assert document["instance"] == f"urn:uuid:{answer.headers['x-request-id']}"
    assert answer.headers["cache-control"] == "no-store"


def test_a_refusal_tells_nothing_of_the_query_or_the_key(door: Door) -> None:
    answer = door.get(f"{door.events}?limit=9999&stream=cohort/x-secret-x")
    problem(answer, "wrong-parameter", 400)
    assert "x-secret-x" not in answer.text
    assert door.key is not None
    assert door.key not in answer.text


def test_who_meets_a_problem_with_a_browser_is_shown_what_the_cure_speaks_of(door: Door) -> None:
    page = door.get(door.events, accept="text/html")
    assert page.status_code == 406
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "Accept one of those in `available`" in page.text
    assert "<dt><code>available</code></dt><dd>application/json, " in page.text
    hostile = door.get(f"/v1/{door.organisation}/projections/<b>x/one", accept="text/html")
    assert "<b>" not in hostile.text


@pytest.mark.parametrize(
    ("asked", "near"),
    [
        ("/v1/{}/eventz", "/v1/{}/events"),
        ("/v1/{}/projections/projects", "/v1/{}/projections"),
        ("/v1/{}/Charts/P-1/M-1", "/v1/{}/charts/P-1/M-1"),
        ("/openapi", "/openapi.json"),
    ],
)
def test_an_address_where_nothing_is_leads_to_those_most_like_it(
    stranger: Door, asked: str, near: str
) -> None:
    told = problem(stranger.get(asked.format(stranger.organisation)), "not-found", 404)
    assert near.format(stranger.organisation) in told["near"]


def test_a_method_that_an_address_does_not_take_is_answered_with_those_it_takes(stranger: Door) -> None:
    answer = stranger.http.patch(stranger.events)
    assert "It takes" in problem(answer, "wrong-method", 405)["detail"]
    assert "POST" in answer.headers["allow"]


def test_a_question_that_there_is_not_leads_to_those_there_are(door: Door) -> None:
    ask = f"/v1/{door.organisation}/projections"
    assert problem(door.get(f"{ask}/project/one"), "no-projection", 404)["near"][0] == "projects/one"
    of_it = problem(door.get(f"{ask}/projects/all"), "no-projection", 404)["near"]
    assert of_it == ["projects/one", "projects/some"]


def test_a_parameter_is_asked_for_and_guessed_in_words(door: Door) -> None:
    one = f"/v1/{door.organisation}/projections/projects/one"
    missing = problem(door.get(one), "wrong-parameter", 400)
    assert (missing["field"], missing["detail"]) == ("project", "This parameter has to be given.")
    misspelt = problem(door.get(f"{one}?project=P-1&limt=3"), "wrong-parameter", 400)
    assert misspelt["field"] == "limt"
    assert misspelt["detail"].endswith("Is limit meant?")


def test_a_key_at_the_door_of_another_organisation_hears_whose_it_is(door: Door) -> None:
    told = problem(door.get(f"/v1/{door.organisation.lower()}/events"), "wrong-organisation", 403)
    assert told["detail"] == f"It is a key of {door.organisation}."
