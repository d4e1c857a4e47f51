"""Feeds the projections of one organisation, and stays while there is news.

A forked job costs tens of milliseconds; a commit may come every few. So a job that has caught up waits a moment for the
next head, and gives its place back when somebody else's job is waiting or nothing came.
"""

import time

import redis

from projections.engine.advance import advance
from services.doorbell import FRESH, Follower, connect, queue, wake
from services.settings import Settings
from services.worker.duty import Connection, on_duty

STAYS_FOR_S = 60.0  # one job's turn; well under its time limit
LINGERS_FOR_S = 2.0  # without news


def keep_fresh(organisation: str) -> None:
    """The job. Ends when it has had its turn; rings again if there is more to do."""
    with on_duty(name=f"keeps {organisation} fresh") as conn:
        bell = connect(Settings.read().redis_url or "")
        try:
            follow(conn, bell, organisation, until=time.monotonic() + STAYS_FOR_S)
        except redis.RedisError:
            advance(
                conn, organisation, deadline=time.monotonic() + STAYS_FOR_S
            )  # Redis went away: do the work


def follow(conn: Connection, bell: redis.Redis, organisation: str, *, until: float) -> None:
    """Advances at each piece of news, until the time is up, others wait, or nothing is heard for a while."""
    follower = Follower(bell, organisation)
    with follower.following():
        caught_up = advance(conn, organisation, deadline=until)
        heard_at = time.monotonic()
        while time.monotonic() < until and not others_wait(bell):
            follower.renew()
            if follower.news(within_s=0.5):
                heard_at = time.monotonic()
                caught_up = advance(conn, organisation, deadline=until)
            elif time.monotonic() - heard_at > LINGERS_FOR_S:
                break
    # After the claim is given back: a commit that rang in vain before that is seen by this last look.
    if not advance(conn, organisation, deadline=until) or not caught_up:
        wake(bell, organisation)


def others_wait(bell: redis.Redis) -> bool:
    """Whether another organisation's job is waiting for a worker."""
    return queue(bell, FRESH).count > 0
