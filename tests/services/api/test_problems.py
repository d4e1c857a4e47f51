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
