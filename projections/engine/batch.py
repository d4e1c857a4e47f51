"""Folding a batch of records, in the order of their positions, onto the streams they belong to. Pure."""

from collections.abc import Iterable
from itertools import islice
from typing import Any

from events.log.record import Record
from projections.engine.projection import Projection
from projections.engine.stream import Stream, fold_next

TOGETHER = 1_000  # rows that are looked at together


def fold_batch(
    projection: Projection[Any],
    streams: dict[str, Stream],
    records: Iterable[Record],
    touched: dict[str, Stream],
    again: set[str],
) -> None:
    """Folds records onto `streams`, which are changed in place and put into `touched`.

    A stream for which the shortcut does not hold is named in `again`, its rows are left half done: fold it again.
    A stream that is not in `streams` has no earlier record.
    """
    ways = projection.ways
    for record in records:
        name = record.stream
        if name in again:
            continue
        way = ways.get(record.type)
        if way is None or way.revision:
            if projection.follows(name):
                again.add(name)
            continue
        if way.anywhere and not projection.follows(name):
            continue
        stream = streams.get(name)
        if stream is None:
            stream = streams[name] = Stream()
        elif stream.again:
            again.add(name)
            continue
        try:
            fold_next(projection, way, stream, record, way.decode(record.body))
        except Exception:
            again.add(name)
        else:
            touched[name] = stream


def misfits(projection: Projection[Any], touched: dict[str, Stream]) -> set[str]:
    """The streams with a new row that could not be read back: folding them again finds the record to blame."""
    rows = (
        kept.row
        for stream in touched.values()
        for kept in stream.rows.values()
        if not kept.saved and kept.row is not None
    )
    while some := list(islice(rows, TOGETHER)):
        if projection.written(some) is None:
            return misfits_one_by_one(projection, touched)
    return set()


def misfits_one_by_one(projection: Projection[Any], touched: dict[str, Stream]) -> set[str]:
    """The same, where it is known that there are some."""
    found = set()
    for name, stream in touched.items():
        for kept in stream.rows.values():
            if not kept.saved and kept.row is not None:
                try:
                    projection.checked(kept.row)
                except Exception:
                    found.add(name)
    return found
