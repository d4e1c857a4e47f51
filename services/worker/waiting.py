"""A connection for RQ that waits for a Redis that is starting, or gone for a moment."""

import redis
from redis.backoff import ExponentialBackoff
from redis.retry import Retry

TRIES = 20


class NoRedis(RuntimeError):
    """A worker was started without being told where the doorbell is."""


def patient(url: str | None) -> redis.Redis:
    """Connects, trying for some twenty seconds. RQ itself waits longer once it is at work."""
    if url is None:
        raise NoRedis("set QILEDGER_REDIS_URL")
    retry = Retry(ExponentialBackoff(cap=1.0, base=0.05), TRIES)
    return redis.Redis.from_url(
        url, retry=retry, retry_on_error=[redis.BusyLoadingError], health_check_interval=10
    )
