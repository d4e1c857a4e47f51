"""What is sent next to an endpoint: what has waited long enough, and what follows in the log.

A wave is what may be on its way at once: one record where the order is strict, else one of each of a few streams.
Records of a stream that waits are passed over; they are found again, behind the one that waits, when that is taken.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import psycopg

from events.log.read import FOR_ORGANISATION, HEAD, ONE, record_of
from events.log.record import Record
from services.webhooks.claims import Claim

WIDTH = 8  # streams of one endpoint that are sent to at once …
SLOW_WIDTH = 2  # … if it is slow: all that may be served at once leave room for others on the lanes
PAGE = 50
SCANNED_MAX = 20_000

_WAITING = """
    SELECT lane, position, tries, given_up, given_up OR NOT webhooks.lasts(tried_at, waits) AS due
      FROM webhooks.waiting
     WHERE organisation = %(organisation)s AND endpoint = %(endpoint)s
     ORDER BY position, lane
     LIMIT 1000
"""
_NEXT = """
    SELECT organisation, position, stream, version, source, id, type,
           occurred_at, precise_to, recorded_at, actor, body, leaf
      FROM log.records
     WHERE organisation = %(organisation)s AND position > %(after)s AND position <= %(until)s
       AND webhooks.wants(%(types)s::text[], type)
     ORDER BY position
     LIMIT %(limit)s
"""
_BEHIND = """
    SELECT position
      FROM log.records
     WHERE organisation = %(organisation)s AND stream = %(stream)s AND version > %(after)s AND position <= %(until)s
       AND webhooks.wants(%(types)s::text[], type)
     ORDER BY version
     LIMIT 1
"""


class Waiting(msgspec.Struct, frozen=True):
    """A lane that waits: its first record that was not taken."""

    lane: str
    position: int
    tries: int
    given_up: bool
    due: bool


class Ahead(msgspec.Struct, frozen=True, kw_only=True):
    """What follows in the log: the records that the endpoint wants, and how far was looked."""

    records: Sequence[Record]
    scanned: int
    head: int


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """One record on its way to an endpoint."""

    record: Record
    lane: str
    tries: int  # before this one
    given_up: bool = False
    waited: bool = False  # whether it stood in webhooks.waiting


def lane_of(claim: Claim, record: Record) -> str:
    """What keeps its order by itself."""
    return "" if claim.is_strict else record.stream


def waiting(conn: psycopg.Connection[Any], claim: Claim) -> list[Waiting]:
    """The lanes that wait, in the order of their records."""
    asked = {"organisation": claim.organisation, "endpoint": claim.endpoint}
    return [Waiting(*row) for row in conn.execute(_WAITING, asked)]


def ahead(conn: psycopg.Connection[Any], claim: Claim) -> Ahead:
    """The next records that the endpoint wants. The caller's transaction has said for which organisation it reads."""
    row = conn.execute(HEAD, {"organisation": claim.organisation}).fetchone()
    head = int(row[0]) if row is not None else 0
    until = min(head, claim.position + SCANNED_MAX)
    asked = {"organisation": claim.organisation, "after": claim.position, "until": until, "limit": PAGE}
    records = [record_of(row) for row in conn.execute(_NEXT, asked | {"types": list(claim.types)})]
    scanned = records[-1].position if len(records) == PAGE else max(until, claim.position)
    return Ahead(records=records, scanned=scanned, head=head)


def behind(conn: psycopg.Connection[Any], claim: Claim, record: Record, until: int) -> int | None:
    """The next record of the same stream that was passed over, if there is one."""
    if claim.is_strict:
        return None  # nothing is passed over where all are of one lane
    asked = {
        "organisation": claim.organisation,
        "stream": record.stream,
        "after": record.version,
        "until": until,
    }
    row = conn.execute(_BEHIND, asked | {"types": list(claim.types)}).fetchone()
    return None if row is None else int(row[0])


def record_at(conn: psycopg.Connection[Any], claim: Claim, position: int) -> Record:
    """A record that waits. It cannot have gone away."""
    row = conn.execute(ONE, {"organisation": claim.organisation, "position": position}).fetchone()
    if row is None:
        raise LookupError(f"no record {position} of {claim.organisation}, which waits to be sent")
    return record_of(row)


class Wave(msgspec.Struct, frozen=True, kw_only=True):
    """What is sent at once, and how far the cursor has come when it is over. `more`: something follows right behind."""

    deliveries: Sequence[Delivery]
    position: int
    more: bool
    read: Ahead | None = None
    """What was read of the log for this wave, where nothing waited: the next may be chosen out of it too."""


def width_of(claim: Claim) -> int:
    """How many records may be on their way to an endpoint at once."""
    if claim.is_strict or claim.failures:  # one tries the ice
        return 1
    return SLOW_WIDTH if claim.slow else WIDTH


def wave(conn: psycopg.Connection[Any], claim: Claim) -> Wave:
    """The next wave: the lanes whose wait is over, then what follows in the log."""
    with conn.transaction():
        conn.execute(FOR_ORGANISATION, (claim.organisation,))
        standing = waiting(conn, claim)
        width = width_of(claim)
        again = [lane for lane in standing if lane.due][:width]
        deliveries = [
            Delivery(
                record=record_at(conn, claim, lane.position),
                lane=lane.lane,
                tries=lane.tries,
                given_up=lane.given_up,
                waited=True,
            )
            for lane in again
        ]
        if len(standing) >= claim.waiting_max:
            return Wave(deliveries=deliveries, position=claim.position, more=len(deliveries) > 0)
        read = ahead(conn, claim)
    room = min(width - len(deliveries), claim.waiting_max - len(standing))
    chosen = _with_the_next(claim, read, deliveries, {lane.lane for lane in standing}, room)
    return chosen if standing else msgspec.structs.replace(chosen, read=read)


def next_wave(claim: Claim, before: Wave) -> Wave | None:
    """The wave behind one of which everything was taken, out of what was read for that; None to read anew."""
    read = before.read
    if read is None or not read.records or read.records[-1].position <= claim.position:
        return None
    chosen = _with_the_next(claim, read, [], set(), width_of(claim))
    return msgspec.structs.replace(chosen, read=read)


def _with_the_next(
    claim: Claim, read: Ahead, deliveries: list[Delivery], standing: set[str], room: int
) -> Wave:
    """Takes records in order until there is no room, or one of a lane that is on its way already."""
    position = claim.position
    for record, lane in _lanes(claim, read.records):
        if record.position <= claim.position:
            continue
        if lane not in standing:
            if room <= 0 or any(delivery.lane == lane for delivery in deliveries):
                return Wave(deliveries=deliveries, position=position, more=True)
            deliveries.append(Delivery(record=record, lane=lane, tries=0))
            room -= 1
        position = record.position
    return Wave(deliveries=deliveries, position=read.scanned, more=read.scanned < read.head)


def _lanes(claim: Claim, records: Sequence[Record]) -> Iterator[tuple[Record, str]]:
    return ((record, lane_of(claim, record)) for record in records)
