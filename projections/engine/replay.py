"""Replaying: every projection folded from an export, or a log, by the folds that run everywhere, in flat memory.

Records and rows are sorted by stream into a few files (`spool.py`), and folded and compared file by file.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from datetime import datetime
from hashlib import sha256
from types import TracebackType
from typing import Any, Self

import msgspec

from events.log.lines import canonical, read_line, record_of
from events.log.record import Record
from projections.engine.compare import differences
from projections.engine.memory import key_of, streams_in_memory
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
    """Takes records in the order of positions, and rows to compare with; then folds.

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

    def add_record(self, record: Record) -> None:
        """The next record."""
        self._records.add(record.stream, canonical(record))

    def add_row(self, projection: str, key: str, row: bytes) -> None:
        """A row as readers were shown it, as JSON."""
        spool = self._rows.get(projection)
        if spool is None:
            spool = self._rows[projection] = self._open.enter_context(Spool(self._expected))
        spool.add(stream_of(key), _encode([key, msgspec.Raw(row)]))

    def streams(self, name: str) -> Iterator[dict[str, Stream]]:
        """The streams of a projection with their rows, some at a time."""
        for number in range(self._records.files):
            yield streams_in_memory(
                self.targets[name].projection, self._read(number, self.targets[name].until)
            )

    def rows(self, name: str) -> Iterator[tuple[str, Any]]:
        """The rows of a projection by their keys, in no order."""
        for streams in self.streams(name):
            yield from rows_of(streams).items()

    def digest(self, name: str) -> Digest:
        """The rows of a projection, summed up."""
        total, count = 0, 0
        for key, row in self.rows(name):
            total += int.from_bytes(sha256(_encode([key, row])).digest(), "big")
            count += 1
        revision = self.targets[name].projection.revision
        return Digest(projection=name, revision=revision, rows=count, digest=f"{total % 2**256:064x}")

    def compare(self) -> list[Compared]:
        """Every target's rows beside what the records make."""
        found: dict[str, list[Mismatch]] = {name: [] for name in self.targets}
        counts, more = dict.fromkeys(self.targets, 0), dict.fromkeys(self.targets, 0)
        for number in range(self._records.files):
            records = self._read(number, None)
            for name, target in self.targets.items():
                folded, mine = self._folded(target, records)
                counts[name] += len(folded)
                for mismatch in _mismatches(self._shown(name, number), folded, mine):
                    if len(found[name]) < MISMATCHES_MAX:
                        found[name].append(mismatch)
                    else:
                        more[name] += 1
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

    def _folded(self, target: Target, records: list[Record]) -> tuple[dict[str, Any], list[Record]]:
        mine = [record for record in records if record.position <= target.until]
        return rows_of(streams_in_memory(target.projection, mine)), mine

    def _shown(self, name: str, number: int) -> dict[str, Any]:
        if name not in self._rows:
            return {}
        found: dict[str, Any] = {}
        for key, written in map(_keyed, self._rows[name].lines(number)):
            row = _read(self.targets[name].projection, written)
            found[key] = [found[key], row] if key in found else row  # two rows are no row of the records
        return found

    def _read(self, number: int, until: int | None) -> list[Record]:
        records = (record_of(read_line(text), b"") for text in self._records.lines(number))
        return [record for record in records if self._belongs(record, until)]

    def _belongs(self, record: Record, until: int | None) -> bool:
        return (
            (until is None or record.position <= until)
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


def _plain(row: Any) -> dict[str, Any]:
    plain = {} if row is None else msgspec.to_builtins(row)
    return plain if isinstance(plain, dict) else {"rows": plain}
