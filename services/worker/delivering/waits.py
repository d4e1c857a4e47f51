"""How long to wait before the next attempt: from seconds to a day, ten attempts in about four days."""

from datetime import timedelta

SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
WAITS = (
    5 * SECOND,
    5 * MINUTE,
    30 * MINUTE,
    2 * HOUR,
    5 * HOUR,
    10 * HOUR,
    14 * HOUR,
    20 * HOUR,
    24 * HOUR,
)
LONGEST = 25 * HOUR  # nobody waits longer: a moment further ahead was set by a clock that was wrong
REST_FIRST, REST_LONGEST = 5 * SECOND, 5 * MINUTE
JITTER = 0.2  # of the wait, less or more: those who failed together do not come back together


def wait_after(tries: int, *, chance: float, asked: timedelta | None = None) -> timedelta | None:
    """The wait after so many failures; not less than the other side asked for. None: it was enough.

    `chance` is a random number from 0 to 1. It counts attempts and not days, so that a clock that jumps ends nothing.
    """
    if tries > len(WAITS):
        return None
    wait = _jittered(WAITS[tries - 1], chance)
    return min(LONGEST, max(wait, asked or wait))


def rest_after(failures: int, *, chance: float, asked: timedelta | None = None) -> timedelta:
    """How long a channel rests after so many failures in a row."""
    rest = min(REST_LONGEST, REST_FIRST * 2 ** min(failures - 1, 10))
    return min(LONGEST, max(_jittered(rest, chance), asked or timedelta()))


def _jittered(wait: timedelta, chance: float) -> timedelta:
    return wait * (1 - JITTER + 2 * JITTER * chance)
