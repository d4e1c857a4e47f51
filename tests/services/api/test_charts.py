"""Charts over HTTP: a measure as picture, numbers, table and data; never a signal without its rule set's id."""

import csv
import io
import xml.etree.ElementTree as ET
from typing import Any, get_args

import msgspec
import pytest

from projections.charts.chart_type import ChartType
from projections.charts.rules import rule_sets
from services.api.drawn import ChartPage
from services.api.routes.charts import FORMS, Drawing
from tests.services.api.conftest import Door, event, problem
from tests.services.api.test_asking import fold
from tests.services.api.test_asking_of_the_past import IMMUTABLE, worker

__all__ = ["worker"]
SVG = "{http://www.w3.org/2000/svg}"


def about(number: int, type_: str, *, time: str = "2024-01-01T09:00:00Z", **data: Any) -> dict[str, Any]:
    """Something is told of the measure."""
    return event(f"m{number}", type=type_, subject="project/P-1", time=time, data={"measure": "M-1", **data})


def waits(door: Door, database_url: str) -> None:
    """Thirty months of waits that fell when a cycle was tested, re-based by the team."""
    told = [
        about(
            0, "measure.defined", name="Days waited", chart="i", unit="days", direction="decrease", target=14
        )
    ]
    for n in range(30):
        value = (31, 28, 35, 30, 33, 29)[n % 6] - (12 if n >= 15 else 0)
        period = f"{2022 + n // 12}-{n % 12 + 1:02}"
        told.append(about(n + 1, "measurement.recorded", period=period, value=value))
    told += [
        about(40, "chart.annotated", on="2022-08", text="A new clinic <opened> & grew"),
        about(41, "limits.recalculated", since="2023-04", reason="Triage by telephone"),
        about(
            42,
            "signal.acknowledged",
            rule_set="making-data-count-1",
            rule="shift",
            since="2022-10",
            cause="New clinic",
        ),
        event(
            "c1",
            type="cycle.tested",
            subject="project/P-1",
            time="2023-03-20T09:00:00Z",
            data={"cycle": "C-7", "decision": "adopt"},
        ),
    ]
    answer = door.tell_all(told)
    assert answer.status_code == 200, answer.text
    assert {outcome["status"] for outcome in answer.json()} == {201}, answer.text
    fold(database_url, door.organisation)


def chart(door: Door, query: str = "", **headers: str) -> Any:
    return door.get(f"/v1/{door.organisation}/charts/P-1/M-1{query}", **headers)


def test_a_measure_is_drawn_as_it_is_defined_with_what_people_decided(door: Door, database_url: str) -> None:
    waits(door, database_url)
    answer = chart(door)
    assert answer.status_code == 200, answer.text
    page = msgspec.json.decode(answer.content, type=ChartPage)
    drawn = page.chart
    assert (drawn.chart, drawn.rule_set, drawn.target, drawn.improvement_direction) == (
        "xmr",
        "making-data-count-1",
        14,
        "decrease",
    )
    assert [(phase.first, phase.last, phase.reason) for phase in drawn.phases] == [
        (1, 15, ""),
        (16, 30, "Triage by telephone"),
    ]
    assert drawn.assurance is not None
    assert drawn.variation is not None
    assert drawn.variation.words.startswith("Common cause variation")
    assert [(note.label, note.text) for note in page.annotations] == [
        ("2022-08", "A new clinic <opened> & grew")
    ]
    assert [(cycle.label, cycle.text, cycle.decision) for cycle in page.cycles] == [
        ("2023-04", "C-7", "adopt")
    ]
    assert [(seen.rule, seen.cause) for seen in page.acknowledged] == [("shift", "New clinic")]
    assert (page.instead_of, page.definition.unit, len(drawn.points)) == (None, "days", 30)
    assert page.position == int(answer.headers["qiledger-position"])


@pytest.mark.parametrize("rules", rule_sets())
def test_no_signal_is_without_the_rule_set_that_found_it(door: Door, database_url: str, rules: str) -> None:
    waits(door, database_url)
    page = chart(door, f"?rules={rules}&chart=xmr").json()
    assert page["chart"]["rule_set"] == rules
    assert {signal["rule_set"] for signal in page["chart"]["signals"]} <= {rules}


def test_the_picture_is_accessible_and_leads_to_table_and_numbers(door: Door, database_url: str) -> None:
    waits(door, database_url)
    by_accept, by_format = chart(door, accept="image/svg+xml"), chart(door, "?format=svg")
    assert by_accept.content == by_format.content
    assert by_accept.headers["content-type"] == "image/svg+xml"
    assert by_accept.headers["content-security-policy"] == "default-src 'none'"
    picture = ET.fromstring(by_accept.text)
    title, description = picture.find(f"{SVG}title"), picture.find(f"{SVG}desc")
    assert title is not None
    assert title.text == chart(door).json()["chart"]["message"]
    assert description is not None
    words = " ".join(text.strip() for text in picture.itertext())
    for said in (
        "C-7",
        "A new clinic <opened> & grew",
        "Triage by telephone",
        "making-data-count-1",
        "Target",
    ):
        assert said in words
    assert 'rel="alternate"; type="text/csv"' in by_accept.headers["link"]
    for form, address in chart(door).json()["links"].items():
        linked = door.get(address)
        assert linked.status_code == 200
        assert linked.headers["content-type"].startswith(FORMS[form])


def test_the_numbers_come_as_csv_and_as_a_table(door: Door, database_url: str) -> None:
    waits(door, database_url)
    rows = list(csv.DictReader(io.StringIO(chart(door, "?format=csv").text)))
    assert len(rows) == 30
    assert (rows[0]["point"], rows[0]["value"], rows[0]["rule_set"]) == (
        "2022-01",
        "31.0",
        "making-data-count-1",
    )
    page = chart(door, accept="text/html")
    assert page.headers["content-type"].startswith("text/html")
    assert "<caption>Days waited" in page.text
    assert '<th scope="row">2022-01</th>' in page.text


def test_until_the_log_goes_on_the_chart_is_not_drawn_again(door: Door, database_url: str) -> None:
    waits(door, database_url)
    tags = {chart(door, f"?format={form}").headers["etag"] for form in FORMS}
    assert len(tags) == len(FORMS)
    first = chart(door)
    assert chart(door, if_none_match=first.headers["etag"]).status_code == 304
    door.tell(about(99, "measurement.recorded", period="2024-07", value=50))
    fold(database_url, door.organisation)
    again = chart(door, if_none_match=first.headers["etag"])
    assert (again.status_code, len(again.json()["chart"]["points"])) == (200, 31)


def test_the_chart_of_a_past_is_as_it_was_drawn_then(door: Door, database_url: str, worker: object) -> None:
    waits(door, database_url)
    known = door.get(f"/v1/{door.organisation}/events/10").json()["recorded"]
    door.tell(about(99, "measurement.recorded", time="2024-03-01T09:00:00Z", period="2024-07", value=50))
    then = chart(door, "?as_at=2024-01&wait=30")
    assert then.status_code == 200, then.text
    assert len(then.json()["chart"]["points"]) == 30
    answer = chart(door, f"?as_known={known}&wait=30")
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == IMMUTABLE
    assert answer.json()["links"]["svg"].count("as_known=") == 1


def test_a_chart_that_the_data_do_not_allow_is_refused_or_said_to_be_another(
    door: Door, database_url: str
) -> None:
    waits(door, database_url)
    refused = problem(chart(door, "?chart=p"), "cannot-draw", 422)
    assert "denominator" in refused["detail"]
    assert problem(chart(door, "?chart=pie"), "wrong-parameter", 400)["field"] == "chart"
    assert problem(chart(door, "?rules=mine"), "wrong-parameter", 400)["field"] == "rules"
    problem(chart(door, "?chart=run&rules=making-data-count-1"), "cannot-draw", 422)
    door.tell(about(50, "measure.revised", name="Share seen", chart="p", unit="%"))
    fold(database_url, door.organisation)
    page = chart(door).json()
    assert (page["chart"]["chart"], page["instead_of"]) == ("run", "p")
    assert page["because"]


@pytest.mark.parametrize("path", ["P-1/M-9", "P-9/M-1", "P-1/%00", "P-1/'", "P-1/" + "M" * 300])
def test_a_measure_that_nobody_told_of_is_not_found(door: Door, database_url: str, path: str) -> None:
    waits(door, database_url)
    problem(door.get(f"/v1/{door.organisation}/charts/{path}"), "no-measure", 404)


def test_what_a_team_keeps_to_itself_is_drawn_for_the_team_alone(door: Door, database_url: str) -> None:
    waits(door, database_url)
    hidden = event("v1", type="visibility.set", subject="project/P-1", data={"audience": "team"})
    assert door.tell(hidden).status_code == 201
    fold(database_url, door.organisation)
    problem(chart(door), "no-measure", 404)
    assert chart(door, "?reader=team").status_code == 200


def test_a_chart_that_is_not_built_yet_says_so(door: Door) -> None:
    problem(chart(door), "not-built", 503)


def test_every_chart_and_rule_set_that_there_is_can_be_asked_for() -> None:
    schema = msgspec.json.schema(Drawing)["$defs"]["Drawing"]["properties"]
    assert schema["chart"]["enum"] == [kind.value for kind in ChartType] + [""]
    assert schema["rules"]["enum"] == [*rule_sets(), ""]
    assert set(FORMS) | {""} == set(get_args(get_args(Drawing.__annotations__["format"])[0]))
