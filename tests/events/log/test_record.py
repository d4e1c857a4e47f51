"""A moment that is known to the day, month or year stands as its beginning; whatever else stands there is noticed."""

from datetime import UTC, datetime, timedelta, timezone

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as some

from events.log.record import PreciseTo, moment_of
from tests.exports import record

ELSEWHERE = timezone(timedelta(hours=5, minutes=30))


EARLIEST, LATEST = datetime(1, 1, 2), datetime(9999, 12, 30)  # noqa: DTZ001  (hypothesis gives them a zone)


@given(some.datetimes(EARLIEST, LATEST, timezones=some.just(UTC)), some.data())
def test_a_record_begins_where_its_moment_is_known_or_is_found_not_to(
    at: datetime, data: some.DataObject
) -> None:
    precise_to: PreciseTo = data.draw(some.sampled_from(["instant", "day", "month", "year"]))
    one = msgspec.structs.replace(record(1), occurred_at=at, precise_to=precise_to)
    begins = moment_of(one.occurred)[0]
    assert one.begins_where_known == (precise_to == "instant" or begins == at)
    there = msgspec.structs.replace(one, occurred_at=begins.astimezone(ELSEWHERE))
    assert there.begins_where_known, "whatever zone it is written in"


@pytest.mark.parametrize("precise_to", ["day", "month", "year"])
@pytest.mark.parametrize("later", [timedelta(microseconds=1), timedelta(hours=1), timedelta(days=1)])
def test_an_hour_that_is_in_no_hash_is_noticed(precise_to: PreciseTo, later: timedelta) -> None:
    at = datetime(2022, 1, 1, tzinfo=UTC)
    one = msgspec.structs.replace(record(1), occurred_at=at, precise_to=precise_to)
    assert one.begins_where_known
    moved = msgspec.structs.replace(one, occurred_at=at + later)
    assert moved.begins_where_known == (precise_to == "day" and later == timedelta(days=1))
