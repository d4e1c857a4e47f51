"""What a row is: the fold over its stream's records in the order in which they happened. Pure.

`fold_stream` is the definition; folding the next record onto what is there (`fold_next`) is the shortcut that gives
the same while records arrive in the order in which they happened and nothing is put right.

A record that cannot be digested (a type or body this code cannot read, a fold that raises) holds up its stream: it is
parked with every later record, and the rows are those of the records before it. Told to retract that record, the
stream goes on without it.
"""

import re
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, TypeAlias

import msgspec

from events.corrections import EventRetracted
from events.log.record import Record
from events.vocabulary import Event
from projections.engine.projection import THE_ROW, Fold, NotARow, Part, PartOf, Projection, Way

_QUOTED = re.compile(r"'[^']*'")


class Parked(msgspec.Struct, frozen=True):
    """Which record holds up a stream, why, and how many records wait: it and all later ones."""

    position: int
    error: str
    records: int


class Kept(msgspec.Struct, gc=False):
    """One row, and the last record that was folded into it. `row` is None while the folds withhold it."""

    row: Any
    at: datetime
    position: int
    saved: bool = False


class Stream(msgspec.Struct, gc=False):
    """The rows of one stream: all of them, unless it is `partial`."""

    rows: dict[Part, Kept] = {}
    parked: Parked | None = None
    again: bool = False  # to be folded again with its next record
    last: Part = THE_ROW  # the row that was folded last
    partial: bool = False  # it may have other rows, which nobody has looked for

    @property
    def is_known(self) -> bool:
        """Whether anything has to be kept of it."""
        return bool(self.rows) or self.again or self.parked is not None


class UnknownToThisCode(LookupError):
    """Nothing here knows the type of a record: the code is older than it."""

    def __init__(self, name: str) -> None:
        super().__init__(f"no event type is called {name}")


class Late(Exception):
    """The record happened before what has been folded: the stream is to be folded again."""


Told: TypeAlias = tuple[str, str, str]  # the stream, source and id of a record: what a revision knows it by


class Amendments(msgspec.Struct):
    """What the revisions of some streams say of other records."""

    retracted: set[Told] = msgspec.field(default_factory=set)
    mended: dict[Told, list[tuple[int, Any]]] = msgspec.field(default_factory=dict)
    streams: set[str] = msgspec.field(default_factory=set)  # streams with a revision
    expected: set[str] = msgspec.field(default_factory=set)  # streams with a revision of what has not come

    def put_right(self) -> set[Told]:
        """The records that revisions name."""
        return self.retracted | self.mended.keys()

    def expect(self, told: Iterable[Told]) -> None:
        """Notes which of these have come. The streams of the others must be folded again when they come."""
        self.expected = {stream for stream, _, _ in self.put_right().difference(told)}


def in_business_order(records: Iterable[Record]) -> list[Record]:
    """By when things happened; what happened at the same moment, by when it was kept."""
    return sorted(records, key=lambda record: (record.occurred_at, record.position))


def is_revision(projection: Projection[Any], record: Record) -> bool:
    """Whether a record puts another right."""
    way = projection.ways.get(record.type)
    return way is not None and way.revision


def amendments(projection: Projection[Any], revisions: Iterable[Record]) -> Amendments:
    """What these revisions say. One that cannot be read says nothing here; it holds up its stream in its turn."""
    found = Amendments()
    for record in in_business_order(revisions):
        try:
            revision: Any = projection.ways[record.type].decode(record.body)
        except msgspec.MsgspecError:
            continue
        put_right = (record.stream, revision.of_source or record.source, revision.of)
        found.streams.add(record.stream)
        if isinstance(revision, EventRetracted):
            found.retracted.add(put_right)
        elif hasattr(revision, "mend"):
            found.mended.setdefault(put_right, []).append((record.position, revision.mend))
    return found


def fold_stream(
    projection: Projection[Any],
    name: str,
    records: Iterable[Record],
    amended: Amendments,
    *,
    carefully: bool = False,
    onto: Stream | None = None,
) -> Stream:
    """Folds a stream from its first record. `records` come in business order: all that matter to the projection.

    With `onto` it is folded from where that stands; `records` are those that come after.
    `carefully` parks at the record that makes a row which no table can hold; else whoever calls looks for `misfits`.
    """
    accept = projection.checked if carefully else None
    put_right, ways = name in amended.streams, projection.ways
    stream = Stream() if onto is None else onto
    stream.again = name in amended.expected
    records = iter(records)
    for record in records:
        way = ways.get(record.type)
        if put_right and (way is None or not way.revision) and _told(record) in amended.retracted:
            continue
        try:
            if way is None:
                raise UnknownToThisCode(record.type)
            event = way.decode(record.body)
            if put_right and not way.revision:
                event = as_corrected(event, amended.mended.get(_told(record), ()))
            fold_next(projection, way, stream, record, event, accept)
        except Exception as error:
            waiting = 1 + sum(1 for _ in records)
            stream.parked, stream.again = Parked(record.position, what_went_wrong(error), waiting), True
    return stream


def _told(record: Record) -> Told:
    return record.stream, record.source, record.id


def fold_next(
    projection: Projection[Any],
    way: Way,
    stream: Stream,
    record: Record,
    event: Event,
    accept: Callable[[Any], object] | None = None,
) -> None:
    """Folds the event of a record onto the rows of its stream. Raises Late, or whatever the fold or `accept` raises."""
    fold, part_of = way.fold, way.part
    if way.superseded:
        event, fold, part_of = _as_today(projection, event)
    if fold is None:
        return
    part: Part = THE_ROW if part_of is None else part_of(event, record)
    kept = stream.rows.get(part)
    stream.last = part
    if kept is None:
        row = fold(None, event, record)
    elif record.occurred_at < kept.at:
        raise Late
    else:
        row = fold(kept.row, event, record)
    if accept is not None and row is not None:
        accept(row)
    if kept is not None:
        kept.row, kept.at, kept.position, kept.saved = row, record.occurred_at, record.position, False
    elif row is not None or projection.shape != "lines":
        stream.rows[part] = Kept(row, record.occurred_at, record.position)


def next_part(projection: Projection[Any], way: Way, record: Record) -> Part | None:
    """The row that `fold_next` would fold a record of this type onto, None if onto none. Raises whatever it would."""
    event, fold, part_of = way.decode(record.body), way.fold, way.part
    if way.superseded:
        event, fold, part_of = _as_today(projection, event)
    return None if fold is None else THE_ROW if part_of is None else part_of(event, record)


def _as_today(projection: Projection[Any], told: Event) -> tuple[Event, Fold | None, PartOf | None]:
    """An event of a type of old, as what it became; and how that is folded."""
    event = told.upcast()
    return event, *projection.folds.get(type(event), (None, None))


def as_corrected(told: Event, mends: Iterable[tuple[int, Any]]) -> Event:
    """The event with its corrections, each upon the one before. Raises BadCorrection."""
    for position, mend in mends:
        try:
            told = mend(told)
        except Exception as error:
            raise BadCorrection(position, error) from error
    return told


class BadCorrection(ValueError):
    """A correction does not fit the event it corrects."""

    def __init__(self, position: int, cause: Exception) -> None:
        super().__init__(f"the correction at position {position} does not fit: {what_went_wrong(cause)}")


def what_went_wrong(error: Exception) -> str:
    """What went wrong, without anybody's words: values are left out of messages, and messages of unknown make too."""
    if isinstance(error, BadCorrection | NotARow | UnknownToThisCode | msgspec.MsgspecError):
        return f"{type(error).__name__}: {_QUOTED.sub('…', str(error))}"[:500]
    at = error.__traceback__
    while at is not None and at.tb_next is not None:
        at = at.tb_next
    where = f" in {at.tb_frame.f_code.co_qualname}, line {at.tb_lineno}" if at is not None else ""
    return f"{type(error).__name__}{where}"
