"""Loading an export into an empty log: as an administrator, batch by batch, every leaf made anew by the database."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
from psycopg import Connection

from events.log.export_file import lines_of
from events.log.exported import RECORD, Head, Seal, read_piece
from events.log.merkle import CompactRange, leaf_hash
from events.log.taking import leaves

BATCH_RECORDS = 2_000

OnProgress = Callable[[int, int], None]

_LOADED = "SELECT coalesce(max(position), 0) FROM log.records WHERE organisation = %s"
_LOAD = "SELECT log.load(%s, %s::text[])"
_FINISH = "SELECT log.finish_load(%s, %s, %s, %s, %s, %s, %s)"


class OtherRecords(ValueError):
    """What was loaded before is not the beginning of this export; the message says where."""


class Loaded(msgspec.Struct, frozen=True):
    """A log that has been loaded and read back."""

    organisation: str
    records: int
    root: bytes


def load(conn: Connection[Any], path: Path, head: Head, seal: Seal, *, on_progress: OnProgress) -> Loaded:
    """Loads a verified export, or the rest of it. The head does not move: `finish` does that.

    The connection commits by itself. Raises OtherRecords, psycopg.Error.
    """
    lines = _records(path)
    done = _compared(conn, head.organisation, lines)
    on_progress(done, head.records)
    while batch := list(islice(lines, BATCH_RECORDS)):
        row = conn.execute(_LOAD, (head.organisation, [line.decode() for line in batch])).fetchone()
        assert row is not None
        on_progress(int(row[0]), head.records)
    read_back = CompactRange.of(
        leaf for page in leaves(conn, head.organisation, after=0, until=head.last) for leaf in page
    )
    if read_back.size != head.last or read_back.root() != seal.root:
        raise OtherRecords(f"what the database has of {head.organisation} is not what the export has")
    return Loaded(head.organisation, read_back.size, read_back.root())


def finish(conn: Connection[Any], head: Head, seal: Seal) -> None:
    """In the caller's transaction: the log is whole, and its readers may begin."""
    keys: Sequence[str] = list(seal.keys)
    told = (head.organisation, head.last, seal.root, seal.checkpoint, keys, head.made_at, head.made_by)
    conn.execute(_FINISH, told)


def seal_of(path: Path) -> Seal:
    """The last line of a verified export."""
    last = b""
    for line in lines_of(path):
        last = line
    piece = read_piece(last.rstrip(b"\n"))
    assert isinstance(piece, Seal), "a verified export ends with its seal"
    return piece


def _records(path: Path) -> Iterator[bytes]:
    return (line[:-1] for line in lines_of(path) if line.startswith(RECORD))


def _compared(conn: Connection[Any], organisation: str, lines: Iterable[bytes]) -> int:
    """How many records are loaded already, each of them the one that the export has."""
    row = conn.execute(_LOADED, (organisation,)).fetchone()
    loaded = 0 if row is None else int(row[0])
    kept = (leaf for page in leaves(conn, organisation, after=0, until=loaded) for leaf in page)
    for position, (leaf, line) in enumerate(zip(kept, lines, strict=False), 1):
        if leaf_hash(line) != leaf:
            raise OtherRecords(f"record {position} of {organisation} was loaded from another export")
    return loaded
