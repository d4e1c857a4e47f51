"""Folding without a database: an auditor's laptop, with an export. The same folds, the same code, the same rows."""

from collections.abc import Iterable
from itertools import groupby
from typing import Any, TypeVar

import msgspec

from events.log.record import Record
from projections.engine.batch import fold_batch, misfits
from projections.engine.projection import Part, Projection
from projections.engine.stream import Stream, amendments, fold_stream, is_revision

R = TypeVar("R", bound=msgspec.Struct)


def fold_in_memory(projection: Projection[R], records: Iterable[Record]) -> dict[str, R]:
    """The rows that these records make, by key: `project/P-17`, `project/P-17/<part>`, or `project/P-17/<position>`.

    `records` are one organisation's, in the order of positions. What can be gone through twice (an opened export, a
    list) is read twice and never held whole; an iterator is.
    """
    return {
        key_of(name, part): kept.row
        for name, stream in streams_in_memory(projection, records).items()
        for part, kept in stream.rows.items()
        if kept.row is not None
    }


def streams_in_memory(projection: Projection[Any], records: Iterable[Record]) -> dict[str, Stream]:
    """The streams that these records make, with what is parked of them."""
    if iter(records) is records:
        records = list(records)
    streams: dict[str, Stream] = {}
    touched: dict[str, Stream] = {}
    again: set[str] = set()
    fold_batch(projection, streams, _that_matter(projection, records), touched, again)
    again |= misfits(projection, touched)
    told = [record for record in _that_matter(projection, records) if record.stream in again]
    amended = amendments(projection, [record for record in told if is_revision(projection, record)])
    told.sort(key=lambda record: (record.stream, record.occurred_at, record.position))
    for name, stream_records in groupby(told, key=lambda record: record.stream):
        its_records = list(stream_records)
        stream = fold_stream(projection, name, its_records, amended)
        if misfits(projection, {name: stream}):
            stream = fold_stream(projection, name, its_records, amended, carefully=True)
        streams[name] = stream
    return streams


def key_of(stream: str, part: Part) -> str:
    """A row's key written out."""
    return stream if part == "" else f"{stream}/{part}"


def _that_matter(projection: Projection[Any], records: Iterable[Record]) -> Iterable[Record]:
    passed_over = projection.passed_over
    return (record for record in records if record.type not in passed_over)
