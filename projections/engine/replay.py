"""Replaying: every projection folded from an export, or a log, by the folds that run everywhere, in flat memory.

Records and rows are sorted by stream into a few files (`spool.py`), and folded and compared file by file, for all
projections at once: each line is read once and each event decoded once.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from datetime import datetime
from hashlib import sha256
from types import TracebackType
from typing import Any, Self

import msgspec

from events.log.lines import record_read_before
from events.log.record import Record
from projections.engine.at_once import AtOnce, Folded
from projections.engine.compare import differences
from projections.engine.memory import data_of, key_of, streams_at_once
from projections.engine.projection import Projection
from projections.engine.spool import Spool, stream_of
from projections.engine.stream import Stream, in_business_order

MISMATCHES_MAX = 100  # named of each projection; more are counted
RECORDS_NAMED_MAX = 50

_encode = msgspec.json.Encoder(order="deterministic").encode
_keyed = msgspec.json.Decoder(tuple[str, msgspec.Raw]).decode


class Target(msgspec.Struct, frozen=True):
    """A projection, and the last position that its rows are to reflect."""

    projection: Projection[Any]
    until: int


class Field(msgspec.Struct, frozen=True):
    """A field of a row that is not what the records make of it."""

    name: str
    shown: Any
    folded: Any


class Mismatch(msgspec.Struct, frozen=True):
    """A row that is not what the records make of it, field by field, and the records of its stream."""

    key: str
    what: str  # missing, extra or different
    fields: list[Field]
    positions: list[int]


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """How the rows of a projection compare with what the records make."""

    projection: str
    revision: int
    position: int
    rows: int
    mismatches: list[Mismatch]
    more: int = 0

    @property
    def agrees(self) -> bool:
        """Whether every row is what the records make of it."""
        return not self.mismatches


class Digest(msgspec.Struct, frozen=True, kw_only=True):
    """The rows of a projection in one number: the same rows give the same, in whatever order they were made."""

    projection: str
    revision: int
    rows: int
    digest: str


class Replay:
    """Takes records that hold, in the order of positions, and rows to compare with; then folds.

    `occurred_until` and `recorded_until` leave out what happened, or was kept, later.
    """

    def __init__(
        self,
        targets: Iterable[Target],
        *,
        records: int,
        occurred_until: datetime | None = None,
        recorded_until: datetime | None = None,
    ) -> None:
        self.targets = {target.projection.name: target for target in targets}
        self._occurred_until = occurred_until
        self._recorded_until = recorded_until
        self._open = ExitStack()
        self._records = self._open.enter_context(Spool(records))
        self._rows: dict[str, Spool] = {}
        self._expected = records

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def add_line(self, stream: str, text: bytes) -> None:
        """The next record, as its canonical line."""
        self._records.add(stream, text)

    def add_row(self, projection: str, key: str, row: bytes) -> None:
        """A row as readers were shown it, as JSON."""
        spool = self._rows.get(projection)
        if spool is None:
            spool = self._rows[projection] = self._open.enter_context(Spool(self._expected))
        spool.add(stream_of(key), _encode([key, msgspec.Raw(row)]))

    def streams(self, name: str) -> Iterator[dict[str, Stream]]:
        """The streams of a projection with their rows, some at a time."""
        for _, folded in self._folded([self.targets[name]]):
            yield folded[name]

    def rows(self, name: str) -> Iterator[tuple[str, Any]]:
        """The rows of a projection by their keys, in no order."""
        for streams in self.streams(name):
            yield from rows_of(streams).items()

    def digests(self) -> list[Digest]:
        """The rows of every target summed up, in one pass over the records."""
        totals, counts = dict.fromkeys(self.targets, 0), dict.fromkeys(self.targets, 0)
        for _, folded in self._folded(list(self.targets.values())):
            for name in self.targets:
                rows = rows_of(folded.pop(name))
                counts[name] += len(rows)
                totals[name] += sum(
                    [int.from_bytes(sha256(_whole(key, row)).digest(), "big") for key, row in rows.items()]
                )
        return [
            Digest(
                projection=name,
                revision=target.projection.revision,
                rows=counts[name],
                digest=f"{totals[name] % 2**256:064x}",
            )
            for name, target in self.targets.items()
        ]

    def compare(self) -> list[Compared]:
        """Every target's rows beside what the records make, in one pass over the records for each position."""
        found: dict[str, list[Mismatch]] = {name: [] for name in self.targets}
        counts, more = dict.fromkeys(self.targets, 0), dict.fromkeys(self.targets, 0)
        for until in {target.until for target in self.targets.values()}:
            targets = [target for target in self.targets.values() if target.until == until]
            for number, (records, folded) in enumerate(self._folded(targets)):
                for name in [target.projection.name for target in targets]:
                    rows = rows_of(folded.pop(name))
                    counts[name] += len(rows)
                    mismatches = list(_mismatches(self._shown(name, number), rows, records))
                    room = MISMATCHES_MAX - len(found[name])
                    found[name] += mismatches[:room]
                    more[name] += len(mismatches[room:])
        return [
            Compared(
                projection=name,
                revision=target.projection.revision,
                position=target.until,
                rows=counts[name],
                mismatches=found[name],
                more=more[name],
            )
            for name, target in self.targets.items()
        ]

    def _folded(self, targets: list[Target]) -> Iterator[tuple[list[Record], Folded]]:
        """File by file, its records and what they make of each target; all are to reflect the same position."""
        at_once = AtOnce([target.projection for target in targets])
        for number in range(self._records.files):
            records = self._read(number, targets[0].until)
            yield records, streams_at_once(at_once, records)

    def _shown(self, name: str, number: int) -> dict[str, Any]:
        if name not in self._rows:
            return {}
        found: dict[str, Any] = {}
        for key, written in map(_keyed, self._rows[name].lines(number)):
            row = _read(self.targets[name].projection, written)
            found[key] = [found[key], row] if key in found else row  # two rows are no row of the records
        return found

    def _read(self, number: int, until: int) -> list[Record]:
        records = map(record_read_before, self._records.lines(number))
        return [record for record in records if self._belongs(record, until)]

    def _belongs(self, record: Record, until: int) -> bool:
        return (
            record.position <= until
            and (self._occurred_until is None or record.occurred_at <= self._occurred_until)
            and (self._recorded_until is None or record.recorded_at <= self._recorded_until)
        )


def rows_of(streams: Mapping[str, Stream]) -> dict[str, Any]:
    """The rows that are shown, by their keys."""
    return {
        key_of(name, part): kept.row
        for name, stream in streams.items()
        for part, kept in stream.rows.items()
        if kept.row is not None
    }


def _whole(key: str, row: msgspec.Struct) -> bytes:
    """A row as it is summed up: with every field of its own."""
    return _encode([key, msgspec.structs.asdict(row)])


def _read(projection: Projection[Any], written: msgspec.Raw) -> Any:
    """A row as it was shown; what no row of this projection looks like as it stands, so that it differs."""
    try:
        return projection.read(written)
    except msgspec.ValidationError:
        return msgspec.json.decode(written)


def _mismatches(
    shown: Mapping[str, Any], folded: Mapping[str, Any], records: list[Record]
) -> Iterator[Mismatch]:
    found = differences(shown, folded)
    differing = {stream_of(difference.key) for difference in found}
    behind: dict[str, list[Record]] = {stream: [] for stream in differing}
    for record in records if found else ():
        if record.stream in differing:
            behind[record.stream].append(record)
    for difference in found:
        its = in_business_order(behind[stream_of(difference.key)])
        yield Mismatch(
            key=difference.key,
            what=_what(difference.kept, difference.folded),
            fields=_fields(difference.kept, difference.folded),
            positions=[record.position for record in its[-RECORDS_NAMED_MAX:]],
        )


def _what(shown: Any, folded: Any) -> str:
    if shown is None:
        return "missing"
    return "extra" if folded is None else "different"


def _fields(shown: Any, folded: Any) -> list[Field]:
    one, other = _plain(shown), _plain(folded)
    names = [name for name in {**one, **other} if one.get(name) != other.get(name)]
    return [Field(name, one.get(name), other.get(name)) for name in names]


def _plain(shown: Any) -> dict[str, Any]:
    if isinstance(shown, list):
        return {"rows": msgspec.to_builtins(shown)}
    return shown if isinstance(shown, dict) else data_of(shown) or {}
