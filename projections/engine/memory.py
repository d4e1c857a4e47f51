"""Folding without a database: an auditor's laptop, with an export. The same folds, the same code, the same rows."""

from collections.abc import Iterable
from typing import Any, TypeVar

import msgspec

from events.log.record import Record
from projections.engine.at_once import AtOnce, Folded, fold_carefully
from projections.engine.batch import misfits
from projections.engine.projection import Part, Projection
from projections.engine.stream import Stream, amendments

R = TypeVar("R", bound=msgspec.Struct)


def fold_in_memory(projection: Projection[R], records: Iterable[Record]) -> dict[str, R]:
    """The rows that these records make, by key: `project/P-17`, `project/P-17/<part>`, or `project/P-17/<position>`.

    `records` are one organisation's, in any order. They are held whole; for a log of any length see `replay.py`.
    """
    return {
        key_of(name, part): kept.row
        for name, stream in streams_in_memory(projection, records).items()
        for part, kept in stream.rows.items()
        if kept.row is not None
    }


def streams_in_memory(projection: Projection[Any], records: Iterable[Record]) -> dict[str, Stream]:
    """The streams that these records make, with what is parked of them."""
    return streams_at_once(AtOnce([projection]), records)[projection.name]


def streams_at_once(at_once: AtOnce, records: Iterable[Record]) -> Folded:
    """The same for several projections: of each, the streams that it follows and that matter to it."""
    told = sorted(records, key=lambda record: (record.stream, record.occurred_at, record.position))
    amended = amendments(at_once.projections[0], at_once.revisions(told))
    folded = at_once.fold(told, amended)
    for projection in at_once.projections:
        streams = folded[projection.name]
        if misfits(projection, streams):
            fold_carefully(projection, told, streams, amended)
    return folded


def data_of(row: msgspec.Struct | None) -> dict[str, Any] | None:
    """A row as plain data, with every field of its own: those too that its JSON leaves out for the database."""
    return None if row is None else msgspec.to_builtins(msgspec.structs.asdict(row))


def key_of(stream: str, part: Part) -> str:
    """A row's key written out."""
    return stream if part == "" else f"{stream}/{part}"
