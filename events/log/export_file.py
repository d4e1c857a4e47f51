"""Exports as files: read line by line, plain or gzip; written so that half a file can be gone on with.

A file that is being written is called `….part`; it gets its name once it is whole and on the disk. A gzip is written in
members that each end with a line, so that what is left of an interrupted one can be cut off after the last whole one.
"""

import gzip
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Self, cast

from events.log.exported import LINE_BYTES_MAX

PIECE_BYTES = 1_048_576
GZIP_LEVEL = 6
_MAGIC = b"\x1f\x8b"


class Damaged(ValueError):
    """The file cannot be read any further; the message says why."""


def lines_of(path: Path) -> Iterator[bytes]:
    """The lines of an export, each with its end, plain or gzip by what the file begins with. Raises Damaged."""
    with path.open("rb") as file:
        is_gzip = file.read(2) == _MAGIC
        file.seek(0)
        yield from _lines(cast(IO[bytes], gzip.GzipFile(fileobj=file)) if is_gzip else file)


def _lines(file: IO[bytes]) -> Iterator[bytes]:
    try:
        while line := file.readline(LINE_BYTES_MAX):
            if len(line) == LINE_BYTES_MAX:
                raise Damaged(f"a line has more than {LINE_BYTES_MAX:,} bytes")
            yield line
    except (gzip.BadGzipFile, zlib.error, EOFError) as wrong:
        raise Damaged(f"it does not unzip ({wrong})") from None


class ExportFile:
    """An export on its way to a file. `settle` says that what was written so far can be gone on from."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.part = path.with_name(f"{path.name}.part")
        self._zips = path.suffix == ".gz"
        self._zip: zlib._Compress | None = None
        self._file: IO[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()

    def whole_lines(self) -> Iterator[tuple[bytes, int]]:
        """The whole lines of what is there, each with the place in the file up to which it can be kept."""
        if not self.part.exists():
            return
        with self.part.open("rb") as file:
            yield from _from_members(file) if self._zips else _from_lines(file)

    def go_on_from(self, place: int) -> None:
        """Cuts off what stands behind a place that `whole_lines` gave (0 begins anew), and writes on from there."""
        self._file = self.part.open("r+b" if self.part.exists() else "w+b")
        self._file.truncate(place)
        self._file.seek(place)

    def write(self, text: bytes) -> None:
        """Writes whole lines."""
        assert self._file is not None, "go_on_from comes first"
        if not self._zips:
            self._file.write(text)
            return
        if self._zip is None:
            self._zip = zlib.compressobj(GZIP_LEVEL, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
        self._file.write(self._zip.compress(text))

    def settle(self) -> None:
        """Up to here the file can be gone on with."""
        assert self._file is not None
        if self._zip is not None:
            self._file.write(self._zip.flush())
            self._zip = None
        self._file.flush()

    def finish(self) -> None:
        """The file is whole: it is put on the disk and gets its name."""
        self.settle()
        assert self._file is not None
        os.fsync(self._file.fileno())
        self._file.close()
        self.part.replace(self.path)


def _from_lines(file: IO[bytes]) -> Iterator[tuple[bytes, int]]:
    place = 0
    for line in _lines(file):
        if not line.endswith(b"\n"):
            return
        place += len(line)
        yield line, place


def _from_members(file: IO[bytes]) -> Iterator[tuple[bytes, int]]:
    """The lines of the whole members. All lines of a member share its place: the end of it."""
    begin = 0
    while True:
        file.seek(begin)
        found = _member(file)
        if found is None:
            return
        content, length = found
        begin += length
        for line in content.split(b"\n")[:-1]:
            yield line + b"\n", begin


def _member(file: IO[bytes]) -> tuple[bytes, int] | None:
    """The next member and its length, or None if it is not whole. A member is small: it was settled after a while."""
    unzip = zlib.decompressobj(16 + zlib.MAX_WBITS)
    content, length = [], 0
    try:
        while not unzip.eof:
            piece = file.read(PIECE_BYTES)
            if not piece:
                return None
            content.append(unzip.decompress(piece))
            length += len(piece)
    except zlib.error:
        return None
    return b"".join(content), length - len(unzip.unused_data)
