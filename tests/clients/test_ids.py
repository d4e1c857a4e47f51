"""The ids that the client makes for events whose sender has none."""

import time
import uuid

from qiledger_client.ids import new_id


def test_an_id_is_a_uuid_of_version_7():
    made = uuid.UUID(new_id())
    assert made.variant == uuid.RFC_4122
    assert made.int >> 76 & 0xF == 7


def test_an_id_begins_with_the_millisecond_in_which_it_was_made():
    before = time.time_ns() // 1_000_000
    milliseconds = uuid.UUID(new_id()).int >> 80
    assert before <= milliseconds <= time.time_ns() // 1_000_000


def test_ids_of_the_same_moment_are_not_the_same():
    assert len({new_id() for _ in range(10_000)}) == 10_000
