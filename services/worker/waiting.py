"""RQ's Redis, which may start later than we do, and go away for as long as it likes.

RQ's own processes end when their Redis does. Ours wait for it and begin anew, so that a Redis that is away for an hour
is not taken for a house that will not stand.
"""

import time
from collections.abc import Callable

import redis
import structlog
from redis.backoff import ConstantBackoff
from redis.retry import Retry

AGAIN_AFTER_S = 0.25
ANSWER_WITHIN_S = 5.0  # a worker that waits for jobs has RQ's own, longer bound
CONNECT_WITHIN_S = 1.0
BLIP = Retry(ConstantBackoff(0.1), 2)  # what takes longer is not for RQ to sit through

log = structlog.get_logger(__name__)


class NoRedis(RuntimeError):
    """A worker was started without being told where the doorbell is."""


def connection_to(url: str | None) -> redis.Redis:
    """A connection for RQ. Raises NoRedis."""
    if url is None:
        raise NoRedis("set QILEDGER_REDIS_URL")
    return redis.Redis.from_url(
        url,
        retry=BLIP,
        socket_timeout=ANSWER_WITHIN_S,
        socket_connect_timeout=CONNECT_WITHIN_S,
        health_check_interval=10,
    )


def stand_by(connection: redis.Redis, at_work: Callable[[], object], *, stopping: Callable[[], bool]) -> None:
    """Is at work whenever Redis is there, until told to stop."""
    away = False
    while not stopping():
        try:
            connection.ping()
            # RQ's longer bound holds for connections yet to be made. A pool that is only disconnected keeps its
            # connections, and they their short bound: each wait for a job would be cut off, and might lose one.
            connection.connection_pool.disconnect()
            connection.connection_pool.reset()
            away = False
            at_work()
        except redis.RedisError as failure:
            if not away:
                log.warning("waiting for Redis", reason=type(failure).__name__)
            away = True
        if not stopping():
            time.sleep(AGAIN_AFTER_S)
