"""Whoever asks for something of which nothing is known is told so, and what may have been meant; and no more."""

import json
import time
from collections.abc import Iterator
from typing import Any

import httpx
import psycopg
import pytest

from events.log import keys
from projections.engine.advance import advance
from projections.measure_series import series
from projections.near_names import CANDIDATES_MAX
from tests.roles import as_role
from tests.services.api.conftest import Door, MakeKey, Server, event, new_organisation, problem
from tests.services.api.test_asking import fold

PLACES = {
    "P-17": "Shorter waits",
    "luton-crisis-medication": "Medication waste",
    "secret-ward": "A hidden thing",
}


@pytest.fixture(scope="module")
def told(server: Server, database_url: str) -> Iterator[Door]:
    """Three projects, one of them shown to its team alone; a forum; a measure."""
    events = [
        event(
            f"s{n}",
            type="project.started",
            subject=f"project/{name}",
            data={"title": title, "forum": "newham"},
        )
        for n, (name, title) in enumerate(PLACES.items())
    ]
    events += [
        event("v", type="visibility.set", subject="project/secret-ward", data={"audience": "team"}),
        event("f", type="forum.created", subject="forum/newham", data={"name": "Newham QI Forum"}),
        event("m", type="measure.defined", subject="project/P-17", data={"measure": "M-1", "name": "Days"}),
    ]
    for n, name in enumerate(("violence-reduction", "secret-collaborative")):
        started = {"title": name.replace("-", " ")}
        events.append(event(f"p{n}", type="programme.started", subject=f"programme/{name}", data=started))
    hidden = {"audience": "team"}
    events.append(event("ph", type="visibility.set", subject="programme/secret-collaborative", data=hidden))
    of = new_organisation(database_url)
    with psycopg.connect(database_url) as conn:
        key = keys.create(
            conn, of, "lifeqi", scopes=[keys.WRITE, keys.ASK, keys.READ], sources=["/lifeqi"]
        ).text
    door = Door(server.url, of, key)
    with door.http:
        answer = door.tell_all(events)
        assert {one["status"] for one in answer.json()} == {201}, answer.text
        fold(database_url, of)
        yield door


def asked(door: Door, question: str) -> Any:
    answer = door.get(f"/v1/{door.organisation}/projections/{question}")
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize(
    ("question", "parameter", "near"),
    [
        ("projects/one?project=p-17", "project", ["P-17"]),
        ("projects/one?project=luton-crises-medication", "project", ["luton-crisis-medication"]),
        ("projects/one?project=medication%20waste", "project", ["luton-crisis-medication"]),
        ("forum_portfolio/of_forum?forum=Newam", "forum", ["newham"]),
        ("programmes/projects?programme=violence-reducton", "programme", ["violence-reduction"]),
        ("programmes/projects?programme=secret-colaborative", "programme", []),
        ("timeline/of_subject?subject=project/P17", "subject", ["P-17"]),
        ("timeline/of_subject?subject=projct/P-17", "subject", ["project/P-17"]),
        ("cycle_quality/cycles?project=none-like-it", "project", []),
    ],
)
def test_an_answer_without_rows_says_what_nobody_told_of(
    told: Door, question: str, parameter: str, near: list[str]
) -> None:
    answered = asked(told, question)
    assert answered["rows"] == []
    (unheard,) = answered["unheard_of"]
    assert (unheard["parameter"], unheard["near"]) == (parameter, near)


@pytest.mark.parametrize(
    "question",
    [
        "cycle_quality/cycles?project=P-17",  # it is known, and has no cycles
        "forum_portfolio/of_forum?forum=newham&state=paused",
        "forum_portfolio/of_forum?forum=&state=paused",
        "projects/some?state=paused",
        "projects/one?project=P-17",
    ],
)
def test_nothing_is_said_of_what_is_known(told: Door, question: str) -> None:
    assert "unheard_of" not in asked(told, question)


def test_what_a_reader_may_not_see_is_as_unknown_as_what_is_not_there(told: Door) -> None:
    hidden, missing = (
        asked(told, f"projects/one?project={name}")["unheard_of"] for name in ("secret-ward", "secret-warp")
    )
    assert [one["near"] for one in (*hidden, *missing)] == [[], []]
    assert asked(told, "projects/one?project=secret-warp&reader=team")["unheard_of"][0]["near"] == [
        "secret-ward"
    ]
    chart = f"/v1/{told.organisation}/charts"
    unseen, unreal = (
        problem(told.get(f"{chart}/{name}/M-1"), "no-measure", 404) for name in ("secret-ward", "secret-warp")
    )
    assert unseen["near"] == unreal["near"] == []
    assert unseen["detail"].replace("ward", "warp") == unreal["detail"]


def test_another_organisations_projects_are_near_to_nobody(
    told: Door, server: Server, make_key: MakeKey, database_url: str
) -> None:
    other = new_organisation(database_url)
    stranger = Door(server.url, other, make_key(organisation=other))
    with stranger.http:
        stranger.tell(event("x", type="project.started", subject="project/P-99", data={"title": "Elsewhere"}))
        fold(database_url, other)
        assert asked(stranger, "projects/one?project=P-17")["unheard_of"][0]["near"] == []


@pytest.fixture(scope="module")
def many(server: Server, database_url: str) -> Iterator[Door]:
    """Of more projects that begin alike than are looked at for a hint."""
    of = new_organisation(database_url)
    with psycopg.connect(database_url) as conn:
        key = keys.create(
            conn, of, "lifeqi", scopes=[keys.WRITE, keys.ASK, keys.READ], sources=["/lifeqi"]
        ).text
    door = Door(server.url, of, key)
    with door.http:
        begun = [
            event(f"s{n}", type="project.started", subject=f"project/P-{n}", data={"title": f"Ward {n}"})
            for n in range(1, CANDIDATES_MAX + 60)
        ]
        for first in range(0, len(begun), 100):
            assert {one["status"] for one in door.tell_all(begun[first : first + 100]).json()} == {201}
        fold(database_url, of)
        yield door


def test_a_project_is_known_however_many_begin_alike(many: Door) -> None:
    assert "unheard_of" not in asked(many, "cycle_quality/cycles?project=P-99")  # the last of all by its name


@pytest.mark.parametrize(
    ("missing", "near"),
    [("P-99x", "P-99"), ("p-99", "P-99"), ("P99", "P-99"), ("ward%2099", "P-99"), ("P-2599", "P-259")],
)
def test_those_most_alike_are_named_however_many_begin_alike(many: Door, missing: str, near: str) -> None:
    (unheard,) = asked(many, f"projects/one?project={missing}")["unheard_of"]
    assert unheard["near"][0] == near


def test_a_chart_that_there_is_not_leads_to_those_there_are(told: Door) -> None:
    chart = f"/v1/{told.organisation}/charts"
    measure = problem(told.get(f"{chart}/P-17/M-2"), "no-measure", 404)
    assert (measure["field"], measure["near"]) == ("measure", ["M-1"])
    project = problem(told.get(f"{chart}/P17/M-1"), "no-measure", 404)
    assert (project["field"], project["near"]) == ("project", ["P-17"])
    none = problem(told.get(f"{chart}/luton-crisis-medication/M-1"), "no-measure", 404)
    assert none["detail"] == "luton-crisis-medication has no measures."
    lines: httpx.Response = told.get(f"{chart}?forum=Newam")
    assert lines.json()["unheard_of"] == [{"parameter": "forum", "given": "Newam", "near": ["newham"]}]
    named = told.get(f"{chart}?project=P-17,P-18&kind=all").json()
    assert "unheard_of" not in named


def test_a_csv_without_rows_says_it_in_a_header(told: Door) -> None:
    ask = f"/v1/{told.organisation}"
    for asked_for in (f"{ask}/projections/projects/one?project=p-17", f"{ask}/charts?project=p-17"):
        answer = told.get(f"{asked_for}&format=csv")
        assert json.loads(answer.headers["qiledger-unheard-of"]) == [
            {"parameter": "project", "given": "p-17", "near": ["P-17"]}
        ]
    known = told.get(f"{ask}/projections/projects/one?project=P-17&format=csv")
    assert "qiledger-unheard-of" not in known.headers


@pytest.mark.parametrize("form", ["json", "csv"])
def test_lines_that_there_are_not_are_answered_anew_once_more_can_be_said_of_that(
    server: Server, make_key: MakeKey, database_url: str, form: str
) -> None:
    """The projects come as far as the lines only later."""
    of = new_organisation(database_url)
    door = Door(server.url, of, make_key(organisation=of))
    with door.http:
        told = {"measure": "M-1", "name": "Days"}
        door.tell(event("m", type="measure.defined", subject="project/P-1", data=told))
        with psycopg.connect(as_role(database_url, "qiledger_worker"), autocommit=True) as conn:
            assert advance(conn, of, deadline=time.monotonic() + 60, projections=[series])
        lines = f"/v1/{of}/charts?project=P-2&format={form}"
        held = door.get(lines)
        assert "P-2" not in held.text + str(held.headers)
        assert door.get(lines, if_none_match=held.headers["etag"]).status_code == 304
        fold(database_url, of)
        anew = door.get(lines, if_none_match=held.headers["etag"])
        assert (anew.status_code, "P-2" in anew.text + str(anew.headers)) == (200, True)


@pytest.mark.parametrize(
    ("asked_for", "near"),
    [
        ("streams/project/p-17", ["project/P-17"]),
        ("streams/project/P-18", ["project/P-17"]),
        ("streams/project/luton-crisis-medicatoin/history", ["project/luton-crisis-medication"]),
        ("projections/projects/why?key=project/P-16", ["project/P-17"]),
        ("streams/projct/P-17", ["project/P-17"]),
        ("streams/project/zzz", []),
    ],
)
def test_a_stream_of_which_nothing_is_on_record_leads_to_those_beside_it(
    told: Door, asked_for: str, near: list[str]
) -> None:
    assert problem(told.get(f"/v1/{told.organisation}/{asked_for}"), "no-record", 404)["near"] == near


def test_a_subject_is_named_by_its_kind_too(told: Door) -> None:
    asked_for = f"/v1/{told.organisation}/projections/timeline/of_subject?subject=P-17"
    refused = problem(told.get(asked_for), "wrong-parameter", 400)
    assert refused["field"] == "subject"
    assert "`project/P-17`" in refused["detail"]
