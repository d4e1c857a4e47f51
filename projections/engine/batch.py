"""Folding a batch of records, in the order of their positions, onto the streams they belong to. Pure."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from itertools import islice
from typing import Any

from events.log.record import Record
from projections.engine.projection import Part, Projection
from projections.engine.stream import Stream, fold_next, next_part

TOGETHER = 1_000  # rows that are looked at together
NUL = "\0"  # no table has a row of such a name


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


def strange_parts(
    projection: Projection[Any], streams: Mapping[str, Stream], records: Iterable[Record]
) -> set[tuple[str, Part]]:
    """The rows, by stream and part, that `fold_batch` will look at for these records and `streams` do not know.

    Of a record for which the shortcut does not hold it looks at none: its stream is folded again.
    """
    ways, found = projection.ways, set[tuple[str, Part]]()
    for record in records:
        way, stream = ways.get(record.type), streams[record.stream]
        if not stream.partial or way is None or way.revision:
            continue
        with suppress(Exception):  # it is met again, and answered, when the record is folded
            part = next_part(projection, way, record)
            if part is not None and part not in stream.rows and NUL not in str(part):
                found.add((record.stream, part))
    return found


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
