"""Quiet hours and digests by the clocks of London, whatever those do."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from projections.moments import LONDON
from projections.notices.engine.paces import Digest, is_day_of, last_digest
from projections.notices.engine.quiet_hours import QuietHours, when

NIGHT = QuietHours(time(22), time(7))
SPRING, AUTUMN = datetime(2026, 3, 29, tzinfo=UTC), datetime(2026, 10, 25, tzinfo=UTC)

clocks = st.times().map(lambda clock: clock.replace(second=0, microsecond=0))
gaps = st.timedeltas(timedelta(days=-1), timedelta(days=2))
minutes = st.integers(0, 15 * 366 * 24 * 60)
moments = st.one_of(
    minutes.map(lambda n: datetime(2020, 1, 1, tzinfo=UTC) + timedelta(minutes=n)),
    gaps.map(lambda gap: SPRING + gap),
    gaps.map(lambda gap: AUTUMN + gap),
)


@given(moments, clocks, clocks)
@example(AUTUMN + timedelta(hours=1, minutes=10), time(0), time(1, 30))  # the second ten past one
@example(SPRING + timedelta(minutes=50), time(22), time(1, 30))  # half past one does not come
def test_what_is_kept_back_goes_out_in_the_first_moment_that_is_not_quiet(
    at: datetime, starts: time, ends: time
) -> None:
    quiet = QuietHours(starts, ends)
    after = quiet.after(at)
    assert after >= at
    assert not quiet.holds(after)
    assert after - at <= timedelta(hours=25)
    steps = int((after - at) / timedelta(minutes=15))
    assert all(quiet.holds(at + timedelta(minutes=15 * n)) for n in range(steps))


def test_a_night_is_an_hour_shorter_in_spring_and_longer_in_autumn() -> None:
    for day, hours in ((SPRING, 8), (AUTUMN, 10), (SPRING + timedelta(days=30), 9)):
        evening = when(day.date() - timedelta(days=1), time(22))
        assert NIGHT.after(evening) - evening == timedelta(hours=hours)
        assert NIGHT.after(evening).astimezone(LONDON).time() == time(7)


def test_an_hour_that_comes_twice_is_quiet_twice() -> None:
    quiet = QuietHours(time(1), time(1, 30))
    first, second = (when(AUTUMN.date(), time(1), fold=fold) for fold in (0, 1))
    assert second - first == timedelta(hours=1)
    assert quiet.after(first) == first + timedelta(minutes=30)
    assert quiet.after(second) == second + timedelta(minutes=30)


def test_hours_that_begin_when_they_end_are_none() -> None:
    assert QuietHours(time(7), time(7)).after(SPRING) == SPRING


@pytest.mark.parametrize("pace", ["daily", "weekly", "monthly"])
@given(now=moments)
def test_digests_go_out_at_eight_in_london_on_their_days(pace: Digest, now: datetime) -> None:
    last = last_digest(pace, now)
    here = last.astimezone(LONDON)
    assert last <= now
    assert here.time() == time(8)
    assert is_day_of(pace, here.date())
    between = [
        here.date() + timedelta(days=n)
        for n in range(1, (now.astimezone(LONDON).date() - here.date()).days + 1)
    ]
    assert not any(is_day_of(pace, day) and when(day, time(8)) <= now for day in between)


def test_a_month_that_begins_at_a_weekend_has_its_digest_on_monday() -> None:
    assert [d for d in range(1, 8) if is_day_of("monthly", date(2026, 8, d))] == [3]
    assert [d for d in range(1, 8) if is_day_of("daily", date(2026, 8, d))] == [3, 4, 5, 6, 7]
