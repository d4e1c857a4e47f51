"""What the log says of a stream at a position: its rows before and after a record, folded from its records. Pure.

The folds are those of the projections. Rows in Postgres cannot be used for this: they are as far as their own feed has
come, which depends on who was faster; a notice must not.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, TypeAlias, TypeVar

import msgspec

from events.log.record import Record
from projections.engine.batch import fold_batch
from projections.engine.projection import Part, Projection
from projections.engine.stream import Stream, amendments, fold_stream, in_business_order, is_revision

REMEMBERED_MAX = 50_000  # records of streams at once
READ_AHEAD = 50  # streams read by one query

ReadStreams: TypeAlias = Callable[[Projection[Any], Sequence[str]], Mapping[str, Sequence[Record]]]
"""The records of some streams that matter to a projection, in the order of positions."""
NamesOf: TypeAlias = Callable[[Projection[Any], str], Sequence[str]]
"""The streams of a kind that have records which matter to a projection."""

D = TypeVar("D")


class Rows(dict[Part, Any]):
    """The rows of a stream by their parts, and what was made of them. Nobody changes them."""

    __slots__ = ("_made",)

    def __init__(self, rows: Mapping[Part, Any] | None = None) -> None:
        super().__init__(rows or {})
        self._made: dict[Hashable, Any] = {}

    def derived(self, key: Hashable, make: Callable[["Rows"], D]) -> D:
        """What `make` makes of them, such as a chart; made once, as what is after one record is before the next."""
        if key not in self._made:
            self._made[key] = make(self)
        made: D = self._made[key]
        return made


class Around(msgspec.Struct, frozen=True):
    """The rows of a stream just before a position, and at it."""

    before: Rows
    after: Rows


class Unfolding:
    """One stream, folded onward from position to position."""

    def __init__(self, projection: Projection[Any], name: str, records: Sequence[Record]) -> None:
        self._projection = projection
        self._name = name
        self._records = records
        self._taken = 0
        self._streams: dict[str, Stream] = {}
        self._rows = Rows()
        self._position = -1
        self._around = Around(self._rows, self._rows)

    def around(self, position: int) -> Around:
        """Its rows before and at a position, which is never less than the last one asked for."""
        assert position >= self._position, "the log is gone through onward"
        if position > self._position:
            before = self._until(position - 1)
            self._around = Around(before, self._until(position))
            self._position = position
        return self._around

    def _until(self, position: int) -> Rows:
        new = self._taken
        while new < len(self._records) and self._records[new].position <= position:
            new += 1
        if new > self._taken:
            self._fold(self._records[self._taken : new], self._records[:new])
            self._taken = new
            stream = self._streams.get(self._name, Stream())
            self._rows = Rows({part: kept.row for part, kept in stream.rows.items() if kept.row is not None})
        return self._rows

    def _fold(self, news: Sequence[Record], known: Sequence[Record]) -> None:
        again: set[str] = set()
        fold_batch(self._projection, self._streams, news, {}, again)
        if self._name in again:
            amended = amendments(self._projection, [r for r in known if is_revision(self._projection, r)])
            amended.expect({(record.stream, record.source, record.id) for record in known})
            in_order = in_business_order(known)
            self._streams[self._name] = fold_stream(self._projection, self._name, in_order, amended)


class Recall:
    """The streams of one log, as far as somebody asked for them. `ahead` are those that will be asked for, in order."""

    def __init__(self, read: ReadStreams, names: NamesOf, *, ahead: Iterable[str] = ()) -> None:
        self._read = read
        self._names = names
        self._ahead = list(dict.fromkeys(ahead))
        self._place = {stream: n for n, stream in enumerate(self._ahead)}
        self._known: dict[tuple[str, str], Unfolding] = {}
        self._records = 0

    def around(self, projection: Projection[Any], stream: str, position: int) -> Around:
        """The rows of a stream before and at a position. Positions never go back."""
        unfolding = self._known.get((projection.name, stream))
        if unfolding is None:
            self._meet(projection, stream)
            unfolding = self._known[projection.name, stream]
        return unfolding.around(position)

    def every(self, projection: Projection[Any], kind: str, position: int) -> list[Rows]:
        """The rows of each stream of a kind at a position."""
        names = self._names(projection, kind)
        for at in range(0, len(names), READ_AHEAD):
            unknown = [
                name for name in names[at : at + READ_AHEAD] if (projection.name, name) not in self._known
            ]
            if unknown:
                self._learn(projection, unknown)
        return [self.around(projection, name, position).after for name in names]

    def as_if(self, right: Record) -> "Recall":
        """The log as it would have been up to a record, had that been told as `right`."""

        def read(projection: Projection[Any], names: Sequence[str]) -> dict[str, list[Record]]:
            told = self._read(projection, names)
            return {
                name: [
                    right if record.position == right.position else record
                    for record in told.get(name, ())
                    if record.position <= right.position
                ]
                for name in names
            }

        return Recall(read, self._names)

    def _meet(self, projection: Projection[Any], stream: str) -> None:
        """Reads a stream, and the next ones of its kind that will be asked for."""
        place = self._place.get(stream, len(self._ahead))
        kind = stream.partition("/")[0] + "/"
        coming = (name for name in self._ahead[place + 1 :] if name.startswith(kind))
        unknown = (name for name in coming if (projection.name, name) not in self._known)
        self._learn(projection, [stream, *islice(unknown, READ_AHEAD)])

    def _learn(self, projection: Projection[Any], names: Sequence[str]) -> None:
        read = self._read(projection, names)
        self._records += sum(len(records) for records in read.values())
        if self._records > REMEMBERED_MAX:
            self._known = {}
            self._records = sum(len(records) for records in read.values())
        for name in names:
            self._known[projection.name, name] = Unfolding(projection, name, read.get(name, ()))
