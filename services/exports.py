"""An export from a database, whole: head, records, leaves, the rows that readers are shown (if asked for), seal."""

import tempfile
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from importlib.metadata import version
from types import TracebackType
from typing import Any, Self

import msgspec
import psycopg

from events.clients import ExportTaken
from events.log import operations, taking
from events.log.export_file import ExportFile
from events.log.exported import Head, Row, Rows, read_piece, written
from events.log.exporting import BrokenRecord, Exporter
from events.log.lines import NotCanonical, read_line
from events.log.merkle import leaf_hash
from events.log.record import written as moment_written
from events.log.taking import Wanted
from events.vocabulary import checked
from projections.engine.found import found
from projections.engine.shown import ONE_SNAPSHOT, rows_shown, shown

SEALED_WITHIN_S = 10.0  # so long a checkpoint is waited for that has what the rows reflect
LOOK_EVERY_S = 0.1
PIECE_BYTES = 1_048_576

Conn = psycopg.Connection[Any]
OnProgress = Callable[[int, int], None]
"""Told after every page: records written, of how many."""
OnHead = Callable[[Head], None]
"""Told what will be taken before any of it is: the time to put it on record. What it raises ends the export."""


def wanted(
    organisation: str, *, first: int = 1, last: int | None = None, purpose: str, taken_for: str
) -> Wanted:
    """What is to be taken, now, by this version."""
    return Wanted(
        organisation=organisation,
        first=first,
        last=last,
        purpose=purpose,
        taken_for=taken_for,
        made_at=moment_written(datetime.now(UTC)),
        made_by=f"qiledger {version('qiledger')}",
    )


def may_be_wanted(asked: Wanted) -> None:
    """Raises msgspec.ValidationError for words that may not stand on record."""
    checked(ExportTaken(what=asked.organisation, purpose=asked.purpose, taken_for=asked.taken_for))


def note_taken(conn: Conn, head: Head) -> None:
    """Puts it on record, among the operations, that an export was taken. Acts as the API, whose part appending is."""
    organisation = head.organisation.removesuffix(operations.ENDING)
    with conn.transaction():
        conn.execute("SET LOCAL ROLE qiledger_api")
        operations.note(conn, organisation, taken(head))


def taken(head: Head) -> ExportTaken:
    """What is put on record of an export. Raises msgspec.ValidationError for words that may not stand there."""
    told = ExportTaken(
        what=f"{head.organisation}, records {head.first} to {head.last}",
        purpose=head.purpose,
        until_position=head.last,
        taken_for=head.taken_for,
    )
    return checked(told)


class SpooledRows:
    """The rows that readers are shown, of one moment, kept in a file until their place in the export has come."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile(prefix="qiledger-rows-")  # noqa: SIM115
        self._parts: list[tuple[Rows, int]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Lets go of the file."""
        self._file.close()

    @property
    def position(self) -> int:
        """The last position that any of the rows reflects."""
        return max((rows.position for rows, _ in self._parts), default=0)

    def take(self, conn: Conn, organisation: str) -> None:
        """Takes every projection's rows, of one snapshot."""
        with conn.transaction():
            conn.execute(ONE_SNAPSHOT)
            for one in shown(conn, organisation, found().values()):
                if not one.readable:
                    continue
                name, count, size = one.projection.name, 0, 0
                for key, row in rows_shown(conn, organisation, one):
                    size += self._file.write(written(Row(projection=name, key=key, row=msgspec.Raw(row))))
                    count += 1
                rows = Rows(projection=name, revision=one.build.revision, position=one.position, rows=count)
                self._parts.append((rows, size))

    def lines(self) -> Iterator[bytes]:
        """The lines of all rows."""
        self._file.seek(0)
        for rows, size in self._parts:
            yield written(rows)
            left = size
            while left:
                piece = self._file.read(min(left, PIECE_BYTES))
                left -= len(piece)
                yield piece


def lines_under(conn: Conn, head: Head, rows: SpooledRows) -> Generator[bytes, None, None]:
    """The whole export under a head, piece by piece. Raises BrokenRecord."""
    with Exporter(head) as exporter:
        yield exporter.begin()
        yield from taking.record_lines(conn, exporter)
        yield from behind_the_records(conn, exporter, rows)


def head_of(conn: Conn, asked: Wanted, rows: SpooledRows) -> Head:
    """The head; where the log is sealed, once a checkpoint has all that the rows reflect, or after a while."""
    until = time.monotonic() + SEALED_WITHIN_S
    while 0 < taking.signed_up_to(conn, asked.organisation) < rows.position and time.monotonic() < until:
        time.sleep(LOOK_EVERY_S)
    return taking.head_for(conn, asked, at_least=rows.position)


def behind_the_records(conn: Conn, exporter: Exporter, rows: SpooledRows) -> Iterator[bytes]:
    """The lines after the last record."""
    yield from exporter.leaves()
    yield from rows.lines()
    yield taking.seal_line(conn, exporter)


class OtherExport(ValueError):
    """The half file is not the beginning of what is asked for; the message says how."""


def to_file(
    conn: Conn,
    asked: Wanted,
    file: ExportFile,
    *,
    with_rows: bool = False,
    on_head: OnHead,
    on_progress: OnProgress,
) -> Head:
    """Writes an export to a file, going on with half a one once every record of it has been checked.

    The head in the file is that with which it was begun; `on_head` is told whom and what it is for now.
    Raises OtherExport, UnknownOrganisation, NoSuchRange, BrokenRecord.
    """
    with ExitStack() as stack:
        stack.enter_context(file)
        rows = stack.enter_context(SpooledRows())
        if with_rows:
            rows.take(conn, asked.organisation)
        started = _started(file)
        if started is not None:
            _must_be_the_same(started, asked, rows)
        head = started or head_of(conn, asked, rows)
        on_head(msgspec.structs.replace(head, purpose=asked.purpose, taken_for=asked.taken_for))
        exporter = stack.enter_context(Exporter(head))
        if started is None:
            file.go_on_from(0)
            file.write(exporter.begin())
            file.settle()
        else:
            file.go_on_from(_checked(conn, file, exporter))
        on_progress(head.records - exporter.left, head.records)
        for text in taking.record_lines(conn, exporter):
            file.write(text)
            file.settle()
            on_progress(head.records - exporter.left, head.records)
        for text in behind_the_records(conn, exporter, rows):
            file.write(text)
        file.finish()
        return head


def _started(file: ExportFile) -> Head | None:
    """The head of half a file, if there is one that can be gone on with."""
    first = next(file.whole_lines(), None)
    if first is None:
        return None
    try:
        head = read_piece(first[0][:-1])
    except NotCanonical as wrong:
        raise OtherExport(f"{file.part} is no export that was begun: {wrong}") from None
    if not isinstance(head, Head):
        raise OtherExport(f"{file.part} does not begin like an export")
    return head


def _must_be_the_same(started: Head, asked: Wanted, rows: SpooledRows) -> None:
    same = (started.organisation, started.first) == (asked.organisation, asked.first)
    if not same or asked.last not in (None, started.last):
        raise OtherExport(
            f"the half file is of {started.organisation}, positions {started.first:,} to {started.last:,}"
        )
    if rows.position > started.last:
        raise OtherExport("the rows have gone beyond the positions of the half file")


def _checked(conn: Conn, file: ExportFile, exporter: Exporter) -> int:
    """The place from which to go on: behind the last whole record, each of which is the one that the log has."""
    lines = file.whole_lines()
    _, place = next(lines)
    kept: Iterable[bytes] = (
        leaf
        for page in taking.leaves(
            conn, exporter.head.organisation, after=exporter.tree.size, until=exporter.head.last
        )
        for leaf in page
    )
    for (text, end), leaf in zip(lines, kept, strict=False):
        try:
            line = read_line(text[:-1])
        except NotCanonical:
            break  # what stands behind the records is written anew; so is what is damaged
        if line.position != exporter.next or leaf_hash(text[:-1]) != leaf:
            raise BrokenRecord(exporter.next, f"{file.part} has another record there")
        exporter.went(leaf)
        place = end
    return place
