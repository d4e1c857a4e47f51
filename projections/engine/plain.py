"""The shortcut for a stream that is in memory whole: a bare loop for each projection, over events decoded once. Pure.

`fold_stream` (`stream.py`) is the definition. Where nothing holds up a stream, and its records stand in business order,
folding is a loop without questions; whatever raises here is left to the definition, which finds the record to blame.
"""

from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

from events.log.record import Record
from events.vocabulary import Event
from projections.engine.projection import THE_ROW, Fold, Part, PartOf, Projection, Shape
from projections.engine.stream import Amendments, Kept, Stream, as_corrected

Events: TypeAlias = list[
    tuple[Event, Record]
]  # what counts of a stream: corrected, in today's words, in business order
Folds: TypeAlias = dict[type[Event], tuple[Fold, PartOf | None]]


class NotPlain(Exception):
    """A record is of a type that some of the projections do not know, or know otherwise than the others."""


class Decoder:
    """Decodes what matters to any of some projections, once for all of them."""

    def __init__(self, projections: Iterable[Projection[Any]]) -> None:
        together = list(projections)
        self.revisions = frozenset(tag for each in together for tag, way in each.ways.items() if way.revision)
        self._passed_over = frozenset.intersection(*(each.passed_over for each in together))
        self._decoders = {}
        self._superseded = set()
        for tag in {tag for each in together for tag in each.ways}:
            ways = [each.ways.get(tag) for each in together if tag not in each.passed_over]
            known = {(way.kind, way.superseded) for way in ways if way is not None}
            if None in ways or len(known) != 1:
                continue  # whoever knows it otherwise folds its streams by the definition
            ((_, superseded),) = known
            self._decoders[tag] = next(way.decode for way in ways if way is not None)
            if superseded:
                self._superseded.add(tag)

    def events(self, records: Iterable[Record], amended: Amendments | None = None) -> Events:
        """The events of a stream; `amended` where a record of it puts another right. Raises whatever holds it up."""
        found = self._as_told(records) if amended is None else self._as_amended(records, amended)
        if self._superseded:
            superseded = self._superseded
            found = [
                (event.upcast() if record.type in superseded else event, record) for event, record in found
            ]
        return found

    def _as_told(self, records: Iterable[Record]) -> Events:
        decoders, passed_over, found = self._decoders, self._passed_over, []
        for record in records:
            decode = decoders.get(record.type)
            if decode is not None:
                found.append((decode(record.body), record))
            elif record.type not in passed_over:
                raise NotPlain
        return found

    def _as_amended(self, records: Iterable[Record], amended: Amendments) -> Events:
        decoders, passed_over, found = self._decoders, self._passed_over, []
        for record in records:
            told, revises = (record.stream, record.source, record.id), record.type in self.revisions
            if told in amended.retracted and not revises:
                continue
            decode = decoders.get(record.type)
            if decode is not None:
                event = decode(record.body)
                if told in amended.mended and not revises:
                    event = as_corrected(event, amended.mended[told])
                found.append((event, record))
            elif record.type not in passed_over:
                raise NotPlain
        return found


def fold_plainly(projection: Projection[Any], events: Events) -> Stream | None:
    """What the events of one stream make; None where none of them is folded, so that there is no row.

    Raises whatever a fold raises.
    """
    rows = _LOOPS[projection.shape or "rows"](projection.folds, events)
    return None if rows is None else Stream(rows)


def _rows(folds: Folds, events: Events) -> dict[Part, Kept] | None:
    find, row, last = folds.get, None, None
    for event, record in events:
        found = find(event.__class__)
        if found is not None:
            row, last = found[0](row, event, record), record
    return None if last is None else {THE_ROW: Kept(row, last.occurred_at, last.position)}


def _parts(folds: Folds, events: Events) -> dict[Part, Kept]:
    find, rows = folds.get, dict[Part, Kept]()
    for event, record in events:
        found = find(event.__class__)
        if found is None:
            continue
        fold, part_of = found
        part = part_of(event, record)  # type: ignore[misc]
        kept = rows.get(part)
        if kept is None:
            rows[part] = Kept(fold(None, event, record), record.occurred_at, record.position)
        else:
            kept.row, kept.at, kept.position = (
                fold(kept.row, event, record),
                record.occurred_at,
                record.position,
            )
    return rows


def _lines(folds: Folds, events: Events) -> dict[Part, Kept]:
    find, rows = folds.get, dict[Part, Kept]()
    for event, record in events:
        found = find(event.__class__)
        if found is not None:
            row = found[0](None, event, record)
            if row is not None:
                rows[record.position] = Kept(row, record.occurred_at, record.position)
    return rows


_LOOPS: dict[Shape, Callable[[Folds, Events], dict[Part, Kept] | None]] = {
    "rows": _rows,
    "parts": _parts,
    "lines": _lines,
}
