"""What a chunk of streams makes of each projection: its records are read and decoded once, and folded for each."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from psycopg import Connection, Cursor

from events.log.record import Record
from projections.engine.at_once import AtOnce, fold_carefully, no_garbage
from projections.engine.new_rows import NewRows, new_rows
from projections.engine.projection import Projection
from projections.engine.reading import Reader
from projections.engine.stream import Amendments, Parked, Stream, amendments


class Task(msgspec.Struct, frozen=True):
    """Streams, whole and in byte order, to be folded for the projections of these names.

    Where little of the log matters, also the positions of what does.
    """

    streams: list[str]
    projections: tuple[str, ...]
    positions: list[int] | None = None

    @property
    def up_to(self) -> str:
        """The last of its streams."""
        return self.streams[-1]


class Made(msgspec.Struct, frozen=True):
    """What a chunk makes of one projection, as it will be written; None where no table could hold its rows."""

    rows: list[NewRows] | None
    parked: dict[str, Parked]


class Making(msgspec.Struct, frozen=True):
    """What a chunk makes, by the name of the projection, and how many records it had."""

    made: dict[str, Made]
    records: int


class Told(msgspec.Struct, frozen=True):
    """The records of a chunk, and what its revisions say of others."""

    records: list[Record]
    amended: Amendments


class Maker:
    """Reads and folds chunks of an organisation's log up to position `until`, over one connection."""

    def __init__(
        self, conn: Connection[Any], reader: Reader, projections: Sequence[Projection[Any]], until: int
    ) -> None:
        self._conn = conn
        self._reader = reader
        self._projections = {projection.name: projection for projection in projections}
        self._until = until
        self._folders: dict[tuple[str, ...], AtOnce] = {}

    def ask(self, task: Task) -> Cursor[Any]:
        """Asks for the records of a chunk; for `told`."""
        return self._reader.ask(self._conn, task.streams, until=self._until, positions=task.positions)

    def told(self, task: Task, asked: Cursor[Any]) -> Told:
        """What was asked for, with which of the records that revisions name have come."""
        with no_garbage():
            records = self._reader.told(asked)
        folder = self._folder(task)
        amended = amendments(folder.projections[0], folder.revisions(records))
        amended.expect(self._reader.places(self._conn, amended.put_right(), until=self._until))
        return Told(records, amended)

    def make(self, task: Task, told: Told, *, meanwhile: Callable[[], object] = bool) -> Making:
        """Folds a chunk. `meanwhile` is called now and then."""
        folder, made = self._folder(task), {}
        with no_garbage():
            folded = folder.fold(told.records, told.amended, meanwhile=meanwhile)
            for projection in folder.projections:
                meanwhile()
                made[projection.name] = _made(projection, folded.pop(projection.name), told)
        return Making(made, len(told.records))

    def _folder(self, task: Task) -> AtOnce:
        names = task.projections
        if names not in self._folders:
            self._folders[names] = AtOnce([self._projections[name] for name in names])
        return self._folders[names]


def _made(projection: Projection[Any], streams: dict[str, Stream], told: Told) -> Made:
    rows = new_rows(projection, streams)
    if rows is None:
        fold_carefully(projection, told.records, streams, told.amended)
        rows = new_rows(projection, streams)
    return Made(rows, {name: stream.parked for name, stream in streams.items() if stream.parked})
