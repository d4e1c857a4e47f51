"""Writing an export: the bytes, from records in the order of positions. Reads no database and writes no file.

The API streams what this gives, `qiledger export` writes it to a file and goes on with half a one. Memory stays flat:
leaves wait in a temporary file until they are written behind the records.
"""

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from types import TracebackType
from typing import Self

from events.log.exported import FORMAT, LEAVES_A_LINE, Head, Leaves, Seal, written
from events.log.lines import canonical
from events.log.merkle import HASH_BYTES, CompactRange, Hash, leaf_hash
from events.log.record import Record


class BrokenRecord(ValueError):
    """The log itself does not hold together at a position: the record is not what its leaf was made of."""

    def __init__(self, position: int, why: str) -> None:
        self.position = position
        super().__init__(f"record {position:,} does not hold: {why}")


class Exporter:
    """One export on its way: `begin`, `add` until all records are told, `leaves`, then `seal`."""

    def __init__(self, head: Head) -> None:
        self.head = head
        self.tree = CompactRange(head.first - 1, head.before)
        self._leaves = tempfile.TemporaryFile(prefix="qiledger-export-")  # noqa: SIM115

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leaves.close()

    @property
    def next(self) -> int:
        """The position of the record that comes next."""
        return self.tree.size + 1

    @property
    def left(self) -> int:
        """How many records are still to come."""
        return self.head.last - self.tree.size

    def begin(self) -> bytes:
        """The first line."""
        return written(self.head)

    def add(self, records: Iterable[Record]) -> bytes:
        """The lines of the next records. Raises BrokenRecord."""
        lines = []
        for record in records:
            line = canonical(record)
            if record.position != self.next or record.position > self.head.last:
                raise BrokenRecord(record.position, f"position {self.next} was to come")
            if b"\n" in line:
                raise BrokenRecord(record.position, "its body is more than one line")
            if leaf_hash(line) != record.leaf:
                raise BrokenRecord(record.position, "it is not what its leaf was made of")
            if not record.begins_where_known:
                raise BrokenRecord(record.position, "when it occurred is not the start of what is written")
            self.went(record.leaf)
            lines.append(line)
        lines.append(b"")
        return b"\n".join(lines)

    def went(self, leaf: Hash) -> None:
        """Notes a record that is written already, by its leaf."""
        self.tree.append(leaf)
        self._leaves.write(leaf)

    def leaves(self) -> Iterator[bytes]:
        """The lines of the leaves, once all records are told."""
        self._leaves.seek(0)
        for first in range(self.head.first, self.head.last + 1, LEAVES_A_LINE):
            yield written(Leaves(first=first, hashes=self._leaves.read(HASH_BYTES * LEAVES_A_LINE)))

    def seal(
        self, *, checkpoint: str | None, consistency: Sequence[Hash] = (), keys: Sequence[str] = ()
    ) -> bytes:
        """The last line."""
        return written(
            Seal(
                records=self.head.records,
                root=self.tree.root(),
                checkpoint=checkpoint,
                consistency=tuple(consistency),
                keys=tuple(keys),
            )
        )


def head_of(
    organisation: str,
    *,
    first: int,
    last: int,
    before: CompactRange,
    purpose: str,
    taken_for: str,
    made_at: str,
    made_by: str,
) -> Head:
    """The head of a new export; `before` is the tree of the records before the first."""
    return Head(
        format=FORMAT,
        organisation=organisation,
        first=first,
        last=last,
        before=before.hashes,
        purpose=purpose,
        taken_for=taken_for,
        made_at=made_at,
        made_by=made_by,
    )
