"""One writer for each build and organisation: whatever anybody believes, and whatever dies in the middle."""

import threading
from typing import Any

import psycopg
import pytest

from projections.engine.builds import Build, ensure
from projections.engine.checkpoint import Fenced, Held, claimed, move, take
from projections.engine.compare import rows_kept
from projections.engine.feed import Feeder, feed
from projections.engine.memory import fold_in_memory
from projections.engine.projection import Projection
from projections.engine.reading import Reader
from tests.patience import wait_until
from tests.projections.engine.huddles import HuddleNoted, huddles
from tests.projections.engine.telling import Here, as_role, of, records_of

LEASE_IS_OVER = "UPDATE projections.checkpoints SET lease_until = clock_timestamp() WHERE organisation = %s"
PLACE = "SELECT position, holder, lease_until FROM projections.checkpoints WHERE organisation = %s"


def notes(*numbers: int) -> list[Any]:
    return [of(HuddleNoted(words=str(n)), f"huddle/H-{n % 3}", minute=n) for n in numbers]


def test_while_somebody_feeds_nobody_else_does(here: Here, database_url: str) -> None:
    projection = huddles()
    build = ensure(here.conn, projection, here.organisation)
    with (
        psycopg.connect(as_role(database_url, "qiledger_worker"), autocommit=True) as other,
        claimed(other, here.organisation, build),
        pytest.raises(Held),
    ):
        feed(here.conn, projection, here.organisation)
    feed(here.conn, projection, here.organisation)  # the claim was given back


def test_a_claim_is_given_back_when_all_is_read_and_when_a_fold_breaks_off(here: Here) -> None:
    projection = huddles()
    here.told(*notes(1))
    feed(here.conn, projection, here.organisation)

    def interrupt(_: object) -> None:
        raise KeyboardInterrupt

    here.told(*notes(2))
    with pytest.raises(KeyboardInterrupt):
        feed(here.conn, projection, here.organisation, on_progress=interrupt)
    assert here.conn.execute(PLACE, (here.organisation,)).fetchall() == [(2, None, None)]


def test_a_claim_that_was_not_given_back_runs_out(here: Here) -> None:
    projection = huddles()
    build = ensure(here.conn, projection, here.organisation)
    take(here.conn, here.organisation, build)
    with pytest.raises(Held):
        take(here.conn, here.organisation, build)
    here.conn.execute(LEASE_IS_OVER, (here.organisation,))
    take(here.conn, here.organisation, build)


def test_whoever_was_overtaken_writes_nothing(here: Here, database_url: str) -> None:
    """The slow one read the same records, and comes to write them after the quick one did."""
    projection = huddles()
    here.told(*notes(1, 2, 3))
    build = ensure(here.conn, projection, here.organisation)
    with psycopg.connect(as_role(database_url, "qiledger_worker"), autocommit=True) as slow:
        claim = take(slow, here.organisation, build)
        here.conn.execute(LEASE_IS_OVER, (here.organisation,))
        feed(here.conn, projection, here.organisation)
        here.told(*notes(4))
        with pytest.raises(Fenced):
            Feeder(projection, build, claim, Reader(projection, organisation=here.organisation)).batch(
                slow, 100, None
            )
        assert here.conn.execute(PLACE, (here.organisation,)).fetchall() == [(3, None, None)]
    assert here.rows(projection) == fold_in_memory(projection, records_of(database_url, here.organisation))


def test_whoever_lost_the_claim_writes_nothing_even_if_nothing_moved(here: Here, database_url: str) -> None:
    projection = huddles()
    here.told(*notes(1, 2, 3))
    build = ensure(here.conn, projection, here.organisation)
    with psycopg.connect(as_role(database_url, "qiledger_worker"), autocommit=True) as slow:
        claim = take(slow, here.organisation, build)
        here.conn.execute(LEASE_IS_OVER, (here.organisation,))
        take(here.conn, here.organisation, build)
        with pytest.raises(Fenced):
            Feeder(projection, build, claim, Reader(projection, organisation=here.organisation)).batch(
                slow, 100, None
            )
    assert dict(rows_kept(here.conn, projection, here.organisation)) == {}


def test_a_move_from_another_position_is_refused_even_in_the_same_epoch(here: Here) -> None:
    build = ensure(here.conn, huddles(), here.organisation)
    claim = take(here.conn, here.organisation, build)
    move(here.conn, claim, 5)
    with pytest.raises(Fenced):
        move(here.conn, claim, 7)


def test_many_who_feed_at_once_fold_each_record_once(here: Here, database_url: str) -> None:
    projection = huddles()
    ensure(here.conn, projection, here.organisation)
    heard: list[type[BaseException]] = []

    def feed_on() -> None:
        with psycopg.connect(as_role(database_url, "qiledger_worker"), autocommit=True) as conn:
            for _ in range(40):
                conn.execute(LEASE_IS_OVER, (here.organisation,))  # nobody respects a lease
                try:
                    feed(conn, projection, here.organisation, batch_max=2)
                except (Held, Fenced) as news:
                    heard.append(type(news))

    threads = [threading.Thread(target=feed_on) for _ in range(4)]
    for thread in threads:
        thread.start()
    for n in range(60):
        here.told(*notes(n))
    for thread in threads:
        thread.join()
    here.conn.execute(LEASE_IS_OVER, (here.organisation,))
    assert Fenced in heard
    assert here.rows(projection) == fold_in_memory(projection, records_of(database_url, here.organisation))


@pytest.mark.parametrize("blow", range(1, 9))
def test_a_feed_that_is_cut_off_leaves_whole_batches(here: Here, database_url: str, blow: int) -> None:
    """The database ends the session at its n-th batch, before the commit; the next to come goes on."""
    projection = cut_off_at(blow, database_url)
    here.told(*notes(*range(30)))
    ensure(here.conn, projection, here.organisation)
    name = f"to be cut off {here.organisation}"
    projection.victim = name  # type: ignore[attr-defined]
    cut = psycopg.connect(as_role(database_url, "qiledger_worker", application_name=name), autocommit=True)
    with pytest.raises(psycopg.OperationalError):
        feed(cut, projection, here.organisation, batch_max=3)
    cut.close()
    ((position, _, _),) = here.conn.execute(PLACE, (here.organisation,)).fetchall()
    assert position == 3 * (blow - 1)
    told = records_of(database_url, here.organisation)
    kept = dict(rows_kept(here.conn, projection, here.organisation))
    assert kept == fold_in_memory(huddles(mended=True), told[:position])
    here.conn.execute(LEASE_IS_OVER, (here.organisation,))
    assert here.rows(huddles(mended=True)) == fold_in_memory(huddles(mended=True), told)


def cut_off_at(blow: int, url: str) -> Projection[Any]:
    """Huddles; in the middle of the n-th batch of three, the session of its `victim` is ended."""
    projection = huddles(mended=True)
    fold, part = projection.folds[HuddleNoted]

    def noted(row: Any, event: HuddleNoted, record: Any) -> Any:
        if record.position == 3 * blow - 1:
            end_session(url, projection.victim)  # type: ignore[attr-defined]
        return fold(row, event, record)

    projection.folds[HuddleNoted] = (noted, part)
    return projection


def end_session(url: str, name: str) -> None:
    """Ends a session, and waits until it is gone."""
    with psycopg.connect(url, autocommit=True) as admin:
        named = "FROM pg_stat_activity WHERE application_name = %s"
        admin.execute(f"SELECT pg_terminate_backend(pid) {named}", (name,))

        def is_gone() -> bool:
            return not admin.execute(f"SELECT pid {named}", (name,)).fetchall()

        wait_until(is_gone, within_s=10, what="the session to end")


def test_only_one_build_is_made_by_many_who_come_first(here: Here, database_url: str) -> None:
    projection = huddles(name="first_come")
    builds: list[Build] = []
    gate = threading.Barrier(4)

    def come() -> None:
        with psycopg.connect(as_role(database_url, "qiledger_worker"), autocommit=True) as conn:
            gate.wait(10)
            builds.append(ensure(conn, projection, here.organisation))

    threads = [threading.Thread(target=come) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [build.build for build in builds] == [1, 1, 1, 1]


def test_the_claim_names_its_holder(here: Here, database_url: str) -> None:
    build = ensure(here.conn, huddles(), here.organisation)
    with (
        psycopg.connect(
            as_role(database_url, "qiledger_worker", application_name="qiledger worker 3"), autocommit=True
        ) as conn,
        claimed(conn, here.organisation, build),
    ):
        ((_, holder, _),) = here.conn.execute(PLACE, (here.organisation,)).fetchall()
    assert holder.startswith("qiledger worker 3 ")
