"""`qiledger rebuild` and `qiledger parked`: rows made anew, and streams that stood still going on."""

import contextlib
import copy
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from events.projects import ProjectPaused, ProjectResumed, ProjectStarted
from projections.engine.builds import active_build, unfinished
from projections.engine.compare import rows_kept
from projections.engine.feed import feed
from projections.engine.found import found
from projections.engine.rebuild import rebuild
from projections.projects import projects
from services.operating import WORKER, narrowed
from tests.patience import ENDS_WITHIN_S, wait_until
from tests.projections.engine.telling import Here, as_role, of, open_log
from tests.services.cli.conftest import qiledger


@pytest.fixture
def here(fresh_database_url: str) -> Iterator[Here]:
    code = open_log(fresh_database_url)
    with psycopg.connect(as_role(fresh_database_url, WORKER), autocommit=True) as conn:
        yield Here(fresh_database_url, code, conn)


def started(*names: str) -> list[Any]:
    return [of(ProjectStarted(title=name), f"project/{name}") for name in names]


def states(here: Here) -> dict[str, str]:
    return {key: page.state for key, page in rows_kept(here.conn, projects, here.organisation)}


def build_shown(here: Here) -> int:
    build = active_build(here.conn, projects, here.organisation)
    assert build is not None
    return build.build


@contextlib.contextmanager
def at_work(*words: str, said: Path, **env: str) -> Iterator[subprocess.Popen[bytes]]:
    """A command while it runs; ended at the end if it has not."""
    bare = {name: value for name, value in os.environ.items() if not name.startswith("QILEDGER_")}
    command = [sys.executable, "-m", "services.cli", *words]
    with said.open("wb") as out:
        process = subprocess.Popen(command, env=bare | env, stdout=out, stderr=out)
    try:
        yield process
    finally:
        process.kill()
        process.wait(ENDS_WITHIN_S)


def test_a_projection_is_rebuilt_and_shown_instead_of_the_old(here: Here):
    here.told(*started("P-1", "P-2"))
    before = here.rows(projects)
    said = qiledger("rebuild", "projects", QILEDGER_DATABASE_URL=here.url)
    assert said.returncode == 0, said.stderr
    assert f"{here.organisation} projects: rebuilt to record 2" in said.stdout
    assert build_shown(here) == 2
    assert dict(rows_kept(here.conn, projects, here.organisation)) == before


def test_all_projections_of_one_organisation_are_rebuilt_and_of_no_other(here: Here):
    here.told(*started("P-1"))
    here.rows(projects)
    other = open_log(here.url)
    here_alone = ("--organisation", here.organisation)
    said = qiledger("rebuild", "all", *here_alone, QILEDGER_DATABASE_URL=narrowed(here.url, WORKER))
    assert said.returncode == 0, said.stderr
    assert "strategy_areas: rebuilt" in said.stdout
    assert build_shown(here) == 2
    assert other not in said.stdout
    assert active_build(here.conn, projects, other) is None


def test_one_that_cannot_be_rebuilt_is_named_and_stops_no_other(here: Here):
    here.told(*started("P-1"))
    here.rows(projects)
    begun = unfinished(here.conn, found()["timeline"], here.organisation)
    with psycopg.connect(here.url) as somebody:
        somebody.execute(f"DROP TABLE {begun.schema}.timeline_rows CASCADE")
    said = qiledger("rebuild", "all", QILEDGER_DATABASE_URL=here.url)
    assert said.returncode == 1
    assert f"timeline of {here.organisation} cannot be rebuilt: UndefinedTable" in said.stderr
    assert said.stdout.count("rebuilt to record 1 in") == len(found()) - 1
    assert build_shown(here) == 2


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_rebuild_that_was_interrupted_goes_on_where_it_stopped(
    here: Here, tmp_path: Path, number: signal.Signals
):
    here.told(*started(*(f"P-{n}" for n in range(10))))
    here.rows(projects)
    begun = rebuild(here.conn, projects, here.organisation, batch_max=4, deadline=0.0)
    assert (begun.done, begun.position) == (False, 4)
    lock = "SELECT 1 FROM projections.checkpoints WHERE build = %s FOR UPDATE"
    waiting = "SELECT 1 FROM pg_stat_activity WHERE application_name = %s AND wait_event_type = 'Lock'"
    with (
        psycopg.connect(here.url) as somebody,
        psycopg.connect(here.url, autocommit=True) as looking,
    ):
        somebody.execute(lock, (begun.build.build,))
        words = ("rebuild", "projects")
        with at_work(*words, said=tmp_path / "said", QILEDGER_DATABASE_URL=here.url) as process:
            wait_until(
                lambda: looking.execute(waiting, ("qiledger rebuild",)).fetchone(),
                within_s=60,
                what="the rebuild waits for the lock",
            )
            process.send_signal(number)
            assert process.wait(ENDS_WITHIN_S) == 130, (tmp_path / "said").read_text()
    assert "run the same again to go on" in (tmp_path / "said").read_text()
    assert build_shown(here) == 1
    assert qiledger("rebuild", "projects", QILEDGER_DATABASE_URL=here.url).returncode == 0
    assert build_shown(here) == begun.build.build
    assert len(states(here)) == 10


def test_whoever_else_is_at_it_is_waited_for_and_then_it_is_said(here: Here):
    here.told(*started("P-1"))
    here.rows(projects)
    build = unfinished(here.conn, projects, here.organisation)
    here.conn.execute(
        "UPDATE projections.checkpoints SET lease_until = clock_timestamp() + interval '1 hour' WHERE build = %s",
        (build.build,),
    )
    said = qiledger("rebuild", "projects", QILEDGER_DATABASE_URL=here.url)
    assert said.returncode == 1
    assert "Somebody else is rebuilding projects" in said.stderr


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("rebuild", "forum_portfolios"), "There are: "),
        (("rebuild", "projects", "--organisation", "NONE"), "No log is open for NONE"),
        (("parked", "--organisation", "NONE"), "No log is open for NONE"),
    ],
)
def test_what_is_not_there_is_said_with_what_is(here: Here, words: tuple[str, ...], says: str):
    said = qiledger(*words, QILEDGER_DATABASE_URL=here.url)
    assert said.returncode != 0
    assert says in said.stderr


def test_without_a_house_it_says_how_to_name_one(tmp_path: Path):
    for words in (("rebuild", "all"), ("parked",)):
        said = qiledger(*words, QILEDGER_DATA_DIRECTORY=str(tmp_path))
        assert (said.returncode, "QILEDGER_DATABASE_URL" in said.stderr) == (1, True)


def broken_at_pauses() -> Any:
    """The projection with a mistake in one fold."""
    broken = copy.copy(projects)
    broken.__dict__.pop("ways", None)

    def stumbles(*_: object) -> None:
        raise ZeroDivisionError

    broken.folds = projects.folds | {ProjectPaused: (stumbles, None)}
    return broken


def test_what_is_parked_is_listed_and_goes_on_after_the_mend(here: Here):
    here.told(*started("P-1", "P-2"))
    here.told(of(ProjectPaused(), "project/P-2", minute=1), of(ProjectResumed(), "project/P-2", minute=2))
    here.told(of(ProjectPaused(), "project/P-2", minute=3))
    feed(here.conn, broken_at_pauses(), here.organisation)
    listed = qiledger("parked", "--json", QILEDGER_DATABASE_URL=here.url)
    (stream,) = json.loads(listed.stdout)
    assert (stream["organisation"], stream["projection"]) == (here.organisation, "projects")
    assert (stream["key"], stream["position"], stream["records"]) == ("project/P-2", 3, 3)
    assert "ZeroDivisionError" in stream["error"]
    assert "project/P-2" in qiledger("parked", QILEDGER_DATABASE_URL=here.url).stdout
    assert states(here)["project/P-2"] == "active"

    mended = qiledger("parked", "--retry", QILEDGER_DATABASE_URL=here.url)
    assert (mended.returncode, "Nothing is parked." in mended.stdout) == (0, True), mended.stderr
    assert states(here)["project/P-2"] == "paused"


def test_what_still_cannot_be_digested_stays_parked_and_the_status_says_so(here: Here):
    here.told(*started("P-1"))
    body = {
        "stream": "project/P-1",
        "source": "/later",
        "id": "1",
        "type": "project.dreamt",
        "occurred_at": "2024-05-20T09:30:00Z",
        "precise_to": "instant",
        "actor": "client/later",
        "body": "{}",
    }
    with psycopg.connect(here.url) as conn:
        conn.execute("SELECT log.append(%s, %s::jsonb)", (here.organisation, json.dumps([body])))
    here.rows(projects)
    again = qiledger("parked", "--retry", "--json", QILEDGER_DATABASE_URL=here.url)
    assert again.returncode == 1
    assert [stream["key"] for stream in json.loads(again.stdout)] == ["project/P-1"]
