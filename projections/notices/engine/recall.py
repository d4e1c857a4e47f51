"""What the log says of a stream at a position: its rows before and after a record, folded from its records. Pure.

The folds are those of the projections. Rows in Postgres cannot be used for this: they are as far as their own feed has
come, which depends on who was faster; a notice must not. What hearing itself has folded can: a long stream is folded
on from where it `stood`, unless a record comes that puts right what was before. Then it is folded from its first one.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import Any, TypeAlias, TypeVar

import msgspec

from events.log.record import Record
from projections.engine.batch import fold_batch
from projections.engine.projection import Part, Projection
from projections.engine.stream import (
    Stream,
    amendments,
    fold_stream,
    in_business_order,
    is_revision,
)

REMEMBERED_MAX = 50_000  # records, and rows where streams stood, at once
READ_AHEAD = 50  # streams read by one query
LONG = 250  # records after which it is worth keeping where a stream stands

D = TypeVar("D")


class Stood(msgspec.Struct, frozen=True):
    """A stream with every record up to a position, the last of which that matters has this version."""

    position: int
    version: int
    stream: Stream


ReadStreams: TypeAlias = Callable[[Projection[Any], Mapping[str, int]], Mapping[str, Sequence[Record]]]
"""The records of some streams that matter to a projection, in their order: of each those after a version."""
WhereTheyStood: TypeAlias = Callable[[Projection[Any], Sequence[str]], Mapping[str, Stood]]
"""Where streams stood at some earlier position, of those of which it was kept. Nobody else has what it returns."""
NamesOf: TypeAlias = Callable[[Projection[Any], str], Sequence[str]]
"""The streams of a kind that have records which matter to a projection."""


def nothing_is_kept(projection: Projection[Any], streams: Sequence[str]) -> Mapping[str, Stood]:
    """Of no stream is it known where it stood."""
    return {}


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


def rows_of(stream: Stream | None) -> Rows:
    """The rows that a stream shows."""
    if stream is None:
        return Rows()
    return Rows({part: kept.row for part, kept in stream.rows.items() if kept.row is not None})


class Around(msgspec.Struct, frozen=True):
    """The rows of a stream just before a position, and at it."""

    before: Rows
    after: Rows
    waits: bool = False  # before it, the stream waited for a record that a revision names, or was held up


class Unfolding:
    """One stream, folded onward from position to position.

    Should something be put right, `stood` says again where it stood, and `whole` reads all its records.
    """

    def __init__(
        self,
        projection: Projection[Any],
        name: str,
        records: Sequence[Record],
        begins: Stood | None,
        stood: Callable[[], Stood | None],
        whole: Callable[[], Sequence[Record]],
    ) -> None:
        self._projection = projection
        self._name = name
        self._records = records
        self._stood = stood
        self._whole = whole
        self._from = begins.position if begins is not None else 0
        self._streams: dict[str, Stream] = {} if begins is None else {name: begins.stream}
        self._taken = 0
        self._rows = self._shown()
        self._position = -1
        self._around = Around(self._rows, self._rows)

    def around(self, position: int) -> Around:
        """Its rows before and at a position, which is never less than the last one asked for."""
        assert position >= self._position, "the log is gone through onward"
        if position > self._position:
            if position <= self._from:
                self._begin_anew()
            before, waits = self._until(position - 1), self._waits()
            self._around = Around(before, self._until(position), waits)
            self._position = position
        return self._around

    def stands(self) -> Stood | None:
        """Where it has come to, if that is worth keeping: far from where it was, and with nothing to be put right."""
        stream = self._streams.get(self._name)
        if stream is None or stream.again or self._taken < LONG:
            return None
        return Stood(self._position, self._records[self._taken - 1].version, stream)

    def _waits(self) -> bool:
        stream = self._streams.get(self._name)
        return stream is not None and stream.again

    def _until(self, position: int) -> Rows:
        new = self._told_by(position)
        if new > self._taken:
            again: set[str] = set()
            fold_batch(self._projection, self._streams, self._records[self._taken : new], {}, again)
            if self._name in again:
                self._fold_again(position)
            self._taken = self._told_by(position)
            self._rows = self._shown()
        return self._rows

    def _told_by(self, position: int) -> int:
        """How many of its records have been told by then."""
        told = self._taken
        while told < len(self._records) and self._records[told].position <= position:
            told += 1
        return told

    def _fold_again(self, position: int) -> None:
        """All its records up to a position, in business order, as they were put right."""
        stream = self._put_right_since_it_stood(position) if self._from else None
        if stream is None:
            if self._from:
                self._begin_anew()
            stream = self._folded(position, Stream())
        self._streams[self._name] = stream

    def _put_right_since_it_stood(self, position: int) -> Stream | None:
        """The same, folded onto where it stood; None if that would not be the same.

        It is not if one that came since belongs before the last of its row, or puts right what came before.
        """
        stood = self._stood()
        if stood is None or stood.position != self._from:
            return None
        stream = self._folded(position, stood.stream)
        return None if stream.again else stream

    def _folded(self, position: int, onto: Stream) -> Stream:
        """The records up to a position, in business order, as they were put right."""
        known = self._records[: self._told_by(position)]
        amended = amendments(self._projection, [r for r in known if is_revision(self._projection, r)])
        amended.expect({(record.stream, record.source, record.id) for record in known})
        return fold_stream(self._projection, self._name, in_business_order(known), amended, onto=onto)

    def _begin_anew(self) -> None:
        """From its first record."""
        self._records, self._from, self._taken = self._whole(), 0, 0
        self._streams.clear()
        self._rows = self._shown()

    def _shown(self) -> Rows:
        return rows_of(self._streams.get(self._name))


class Recall:
    """The streams of one log, as far as somebody asked for them. `ahead` are the records that will be asked about."""

    def __init__(
        self,
        read: ReadStreams,
        names: NamesOf,
        *,
        stood: WhereTheyStood = nothing_is_kept,
        ahead: Iterable[Record] = (),
    ) -> None:
        self.read = read
        self.names = names
        self._stood = stood
        self._lengths = {record.stream: record.version for record in ahead}
        self._ahead = list(self._lengths)
        self._place = {stream: n for n, stream in enumerate(self._ahead)}
        self._known: dict[tuple[str, str], Unfolding] = {}
        self._named: dict[tuple[str, str], Sequence[str]] = {}
        self._projections: dict[str, Projection[Any]] = {}
        self._size = 0

    def around(self, projection: Projection[Any], stream: str, position: int) -> Around:
        """The rows of a stream before and at a position. Positions never go back."""
        unfolding = self._known.get((projection.name, stream))
        if unfolding is None:
            self._meet(projection, stream)
            unfolding = self._known[projection.name, stream]
        return unfolding.around(position)

    def every(self, projection: Projection[Any], kind: str, position: int) -> list[Rows]:
        """The rows of each stream of a kind at a position."""
        names = self._named.get((projection.name, kind))
        if names is None:
            names = self._named[projection.name, kind] = self.names(projection, kind)
        for at in range(0, len(names), READ_AHEAD):
            unknown = [
                name for name in names[at : at + READ_AHEAD] if (projection.name, name) not in self._known
            ]
            if unknown:
                self._learn(projection, unknown)
        return [self.around(projection, name, position).after for name in names]

    def stands(self) -> Iterator[tuple[Projection[Any], str, Stood]]:
        """The streams of which it is worth keeping where they stand now."""
        for (projection, name), unfolding in self._known.items():
            stood = unfolding.stands()
            if stood is not None:
                yield self._projections[projection], name, stood

    def _meet(self, projection: Projection[Any], stream: str) -> None:
        """Reads a stream, and the next ones of its kind that will be asked for."""
        place = self._place.get(stream, len(self._ahead))
        kind = stream.partition("/")[0] + "/"
        coming = (name for name in self._ahead[place + 1 :] if name.startswith(kind))
        unknown = (name for name in coming if (projection.name, name) not in self._known)
        self._learn(projection, [stream, *islice(unknown, READ_AHEAD)])

    def _learn(self, projection: Projection[Any], names: Sequence[str]) -> None:
        long = [name for name in names if self._lengths.get(name, LONG) >= LONG]
        stood = self._stood(projection, long) if long else {}
        after = dict.fromkeys(names, 0) | {name: one.version for name, one in stood.items()}
        read = self.read(projection, after)
        size = sum(map(len, read.values())) + sum(len(one.stream.rows) for one in stood.values())
        self._size += size
        if self._size > REMEMBERED_MAX:
            self._known, self._size = {}, size
        self._projections[projection.name] = projection
        for name in names:
            self._known[projection.name, name] = Unfolding(
                projection,
                name,
                read.get(name, ()),
                stood.get(name),
                partial(self._stood_again, projection, name),
                partial(self._whole, projection, name),
            )

    def _stood_again(self, projection: Projection[Any], name: str) -> Stood | None:
        """Where a stream stood, for one who has folded on what was given before."""
        return self._stood(projection, [name]).get(name)

    def _whole(self, projection: Projection[Any], name: str) -> Sequence[Record]:
        """All records of a stream that matter."""
        return self.read(projection, {name: 0}).get(name, ())
