"""What a replay is asked as the API is asked."""

from datetime import UTC, date, datetime

from services.replaying import day_of


def test_today_is_the_day_in_london() -> None:
    summer_night = datetime(2026, 6, 30, 23, 30, tzinfo=UTC)
    assert day_of(None, summer_night) == date(2026, 7, 1)


def test_of_the_past_it_is_the_day_that_was_asked_of() -> None:
    asked, now = datetime(2022, 5, 20, 23, 59, 59, tzinfo=UTC), datetime(2026, 6, 30, tzinfo=UTC)
    assert day_of(asked, now) == date(2022, 5, 20)
