"""Calling for pictures of the past: once each, so many of one organisation, again when a call was answered or lost."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import redis

from projections.engine.past import Past
from services.doorbell import PAST, connect, queue
from services.pasts import CALLED_FOR_S, SHOW_PAST, WAITING_MAX, PastCaller, answering, call_for_past, past_of

OURS, THEIRS = "TCALLS", "TOTHERS"
BY_THEN = Past(datetime(2022, 5, 20, 23, 59, 59, 999999, UTC))


@pytest.fixture
def bell(redis_url: str) -> Iterator[redis.Redis]:
    with connect(redis_url) as connection:
        connection.flushdb()
        yield connection
        connection.flushdb()


def calls(bell: redis.Redis) -> int:
    return queue(bell, PAST).count


def test_the_same_past_is_called_for_once_until_it_is_there(bell: redis.Redis) -> None:
    for _ in range(3):
        assert call_for_past(bell, OURS, "projects", BY_THEN)
    assert calls(bell) == 1
    assert call_for_past(bell, OURS, "timeline", BY_THEN)
    assert call_for_past(bell, OURS, "projects", Past(recorded_until=BY_THEN.occurred_until))
    assert call_for_past(bell, THEIRS, "projects", BY_THEN)
    assert calls(bell) == 4
    with answering(bell, OURS, "projects", BY_THEN):
        assert call_for_past(bell, OURS, "projects", BY_THEN)
        assert calls(bell) == 4
    assert call_for_past(bell, OURS, "projects", BY_THEN)
    assert calls(bell) == 5


def test_a_call_that_was_lost_is_made_again(bell: redis.Redis) -> None:
    assert call_for_past(bell, OURS, "projects", BY_THEN)
    ((wanted, at),) = bell.zrange(f"qiledger:pasts:{OURS}", 0, -1, withscores=True)
    bell.zadd(f"qiledger:pasts:{OURS}", {wanted: at - CALLED_FOR_S - 1})
    assert call_for_past(bell, OURS, "projects", BY_THEN)
    assert calls(bell) == 2


def test_one_organisation_keeps_no_other_waiting(bell: redis.Redis) -> None:
    for n in range(WAITING_MAX):
        assert call_for_past(
            bell, OURS, "projects", Past(datetime(2022, 1, 1, tzinfo=UTC) + timedelta(days=n))
        )
    assert not call_for_past(bell, OURS, "projects", BY_THEN)
    assert call_for_past(bell, THEIRS, "projects", BY_THEN)
    assert calls(bell) == WAITING_MAX + 1


def test_a_call_says_in_json_what_is_wanted(bell: redis.Redis) -> None:
    assert call_for_past(bell, OURS, "projects", Past(BY_THEN.occurred_until, None))
    (job,) = queue(bell, PAST).jobs
    assert job.func_name == SHOW_PAST
    organisation, projection, *past = json.loads(json.dumps(job.args))
    assert (organisation, projection, past_of(*past)) == (OURS, "projects", BY_THEN)


async def test_nobody_can_be_called_where_there_is_no_doorbell(redis_url: str, bell: redis.Redis) -> None:
    assert await PastCaller(None).call(OURS, "projects", BY_THEN) == "away"
    assert await PastCaller("unix:///nowhere").call(OURS, "projects", BY_THEN) == "away"
    caller = PastCaller(redis_url)
    assert await caller.call(OURS, "projects", BY_THEN) == "called"
    caller.close()
