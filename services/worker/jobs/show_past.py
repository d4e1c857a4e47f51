"""Makes a picture of the past that somebody asks for and waits for, or brings one up to what is known now.

A job that is broken off leaves a picture that nobody is shown; the next call for it goes on where it ended.
"""

import contextlib

import redis
import structlog

from projections.engine.as_at import as_at
from projections.engine.checkpoint import Fenced, Held
from projections.engine.found import found
from services.doorbell import connect
from services.pasts import answering, past_of
from services.settings import Settings
from services.worker.duty import on_duty

log = structlog.get_logger(__name__)


def show_past(
    organisation: str, projection: str, occurred_until: str | None, recorded_until: str | None
) -> None:
    """The job. `occurred_until` and `recorded_until` are moments in ISO 8601."""
    of, past = found().get(projection), past_of(occurred_until, recorded_until)
    if of is None:  # the API is of another version than we are
        log.warning("nobody knows the projection whose past is asked for", projection=projection)
        return
    with (
        on_duty(name=f"shows the past of {organisation}") as conn,
        contextlib.suppress(redis.RedisError),
        answering(connect(Settings.read().redis_url or ""), organisation, projection, past),
        contextlib.suppress(Held, Fenced),  # somebody else is at it
    ):
        as_at(
            conn,
            of,
            organisation,
            occurred_until=past.occurred_until,
            recorded_until=past.recorded_until,
        )
