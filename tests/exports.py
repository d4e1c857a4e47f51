"""Exports for tests, made of records that no database has seen."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from events.log import checkpoints
from events.log.checkpoints import Checkpoint
from events.log.exported import Row, Rows, written
from events.log.exporting import Exporter, head_of
from events.log.lines import canonical
from events.log.merkle import CompactRange, Hashes, Node, consistency_proof, leaf_hash, node_hash
from events.log.notes import SigningKey
from events.log.record import Record

NOON = datetime(2022, 5, 20, 12, tzinfo=UTC)
ORIGIN = "qiledger.example.org/RWK"
KEY = SigningKey.make(ORIGIN)


def record(position: int, **changes: object) -> Record:
    """A record of a log in which three projects take turns."""
    plain = Record(
        "RWK",
        position,
        f"project/P-{position % 3}",
        (position - 1) // 3 + 1 if position % 3 else position // 3,
        "/lifeqi",
        f"e{position}",
        "cycle.tested",
        NOON,
        "instant",
        NOON + timedelta(seconds=position // 2),
        "client/lifeqi",
        '{"cycle":"C-1","happened":"Zweimal »ja« \\"sagen\\" 🏥"}',
        b"",
    )
    return with_leaf(msgspec.structs.replace(plain, **changes))


def with_leaf(one: Record) -> Record:
    return msgspec.structs.replace(one, leaf=leaf_hash(canonical(one)))


def records(count: int) -> list[Record]:
    return [record(position) for position in range(1, count + 1)]


def hashes_of(leaves: Sequence[bytes]) -> Hashes:
    """Every node of a small tree."""

    def at(node: Node) -> bytes:
        level, number = node
        row = list(leaves[number << level : (number + 1) << level])
        while len(row) > 1:
            row = [node_hash(row[n], row[n + 1]) for n in range(0, len(row), 2)]
        return row[0]

    return at


def note_of(kept: Sequence[Record], key: SigningKey | None = None, origin: str = ORIGIN) -> str:
    """The signed checkpoint over all of these."""
    root = CompactRange.of(one.leaf for one in kept).root()
    return checkpoints.sign(Checkpoint(origin, len(kept), root), [(key or KEY).named(origin)]).write()


def export_of(
    kept: Sequence[Record],
    *,
    first: int = 1,
    last: int | None = None,
    rows: Iterable[Rows | Row] = (),
    sealed: bool = True,
    key: SigningKey | None = None,
) -> bytes:
    """An export of some of these records, under a checkpoint over all of them."""
    last = len(kept) if last is None else last
    leaves = [one.leaf for one in kept]
    head = head_of(
        "RWK",
        first=first,
        last=last,
        before=CompactRange.of(leaves[: first - 1]),
        purpose="Internal audit",
        taken_for="Auditor",
        made_at="2022-06-01T09:00:00.000000Z",
        made_by="qiledger 0.1.0",
    )
    with Exporter(head) as exporter:
        text = exporter.begin() + exporter.add(kept[first - 1 : last]) + b"".join(exporter.leaves())
        text += b"".join(written(row) for row in rows)
        proof = consistency_proof(last, len(kept), hashes_of(leaves)) if sealed else ()
        keys = [(key or KEY).public.write()] if sealed else []
        return text + exporter.seal(
            checkpoint=note_of(kept, key) if sealed else None, consistency=proof, keys=keys
        )
