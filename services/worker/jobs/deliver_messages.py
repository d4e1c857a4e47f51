"""Delivers what is due to an organisation's people, for a while; whoever comes next goes on where it ended.

A stop lets the message that is under way come to its end: it is noted, and nobody is told twice.
"""

import contextlib
import time

import redis

from services.doorbell import answer_delivery, call_for_delivery, connect
from services.settings import Settings
from services.worker.delivering.messages import deliver_for_a_while
from services.worker.duty import on_duty
from services.worker.stopping import StopAsked

SLICE_S = 30.0  # then other organisations have their turn


def deliver_messages(organisation: str) -> None:
    """The job. Calls again if there is more to do."""
    asked = StopAsked()
    bell = connect(Settings.read().redis_url or "")
    with on_duty(name=f"delivers messages of {organisation}") as conn:
        asked.listen()
        with contextlib.suppress(redis.RedisError):
            answer_delivery(bell, organisation)
        until = time.monotonic() + SLICE_S
        done = deliver_for_a_while(conn, organisation, deadline=until, stopping=asked)
        if not done and not asked():
            with contextlib.suppress(redis.RedisError):  # the sweep calls too
                call_for_delivery(bell, organisation)
