"""Asking of the past: answers are those of just the records of that time, made by a worker, and told kindly if not."""

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest
import redis

from projections.engine.builds import Build, drop
from projections.engine.found import found
from services.api.problems import Problem
from services.api.when import When, moment, today
from services.pasts import WAITING_MAX
from tests.patience import ENDS_WITHIN_S
from tests.plain_http import PLAIN
from tests.roles import as_role
from tests.services.api.conftest import Door, MakeKey, Server, event, problem
from tests.services.api.test_asking import fold, proposed

IMMUTABLE = "private, max-age=31536000, immutable"
PROJECTS = "projections/projects/some"


@pytest.fixture(scope="module")
def worker(database_url: str, redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A worker that makes pictures of the past, and what it says."""
    said = tmp_path_factory.mktemp("worker") / "said.log"
    env = {name: value for name, value in os.environ.items() if not name.startswith("QILEDGER_")}
    env |= {
        "QILEDGER_DATABASE_URL": as_role(database_url, "qiledger_worker"),
        "QILEDGER_REDIS_URL": redis_url,
    }
    command = [sys.executable, "-m", "services.worker", "queue", "past"]
    with said.open("wb") as log:
        process = subprocess.Popen(command, env=env, stdout=log, stderr=log)
    yield said
    process.terminate()
    process.wait(ENDS_WITHIN_S)


def titles(door: Door, query: str) -> list[str]:
    answer = door.get(f"/v1/{door.organisation}/{PROJECTS}?wait=30&{query}")
    assert answer.status_code == 200, answer.text
    return sorted(row["title"] for row in answer.json()["rows"])


def pictures(database_url: str, organisation: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(database_url) as conn:
        return conn.execute(
            "SELECT projection, build FROM projections.builds WHERE organisation = %s", (organisation,)
        ).fetchall()


def test_what_had_happened_by_a_day_is_shown_as_at_that_day(
    door: Door, worker: Path, database_url: str
) -> None:
    door.tell(proposed(1, title="In time") | {"time": "2022-05-20T23:59:59.999999Z"})
    door.tell(proposed(2, title="A second late") | {"time": "2022-05-21T00:00:00Z"})
    door.tell(
        proposed(3, title="Some day that month") | {"time": "2022-05-01T00:00:00Z", "precision": "month"}
    )
    fold(database_url, door.organisation)
    assert titles(door, "as_at=2022-05-20") == ["In time", "Some day that month"]
    assert titles(door, "as_at=2022-05") == ["A second late", "In time", "Some day that month"]
    assert titles(door, "as_at=2022-04") == []
    assert titles(door, "as_at=2022-05-21T00:00:00%2B01:00") == ["Some day that month"]
    assert len(titles(door, "")) == 3


def test_what_is_told_later_of_that_day_is_in_its_picture_when_asked_again(
    door: Door, worker: Path, database_url: str
) -> None:
    first = door.tell(proposed(1, title="Told at once")).json()["position"]
    fold(database_url, door.organisation)
    assert titles(door, "as_at=2024-06") == ["Told at once"]
    late = door.tell(proposed(2, title="Told late")).json()["position"]
    door.tell(proposed(3, title="Of another time") | {"time": "2024-09-01T09:00:00Z"})
    answer = door.get(f"/v1/{door.organisation}/{PROJECTS}?as_at=2024-06&wait=30")
    assert sorted(row["title"] for row in answer.json()["rows"]) == ["Told at once", "Told late"]
    assert first < late < answer.json()["position"] == 3
    assert answer.headers["cache-control"] == "private, no-cache"
    assert len(pictures(database_url, door.organisation)) == 1, "one picture, brought up to date"


def test_what_was_known_by_then_never_changes(door: Door, worker: Path, database_url: str) -> None:
    known = door.tell(proposed(1, title="Known then")).json()["recorded"]
    door.tell(proposed(2, title="Told since"))
    fold(database_url, door.organisation)
    path = f"/v1/{door.organisation}/{PROJECTS}?wait=30&as_known={known.replace('+', '%2B')}"
    answer = door.get(path)
    assert answer.status_code == 200, answer.text
    assert ([row["title"] for row in answer.json()["rows"]], answer.json()["position"]) == (["Known then"], 1)
    assert answer.headers["cache-control"] == IMMUTABLE
    door.tell(proposed(3, title="And since then"))
    again = door.get(path)
    assert (again.content, again.headers["etag"]) == (answer.content, answer.headers["etag"])
    unchanged = door.get(path, if_none_match=answer.headers["etag"])
    assert (unchanged.status_code, unchanged.headers["cache-control"]) == (304, IMMUTABLE)
    assert titles(door, f"as_known={known}&as_at=2023") == []
    refused = problem(door.get(f"{path}&at_least=2"), "wrong-parameter", 400)
    assert refused["field"] == "at_least"


def test_what_is_not_known_by_now_either_was_not_in_the_past(
    door: Door, worker: Path, database_url: str
) -> None:
    known = door.tell(proposed(1)).json()["recorded"].replace("+", "%2B")
    door.tell(event("v", type="project.started", subject="project/P-77", data={"title": "Begun since"}))
    fold(database_url, door.organisation)
    ask = f"/v1/{door.organisation}/projections/projects/one?wait=30&as_known={known}&project="
    unheard, since = door.get(f"{ask}p-77"), door.get(f"{ask}P-77")
    assert unheard.json()["unheard_of"] == [{"parameter": "project", "given": "p-77", "near": ["P-77"]}]
    assert unheard.headers["cache-control"] == "private, no-cache"
    assert (since.json()["rows"], "unheard_of" in since.json()) == ([], False)
    assert since.headers["cache-control"] == IMMUTABLE


def test_what_is_known_by_a_moment_to_come_is_what_is_known_now(door: Door, database_url: str) -> None:
    door.tell(proposed(1, title="Known now"))
    fold(database_url, door.organisation)
    answer = door.get(f"/v1/{door.organisation}/{PROJECTS}?as_known=2199")
    assert [row["title"] for row in answer.json()["rows"]] == ["Known now"]
    assert answer.headers["cache-control"] == "private, no-cache"


def test_a_past_that_nobody_makes_is_explained_and_not_called_for_twice(
    door: Door, database_url: str, redis_url: str
) -> None:
    """As though somebody had just called a worker that does not come."""
    door.tell(proposed(1))
    with redis.Redis.from_url(redis_url) as bell:
        waiting = f"qiledger:pasts:{door.organisation}"
        bell.zadd(waiting, {f"projects {moment('2022', field='as_at').isoformat()} -": 4e9})  # called for
        answer = door.get(f"/v1/{door.organisation}/{PROJECTS}?as_at=2022&wait=0.1")
        problem(answer, "past-not-ready", 503)
        assert answer.headers["retry-after"] == "2"
        assert bell.zcard(waiting) == 1
        bell.zadd(waiting, {f"another {n}": 4e9 for n in range(WAITING_MAX)})
        problem(door.get(f"/v1/{door.organisation}/{PROJECTS}?as_at=2023"), "pasts-crowded", 503)


def test_without_a_doorbell_the_present_is_answered_and_the_past_is_explained(
    database_url: str, organisation: str, make_key: MakeKey, tmp_path: Path
) -> None:
    server = Server(database_url, None, tmp_path)
    alone = Door(server.url, organisation, make_key())
    with alone.http:
        alone.tell(proposed(1))
        fold(database_url, organisation)
        problem(alone.get(f"/v1/{organisation}/{PROJECTS}?as_at=2022"), "past-away", 503)
        assert alone.get(f"/v1/{organisation}/{PROJECTS}").status_code == 200
    server.stop()


@pytest.mark.parametrize(
    "wrong", ["", "yesterday", "2022-13", "2022-02-30", "20220520", "2022-05-20T10:00", "1066", "9999-12-31"]
)
def test_a_moment_that_is_none_is_refused(door: Door, wrong: str) -> None:
    for name in ("as_at", "as_known"):
        refused = problem(
            door.get(f"/v1/{door.organisation}/{PROJECTS}?{name}={wrong}"), "wrong-parameter", 400
        )
        assert refused["field"] == name


def test_today_is_the_day_in_london_or_the_day_asked_of() -> None:
    just_after_midnight_in_london = datetime(2024, 6, 30, 23, 30, tzinfo=UTC)
    assert today(When(), just_after_midnight_in_london) == date(2024, 7, 1)
    now = datetime(2024, 6, 30, 12, tzinfo=UTC)
    assert today(When(as_at="2022-02"), now) == date(2022, 2, 28)
    assert today(When(as_known="2022"), now) == date(2022, 12, 31)
    assert today(When(as_at="2022-05-20", as_known="2023"), now) == date(2022, 5, 20)
    assert today(When(as_at="2022-06-30T23:30:00Z"), now) == date(2022, 7, 1)
    with pytest.raises(Problem):
        today(When(as_at="2022-02-31"), now)


def test_a_question_that_has_to_know_the_day_is_told_it(door: Door, worker: Path, database_url: str) -> None:
    door.tell_all([proposed(n) for n in range(3)])
    fold(database_url, door.organisation)
    path = f"/v1/{door.organisation}/projections/at_risk/needing_attention"
    now = door.get(f"{path}?limit=1")
    assert now.status_code == 200, now.text
    then = door.get(f"{path}?as_at=2024-06&wait=30")
    assert then.status_code == 200, then.text
    given = door.get(f"{path}?as_at=2024-06&on=2024-06-30&wait=30")
    assert then.json()["rows"] == given.json()["rows"]
    for link in (page.links["next"]["url"] for page in (now, then) if "next" in page.links):
        assert "on=" in link, "the pages of one answer are all of one day"


@pytest.mark.parametrize("name", found())
def test_no_question_takes_a_parameter_that_every_question_takes(name: str) -> None:
    from services.api.routes.asking import Reading

    for question in found()[name].questions.values():
        taken = set(question.asks.__struct_encode_fields__) & set(Reading.__struct_encode_fields__)
        assert not taken, question.name


def test_a_picture_dropped_while_it_is_looked_at_is_made_again(
    door: Door, worker: Path, database_url: str
) -> None:
    door.tell(proposed(1, title="Once more"))
    assert titles(door, "as_at=2024-07") == ["Once more"]
    ((projection, build),) = pictures(database_url, door.organisation)
    with psycopg.connect(database_url) as conn:
        conn.execute(f"DROP SCHEMA {projection}_b{build} CASCADE")  # type: ignore[arg-type]
    answer = door.get(f"/v1/{door.organisation}/{PROJECTS}?as_at=2024-07&wait=0")
    problem(answer, "past-not-ready", 503)
    with psycopg.connect(as_role(database_url, "qiledger_worker"), autocommit=True) as conn:
        assert drop(conn, Build(projection, build, 1, "as_at"))
    assert titles(door, "as_at=2024-07") == ["Once more"]


def test_a_text_without_a_bound_of_its_own_has_ours(door: Door, database_url: str) -> None:
    fold(database_url, door.organisation)
    path = f"/v1/{door.organisation}/projections/story_wall/shown?words="
    assert door.get(path + "x" * 1_000).status_code == 200
    refused = problem(door.get(path + "x" * 1_001), "wrong-parameter", 400)
    assert (refused["field"], "1000" in refused["detail"]) == ("words", True)


def test_every_parameter_of_every_question_says_what_it_is(server: Server) -> None:
    import httpx

    described = msgspec.json.decode(httpx.get(f"{server.url}/openapi.json", timeout=20, verify=PLAIN).content)
    for path, methods in described["paths"].items():
        for said in methods.values():
            silent = [
                p["name"] for p in said["parameters"] if p["in"] == "query" and not p.get("description")
            ]
            assert silent == [], path
