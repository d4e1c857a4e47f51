"""When what failed is tried again: over four days, less and less often (Standard Webhooks 1.0), then once a day.

Nothing is dropped at the end of the schedule: what an endpoint did not take waits until it does, or until somebody
passes it over or disables the endpoint.
"""

import random
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

MINUTE_S, HOUR_S = 60.0, 3_600.0
SCHEDULE_S = (
    5.0,
    5 * MINUTE_S,
    30 * MINUTE_S,
    2 * HOUR_S,
    5 * HOUR_S,
    10 * HOUR_S,
    14 * HOUR_S,
    20 * HOUR_S,
    24 * HOUR_S,
)
JITTER = 0.1
RETRY_AFTER_MIN_S, RETRY_AFTER_MAX_S = 1.0, 24 * HOUR_S
DISABLED_AFTER = timedelta(days=5)  # of nothing but failure …
FAILURES_MIN = len(SCHEDULE_S) + 1  # … and so many attempts: a clock that jumped has disabled nothing


def wait_s(tries: int, *, asked_s: float | None = None) -> float:
    """Seconds until the next try after `tries` that failed; as the receiver asked, within bounds, if it did."""
    if asked_s is not None:
        return min(max(asked_s, RETRY_AFTER_MIN_S), RETRY_AFTER_MAX_S)
    drawn = random.uniform(-JITTER, JITTER)
    return SCHEDULE_S[min(max(tries, 1), len(SCHEDULE_S)) - 1] * (1 + drawn)


def retry_after_s(text: str | None, now: datetime | None = None) -> float | None:
    """What a `Retry-After` header asks for: seconds, or a date. None for what cannot be read."""
    if text is None:
        return None
    if text.isascii() and text.isdigit():
        return float(text[:12])
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - (now or datetime.now(UTC))).total_seconds())


def is_hopeless(failing_for: timedelta, failures: int) -> bool:
    """Whether an endpoint has failed for so long that nobody seems to look after it."""
    return failing_for >= DISABLED_AFTER and failures >= FAILURES_MIN
