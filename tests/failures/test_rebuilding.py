"""Rebuilding all projections in one pass, killed in the middle of it: whoever comes next goes on, to the same rows."""

import itertools
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from events.vocabulary import canonical_body
from projections.engine.advance import advance
from projections.engine.builds import active_build
from projections.engine.compare import rows_kept
from projections.engine.found import found
from projections.engine.rebuild import Rebuilt, rebuild_together
from services.importing.synthetic_history import histories
from tests.failures.dying_rebuilder import BATCH
from tests.projections.engine.telling import Here, Telling, as_role, open_log

EVENTS = 300
LEASE_IS_OVER = "UPDATE projections.checkpoints SET lease_until = clock_timestamp() WHERE organisation = %s"
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
