"""Rebuilding beside what readers are shown: resumed, never a step back, and the old one dropped after a grace."""

from datetime import timedelta
from itertools import count
from typing import Any

import psycopg
import pytest

from events.corrections import EventRetracted
from projections.engine.as_at import as_at
from projections.engine.builds import active_build, drop_retired, ensure, outdated, unfinished
from projections.engine.checkpoint import Fenced
from projections.engine.compare import rows_kept
from projections.engine.feed import NotFilled, Progress, feed
from projections.engine.filling import filled
from projections.engine.memory import fold_in_memory
from projections.engine.rebuild import rebuild, switch
from tests.projections.engine.huddles import HuddleNoted, HuddleOpened, boards, huddles
from tests.projections.engine.telling import NOON, Here, as_role, of, open_log, records_of


def notes(*numbers: int) -> list[Any]:
    return [of(HuddleNoted(words=str(n)), f"huddle/H-{n % 3}", minute=n) for n in numbers]


def test_readers_stay_on_the_old_until_the_new_has_caught_up(here: Here) -> None:
    here.told(*notes(*range(20)))
    old = here.rows(huddles(name="r1"))
    before = active_build(here.conn, huddles(name="r1"), here.organisation)
    seen: list[object] = []

    def look(_: Progress) -> None:
        seen.append(active_build(here.conn, huddles(name="r1"), here.organisation))

    rebuilt = rebuild(here.conn, huddles(name="r1"), here.organisation, batch_max=5, on_progress=look)
    assert (rebuilt.done, rebuilt.position) == (True, 20)
    assert seen == [before] * 4  # three streams, and nothing left to feed
    assert active_build(here.conn, huddles(name="r1"), here.organisation) == rebuilt.build != before
    assert here.rows(huddles(name="r1")) == old


def test_a_higher_revision_is_rebuilt_and_a_lower_is_not_due(here: Here) -> None:
    here.told(*notes(1))
    here.rows(huddles(name="r2", revision=2))
    build = active_build(here.conn, huddles(name="r2"), here.organisation)
    assert build is not None
    assert outdated(huddles(name="r2", revision=3), build)
    assert not outdated(huddles(name="r2", revision=2), build)
    assert not outdated(huddles(name="r2", revision=1), build)
    assert rebuild(here.conn, huddles(name="r2", revision=3), here.organisation).build.revision == 3
    assert feed(here.conn, huddles(name="r2", revision=3), here.organisation).caught_up


def test_an_interrupted_rebuild_goes_on_where_it_stopped(here: Here) -> None:
    here.told(*notes(*range(20)))
    kept = here.rows(huddles(name="r3"))

    def interrupt(progress: Progress) -> None:
        if progress.position == 7:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rebuild(here.conn, huddles(name="r3"), here.organisation, batch_max=5, on_progress=interrupt)
    seen: list[int] = []
    rebuilt = rebuild(
        here.conn,
        huddles(name="r3"),
        here.organisation,
        batch_max=5,
        on_progress=lambda p: seen.append(p.position),
    )
    assert seen == [14, 20, 20]  # 7, 7 and 6 records a stream; then nothing was left to feed
    assert rebuilt.build.build == 2
    assert here.rows(huddles(name="r3")) == kept


def test_a_slice_of_a_rebuild_ends_at_its_deadline(here: Here) -> None:
    here.told(*notes(*range(20)))
    projection = huddles(name="r4")
    here.rows(projection)
    slices = 0
    while not rebuild(here.conn, projection, here.organisation, batch_max=5, deadline=0.0).done:
        slices += 1
        assert slices < 10
    assert slices == 2  # the third stream was the last


def test_what_is_told_meanwhile_is_in_the_rebuilt_rows(here: Here, database_url: str) -> None:
    projection = huddles(name="r5")
    here.told(*notes(*range(6)))
    here.rows(projection)

    def tell_more(progress: Progress) -> None:
        if progress.head < 10:
            here.told(*notes(100 + progress.head))

    assert rebuild(here.conn, projection, here.organisation, batch_max=2, on_progress=tell_more).done
    assert here.rows(projection) == fold_in_memory(projection, records_of(database_url, here.organisation))


def test_a_switch_never_takes_readers_back_in_time(here: Here) -> None:
    projection = huddles(name="r6")
    here.told(*notes(1, 2))
    here.rows(projection)
    build = unfinished(here.conn, projection, here.organisation)
    feed(here.conn, projection, here.organisation, build=build, until=1)
    assert not switch(here.conn, projection, here.organisation, build)
    feed(here.conn, projection, here.organisation, build=build)
    assert switch(here.conn, projection, here.organisation, build)


def test_a_build_that_is_being_filled_is_neither_fed_nor_shown(here: Here) -> None:
    projection = huddles(name="r14")
    here.told(*notes(*range(9)))
    begun = rebuild(here.conn, projection, here.organisation, batch_max=3, deadline=0.0)
    assert (begun.done, begun.position, begun.head) == (False, 3, 9)
    with pytest.raises(NotFilled, match="r14_b1 is still being filled"):
        feed(here.conn, projection, here.organisation, build=begun.build)
    assert ensure(here.conn, projection, here.organisation) != begun.build
    assert len(here.rows(projection)) == 3


def test_what_is_told_while_a_build_is_filled_is_folded_after_it_was_filled(
    here: Here, database_url: str
) -> None:
    """Late, corrected and retracted: all of it belongs to streams that are filled, or not yet filled."""
    projection = huddles(name="r15")
    here.told(*notes(*range(3, 9)))
    here.rows(projection)
    assert not rebuild(here.conn, projection, here.organisation, batch_max=2, deadline=0.0).done
    here.told(*notes(0, 1, 2))
    retracted = records_of(database_url, here.organisation)[1]
    here.told(of(EventRetracted(of=retracted.id), retracted.stream, minute=20))
    assert rebuild(here.conn, projection, here.organisation).done
    kept = dict(rows_kept(here.conn, projection, here.organisation))
    assert kept == fold_in_memory(projection, records_of(database_url, here.organisation))


def test_whoever_lost_the_claim_fills_nothing(here: Here, database_url: str) -> None:
    projection = huddles(name="r16")
    here.told(*notes(*range(6)))
    build = unfinished(here.conn, projection, here.organisation)

    def lose_it(_: Progress) -> None:
        lease_is_over = (
            "UPDATE projections.checkpoints SET lease_until = clock_timestamp() WHERE organisation = %s"
        )
        here.conn.execute(lease_is_over, (here.organisation,))
        with psycopg.connect(as_role(database_url, "qiledger_worker"), autocommit=True) as quick:
            filled(quick, projection, here.organisation, build=build)

    with pytest.raises(Fenced):
        filled(here.conn, projection, here.organisation, build=build, batch_max=2, on_progress=lose_it)
    kept = dict(rows_kept(here.conn, projection, here.organisation, build=build))
    assert kept == fold_in_memory(projection, records_of(database_url, here.organisation))


def test_the_old_build_is_dropped_after_a_grace_and_not_before(here: Here) -> None:
    projection = huddles(name="r7")
    here.told(*notes(1))
    here.rows(projection)
    rebuild(here.conn, projection, here.organisation)
    assert drop_retired(here.conn) == []
    assert [
        build.schema for build in drop_retired(here.conn, retired_for_s=0.0) if build.projection == "r7"
    ] == ["r7_b1"]
    assert here.conn.execute(
        "SELECT to_regnamespace('r7_b1'), to_regnamespace('r7_b2')::text"
    ).fetchone() == (
        None,
        "r7_b2",
    )


def test_a_build_that_another_organisation_is_shown_is_not_retired(here: Here, database_url: str) -> None:
    projection = huddles(name="r8")
    other = Here(database_url, open_log(database_url), here.conn)
    here.told(*notes(1))
    other.told(*notes(1, 2))
    here.rows(projection)
    kept = other.rows(projection)
    rebuild(here.conn, projection, here.organisation)
    assert [build for build in drop_retired(here.conn, retired_for_s=0.0) if build.projection == "r8"] == []
    assert other.rows(projection) == kept
    assert rebuild(here.conn, projection, other.organisation).build.build == 2  # goes on with what is there
    assert [b.build for b in drop_retired(here.conn, retired_for_s=0.0) if b.projection == "r8"] == [1]


def test_a_build_that_is_being_read_is_dropped_another_time(here: Here, database_url: str) -> None:
    projection = huddles(name="r9")
    here.told(*notes(1))
    here.rows(projection)
    rebuild(here.conn, projection, here.organisation)
    with psycopg.connect(as_role(database_url, "qiledger_api")) as reader:
        reader.execute("SELECT count(*) FROM r9_b1.r9")
        assert [b for b in drop_retired(here.conn, retired_for_s=0.0) if b.projection == "r9"] == []
    assert [b.build for b in drop_retired(here.conn, retired_for_s=0.0) if b.projection == "r9"] == [1]


def test_a_rebuild_folds_a_stream_again_once_however_often_it_was_put_right(
    here: Here, database_url: str
) -> None:
    projection = huddles(name="r10")
    calls: list[int] = []
    fold, part = projection.folds[HuddleNoted]
    projection.folds[HuddleNoted] = (lambda *told: calls.append(1) or fold(*told), part)  # type: ignore[func-returns-value]
    here.told(*(of(HuddleNoted(words=str(n)), minute=-n) for n in range(20)))  # each later than the next
    rebuild(here.conn, projection, here.organisation, batch_max=2)
    assert len(calls) == 20
    assert here.rows(projection) == fold_in_memory(projection, records_of(database_url, here.organisation))


def test_a_picture_of_the_past_is_made_once_and_dropped_after_a_while(here: Here) -> None:
    projection = boards()
    here.told(*notes(1))
    first = as_at(here.conn, projection, here.organisation, occurred_until=NOON)
    assert as_at(here.conn, projection, here.organisation, occurred_until=NOON) == first
    earlier = as_at(here.conn, projection, here.organisation, occurred_until=NOON - timedelta(minutes=1))
    assert earlier != first
    # readers of today are shown none of them
    assert active_build(here.conn, projection, here.organisation) is None
    assert {first, earlier} <= set(drop_retired(here.conn, as_at_for_s=0.0))


def test_what_is_told_later_of_an_earlier_day_comes_into_its_picture(here: Here, database_url: str) -> None:
    projection = huddles(name="r12")
    here.told(*notes(1, 2, 3))
    until = NOON + timedelta(minutes=2)
    build = as_at(here.conn, projection, here.organisation, occurred_until=until)
    here.told(of(HuddleOpened(title="Told later of an earlier day"), minute=-5), *notes(1))
    here.told(of(HuddleNoted(words="Too late to count"), minute=3))
    assert as_at(here.conn, projection, here.organisation, occurred_until=until) == build
    records = records_of(database_url, here.organisation)
    assert dict(rows_kept(here.conn, projection, here.organisation, build=build)) == fold_in_memory(
        projection, [record for record in records if record.occurred_at <= until]
    )


def test_an_organisation_has_so_many_pictures_and_no_more(
    here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("projections.engine.as_at.AS_AT_MAX", 3)
    projection = huddles(name="r13")
    here.told(*notes(1))
    made = [
        as_at(here.conn, projection, here.organisation, occurred_until=NOON + timedelta(minutes=n))
        for n in range(5)
    ]
    left = here.conn.execute(
        "SELECT build FROM projections.builds WHERE organisation = %s ORDER BY build", (here.organisation,)
    ).fetchall()
    assert [build for (build,) in left] == [build.build for build in made[-3:]]


def test_a_picture_of_the_past_that_was_broken_off_is_not_used(here: Here) -> None:
    """It was broken off while its second stream was filled."""
    here.told(*notes(1, 2))
    projection, calls = huddles(name="r11"), count(1)
    fold, part = projection.folds[HuddleNoted]

    def broken(row: Any, event: HuddleNoted, record: Any) -> Any:
        if next(calls) == 2:
            raise KeyboardInterrupt
        return fold(row, event, record)

    projection.folds[HuddleNoted] = (broken, part)
    with pytest.raises(KeyboardInterrupt):
        as_at(here.conn, projection, here.organisation)
    build = as_at(here.conn, huddles(name="r11"), here.organisation)
    assert len(dict(rows_kept(here.conn, projection, here.organisation, build=build))) == 2
