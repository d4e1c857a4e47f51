"""Every question of every projection, in every form, of an organisation of which there is everything; by discovery."""

import contextlib
import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import msgspec
import psycopg
import pytest
from msgspec import inspect as shapes

from events.fields import Audience
from events.log import keys
from events.vocabulary import canonical_body, example_of, vocabulary
from projections.engine.found import found
from tests.services.api.conftest import Door, Server, problem
from tests.services.api.full_organisation import NAMED, PERSON, Full
from tests.services.api.test_answer_page import well_formed

QUESTIONS = [f"{p.name}/{q}" for p in found().values() for q in p.questions]
OF_PERSONS = {f"{p.name}/{name}" for p in found().values() for name, q in p.questions.items() if q.of_persons}
TYPES = {"json": "application/json", "csv": "text/csv; charset=utf-8", "html": "text/html; charset=utf-8"}


@pytest.fixture(scope="module")
def full(server: Server, database_url: str) -> Iterator[Full]:
    one = Full(server, database_url, "Zanzibar")
    with contextlib.closing(one.door.http):
        yield one


def asked_of(name: str) -> dict[str, str]:
    """What a question has to be told, and a reader who sees everything."""
    projection, question = name.split("/")
    given = {}
    for field in msgspec.structs.fields(found()[projection].questions[question].asks):
        if field.type is Audience:
            given[field.name] = "team"
        elif field.required:
            given[field.name] = _some(shapes.type_info(field.type), field.name)
    return given


def _some(kind: shapes.Type, name: str) -> str:
    """A day, a person, or what the examples of events call such a thing."""
    match kind:
        case shapes.DateType():
            return DAYS.get(name, TODAY).isoformat()
        case shapes.StrType(pattern=pattern) if (pattern or "").startswith("^person/"):
            return f"person/{PERSON}"
        case shapes.StrType():
            return BY_NAME.get(name) or next(_told(name), name)
        case shapes.IntType():
            return "1"
        case shapes.LiteralType(values=values):
            return str(values[0])
        case shapes.Metadata(type=inner):
            return _some(inner, name)
    raise AssertionError(f"nothing is known to ask for {name}: {kind}")


TODAY = datetime.now(UTC).date()
DAYS = {"since": TODAY - timedelta(days=700), "until": TODAY + timedelta(days=30)}
BY_NAME = NAMED | {"projects": NAMED["project"], "subject": f"project/{NAMED['project']}"}


def _told(name: str) -> Iterator[str]:
    for kind in vocabulary().values():
        value = msgspec.json.decode(canonical_body(example_of(kind))).get(name)
        if isinstance(value, str):
            yield value


def ask(full: Full, name: str, headers: dict[str, str] | None = None, **how: Any) -> httpx.Response:
    return full.door.http.get(
        f"/v1/{full.code}/projections/{name}", params=asked_of(name) | how, headers=headers
    )


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_question_is_answered_in_every_form_and_not_again_to_whoever_has_the_answer(
    full: Full, name: str
) -> None:
    for form, type_ in TYPES.items():
        answer = ask(full, name, format=form)
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == type_
        assert answer.headers["qiledger-position"] == str(full.head)
        assert answer.headers["qiledger-parked"] == "0"
        tag = answer.headers["etag"]
        unchanged = ask(full, name, {"if-none-match": tag}, format=form)
        assert (unchanged.status_code, unchanged.content, unchanged.headers["etag"]) == (304, b"", tag)
        assert ask(full, name, {"if-none-match": '"another"'}, format=form).content == answer.content


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_question_says_the_same_in_every_form(full: Full, name: str) -> None:
    rows = ask(full, name).json()["rows"]
    table = list(csv.reader(io.StringIO(ask(full, name, format="csv").text)))
    projection, question = name.split("/")
    assert table[0] == list(found()[projection].questions[question].answers.__struct_encode_fields__)
    assert len(table) - 1 == len(rows)
    assert [sorted(row) for row in rows] == [sorted(table[0])] * len(rows)
    page = well_formed(ask(full, name, format="html").text)
    assert page.findtext("body/main/h1")
    assert (full.word in "".join(page.itertext())) >= any(full.word in str(row) for row in rows)


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_question_waits_for_a_position_and_says_when_it_is_not_there(full: Full, name: str) -> None:
    answer = ask(full, name, at_least=full.head)
    assert (answer.status_code, answer.json()["position"]) == (200, full.head)
    for form in TYPES:
        refused = ask(full, name, at_least=full.head + 1, wait=0, format=form)
        assert problem(refused, "not-there-yet", 503)["position"] == full.head


def test_of_nearly_every_question_there_is_something_to_see(full: Full) -> None:
    """Or these tests would say little. What is still to come, and what resembles something else, has no rows here."""
    seen = [name for name in QUESTIONS if ask(full, name).json()["rows"]]
    assert len(seen) >= len(QUESTIONS) * 0.8


def test_questions_about_persons_are_for_those_who_may_ask_them(
    full: Full, server: Server, database_url: str
) -> None:
    with psycopg.connect(database_url) as conn:
        key = keys.create(conn, full.code, "anybody", scopes=[keys.ASK]).text
    with contextlib.closing(Door(server.url, full.code, key).http) as anybody:
        for name in QUESTIONS:
            answer = anybody.get(f"/v1/{full.code}/projections/{name}", params=asked_of(name))
            if name in OF_PERSONS:
                problem(answer, "missing-scope", 403)
            else:
                assert answer.status_code == 200, answer.text


def _takes_a_person(kind: Any) -> bool:
    try:
        msgspec.convert(f"person/{PERSON}", kind)
    except msgspec.ValidationError:
        return False
    return True


TAKE_A_PERSON = [
    (f"{p.name}/{name}", field.name)
    for p in found().values()
    for name, question in p.questions.items()
    for field in msgspec.structs.fields(question.asks)
    if _takes_a_person(field.type)
]


def test_whatever_is_asked_of_a_person_is_for_those_who_may_ask_about_persons(
    full: Full, server: Server, database_url: str
) -> None:
    assert ("timeline/of_subject", "subject") in TAKE_A_PERSON
    with psycopg.connect(database_url) as conn:
        key = keys.create(conn, full.code, "anybody", scopes=[keys.ASK]).text
    with contextlib.closing(Door(server.url, full.code, key).http) as anybody:
        for name, parameter in TAKE_A_PERSON:
            asked = asked_of(name) | {parameter: f"person/{PERSON}"}
            for form in TYPES:
                address = f"/v1/{full.code}/projections/{name}"
                refused = anybody.get(address, params=asked | {"format": form})
                problem(refused, "missing-scope", 403)
                assert full.door.http.get(address, params=asked | {"format": form}).status_code == 200
