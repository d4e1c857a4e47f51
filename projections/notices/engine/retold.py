"""The log as it would be, had one stream been told right at first and in the order in which it happened. Pure.

Folded so, nothing of it is ever late or put right: it is gone through once, however it came.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypeAlias

from events.log.record import Record
from projections.engine.batch import fold_batch
from projections.engine.projection import Projection
from projections.engine.stream import Amendments, Stream, in_business_order
from projections.notices.engine.counting import as_they_count
from projections.notices.engine.recall import Around, Recall, Rows, rows_of

When: TypeAlias = tuple[datetime, int]


class Retold(Recall):
    """What it says at the records `told` of the stream, asked about in that order; of other streams, by then."""

    def __init__(self, recall: Recall, stream: str, told: Sequence[Record], amended: Amendments) -> None:
        super().__init__(recall.read, recall.names)
        self._stream = stream
        self._amended = amended
        self._until = max((record.position for record in told), default=0)
        self._when: Mapping[int, When] = {record.position: _when(record) for record in told}
        self._in_order: dict[str, InOrder] = {}
        self._furthest = 0

    def around(self, projection: Projection[Any], stream: str, position: int) -> Around:
        """The rows of a stream before and at the record at a position. Records never go back."""
        self._furthest = max(self._furthest, position)
        if stream != self._stream:
            return super().around(projection, stream, self._furthest)
        if projection.name not in self._in_order:
            told = self.read(projection, {stream: 0}).get(stream, ())
            known = as_they_count((one for one in told if one.position <= self._until), self._amended)
            self._in_order[projection.name] = InOrder(projection, stream, in_business_order(known))
        return self._in_order[projection.name].around(self._when[position])


class InOrder:
    """A stream whose records come in the order in which they happened, with nothing to put right."""

    def __init__(self, projection: Projection[Any], name: str, records: Sequence[Record]) -> None:
        self._projection = projection
        self._name = name
        self._records = records
        self._when = [_when(record) for record in records]
        self._streams: dict[str, Stream] = {}
        self._taken = 0
        self._rows = Rows()
        self._held_up: set[str] = set()

    def around(self, when: When) -> Around:
        """Its rows before a moment and at it."""
        at = bisect_left(self._when, when)
        before = self._fold(at)
        return Around(before, self._fold(at + 1 if self._when[at : at + 1] == [when] else at))

    def _fold(self, until: int) -> Rows:
        if until > self._taken:
            fold_batch(self._projection, self._streams, self._records[self._taken : until], {}, self._held_up)
            self._taken = until
            self._rows = rows_of(self._streams.get(self._name))
        return self._rows


def _when(record: Record) -> When:
    return record.occurred_at, record.position
