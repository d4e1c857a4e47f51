"""Answers that their reader has not taken yet: in files of ours, first in, first out, and no more than a bound.

What was taken gives its room back, so a reader who keeps up costs nothing, however much he is told.
"""

import tempfile
from collections import deque
from typing import Self

PART_BYTES = 8 * 1_048_576  # of one file, which is let go when all of it was taken
IN_MEMORY_BYTES = 65_536  # of a part, before it becomes a file
PIECE_BYTES = 65_536


class Full(Exception):
    """As much waits as may wait."""


class Shelf:
    """Where the backlogs of one process stand, which share what room there is."""

    def __init__(self, bytes_max: int) -> None:
        self.bytes_max = bytes_max
        self.unread = 0


class Backlog:
    """Bytes on their way to one reader. A context manager; at its end whatever was not taken is gone."""

    def __init__(self, shelf: Shelf, bytes_max: int) -> None:
        self._shelf = shelf
        self._bytes_max = bytes_max
        self._parts: deque[_Part] = deque()
        self._unread = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._count(-self._unread)
        while self._parts:
            self._parts.popleft().close()

    def put(self, text: bytes) -> None:
        """Behind all that waits. Raises Full where it would be too much, and OSError; then nothing of it waits."""
        if (
            self._unread + len(text) > self._bytes_max
            or self._shelf.unread + len(text) > self._shelf.bytes_max
        ):
            raise Full
        if not self._parts or self._parts[-1].size >= PART_BYTES:
            self._parts.append(_Part())
        self._parts[-1].put(text)
        self._count(len(text))

    def take(self) -> bytes:
        """The next piece; none if nothing waits."""
        while self._parts:
            piece = self._parts[0].take()
            if piece:
                self._count(-len(piece))
                return piece
            self._parts.popleft().close()
        return b""

    def _count(self, more: int) -> None:
        self._unread += more
        self._shelf.unread += more


class _Part:
    """One file of a backlog."""

    def __init__(self) -> None:
        self._file = tempfile.SpooledTemporaryFile(IN_MEMORY_BYTES, prefix="qiledger-import-")  # noqa: SIM115
        self._taken = 0
        self.size = 0

    def put(self, text: bytes) -> None:
        self._file.seek(self.size)
        self._file.write(text)
        self.size += len(text)  # only now: what a full disk took of it is not part of it

    def take(self) -> bytes:
        self._file.seek(self._taken)
        piece = self._file.read(min(PIECE_BYTES, self.size - self._taken))
        self._taken += len(piece)
        return piece

    def close(self) -> None:
        self._file.close()
