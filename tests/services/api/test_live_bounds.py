"""How long a live stream lasts, and that it is never silent for long: whatever happens in the log meanwhile."""

import asyncio
import contextlib
import itertools
import re
from collections.abc import Awaitable, Callable

import pytest

from services.api.kept import position_of
from services.api.live.channels import CATCHING_UP_MAX
from services.api.live.records import AT_ONCE_BYTES_MAX, PAGE, Wanted
from tests.events.log.conftest import tell
from tests.services.api.conftest import organisation
from tests.services.api.live_streams import ALL, NEVER_S, NONE, SOON_S, Streams, desk, streams

__all__ = ["desk", "organisation", "streams", "tell"]


def until(times: int) -> Callable[[], Awaitable[bool]]:
    """A key that may read so often as it is asked about, and then no more."""
    asked = itertools.count(1)

    async def still_may() -> bool:
        return next(asked) <= times

    return still_may


async def test_a_key_that_may_read_no_more_ends_its_stream_however_busy_the_log_is(streams: Streams) -> None:
    async with streams.busy(), streams.stream(still_may=until(3)) as reader:
        await reader.hears(lambda: reader.is_over)
        assert b"event: record" in reader.said


async def test_a_stream_of_rare_events_hears_from_a_busy_log_that_we_are_there(streams: Streams) -> None:
    async with streams.busy(), streams.stream(NONE, every_s=0.4) as reader:
        await reader.hears(lambda: reader.said.count(b": still here") >= 2)
        ids = [line for line in reader.said.decode().split("\n") if line.startswith("id: ")]
        places = [position_of(line.removeprefix("id: ")) for line in ids]
        assert len(set(places)) > 1, "and how far was looked"
        assert places == sorted(places)


async def test_one_who_waits_for_his_turn_to_catch_up_hears_so_and_may_lose_the_right_to_it(
    streams: Streams,
) -> None:
    await streams.keep(3)
    async with contextlib.AsyncExitStack() as others:
        for _ in range(CATCHING_UP_MAX):
            await others.enter_async_context(streams.desk.live.catching_up)
        async with streams.stream(after=0, still_may=until(5)) as reader:
            await reader.hears(lambda: reader.said.count(b": still here") >= 2)
            await reader.hears(lambda: reader.is_over)
            assert b"event: record" not in reader.said


async def test_whoever_may_read_no_more_gets_no_more_than_what_was_on_its_way(streams: Streams) -> None:
    await streams.keep(PAGE, body=f'{{"cycle":"C-1","tested":"{"x" * 4_000}"}}')
    asked = asyncio.Event()

    async def no_longer() -> bool:
        asked.set()
        return False

    async with streams.stream(after=0, still_may=no_longer) as reader:
        reader.takes.clear()
        before = len(reader.said)
        await asked.wait()
        reader.takes.set()
        await reader.hears(lambda: reader.is_over)
        assert len(reader.said) - before < 100_000, "and not the 200,000 bytes that were read for him"


async def test_a_reader_who_takes_nothing_at_the_end_either_does_not_hold_his_stream_open(
    streams: Streams, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.api.live.answer.TAKEN_WITHIN_S", SOON_S)
    async with streams.stream(NONE, still_may=until(0)) as reader:
        reader.takes.clear()
        await reader.hears(lambda: not streams.desk.live._of_key)


async def test_a_sign_of_life_comes_between_two_records_and_never_within_one(streams: Streams) -> None:
    await streams.keep(PAGE, body=f'{{"cycle":"C-1","tested":"{"x" * 4_000}"}}')
    async with streams.stream(after=0, every_s=0.001) as reader:
        reader.pace_s = 0.002
        await reader.hears(lambda: reader.said.count(b"event: record") == PAGE)
        assert all(block.count(b": still here") == 0 for block in reader.blocks() if b"data: " in block)
        assert all(
            block.startswith((b"event: record\nid: ", b"id: ", b"retry: ")) for block in reader.blocks()
        )


@pytest.mark.parametrize(
    "wanted", [ALL, Wanted(frozenset({"cycle.tested"}), "project/")], ids=["all", "some"]
)
@pytest.mark.parametrize("kept_before", [0, 2 * PAGE])
async def test_however_large_records_are_little_of_them_is_held_for_one_reader_and_all_is_told(
    streams: Streams, wanted: Wanted, kept_before: int
) -> None:
    """From the log for one who is behind; of what is kept for all, for one who is not: a thousand may take nothing."""
    large = {"body": f'{{"cycle":"C-1","tested":"{"x" * 30_000}"}}'}
    await streams.keep(kept_before, **large) if kept_before else None
    async with streams.stream(every_s=NEVER_S) as reader, streams.teller(wanted, after=0) as teller:
        if not kept_before:
            await streams.keep(2 * PAGE, **large)
            await reader.hears(lambda: reader.said.count(b"event: record") == 2 * PAGE)
        told: list[bytes] = []
        while text := await teller.next():
            told.append(text)
    assert max(map(len, told)) < AT_ONCE_BYTES_MAX + 32_000
    sequences = re.findall(rb'"sequence":"(\d+)"', b"".join(told))
    assert [int(sequence) for sequence in sequences] == list(range(1, 2 * PAGE + 1))


async def test_a_stream_says_at_once_where_it_begins(streams: Streams) -> None:
    await streams.keep(7)
    async with streams.stream(every_s=NEVER_S) as reader:
        assert reader.blocks()[0].split(b"\n")[1] == b"id: cAAAAAAAAAAc", "the seventh record"
