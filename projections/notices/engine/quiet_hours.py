"""Hours in which nobody is disturbed, by the clocks of London, across both changes of the clocks. Pure.

What would end in the hour that does not come in spring (01:00 to 02:00 on the last Sunday of March) ends when clocks
spring; an hour that comes twice in autumn is quiet both times.
"""

from datetime import UTC, date, datetime, time, timedelta

import msgspec

from projections.moments import LONDON

CLOCKS_CHANGE = time(1)  # UTC, on the last Sundays of March and October


class QuietHours(msgspec.Struct, frozen=True):
    """From one time of day to another, over midnight if the second is earlier. None if they are the same."""

    starts: time
    ends: time

    def holds(self, at: datetime) -> bool:
        """Whether it is quiet at a moment."""
        clock = at.astimezone(LONDON).time().replace(fold=0)
        if self.starts <= self.ends:
            return self.starts <= clock < self.ends
        return clock >= self.starts or clock < self.ends

    def after(self, at: datetime) -> datetime:
        """The first moment, at or after `at`, at which it is not quiet."""
        if not self.holds(at):
            return at
        days = [at.astimezone(LONDON).date() + timedelta(days=days) for days in range(3)]
        ends = [when(day, self.ends, fold=fold) for day in days for fold in (0, 1)]
        ends += [datetime.combine(day, CLOCKS_CHANGE, UTC) for day in days]
        return min(end for end in ends if end > at and not self.holds(end))


def when(day: date, clock: time, *, fold: int = 0) -> datetime:
    """The moment at which London's clocks show a time on a day: the first, or with `fold` the second, if there are two.

    A time that there is not, in spring, is the one that the clocks have sprung to.
    """
    return datetime.combine(day, clock.replace(fold=fold), LONDON).astimezone(UTC)
