"""Makes projections anew whose rows were made by an older revision of the code, beside those that readers are shown.

A slice at a time, so that a stop or another organisation need not wait; whoever comes next goes on where it ended.
"""

import contextlib
import time

import redis

from projections.engine.advance import rebuilds_due
from projections.engine.checkpoint import Fenced, Held
from projections.engine.rebuild import rebuild
from services.doorbell import call_for_rebuild, connect
from services.settings import Settings
from services.worker.duty import Connection, on_duty

SLICE_S = 60.0


def rebuild_outdated(organisation: str) -> None:
    """The job. Calls for another slice if there is more to do."""
    with on_duty(name=f"rebuilds {organisation}") as conn:
        if not rebuild_for_a_while(conn, organisation, deadline=time.monotonic() + SLICE_S):
            with contextlib.suppress(redis.RedisError):  # the sweep calls too
                call_for_rebuild(connect(Settings.read().redis_url or ""), organisation, again=True)


def rebuild_for_a_while(conn: Connection, organisation: str, *, deadline: float) -> bool:
    """Rebuilds what is due until a moment of `time.monotonic()`. Returns whether nothing is due any more."""
    for projection in rebuilds_due(conn, organisation):
        with contextlib.suppress(Held, Fenced):  # somebody else is at it
            rebuild(conn, projection, organisation, deadline=deadline)
        if time.monotonic() >= deadline:
            break
    return not rebuilds_due(conn, organisation)
