"""Rebuilding all projections in one pass, killed in the middle of it: whoever comes next goes on, to the same rows.

So it is when other processes fold, whichever of them are killed.
"""

import itertools
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from structlog.testing import capture_logs

from events.vocabulary import canonical_body
from projections.engine import beside, filling, folding
from projections.engine.advance import advance
from projections.engine.builds import active_build
from projections.engine.compare import rows_kept
from projections.engine.found import found
from projections.engine.rebuild import Rebuilt, rebuild_together
from services.importing.synthetic_history import histories
from tests.failures.dying_rebuilder import BATCH
from tests.patience import gone, wait_until
from tests.projections.engine.telling import Here, Telling, as_role, open_log

EVENTS = 300
LEASE_IS_OVER = "UPDATE projections.checkpoints SET lease_until = clock_timestamp() WHERE organisation = %s"
PARKED = "SELECT projection, key, position, error, records FROM projections.parked WHERE organisation = %s"
PLACES = """
    SELECT DISTINCT filled_up_to
      FROM projections.checkpoints
     WHERE organisation = %s AND filling_to IS NOT NULL
"""


@pytest.fixture
def here(fresh_database_url: str) -> Iterator[Here]:
    """A trust with something of everything, shown by every projection."""
    with psycopg.connect(as_role(fresh_database_url, "qiledger_worker"), autocommit=True) as conn:
        here = Here(fresh_database_url, open_log(fresh_database_url), conn)
        here.told(
            *(
                Telling(
                    stream=telling.stream,
                    type=telling.type,
                    body=canonical_body(telling.event).decode(),
                    occurred_at=telling.occurred_at,
                    precise_to=telling.precise_to,
                    id=telling.id,
                )
                for telling in itertools.islice(histories(1, projects=2), EVENTS)
            )
        )
        assert advance(conn, here.organisation, deadline=float("inf"))
        yield here


def pictures(here: Here) -> dict[str, dict[str, Any]]:
    return {
        name: dict(rows_kept(here.conn, projection, here.organisation))
        for name, projection in found().items()
    }


def builds_shown(here: Here) -> dict[str, int]:
    builds = {name: active_build(here.conn, each, here.organisation) for name, each in found().items()}
    return {name: build.build for name, build in builds.items() if build is not None}


@pytest.mark.parametrize(
    ("step", "nth", "has_begun"),
    [
        ("while folding", 1, False),
        ("while folding", 4, True),
        ("before the commit", 30, True),
        ("after the commit", 3, True),
    ],
)
def test_a_rebuild_of_everything_that_is_killed_goes_on_to_the_same_rows(
    here: Here, step: str, nth: int, *, has_begun: bool
) -> None:
    before, shown = pictures(here), builds_shown(here)
    command = [sys.executable, "-m", "tests.failures.dying_rebuilder", step, str(nth)]
    killed = subprocess.run(
        [*command, as_role(here.url, "qiledger_worker"), here.organisation], check=False, timeout=300
    )
    assert killed.returncode == -9
    assert (builds_shown(here), pictures(here)) == (shown, before), "readers see nothing of it"
    places = here.conn.execute(PLACES, (here.organisation,)).fetchall()
    assert len(places) == 1, "all have come to the same place, as one transaction moves them"
    assert (places[0][0] is not None) is has_begun
    here.conn.execute(LEASE_IS_OVER, (here.organisation,))
    rebuilt = rebuild_together(here.conn, found().values(), here.organisation, batch_max=BATCH)
    assert all(isinstance(how, Rebuilt) and how.done for how in rebuilt.values())
    assert pictures(here) == before
    assert builds_shown(here) == {name: build + 1 for name, build in shown.items()}


def parked(here: Here) -> set[Any]:
    return set(here.conn.execute(PARKED, (here.organisation,)))


@pytest.fixture
def by_others(monkeypatch: pytest.MonkeyPatch, here: Here) -> Callable[[], list[str]]:
    """Rebuilds everything, folded by two other processes. Returns what was said of them."""
    monkeypatch.setattr(filling, "FOLDS_BESIDE", 1)

    def rebuilt() -> list[str]:
        with capture_logs() as said:
            rebuilt = rebuild_together(
                here.conn, found().values(), here.organisation, batch_max=BATCH, processes=2
            )
        assert all(isinstance(how, Rebuilt) and how.done for how in rebuilt.values())
        return [line["event"] for line in said]

    return rebuilt


def test_others_make_the_rows_that_one_would(
    here: Here, by_others: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    future = Telling(stream="project/S-0001", type="from.the_future", body="{}")
    here.told(future, Telling(stream="project/S-0001", type="from.the_future", body="{}"))
    assert advance(here.conn, here.organisation, deadline=float("inf"))
    before, waits = pictures(here), parked(here)
    assert waits
    monkeypatch.delattr(folding.Here, "make")
    assert by_others() == []
    assert (pictures(here), parked(here)) == (before, waits)


def test_what_a_process_that_falls_was_to_fold_is_folded_here(
    here: Here, by_others: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    before, made, asked = pictures(here), beside.Worker.made, itertools.count(1)

    def killed_at_the_third(worker: beside.Worker, task: Any) -> Any:
        if next(asked) == 3:
            os.kill(worker.pid, signal.SIGKILL)
        return made(worker, task)

    monkeypatch.setattr(beside.Worker, "made", killed_at_the_third)
    assert by_others() == ["a process could not fold"]
    assert pictures(here) == before


def test_what_is_not_answered_in_time_is_folded_here_and_all_that_follows(
    here: Here, by_others: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    before, made, asked = pictures(here), beside.Worker.made, itertools.count(1)

    def stopped_at_the_third(worker: beside.Worker, task: Any) -> Any:
        if next(asked) == 3:
            os.kill(worker.pid, signal.SIGSTOP)
        return made(worker, task)

    monkeypatch.setattr(beside.Worker, "made", stopped_at_the_third)
    monkeypatch.setattr(beside, "PATIENCE_S", 3.0)
    assert set(by_others()) == {"a process could not fold"}
    assert pictures(here) == before


def test_where_no_other_process_can_be_started_all_is_folded_here(
    here: Here, by_others: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = pictures(here)
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    assert set(by_others()) == {"a process could not be started", "a process could not fold"}
    assert pictures(here) == before


def test_the_others_end_with_whoever_they_fold_for(here: Here) -> None:
    command = [sys.executable, "-m", "tests.failures.dying_rebuilder", "after the commit", "3"]
    killed = subprocess.run(
        [*command, as_role(here.url, "qiledger_worker"), here.organisation, "2"],
        check=False,
        timeout=300,
        stdout=subprocess.PIPE,
    )
    assert killed.returncode == -9
    others = [int(pid) for pid in killed.stdout.split()]
    assert len(others) == 2
    for pid in others:
        wait_until(lambda pid=pid: gone(pid), within_s=10, what=f"{pid} ends")  # type: ignore[misc]
