"""Sorting lines by the stream they belong to, into files small enough to be held in memory one at a time.

Everything a row depends on happens in one stream. So what is spooled here can be folded file by file, however long the
log: no file holds more than its share, and none needs another.
"""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from types import TracebackType
from typing import Self
from zlib import crc32

FILES_MAX = 256
LINES_A_FILE = 20_000


class Spool:
    """So many files as keep each within LINES_A_FILE, for about `expected` lines."""

    def __init__(self, expected: int) -> None:
        self.files = max(1, min(FILES_MAX, expected // LINES_A_FILE + 1))
        self._open = ExitStack()
        self._files = [
            self._open.enter_context(tempfile.TemporaryFile(prefix="qiledger-replay-"))  # noqa: SIM115
            for _ in range(self.files)
        ]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def add(self, stream: str, line: bytes) -> None:
        """Puts a line, without an end, to the others of its stream."""
        self._files[crc32(stream.encode()) % self.files].write(line + b"\n")

    def lines(self, number: int) -> Iterator[bytes]:
        """The lines of one file, in the order in which they came."""
        file = self._files[number]
        file.seek(0)
        return (line[:-1] for line in file)


def stream_of(key: str) -> str:
    """The stream that a row's key begins with: `project/P-17` of `project/P-17/C-3`."""
    return "/".join(key.split("/", 2)[:2])
