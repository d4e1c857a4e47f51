"""Makes projections anew whose rows were made by an older revision of the code, beside those that readers are shown.

A slice at a time, so that a stop or another organisation need not wait; whoever comes next goes on where it ended.
"""

import contextlib
import time

import redis
import structlog

from projections.engine.advance import rebuilds_due
from projections.engine.checkpoint import Fenced, Held
from projections.engine.rebuild import Rebuilt, rebuild_together
from services.doorbell import call_for_rebuild, connect
from services.settings import Settings
from services.worker.duty import Connection, on_duty

SLICE_S = 60.0

log = structlog.get_logger(__name__)


def rebuild_outdated(organisation: str) -> None:
    """The job. Calls for another slice if there is more to do."""
    with on_duty(name=f"rebuilds {organisation}") as conn:
        if not rebuild_for_a_while(conn, organisation, deadline=time.monotonic() + SLICE_S):
            with contextlib.suppress(redis.RedisError):  # the sweep calls too
                call_for_rebuild(connect(Settings.read().redis_url or ""), organisation, again=True)


def rebuild_for_a_while(conn: Connection, organisation: str, *, deadline: float) -> bool:
    """Rebuilds what is due, in one pass, until a moment of `time.monotonic()`. Returns False if time ran out.

    One that fails, or that somebody else is at, does not stop the others; the sweep finds it again.
    """
    due, on_time = rebuilds_due(conn, organisation), True
    for name, how in rebuild_together(conn, due, organisation, deadline=deadline).items() if due else ():
        if isinstance(how, Rebuilt):
            on_time = on_time and how.done
        elif not isinstance(how, Held | Fenced):
            log.error(
                "a projection cannot be rebuilt", projection=name, organisation=organisation, exc_info=how
            )
    return on_time
