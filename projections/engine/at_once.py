"""Folding streams that are in memory whole, for several projections at once: each event is decoded once. Pure."""

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from itertools import groupby
from operator import attrgetter
from typing import Any

from events.log.record import Record
from projections.engine.batch import misfits_one_by_one
from projections.engine.plain import Decoder, fold_plainly
from projections.engine.projection import Projection
from projections.engine.stream import Amendments, Stream, fold_stream

KINDS_MAX = 1_000  # kinds of streams whose followers are remembered

Folded = dict[str, dict[str, Stream]]  # by the projection's name, by the stream's


class AtOnce:
    """Folds whole streams for some projections."""

    def __init__(self, projections: Sequence[Projection[Any]]) -> None:
        self.projections = tuple(projections)
        self._decoder = Decoder(projections)
        self._followers = lru_cache(KINDS_MAX)(self._who_follows)

    def revisions(self, records: Sequence[Record]) -> list[Record]:
        """Those that put another right: `fold` wants to know what they say."""
        revisions = self._decoder.revisions
        return [record for record in records if record.type in revisions]

    def fold(
        self, records: Sequence[Record], amended: Amendments, *, meanwhile: Callable[[], object] = bool
    ) -> Folded:
        """Every stream of `records`, which come stream by stream, each whole and in business order.

        Rows that could not be read back are among them (see `fold_carefully`). `meanwhile` is called now and then.
        """
        folded: Folded = {projection.name: {} for projection in self.projections}
        for name, told in groupby(records, key=attrgetter("stream")):
            for projection, stream in self._stream(name, list(told), amended):
                folded[projection.name][name] = stream
                meanwhile()
        return folded

    def _stream(
        self, name: str, told: list[Record], amended: Amendments
    ) -> Iterator[tuple[Projection[Any], Stream]]:
        """What one stream is for each that follows it, and for which anything in it matters."""
        followers = self._followers(name.partition("/")[0])
        if not followers:
            return
        put_right = name in amended.streams
        try:
            events = self._decoder.events(told, amended if put_right else None)
        except Exception:
            for projection in followers:
                yield from _by_definition(projection, name, told, amended)
            return
        for projection in followers:
            try:
                stream = fold_plainly(projection, events)
            except Exception:
                yield from _by_definition(projection, name, told, amended)
                continue
            if stream is not None or put_right:
                stream = stream or Stream()
                stream.again = name in amended.expected
                yield projection, stream

    def _who_follows(self, kind: str) -> list[Projection[Any]]:
        return [projection for projection in self.projections if projection.follows(kind)]


def fold_carefully(
    projection: Projection[Any], records: Sequence[Record], streams: dict[str, Stream], amended: Amendments
) -> None:
    """Folds again, in place, the streams with a row that could not be read back: they are parked where it is made."""
    odd = misfits_one_by_one(projection, streams)
    theirs = [record for record in records if record.stream in odd]
    for name, told in groupby(theirs, key=attrgetter("stream")):
        for _, stream in _by_definition(projection, name, list(told), amended, carefully=True):
            streams[name] = stream


def _by_definition(
    projection: Projection[Any],
    name: str,
    told: list[Record],
    amended: Amendments,
    *,
    carefully: bool = False,
) -> Iterator[tuple[Projection[Any], Stream]]:
    mine = [record for record in told if record.type not in projection.passed_over]
    if mine:
        yield projection, fold_stream(projection, name, mine, amended, carefully=carefully)


@contextmanager
def no_garbage() -> Iterator[None]:
    """Rows make no cycles: while many are made, looking for them would take a twelfth of the time."""
    looked = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if looked:
            gc.enable()
