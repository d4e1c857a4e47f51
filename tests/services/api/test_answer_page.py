"""An answer as a page: what the JSON says, to be read and printed; whatever somebody called their project."""

import re
from collections.abc import Iterator
from html import unescape
from xml.etree import ElementTree

import httpx
import psycopg
import pytest

from events.log import keys
from projections.engine.found import found
from services.api.answer_page import Shown, body_of
from tests.services.api.conftest import Door, Server, event, new_organisation
from tests.services.api.test_asking import fold

HOSTILE = "</title><script>alert('x')</script> & \"quoted\" <img src=x onerror=alert(1)>"
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.fixture(scope="module")
def told(server: Server, database_url: str) -> Iterator[Door]:
    """Two projects of a forum, one with a measure and a hostile title, the other for its team alone."""
    of = new_organisation(database_url)
    with psycopg.connect(database_url) as conn:
        key = keys.create(conn, of, "lifeqi", scopes=[keys.WRITE, keys.ASK], sources=["/lifeqi"]).text
    one, other = "project/P-1", "project/P-2"
    events = [
        event("s1", type="project.started", subject=one, data={"title": HOSTILE, "forum": "newham"}),
        event("s2", type="project.started", subject=other, data={"title": "For its team", "forum": "newham"}),
        event("v2", type="visibility.set", subject=other, data={"audience": "team"}),
        event("m", type="measure.defined", subject=one, data={"measure": "M-1", "name": "Days <waited>"}),
        event(
            "r",
            type="measurement.recorded",
            subject=one,
            data={"measure": "M-1", "period": "2024-01", "value": 3},
        ),
    ]
    door = Door(server.url, of, key)
    with door.http:
        answer = door.tell_all(events)
        assert {said["status"] for said in answer.json()} == {201}, answer.text
        fold(database_url, of)
        yield door


def page(door: Door, question: str, accept: str = BROWSER) -> httpx.Response:
    answer = door.get(f"/v1/{door.organisation}/projections/{question}", accept=accept)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    return answer


def well_formed(text: str) -> ElementTree.Element:
    """The page as a tree: every tag is closed, and none came from somebody's words."""
    return ElementTree.fromstring(re.sub(r"<!doctype html>|<meta [^>]*>", "", text))


def test_a_hostile_title_is_words_wherever_it_is_shown(told: Door) -> None:
    for question in ("projects/one?project=P-1", "projects/some", "forum_portfolio/of_forum?forum=newham"):
        text = page(told, question).text
        tree = well_formed(text)
        assert HOSTILE in unescape("".join(tree.itertext()))
        assert {tag.tag for tag in tree.iter()} & {"script", "img"} == set()
    assert tree.findtext("body/main/h1")
    assert well_formed(page(told, "projects/one?project=P-1").text).findtext("body/main/h1") == HOSTILE


def test_nothing_runs_on_the_page_and_its_style_is_allowed_by_its_hash(told: Door) -> None:
    from base64 import b64encode
    from hashlib import sha256

    answer = page(told, "projects/some")
    policy = answer.headers["content-security-policy"]
    (style,) = re.findall(r"<style>(.*?)</style>", answer.text, re.DOTALL)
    assert "default-src 'none'" in policy
    assert f"style-src 'sha256-{b64encode(sha256(style.encode()).digest()).decode()}'" in policy
    assert "script-src" not in policy
    assert "@media print" in style
    assert " style=" not in answer.text


def test_a_table_has_its_caption_and_headings_and_leads_to_the_projects(told: Door) -> None:
    tree = well_formed(page(told, "projects/some?reader=team").text)
    table = tree.find("body/main/table")
    assert table is not None
    assert table.findtext("caption", "").startswith("Projects by state")
    assert {head.get("scope") for head in table.iter("th")} == {"col"}
    assert len(table.findall("tbody/tr")) == 2
    leads = [link.get("href", "") for link in table.iter("a")]
    assert leads[0] == f"/v1/{told.organisation}/projections/projects/one?project=P-1&format=html&reader=team"
    assert told.get(leads[0]).status_code == 200


def test_a_projects_page_leads_to_its_charts_for_the_same_reader(told: Door) -> None:
    tree = well_formed(page(told, "projects/one?project=P-1&reader=forum").text)
    charts = [link.get("href", "") for link in tree.iter("a") if "/charts/" in link.get("href", "")]
    assert charts[1] == f"/v1/{told.organisation}/charts/P-1/M-1?reader=forum&format=svg"
    assert told.get(charts[1]).headers["content-type"] == "image/svg+xml"
    assert "Nothing yet:" in "".join(tree.itertext())


def test_what_a_reader_may_not_see_is_not_on_the_page(told: Door) -> None:
    text = page(told, "projects/some").text
    assert "P-1" in text
    assert "P-2" not in text
    assert "For its team" not in text
    none = page(told, "projects/one?project=P-2").text
    assert "Nothing is known of the project P-2." in none


def test_a_page_leads_on_and_says_which_moment_it_shows(told: Door) -> None:
    text = page(told, "projects/some?reader=team&limit=1").text
    assert f"As of record 5 of {told.organisation}" in text
    (following,) = re.findall(r'href="([^"]*cursor=[^"]*)"', text)
    assert "P-2" in told.get(unescape(following)).text


def test_json_stays_what_is_answered_unless_a_page_is_liked_best(told: Door) -> None:
    for accept in ("*/*", "application/json", "application/json, text/html"):
        answer = told.get(f"/v1/{told.organisation}/projections/projects/some", accept=accept)
        assert answer.headers["content-type"] == "application/json"


def test_nothing_stands_between_the_digits_of_a_version_or_a_year() -> None:
    rows = [{"year": 2019, "version": 1_234, "rate": 2.5}, {"year": 2020, "version": 12, "rate": 0}]
    shown = Shown(
        organisation="RWK",
        address="/",
        asked={},
        says="Years",
        whole=False,
        columns=["year", "version", "rate"],
        rows=rows,
        position=12_345,
        parked=0,
        unheard_of=[],
        next=None,
    )
    body = body_of(shown)
    assert "<tr><td>2019</td><td>1234</td><td>2.5</td></tr>" in body
    assert "As of record 12,345 of RWK" in body


def test_what_may_be_asked_can_be_read_and_what_needs_nothing_is_a_link(told: Door) -> None:
    answer = told.get(f"/v1/{told.organisation}/projections", accept=BROWSER)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    tree = well_formed(answer.text)
    assert len(tree.findall("body/main/h2")) == len(found())
    leads = [link.get("href", "") for link in tree.iter("a")]
    assert f"/v1/{told.organisation}/projections/forum_portfolio/forums?format=html" in leads
    assert "one, given project: One project" in "".join(tree.itertext())
    for address in leads:
        assert told.get(address).status_code in (200, 403), address
    listed = told.get(f"/v1/{told.organisation}/projections").json()["items"]
    needs = {f"{p['projection']}/{q['question']}": q["needs"] for p in listed for q in p["questions"]}
    assert needs["measure_series/series"] == ["project", "measure"]
    assert needs["forum_portfolio/forums"] == []
