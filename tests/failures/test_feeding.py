"""Feeding projections, broken at each step between the commit of an event and the row that shows it.

Nothing is told again here by anybody: what was interrupted is found, and done, by the house itself.
"""

import contextlib
import os
import signal
from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql

from projections.engine.builds import active_build
from projections.projects import projects
from tests.failures.conftest import Meanwhile
from tests.patience import gone, wait_until
from tests.standing_house import Organisation, StandingHouse, children_of, event, let_go

WORKERS = ("fresh-1", "fresh-2")
FINDS_ITSELF_WITHIN_S = 15  # a lease of 5 s, a patience of 4 s, and a busy machine


@pytest.fixture
def trust(home: StandingHouse) -> Organisation:
    """An organisation with one project, shown by every projection."""
    trust = home.open()
    assert trust.tell(event("P-1")).status_code == 201
    wait_until(trust.caught_up, within_s=30, what="the first project is shown")
    return trust


def is_shown(trust: Organisation, *projects_told: str) -> bool:
    """Whether every projection is fed, and these are the projects that there are."""
    return trust.caught_up() and shown(trust) == set(projects_told)


def shown(trust: Organisation) -> set[str]:
    """The projects that a reader sees now."""
    with psycopg.connect(trust.home.ways.worker) as conn:
        build = active_build(conn, projects, trust.code)
        assert build is not None
        conn.execute("SELECT set_config('qiledger.organisation', %s, true)", [trust.code])
        rows = sql.SQL("SELECT key FROM {}.projects ORDER BY key LIMIT 1000").format(
            sql.Identifier(build.schema)
        )
        return {key.removeprefix("project/") for (key,) in conn.execute(rows)}


def position_of_projects(trust: Organisation) -> int:
    with psycopg.connect(trust.home.ways.admin) as conn:
        row = conn.execute(
            "SELECT position FROM projections.checkpoints WHERE organisation = %s AND projection = 'projects'",
            [trust.code],
        ).fetchone()
    assert row is not None
    return int(row[0])


@contextlib.contextmanager
def rows_held_up(trust: Organisation) -> Iterator[None]:
    """Meanwhile a feeder moves its checkpoint, and then waits to write its rows."""
    with psycopg.connect(trust.home.ways.admin) as conn:
        build = active_build(conn, projects, trust.code)
        assert build is not None
        rows = sql.Identifier(build.schema, "projects_rows")
        conn.execute(sql.SQL("LOCK TABLE {} IN SHARE MODE").format(rows))
        yield
        let_go(conn)


def feeder_waiting(trust: Organisation) -> str | None:
    """Who waits to write rows, by the name it gave to the database; None if nobody does."""
    with psycopg.connect(trust.home.ways.admin) as conn:
        row = conn.execute(
            "SELECT application_name FROM pg_stat_activity"
            " WHERE wait_event_type = 'Lock' AND query LIKE '%projects_rows%' AND pid <> pg_backend_pid()"
        ).fetchone()
    return None if row is None else str(row[0])


def horses(home: StandingHouse) -> list[int]:
    return [horse for name in WORKERS for horse in children_of(home.pid(name))]


def workers_with_a_horse(home: StandingHouse) -> list[int]:
    return [home.pid(name) for name in WORKERS if children_of(home.pid(name))]


@pytest.mark.parametrize("victims", [horses, workers_with_a_horse], ids=["work-horse", "worker"])
def test_a_feeder_killed_between_checkpoint_and_rows_leaves_neither(
    home: StandingHouse, trust: Organisation, victims: object
) -> None:
    before = position_of_projects(trust)
    with rows_held_up(trust):
        assert trust.tell(event("P-2")).status_code == 201
        wait_until(lambda: feeder_waiting(trust), within_s=15, what="a feeder is about to write")
        for pid in victims(home):  # type: ignore[operator]
            os.kill(pid, signal.SIGKILL)
        assert position_of_projects(trust) == before
        assert shown(trust) == {"P-1"}
    wait_until(lambda: is_shown(trust, "P-1", "P-2"), within_s=FINDS_ITSELF_WITHIN_S, what="it was fed again")


def test_a_horse_does_not_outlive_the_worker_it_was_forked_by(
    home: StandingHouse, trust: Organisation
) -> None:
    wait_until(lambda: trust.tell(event("P-2")) and horses(home), within_s=10, what="a horse is at work")
    before = horses(home)
    for worker in workers_with_a_horse(home):
        os.kill(worker, signal.SIGKILL)
    wait_until(lambda: all(map(gone, before)), within_s=5, what="the horses are gone")
    wait_until(lambda: is_shown(trust, "P-1", "P-2"), within_s=FINDS_ITSELF_WITHIN_S, what="it was fed again")


def test_a_redis_lost_between_commit_and_wake_up_costs_seconds_and_nothing_else(
    home: StandingHouse, trust: Organisation
) -> None:
    home.valkey.kill()
    try:
        assert trust.tell(event("P-2")).status_code == 201
        wait_until(
            lambda: is_shown(trust, "P-1", "P-2"), within_s=FINDS_ITSELF_WITHIN_S, what="fed without Redis"
        )
    finally:
        home.valkey.restart()
    assert trust.tell(event("P-3")).status_code == 201
    wait_until(lambda: is_shown(trust, "P-1", "P-2", "P-3"), within_s=10, what="the doorbell works again")


def test_a_redis_that_forgets_everything_loses_no_event(
    home: StandingHouse, trust: Organisation, meanwhile: Meanwhile
) -> None:
    with home.bell() as bell:
        for number in range(2, 12):
            assert trust.tell(event(f"P-{number}")).status_code == 201
            bell.flushall()
    told = {f"P-{number}" for number in range(1, 12)}
    wait_until(lambda: is_shown(trust, *told), within_s=FINDS_ITSELF_WITHIN_S, what="all are fed")


def test_a_worker_waits_for_a_redis_that_is_away_and_goes_on_by_itself(
    home: StandingHouse, trust: Organisation
) -> None:
    workers = [home.pid(name) for name in WORKERS]
    said = home.logs / "fresh-1.log"
    before = said.stat().st_size
    home.valkey.kill()
    try:
        wait_until(lambda: said.stat().st_size > before, within_s=10, what="the worker has noticed")
    finally:
        home.valkey.restart()
    with home.bell() as bell:
        bell.flushall()  # not even what the file had kept
    assert trust.tell(event("P-2")).status_code == 201
    wait_until(lambda: is_shown(trust, "P-1", "P-2"), within_s=10, what="the worker answers again")
    assert [home.pid(name) for name in WORKERS] == workers


def test_a_postgres_killed_while_a_feeder_writes_is_fed_again(
    home: StandingHouse, trust: Organisation
) -> None:
    before = position_of_projects(trust)
    with rows_held_up(trust):
        assert trust.tell(event("P-2")).status_code == 201
        wait_until(lambda: feeder_waiting(trust), within_s=15, what="a feeder is about to write")
        assert position_of_projects(trust) == before
        os.kill(home.postgres.pid, signal.SIGKILL)
        wait_until(home.is_ready, within_s=30, what="the database is back")
    wait_until(lambda: is_shown(trust, "P-1", "P-2"), within_s=FINDS_ITSELF_WITHIN_S, what="it was fed again")


def test_with_every_worker_gone_the_sweep_does_the_work(home: StandingHouse, trust: Organisation) -> None:
    workers = [home.pid(name) for name in WORKERS]
    for pid in workers:
        os.kill(pid, signal.SIGSTOP)
    try:
        for horse in horses(home):
            os.kill(horse, signal.SIGKILL)
        assert trust.tell(event("P-2")).status_code == 201
        wait_until(
            lambda: is_shown(trust, "P-1", "P-2"), within_s=FINDS_ITSELF_WITHIN_S, what="the sweep fed it"
        )
        assert horses(home) == []
    finally:
        for pid in workers:
            os.kill(pid, signal.SIGCONT)
