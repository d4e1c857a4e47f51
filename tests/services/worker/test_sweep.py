"""The sweep: finds in Postgres what there is to do, rings for it, and does it where nobody answers."""

import socket
import subprocess
import threading

import psycopg
import pytest
import redis

from projections.engine.advance import advance, rebuilds_due
from projections.engine.builds import active_build
from projections.projects import projects
from services.doorbell import FRESH, LONG, queue, wake
from services.settings import Settings
from services.worker import sweep
from services.worker.duty import Connection
from services.worker.feeding import FRESHNESS
from services.worker.jobs import rebuild_outdated
from services.worker.sweep import Sweeper
from services.worker.sweepable import Sweepable
from tests.patience import ENDS_WITHIN_S, wait_until
from tests.services.worker.conftest import Start, Trust

WITHOUT_ANYBODY_WITHIN_S = 20


def make_outdated(admin_url: str) -> None:
    """As after an upgrade: the rows of one projection were made by an older revision."""
    with psycopg.connect(admin_url) as conn:
        conn.execute("UPDATE projections.builds SET revision = 0 WHERE projection = 'projects'")


def test_it_rings_once_for_each_organisation_that_is_behind_and_for_nobody_else(
    conn: Connection, bell: redis.Redis, trust: Trust, other_trust: Trust
) -> None:
    trust.tell("P-1")
    sweeper = Sweeper(conn, bell)
    sweeper.sweep()
    sweeper.sweep()
    assert [job.args for job in queue(bell, FRESH).jobs] == [[trust.code]]
    assert trust.shown() == set(), "it has rung, and leaves the work to who hears it"
    assert other_trust.caught_up()


def test_what_was_rung_for_in_vain_it_does_itself(
    conn: Connection, bell: redis.Redis, trust: Trust, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep, "PATIENCE_S", -1.0)
    trust.tell("P-1")
    sweeper = Sweeper(conn, bell)
    sweeper.sweep()
    sweeper.sweep()
    assert trust.shown() == {"P-1"}


def test_while_a_worker_gets_on_the_sweep_is_patient(
    conn: Connection, bell: redis.Redis, trust: Trust, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep, "PATIENCE_S", -1.0)
    sweeper = Sweeper(conn, bell)
    for number in range(1, 4):
        trust.tell(f"P-{number}")
        sweeper.sweep()
        assert trust.shown() == {f"P-{n}" for n in range(1, number)}
        assert advance(conn, trust.code, deadline=float("inf"))


def test_without_a_redis_it_does_all_of_it(conn: Connection, trust: Trust, other_trust: Trust) -> None:
    trust.tell("P-1", "P-2")
    other_trust.tell("P-3")
    Sweeper(conn, None).sweep()
    assert trust.shown() == {"P-1", "P-2"}
    assert other_trust.shown() == {"P-3"}


def test_after_an_upgrade_it_calls_for_the_rebuild(
    fresh_database_url: str, conn: Connection, bell: redis.Redis, trust: Trust
) -> None:
    trust.tell("P-1")
    Sweeper(conn, None).sweep()
    make_outdated(fresh_database_url)
    trust.tell("P-2")
    for _ in range(2):
        Sweeper(conn, bell).sweep()
    assert [job.args for job in queue(bell, LONG).jobs] == [[trust.code]]
    assert trust.shown() == {"P-1"}, "readers stay with what they were shown"
    assert rebuild_outdated.rebuild_for_a_while(conn, trust.code, deadline=float("inf"))
    assert trust.shown() == {"P-1", "P-2"}
    assert rebuilds_due(conn, trust.code) == []


def test_after_an_upgrade_without_a_redis_it_rebuilds_itself(
    fresh_database_url: str, conn: Connection, trust: Trust
) -> None:
    trust.tell("P-1")
    Sweeper(conn, None).sweep()
    before = active_build(conn, projects, trust.code)
    make_outdated(fresh_database_url)
    Sweeper(conn, None).sweep()
    after = active_build(conn, projects, trust.code)
    assert before is not None
    assert after is not None
    assert after.build > before.build
    assert trust.shown() == {"P-1"}


def test_work_that_fails_or_takes_long_keeps_no_other_kind_waiting(
    worker_url: str, trust: Trust, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken, slow, let_go = threading.Event(), threading.Event(), threading.Event()

    def fails(_conn: Connection) -> dict[str, object]:
        broken.set()
        raise ZeroDivisionError

    def hangs(_conn: Connection, _organisation: str, _deadline: float) -> bool:
        slow.set()
        return let_go.wait(WITHOUT_ANYBODY_WITHIN_S)

    kinds = (
        Sweepable(name="broken", due=fails, wake=wake, do=hangs),
        Sweepable(name="slow", due=lambda _conn: {trust.code: 1}, wake=wake, do=hangs),
        FRESHNESS,
    )
    monkeypatch.setattr(sweep, "DUE", kinds)
    trust.tell("P-1")
    settings, stop = Settings(database_url=worker_url), threading.Event()
    sweeping = threading.Thread(target=sweep.sweep_on, args=(settings,), kwargs={"stopping": stop.is_set})
    sweeping.start()
    try:
        wait_until(lambda: trust.shown() == {"P-1"}, within_s=WITHOUT_ANYBODY_WITHIN_S, what="it is shown")
        assert broken.wait(WITHOUT_ANYBODY_WITHIN_S)
        assert slow.wait(WITHOUT_ANYBODY_WITHIN_S)
    finally:
        stop.set()
        let_go.set()
        sweeping.join(WITHOUT_ANYBODY_WITHIN_S)


def test_as_a_process_with_a_redis_that_was_never_there(start: Start, trust: Trust) -> None:
    start("sweep", doorbell="unix:///nowhere/valkey.sock?db=0")
    trust.tell("P-1")
    wait_until(lambda: trust.shown() == {"P-1"}, within_s=WITHOUT_ANYBODY_WITHIN_S, what="it is shown")


def test_as_a_process_with_a_redis_that_never_answers(start: Start, trust: Trust) -> None:
    with socket.create_server(("127.0.0.1", 0)) as hole:
        process = start("sweep", doorbell=f"redis://127.0.0.1:{hole.getsockname()[1]}/0")
        trust.tell("P-1")
        wait_until(lambda: trust.shown() == {"P-1"}, within_s=WITHOUT_ANYBODY_WITHIN_S, what="it is shown")
        process.terminate()
        assert process.wait(ENDS_WITHIN_S) == 0


def test_as_a_process_it_stands_up_to_a_database_that_throws_it_out(
    start: Start, fresh_database_url: str, trust: Trust
) -> None:
    process: subprocess.Popen[bytes] = start("sweep", doorbell=None)
    sessions = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'qiledger sweep'"
    )
    for number in range(1, 3):
        trust.tell(f"P-{number}")
        wait_until(
            lambda n=number: len(trust.shown()) == n, within_s=WITHOUT_ANYBODY_WITHIN_S, what="it is shown"
        )
        with psycopg.connect(fresh_database_url) as admin:
            assert admin.execute(sessions).fetchall()  # perhaps with one that is going already
    assert process.poll() is None


def test_without_a_redis_an_organisation_whose_work_fails_keeps_no_other_waiting(
    conn: Connection, trust: Trust, other_trust: Trust
) -> None:
    first, second = sorted((trust.code, other_trust.code))
    done: list[str] = []

    def do(_: Connection, organisation: str, __: float) -> bool:
        done.append(organisation)
        if organisation == first:
            raise LookupError("of this organisation alone")
        return True

    kind = Sweepable(name="anything", due=lambda _: {first: 1, second: 1}, wake=lambda *_: None, do=do)
    sweeper = Sweeper(conn, None, [kind])
    sweeper.sweep()
    assert done == [first, second]
    sweeper.sweep()
    assert done == [first, second, second], "what failed is left in peace for a while"


def test_a_database_that_is_away_is_nobodys_in_particular(conn: Connection, trust: Trust) -> None:
    def do(*_: object) -> bool:
        raise psycopg.OperationalError

    kind = Sweepable(name="anything", due=lambda _: {trust.code: 1}, wake=lambda *_: None, do=do)
    with pytest.raises(psycopg.OperationalError):
        Sweeper(conn, None, [kind]).sweep()
