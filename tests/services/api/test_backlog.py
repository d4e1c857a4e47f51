"""Answers wait for their reader in order, within bounds, and take no room once he has them."""

import os
import random
from pathlib import Path

import pytest

from services.api.backlog import IN_MEMORY_BYTES, PART_BYTES, PIECE_BYTES, Backlog, Full, Shelf

MIB = 1_048_576


def all_of(backlog: Backlog) -> bytes:
    return b"".join(iter(backlog.take, b""))


def files() -> list[str]:
    """The files of backlogs that this process holds: they have no name any more, only their bytes."""
    places = [os.readlink(one) for one in Path("/proc/self/fd").iterdir() if one.is_symlink()]
    return [place for place in places if "qiledger-import-" in place]


def test_what_goes_in_comes_out_in_order_however_puts_and_takes_alternate() -> None:
    chance, put, taken = random.Random(7), b"", b""
    with Backlog(Shelf(64 * MIB), 64 * MIB) as backlog:
        for _ in range(300):
            if chance.random() < 0.5:
                text = chance.randbytes(chance.choice([1, 700, PIECE_BYTES, 3 * IN_MEMORY_BYTES]))
                backlog.put(text)
                put += text
            else:
                taken += backlog.take()
        assert put == taken + all_of(backlog)
        assert backlog.take() == b""


def test_beyond_the_bound_nothing_is_put_and_what_was_taken_makes_room() -> None:
    shelf = Shelf(MIB)
    with Backlog(shelf, 100_000) as backlog:
        backlog.put(b"a" * 99_999)
        with pytest.raises(Full):
            backlog.put(b"bb")
        backlog.put(b"c")
        backlog.take()
        backlog.put(b"d" * PIECE_BYTES)
        assert all_of(backlog) == b"a" * (99_999 - PIECE_BYTES) + b"c" + b"d" * PIECE_BYTES
        assert shelf.unread == 0


def test_backlogs_share_the_room_of_their_shelf_and_give_it_back() -> None:
    shelf = Shelf(MIB)
    with Backlog(shelf, MIB) as one:
        one.put(b"x" * (MIB - 10))
        with Backlog(shelf, MIB) as other:
            with pytest.raises(Full):
                other.put(b"x" * 11)
            other.put(b"x" * 10)
        assert shelf.unread == MIB - 10
    assert shelf.unread == 0


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="looks at the files that Linux says are open")
def test_a_reader_who_is_always_a_little_behind_keeps_no_more_files_than_he_is_behind() -> None:
    piece = b"x" * PIECE_BYTES
    with Backlog(Shelf(64 * MIB), 64 * MIB) as backlog:
        backlog.put(piece)
        for _ in range(4 * PART_BYTES // PIECE_BYTES):
            backlog.put(piece)
            assert backlog.take() == piece
            assert len(files()) <= 2
    assert files() == []
