"""What the measures of a forum's projects say: the same as each chart, to whom may see it, of the moment asked of."""

import csv
import io
from typing import Any

import msgspec
import psycopg
import pytest

from projections.engine.tables import schema_of
from projections.measure_series import series
from services.api.routes.portfolio_charts import PROJECTS_MAX, MeasurePage
from tests.roles import as_role
from tests.services.api.conftest import Door, event, problem
from tests.services.api.test_asking import fold, proposed
from tests.services.api.test_asking_of_the_past import IMMUTABLE, worker

__all__ = ["worker"]
WAITS = {"name": "Days waited", "kind": "outcome", "chart": "i", "direction": "decrease", "target": 14}
FEW = {"name": "Calls made", "kind": "process"}


def of_project(project: str, measure: str, definition: dict[str, Any], values: list[float]) -> list[Any]:
    """A measure is defined, and told of month by month."""
    subject = f"project/{project}"
    told = [
        event(
            f"{project}-{measure}",
            type="measure.defined",
            subject=subject,
            data=definition | {"measure": measure},
        )
    ]
    for n, value in enumerate(values):
        data = {"measure": measure, "period": f"{2021 + n // 12}-{n % 12 + 1:02}", "value": value}
        told.append(
            event(f"{project}-{measure}-{n}", type="measurement.recorded", subject=subject, data=data)
        )
    return told


def waits(door: Door, database_url: str) -> None:
    """Two projects of a forum that measure, one that does not, and one of another forum."""
    wavy = [float((31, 28, 35, 30, 33, 29)[n % 6]) for n in range(24)]
    told = [proposed(n, forum="other" if n == 4 else "north") for n in (1, 2, 3, 4)]
    told += of_project("P-001", "M-1", WAITS, [*wavy[:14], *(value - 20 for value in wavy[14:])])
    told += of_project("P-001", "M-2", FEW, wavy[:3])
    told += of_project("P-002", "M-1", {**WAITS, "target": 60}, wavy)
    told += of_project("P-004", "M-1", WAITS, wavy[:2])
    told.append(
        event(
            "cycle",
            type="cycle.tested",
            subject="project/P-001",
            time="2022-01-20T09:00:00Z",
            data={"cycle": "C-7", "decision": "adopt"},
        )
    )
    answer = door.tell_all(told)
    assert {outcome["status"] for outcome in answer.json()} == {201}, answer.text
    fold(database_url, door.organisation)


def ask(door: Door, asked: str, **headers: str) -> Any:
    return door.get(f"/v1/{door.organisation}/charts?{asked}", **headers)


def lines(door: Door, asked: str) -> list[tuple[str, str]]:
    answer = ask(door, asked)
    assert answer.status_code == 200, answer.text
    return [(line["project"], line["measure"]) for line in answer.json()["rows"]]


def test_a_chair_may_ask_of_the_projects_of_one_state(door: Door, database_url: str) -> None:
    waits(door, database_url)
    started = event(
        "started", type="project.started", subject="project/P-002", time="2022-02-01T09:00:00Z", data={}
    )
    assert door.tell(started).status_code == 201
    fold(database_url, door.organisation)
    assert {project for project, _ in lines(door, "forum=north&state=active&kind=all")} == {"P-002"}
    page = ask(door, "forum=north&state=proposed&kind=all&limit=1")
    assert {line["project"] for line in page.json()["rows"]} == {"P-001"}
    assert "state=proposed" in page.headers["link"]


def test_a_forum_is_told_what_the_outcome_measures_of_its_projects_say(door: Door, database_url: str) -> None:
    waits(door, database_url)
    answer = ask(door, "forum=north&reader=forum")
    assert answer.status_code == 200, answer.text
    page = msgspec.json.decode(answer.content, type=MeasurePage)
    first, second = page.rows
    assert (first.project, first.measure, first.name) == ("P-001", "M-1", "Days waited")
    assert first.variation is not None
    assert (first.variation.icon, first.variation.letter) == ("improvement_low", "L")
    assert second.assurance is not None
    assert (second.project, second.assurance.icon) == ("P-002", "consistent_pass")
    assert (second.points, second.latest_period, second.latest_value) == (24, "2022-12", 29.0)
    assert page.position == int(answer.headers["qiledger-position"])
    of_forum = door.get(
        f"/v1/{door.organisation}/projections/forum_portfolio/of_forum?forum=north&at_least={page.position}"
    ).json()
    assert {line.project for line in page.rows} < {row["project"] for row in of_forum["rows"]}


@pytest.mark.parametrize("asked", ["forum=north&kind=all", "project=P-001,P-002,P-004&kind=all"])
def test_a_line_says_what_the_whole_chart_says(door: Door, database_url: str, asked: str) -> None:
    waits(door, database_url)
    told = ask(door, asked).json()["rows"]
    assert len(told) >= 3
    for line in told:
        chart = door.get(line["links"]["json"]).json()
        drawn, defined = chart["chart"], chart["definition"]
        for same in (
            "chart",
            "rule_set",
            "message",
            "variation",
            "assurance",
            "progress_toward_target",
            "target",
        ):
            assert line[same] == drawn[same], same
        for same in ("measure", "name", "kind", "unit", "points", "retired"):
            assert line[same] == defined[same], same
        assert (line["latest_period"], line["latest_value"]) == (
            drawn["points"][-1]["label"],
            drawn["points"][-1]["value"],
        )
        assert door.get(line["links"]["svg"]).headers["content-type"] == "image/svg+xml"


def test_measures_of_other_kinds_are_told_when_asked_for(door: Door, database_url: str) -> None:
    waits(door, database_url)
    assert lines(door, "project=P-001") == [("P-001", "M-1")]
    assert lines(door, "project=P-001&kind=process") == [("P-001", "M-2")]
    assert lines(door, "project=P-001&kind=balancing") == []
    assert lines(door, "project=P-001&kind=all") == [("P-001", "M-1"), ("P-001", "M-2")]


def test_a_measure_that_nobody_defined_is_told_with_all(door: Door, database_url: str) -> None:
    told = of_project("P-9", "M-1", FEW, [1.0, 2.0])[1:]
    assert {outcome["status"] for outcome in door.tell_all(told).json()} == {201}
    fold(database_url, door.organisation)
    assert lines(door, "project=P-9") == []
    [line] = ask(door, "project=P-9&kind=all").json()["rows"]
    assert (line["name"], line["chart"], line["latest_value"]) == (None, "run", 2.0)


def test_what_a_team_keeps_to_itself_is_left_out_for_others(door: Door, database_url: str) -> None:
    waits(door, database_url)
    door.tell(event("v1", type="visibility.set", subject="project/P-001", data={"audience": "team"}))
    fold(database_url, door.organisation)
    for asked in ("forum=north", "project=P-001,P-002"):
        assert lines(door, f"{asked}&reader=forum") == [("P-002", "M-1")]
        assert lines(door, f"{asked}&reader=team") == [("P-001", "M-1"), ("P-002", "M-1")]


def test_a_forum_without_measures_and_projects_unheard_of_have_no_lines(
    door: Door, database_url: str
) -> None:
    waits(door, database_url)
    for asked in ("forum=nowhere", "forum=", "project=P-003", "project=P-777"):
        assert lines(door, asked) == []
    assert ask(door, "forum=nowhere&format=csv").text.startswith("project,measure,name,")


def test_the_projects_of_a_forum_come_a_page_at_a_time(door: Door, database_url: str) -> None:
    waits(door, database_url)
    answer = ask(door, "forum=north&limit=1")
    found = [line["project"] for line in answer.json()["rows"]]
    while "next" in answer.links:
        answer = door.get(answer.links["next"]["url"])
        found += [line["project"] for line in answer.json()["rows"]]
    assert (found, answer.json()["next"]) == (["P-001", "P-002"], None)


def test_the_lines_come_as_csv_with_a_column_for_each_thing_said(door: Door, database_url: str) -> None:
    waits(door, database_url)
    answer = ask(door, "forum=north&format=csv")
    assert answer.headers["content-type"].startswith("text/csv")
    [first, second] = csv.DictReader(io.StringIO(answer.text))
    assert (first["variation"], first["variation_letter"]) == ("improvement_low", "L")
    assert (second["assurance"], second["latest_value"]) == ("consistent_pass", "29.0")
    assert door.get(second["svg"]).status_code == 200
    assert ask(door, "forum=north", accept="text/csv").content == answer.content


def test_until_the_log_goes_on_no_line_is_drawn_again(door: Door, database_url: str) -> None:
    waits(door, database_url)
    first = ask(door, "forum=north")
    assert ask(door, "forum=north", if_none_match=first.headers["etag"]).status_code == 304
    assert ask(door, "forum=north&kind=all", if_none_match=first.headers["etag"]).status_code == 200
    data = {"measure": "M-1", "period": "2023-01", "value": 50}
    told = event("late", type="measurement.recorded", subject="project/P-002", data=data)
    position = door.tell(told).json()["position"]
    refused = ask(door, f"forum=north&at_least={position}&wait=0.1")
    assert problem(refused, "not-there-yet", 503)["position"] == position - 1
    fold(database_url, door.organisation)
    again = ask(door, f"forum=north&at_least={position}", if_none_match=first.headers["etag"])
    assert (again.status_code, again.json()["rows"][1]["latest_value"]) == (200, 50.0)


def test_the_lines_of_a_past_are_as_they_were_then(door: Door, database_url: str, worker: object) -> None:
    waits(door, database_url)
    head = int(ask(door, "forum=north").headers["qiledger-position"])
    known = door.get(f"/v1/{door.organisation}/events/{head}").json()["recorded"]
    data = {"measure": "M-1", "period": "2023-01", "value": 50}
    door.tell(event("late", type="measurement.recorded", subject="project/P-002", data=data))
    door.tell(proposed(2, forum="other") | {"id": "moved"})
    fold(database_url, door.organisation)
    then = ask(door, f"forum=north&as_known={known}&wait=30")
    assert then.status_code == 200, then.text
    assert then.headers["cache-control"] == IMMUTABLE
    assert [(line["project"], line["latest_value"]) for line in then.json()["rows"]] == [
        ("P-001", 9.0),
        ("P-002", 29.0),
    ]
    linked = then.json()["rows"][0]["links"]["json"]
    assert "as_known=" in linked
    assert ask(door, "forum=north&as_at=2019&wait=30").json()["rows"] == []


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ("", "forum"),
        ("kind=all", "forum"),
        ("forum=north&project=P-001", "forum"),
        ("project=P-001&state=active", "state"),
        ("project=", "project"),
        ("project=P-1,,P-2", "project"),
        ("project=P-1,%20P-2", "project"),
        ("project=P-1%2FP-2", "project"),
        ("project=';--", "project"),
        ("project=" + ",".join(f"P-{n}" for n in range(PROJECTS_MAX + 1)), "project"),
        ("project=P-1&cursor=abc", "cursor"),
        ("forum=north&cursor=abc", "cursor"),
        ("forum=north&limit=101", "limit"),
        ("forum=north&kind=other", "kind"),
        ("forum=north&reader=nobody", "reader"),
        ("forum=north&as_at=soon", "as_at"),
        ("forum=north&froum=south", "froum"),
        ("forum=" + "n" * 201, "forum"),
    ],
)
def test_what_cannot_be_meant_is_refused(door: Door, database_url: str, asked: str, field: str) -> None:
    door.tell(proposed(1))
    fold(database_url, door.organisation)
    assert problem(ask(door, asked), "wrong-parameter", 400)["field"] == field


def test_lines_that_are_not_built_yet_say_so(door: Door) -> None:
    problem(ask(door, "forum=north"), "not-built", 503)


def test_many_projects_are_found_by_the_key_under_row_level_security(door: Door, database_url: str) -> None:
    waits(door, database_url)
    with psycopg.connect(as_role(database_url, "qiledger_api")) as conn:
        conn.execute("SELECT set_config('qiledger.organisation', %s, true)", (door.organisation,))
        conn.execute("SET LOCAL enable_seqscan = off")
        active = conn.execute(
            "SELECT build FROM projections.active WHERE organisation = %s AND projection = 'measure_series'",
            (door.organisation,),
        ).fetchone()
        assert active is not None
        conn.execute("SELECT set_config('search_path', %s, true)", (schema_of("measure_series", active[0]),))
        asks = {"organisation": door.organisation, "projects": "P-001,P-002", "kind": "all", "reader": "team"}
        (select,) = series.questions["of_projects"].selects
        plan = "\n".join(line for (line,) in conn.execute("EXPLAIN " + select, asks))
    keyed = [line for line in plan.splitlines() if "Index Cond" in line and "key = ANY" in line]
    assert keyed, plan
