"""Whether the versions of every stream run 1, 2, 3 … without gap or repeat, in bounded memory however many streams.

The streams met lately are remembered. When they are too many, what is known of them (first and last version seen) is
written down in the order of names, and forgotten. At the end these notes are read once, side by side in that order, and
each must go on where the one before left off.
"""

import heapq
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from operator import itemgetter
from typing import IO, TypeAlias

import msgspec

REMEMBERED_MAX = 200_000  # streams; some 40 MB

Note: TypeAlias = tuple[str, int, int, int, int]
"""A stream, which note of it this is, its first version there, its last, and the position of the first."""


class Break(msgspec.Struct, frozen=True):
    """A record does not go on where its stream left off."""

    stream: str
    position: int
    expected: int
    found: int


class Versions:
    """Meets records in the order of positions. `whole` says that they begin with the first of the log."""

    def __init__(self, *, whole: bool) -> None:
        self._whole = whole
        self._known: dict[str, list[int]] = {}  # first version, last version, position of the first
        self._notes: list[IO[bytes]] = []
        self._open = ExitStack()

    def __enter__(self) -> "Versions":
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def meet(self, stream: str, version: int, position: int) -> Break | None:
        """Notes a record. Says at once if it breaks with what is remembered of its stream."""
        known = self._known.get(stream)
        if known is None:
            if len(self._known) >= REMEMBERED_MAX:
                self._write_down()
            self._known[stream] = [version, version, position]
            return None
        expected = known[1] + 1
        known[1] = version
        return None if version == expected else Break(stream, position, expected, version)

    def breaks(self) -> Iterator[Break]:
        """What is found out only at the end. Ask once."""
        notes = self._all_notes()
        stream, last = "", 0
        for name, _, first, its_last, position in notes:
            if name != stream:
                stream, last = name, 0 if self._whole else first - 1
            if first != last + 1:
                yield Break(stream, position, last + 1, first)
            last = its_last

    def _write_down(self) -> None:
        file = self._open.enter_context(tempfile.TemporaryFile(prefix="qiledger-versions-"))  # noqa: SIM115
        encode = msgspec.json.Encoder().encode
        for note in self._in_order(len(self._notes)):
            file.write(encode(note) + b"\n")
        self._notes.append(file)
        self._known.clear()

    def _in_order(self, number: int) -> Iterator[Note]:
        for stream in sorted(self._known):
            first, last, position = self._known[stream]
            yield stream, number, first, last, position

    def _all_notes(self) -> Iterator[Note]:
        written = [_read(file) for file in self._notes]
        return heapq.merge(*written, self._in_order(len(written)), key=itemgetter(0, 1))


def _read(file: IO[bytes]) -> Iterator[Note]:
    file.seek(0)
    decode = msgspec.json.Decoder(tuple[str, int, int, int, int]).decode
    return map(decode, file)
