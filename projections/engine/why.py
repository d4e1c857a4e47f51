"""Why a row is as it is: the records that made it, one after another, with the row before and after each. Pure.

The same folds, step by step. What was retracted or corrected is shown beside what did so, and a record that could not
be digested beside those that wait behind it.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Literal, TypeAlias

import msgspec

from events.corrections import EventRetracted, Revision
from events.log.record import Record, written
from events.vocabulary import UnknownType, read_body
from projections.engine.memory import data_of, key_of
from projections.engine.projection import THE_ROW, Part, Projection, Way
from projections.engine.spool import stream_of
from projections.engine.stream import (
    Stream,
    Told,
    amendments,
    as_corrected,
    fold_next,
    in_business_order,
    is_revision,
    next_part,
)

Standing: TypeAlias = Literal[
    "counts", "changes_nothing", "puts_right", "retracted", "could_not_be_digested", "waits"
]


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """A record, where it came from, what became of it, and the row before and after it, as plain data."""

    position: int
    version: int
    type: str
    occurred: str
    recorded: str
    actor: str
    source: str
    id: str
    standing: Standing
    retracted_by: list[int]
    corrected_by: list[int]
    puts_right: list[int]
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None


class Reasons(msgspec.Struct, frozen=True, kw_only=True):
    """A row as plain data, and the records that made it, in the order in which things happened."""

    key: str
    row: dict[str, Any] | None
    steps: list[Step]


class NoSuchKey(ValueError):
    """No row of this projection can have such a key."""


class PutRight(msgspec.Struct):
    """Which records of a stream put right which others, by position."""

    retracted: dict[int, list[int]] = msgspec.field(default_factory=dict)
    corrected: dict[int, list[int]] = msgspec.field(default_factory=dict)
    rights: dict[int, list[int]] = msgspec.field(default_factory=dict)


def part_in(projection: Projection[Any], key: str) -> Part:
    """Which of the rows of its stream a key names. Raises NoSuchKey."""
    rest = key.removeprefix(stream_of(key)).removeprefix("/")
    if projection.shape == "rows" and rest == "":
        return THE_ROW
    if projection.shape == "parts" and rest:
        return rest
    if projection.shape == "lines" and rest.isascii() and rest.isdigit() and len(rest) < 20:
        return int(rest)
    raise NoSuchKey(f"{projection.name} has no row with such a key")


def why(projection: Projection[Any], key: str, records: Iterable[Record]) -> Reasons:
    """The reasons of a row, from the records of its stream, all of them that are to count. Raises NoSuchKey."""
    name, part = stream_of(key), part_in(projection, key)
    ordered = [record for record in in_business_order(records) if record.type not in projection.passed_over]
    amended = amendments(projection, [record for record in ordered if is_revision(projection, record)])
    put_right = revisions_of(ordered)
    stream, parked = Stream(), False
    steps: list[Step] = []
    for record in ordered:
        way = projection.ways.get(record.type)
        before = _row(stream, part)
        standing: Standing
        if parked:
            standing = "waits"
        elif _told(record) in amended.retracted and not (way is not None and way.revision):
            standing = "retracted"
        else:
            try:
                _fold(projection, way, stream, record, amended)
            except Exception:  # whatever a fold raises parks its stream: the engine does the same
                standing, parked = "could_not_be_digested", True
            else:
                standing = "counts" if _row(stream, part) != before else "changes_nothing"
        if standing == "changes_nothing" and way is not None and way.revision:
            standing = "puts_right"
        if _concerns(projection, way, record, part, put_right, standing):
            after = _row(stream, part)
            steps.append(step(record, standing, put_right, before=data_of(before), after=data_of(after)))
    return Reasons(key=key_of(name, part), row=data_of(_row(stream, part)), steps=steps)


def history(records: Sequence[Record]) -> list[Step]:
    """What happened to one thing, in the order in which it happened, and what was put right since."""
    ordered = in_business_order(records)
    put_right = revisions_of(ordered)
    return [step(record, _standing(record, put_right), put_right) for record in ordered]


def step(
    record: Record,
    standing: Standing,
    put_right: PutRight,
    *,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> Step:
    """A record as a step."""
    position = record.position
    return Step(
        position=position,
        version=record.version,
        type=record.type,
        occurred=record.occurred,
        recorded=written(record.recorded_at),
        actor=record.actor,
        source=record.source,
        id=record.id,
        standing=standing,
        retracted_by=put_right.retracted.get(position, []),
        corrected_by=put_right.corrected.get(position, []),
        puts_right=put_right.rights.get(position, []),
        before=before,
        after=after,
    )


def revisions_of(records: Sequence[Record]) -> PutRight:
    """Which of these records put right which others."""
    by_name = {_told(record): record.position for record in records}
    found = PutRight()
    for record in records:
        revision = _revision(record)
        if revision is None:
            continue
        named = by_name.get((record.stream, revision.of_source or record.source, revision.of))
        if named is None:
            continue
        into = found.retracted if isinstance(revision, EventRetracted) else found.corrected
        into.setdefault(named, []).append(record.position)
        found.rights.setdefault(record.position, []).append(named)
    return found


def _revision(record: Record) -> Revision | None:
    try:
        event = read_body(record.type, record.body)
    except (UnknownType, msgspec.MsgspecError):
        return None
    return event if isinstance(event, Revision) else None


def _standing(record: Record, put_right: PutRight) -> Standing:
    if record.position in put_right.rights:
        return "puts_right"
    return "retracted" if record.position in put_right.retracted else "counts"


def _fold(projection: Projection[Any], way: Way | None, stream: Stream, record: Record, amended: Any) -> None:
    if way is None:
        raise LookupError(record.type)
    event = way.decode(record.body)
    if not way.revision:
        event = as_corrected(event, amended.mended.get(_told(record), ()))
    fold_next(projection, way, stream, record, event, projection.checked)


def _concerns(
    projection: Projection[Any],
    way: Way | None,
    record: Record,
    part: Part,
    put_right: PutRight,
    standing: Standing,
) -> bool:
    """Whether a record has to do with this row, and not only with others of its stream."""
    if projection.shape == "rows" or standing in ("could_not_be_digested", "waits", "counts"):
        return True
    if projection.shape == "lines":
        return part in (record.position, *put_right.rights.get(record.position, ()))
    if way is None or way.revision:
        return True
    try:
        return next_part(projection, way, record) == part
    except Exception:  # one that is retracted need not be readable: nobody can say that it is of another row
        return True


def _row(stream: Stream, part: Part) -> Any:
    kept = stream.rows.get(part)
    return None if kept is None else kept.row


def _told(record: Record) -> Told:
    return record.stream, record.source, record.id
