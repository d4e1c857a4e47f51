"""Taking an export out of a database: which positions, under which checkpoint, page by page. Changes nothing there.

Needs a connection that commits by itself and acts as a role that may read the log. Each page is a transaction of its
own, so that the longest export holds up nobody: records never change, and no position is ever skipped.
"""

from collections.abc import Iterator
from typing import Any

import msgspec
from psycopg import Connection

from events.counted import counted
from events.log import sealed
from events.log.exported import Head
from events.log.exporting import Exporter, head_of
from events.log.merkle import CompactRange, consistency_proof, consistency_spans
from events.log.outcomes import UnknownOrganisation
from events.log.read import FITTING_PAGE, FOR_ORGANISATION, HEAD, PAGE_BYTES_MAX, record_of
from events.log.record import Record
from events.log.tiles import TileHashes, tiles_for

PAGE_RECORDS = 2_000
LEAVES_AT_ONCE = 50_000

_LEAVES = """
    SELECT leaf
      FROM log.records
     WHERE organisation = %(organisation)s AND position > %(after)s AND position <= %(until)s
     ORDER BY position
     LIMIT %(limit)s
"""
_COVERING = """
    SELECT c.size, c.note
      FROM proof.checkpoints AS c
     WHERE c.organisation = %(log)s AND c.generation = %(generation)s AND c.size >= %(last)s
     ORDER BY c.size DESC
     LIMIT 1
"""


class NoSuchRange(ValueError):
    """The log has no such positions; the message says what it has."""


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be taken, and what for. Without `last`: up to the newest checkpoint, or the head if none is signed."""

    organisation: str
    first: int = 1
    last: int | None = None
    purpose: str
    taken_for: str
    made_at: str
    made_by: str


def head_for(conn: Connection[Any], wanted: Wanted, *, at_least: int = 0) -> Head:
    """The head of the export, which decides what is in it. Raises UnknownOrganisation, NoSuchRange."""
    reached = head_position(conn, wanted.organisation)
    signed = signed_up_to(conn, wanted.organisation)
    last = wanted.last if wanted.last is not None else (signed if signed >= max(at_least, 1) else reached)
    if last > reached or wanted.first > last + 1:
        raise NoSuchRange(
            f"the log of {wanted.organisation} has {counted(reached, 'record')}: "
            f"positions {wanted.first:,} to {last:,} are not all there"
        )
    return head_of(
        wanted.organisation,
        first=wanted.first,
        last=last,
        before=tree_up_to(conn, wanted.organisation, wanted.first - 1),
        purpose=wanted.purpose,
        taken_for=wanted.taken_for,
        made_at=wanted.made_at,
        made_by=wanted.made_by,
    )


def head_position(conn: Connection[Any], organisation: str) -> int:
    """How far the log has come. Raises UnknownOrganisation."""
    with conn.transaction():
        conn.execute(FOR_ORGANISATION, (organisation,))
        row = conn.execute(HEAD, {"organisation": organisation}).fetchone()
    if row is None:
        raise UnknownOrganisation(organisation)
    return int(row[0])


def signed_up_to(conn: Connection[Any], organisation: str) -> int:
    """The size of the newest checkpoint; 0 if none was signed."""
    with conn.transaction():
        conn.execute(FOR_ORGANISATION, (organisation,))
        tree = sealed.tree_of(conn, organisation)
    return 0 if tree is None else tree.signed


def leaves(conn: Connection[Any], organisation: str, *, after: int, until: int) -> Iterator[list[bytes]]:
    """The leaves as they are kept, many at a time, in the order of positions."""
    while after < until:
        with conn.transaction():
            conn.execute(FOR_ORGANISATION, (organisation,))
            asked = {"organisation": organisation, "after": after, "until": until, "limit": LEAVES_AT_ONCE}
            found = [bytes(leaf) for (leaf,) in conn.execute(_LEAVES, asked, binary=True)]
        if not found:
            return
        yield found
        after += len(found)


def tree_up_to(conn: Connection[Any], organisation: str, size: int) -> CompactRange:
    """The tree of the first records, from their leaves as they are kept."""
    return CompactRange.of(leaf for page in leaves(conn, organisation, after=0, until=size) for leaf in page)


def records(conn: Connection[Any], organisation: str, *, after: int, until: int) -> Iterator[list[Record]]:
    """The records after a position and up to another, in pages that are bounded in number and bytes."""
    while after < until:
        with conn.transaction():
            conn.execute(FOR_ORGANISATION, (organisation,))
            asked = {"organisation": organisation, "after": after, "until": until}
            asked |= {"limit": PAGE_RECORDS, "bytes": PAGE_BYTES_MAX}
            page = [record_of(row) for row in conn.execute(FITTING_PAGE, asked, binary=True)]
        if not page:
            return
        yield page
        after = page[-1].position


def record_lines(conn: Connection[Any], exporter: Exporter) -> Iterator[bytes]:
    """The lines of the records that are still to come, page by page. Raises BrokenRecord."""
    head = exporter.head
    for page in records(conn, head.organisation, after=exporter.tree.size, until=head.last):
        yield exporter.add(page)


def seal_line(conn: Connection[Any], exporter: Exporter) -> bytes:
    """The last line, with the newest checkpoint that has all that was exported, and the proof of it."""
    organisation, last = exporter.head.organisation, exporter.head.last
    with conn.transaction():
        conn.execute(FOR_ORGANISATION, (organisation,))
        tree = sealed.tree_of(conn, organisation)
        if tree is None or tree.signed < max(last, 1):
            return exporter.seal(checkpoint=None)
        asked = {"log": organisation, "generation": tree.generation, "last": last}
        row = conn.execute(_COVERING, asked).fetchone()
        if row is None:
            return exporter.seal(checkpoint=None)
        size, note = row
        cosigned = conn.execute(sealed.COSIGNATURES, asked | {"size": size}).fetchall()
        wanted = tiles_for(consistency_spans(last, size))
        hashes = TileHashes(sealed.tiles(conn, organisation, tree.generation, wanted))
        keys = sealed.used_keys(conn, organisation, tree.generation)
    return exporter.seal(
        checkpoint=sealed.cosigned(note, [line for (line,) in cosigned]),
        consistency=consistency_proof(last, size, hashes),
        keys=[key.vkey for key in keys if key.first_size <= size],
    )
