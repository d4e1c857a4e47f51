"""Asking projections: what is answered, of which moment, in which form; and that every question holds its door."""

import csv
import io
import itertools
import threading
import time
from typing import Any

import msgspec
import psycopg
import pytest
from msgspec import inspect as shapes

from events.vocabulary import canonical_body, example_of, vocabulary
from projections.engine.advance import advance
from projections.engine.found import found
from services.api.tables import as_csv
from tests.roles import as_role
from tests.services.api.conftest import Door, problem

FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", " =1", "\r=1", "＝1"]


def proposed(number: int, **changes: Any) -> dict[str, Any]:
    """A project is proposed, as the catalogue's example has it."""
    body = canonical_body(example_of(vocabulary()["project.proposed"]))
    data: dict[str, Any] = msgspec.json.decode(body)
    return {
        "specversion": "1.0",
        "id": f"proposed-{number}",
        "source": "/lifeqi",
        "type": "project.proposed",
        "subject": f"project/P-{number:03}",
        "time": f"2024-05-{number % 28 + 1:02}T09:30:00Z",
        "data": data | changes,
    }


def fold(database_url: str, organisation: str) -> None:
    """What a worker would do now."""
    with psycopg.connect(as_role(database_url, "qiledger_worker"), autocommit=True) as conn:
        conn.execute("SET timezone = 'UTC'")
        assert advance(conn, organisation, deadline=time.monotonic() + 60)


def test_an_answer_says_which_position_it_reflects(door: Door, database_url: str) -> None:
    door.tell(proposed(1))
    fold(database_url, door.organisation)
    door.tell(proposed(2))  # told, and not folded yet
    answer = door.get(f"/v1/{door.organisation}/projections/projects/some")
    assert answer.status_code == 200, answer.text
    page = answer.json()
    assert (page["projection"], page["question"], page["position"], page["parked"]) == (
        "projects",
        "some",
        1,
        0,
    )
    assert len(page["rows"]) == 1
    assert answer.headers["qiledger-position"] == "1"
    unchanged = door.get(answer.url.path, if_none_match=answer.headers["etag"])
    assert (unchanged.status_code, unchanged.content) == (304, b"")


def test_whoever_gives_the_position_of_a_receipt_reads_what_they_told(door: Door, database_url: str) -> None:
    door.tell(proposed(1))
    fold(database_url, door.organisation)
    position = door.tell(proposed(2)).json()["position"]
    address = f"/v1/{door.organisation}/projections/projects/some?at_least={position}"
    refused = door.get(f"{address}&wait=0.2")
    assert problem(refused, "not-there-yet", 503)["position"] == 1
    assert refused.headers["retry-after"] == "1"
    worker = threading.Timer(0.3, lambda: fold(database_url, door.organisation))
    worker.start()
    page = door.get(f"{address}&wait=20").json()
    worker.join()
    assert page["position"] == position
    assert len(page["rows"]) == 2


def test_pages_lead_on_until_there_is_no_next(door: Door, database_url: str) -> None:
    assert door.tell_all([proposed(n) for n in range(7)]).status_code == 200
    fold(database_url, door.organisation)
    path, pages = f"/v1/{door.organisation}/projections/projects/some?limit=3", []
    while path:
        answer = door.get(path)
        assert answer.status_code == 200, answer.text
        pages.append([row["project"] for row in answer.json()["rows"]])
        path = answer.links["next"]["url"] if "next" in answer.links else ""
    assert [len(page) for page in pages] == [3, 3, 1]
    assert len({project for page in pages for project in page}) == 7


def test_an_answer_comes_as_csv_that_no_spreadsheet_runs(door: Door, database_url: str) -> None:
    door.tell_all([proposed(n, title=formula) for n, formula in enumerate(FORMULAS) if formula.isprintable()])
    fold(database_url, door.organisation)
    address = f"/v1/{door.organisation}/projections/projects/some"
    by_accept, by_format = door.get(address, accept="text/csv"), door.get(f"{address}?format=csv")
    assert by_accept.content == by_format.content
    assert by_accept.headers["content-type"] == "text/csv; charset=utf-8"
    assert by_accept.headers["content-disposition"] == 'attachment; filename="projects-some.csv"'
    assert by_accept.headers["qiledger-position"] == "6"
    rows = list(csv.DictReader(io.StringIO(by_accept.text)))
    titles = {row["title"] for row in rows}
    assert titles == {f"'{formula}" for formula in FORMULAS if formula.isprintable()}


def test_a_cell_that_could_be_a_formula_is_plain_text() -> None:
    row_type = msgspec.defstruct(
        "Row", [("text", str), ("number", float), ("yes", bool), ("many", list), ("none", None)]
    )
    rows = [row_type(formula, -1.5, True, [1, "a"], None) for formula in FORMULAS]
    read = list(csv.reader(io.StringIO(as_csv(row_type.__struct_encode_fields__, rows).decode())))
    assert read[0] == ["text", "number", "yes", "many", "none"]
    assert all(line[0].startswith("'") for line in read[1:])
    assert read[1][1:] == ["-1.5", "true", '[1,"a"]', ""]


def test_the_projections_are_listed_with_their_questions(door: Door, database_url: str) -> None:
    door.tell(proposed(1))
    fold(database_url, door.organisation)
    listed = door.get(f"/v1/{door.organisation}/projections").json()
    assert listed["head"] == 1
    assert {line["projection"] for line in listed["items"]} == set(found())
    assert {line["position"] for line in listed["items"]} == {1}


QUESTIONS = [(p.name, q) for p in found().values() for q in p.questions]
HOSTILE = ("' OR 1=1 --", "%00", "%ff", "9" * 400, "-1", "nan", "2024-13-45", "x" * 3_000, "%F0%9F%98%80", "")
OF_ALL = ("limit", "at_least", "wait", "format", "no_such_parameter")  # read in one place for every question


@pytest.mark.parametrize(("projection", "question"), QUESTIONS)
def test_no_value_shakes_a_question(door: Door, database_url: str, projection: str, question: str) -> None:
    door.tell(proposed(1))
    fold(database_url, door.organisation)
    asks = found()[projection].questions[question].asks.__struct_encode_fields__
    of_all = OF_ALL if (projection, question) == QUESTIONS[0] else ()
    for name, hostile in itertools.product((*asks, "cursor", *of_all), HOSTILE):
        query = f"{name}={hostile}&wait=0" if name != "wait" else f"wait={hostile}"
        answer = door.get(f"/v1/{door.organisation}/projections/{projection}/{question}?{query}")
        assert answer.status_code in (200, 400, 503), (query, answer.text)
        if answer.status_code == 503:
            problem(answer, "not-there-yet" if name == "at_least" else "not-built")


def test_a_question_that_nobody_declared_is_not_found(door: Door) -> None:
    for path in ("projects/none", "none/one", "projects/%00", "projects/'"):
        problem(door.get(f"/v1/{door.organisation}/projections/{path}"), "no-projection", 404)


def test_what_has_not_been_built_says_so(door: Door) -> None:
    problem(door.get(f"/v1/{door.organisation}/projections/projects/some"), "not-built", 503)


def test_an_organisation_sees_only_its_own_rows(
    door: Door, database_url: str, server: Any, make_key: Any
) -> None:
    from tests.services.api.conftest import new_organisation

    other = new_organisation(database_url)
    theirs = Door(server.url, other, make_key(client="other", organisation=other))
    door.tell(proposed(1, title="Ours alone"))
    with theirs.http:
        theirs.tell(proposed(2, title="Theirs alone"))
        for organisation in (door.organisation, other):
            fold(database_url, organisation)
        path = "projections/projects/some"
        ours_read = door.get(f"/v1/{door.organisation}/{path}").text
        theirs_read = theirs.get(f"/v1/{other}/{path}").text
    assert ("Ours alone" in ours_read, "Theirs alone" in ours_read) == (True, False)
    assert ("Ours alone" in theirs_read, "Theirs alone" in theirs_read) == (False, True)


def structs_in(kind: shapes.Type, seen: set[type[msgspec.Struct]]) -> set[type[msgspec.Struct]]:
    """Every struct that a type is made of."""
    if isinstance(kind, shapes.StructType):
        if kind.cls not in seen:
            seen.add(kind.cls)
            for field in kind.fields:
                structs_in(field.type, seen)
        return seen
    for name in ("type", "item_type", "value_type"):
        if isinstance(inner := getattr(kind, name, None), shapes.Type):
            structs_in(inner, seen)
    for inner in (*getattr(kind, "types", ()), *(getattr(kind, "item_types", None) or ())):
        structs_in(inner, seen)
    return seen


@pytest.mark.parametrize("name", [f"{p.name}/{q}" for p in found().values() for q in p.questions])
def test_what_nobody_told_is_null_in_an_answer_and_never_missing(name: str) -> None:
    """A row may leave out what goes without saying on its way to the database; an answer never does."""
    projection, question = name.split("/")
    answers = found()[projection].questions[question].answers
    parts = structs_in(shapes.type_info(answers), set())
    assert answers in parts
    assert [part.__name__ for part in parts if part.__struct_config__.omit_defaults] == []
