"""How far a build has come, and who writes it: one writer, by a fencing token that each batch compares and sets.

The lease only keeps writers from taking the work out of each other's hands. If it fails (a slow batch, a stopped
clock), two may fold the same records, and one of them commits: the other's `move` finds another epoch or position,
and its transaction, rows and all, is rolled back.
"""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from psycopg import Connection

from projections.engine.builds import Build

LEASE_S = 5  # a few batches

_CLAIM = """
    UPDATE projections.checkpoints
       SET epoch = epoch + 1,
           holder = current_setting('application_name') || ' ' || pg_backend_pid(),
           lease_until = clock_timestamp() + make_interval(secs => %(lease_s)s)
     WHERE organisation = %(organisation)s AND projection = %(projection)s AND build = %(build)s
       AND (lease_until IS NULL OR lease_until < clock_timestamp())
    RETURNING position, epoch, filling_to, filled_up_to
"""
_MOVE = """
    UPDATE projections.checkpoints
       SET position = %(to)s,
           lease_until = clock_timestamp() + make_interval(secs => %(lease_s)s)
     WHERE organisation = %(organisation)s AND projection = %(projection)s AND build = %(build)s
       AND position = %(position)s AND epoch = %(epoch)s
"""
_FILL = """
    UPDATE projections.checkpoints AS c
       SET position = f.position, filling_to = f.filling_to, filled_up_to = f.filled_up_to,
           lease_until = clock_timestamp() + make_interval(secs => %(lease_s)s)
      FROM unnest(%(projections)s::text[], %(builds)s::bigint[], %(epochs)s::bigint[], %(positions)s::bigint[],
                  %(filling_to)s::bigint[], %(filled_up_to)s::text[])
           AS f (projection, build, epoch, position, filling_to, filled_up_to)
     WHERE c.organisation = %(organisation)s AND c.projection = f.projection AND c.build = f.build
       AND c.position = 0 AND c.epoch = f.epoch
"""
_RENEW = """
    UPDATE projections.checkpoints AS c
       SET lease_until = clock_timestamp() + make_interval(secs => %(lease_s)s)
      FROM unnest(%(projections)s::text[], %(builds)s::bigint[], %(epochs)s::bigint[]) AS r (projection, build, epoch)
     WHERE c.organisation = %(organisation)s AND c.projection = r.projection AND c.build = r.build
       AND c.epoch = r.epoch
"""
_RELEASE = """
    UPDATE projections.checkpoints
       SET holder = NULL, lease_until = NULL
     WHERE organisation = %(organisation)s AND projection = %(projection)s AND build = %(build)s
       AND epoch = %(epoch)s
"""


class Held(Exception):
    """Somebody else is feeding this build now."""


class Fenced(RuntimeError):
    """Somebody else has claimed this build since: what was folded is thrown away."""


class Claim(msgspec.Struct):
    """The right to write an organisation's rows in a build, from a position on."""

    organisation: str
    projection: str
    build: int
    position: int
    epoch: int
    filling_to: int | None = None  # a new build is filled up to there, stream by stream …
    filled_up_to: str | None = None  # … and has come to this one


@contextlib.contextmanager
def claimed(conn: Connection[Any], organisation: str, build: Build) -> Iterator[Claim]:
    """The claim, given back at the end. Raises Held if somebody else has it."""
    claim = take(conn, organisation, build)
    try:
        yield claim
    finally:
        if not conn.closed and not conn.broken:
            conn.execute(_RELEASE, msgspec.structs.asdict(claim))


def take(conn: Connection[Any], organisation: str, build: Build) -> Claim:
    """Claims a build. Whoever held it before can write no more."""
    asked = {"organisation": organisation, "projection": build.projection, "build": build.build}
    row = conn.execute(_CLAIM, asked | {"lease_s": LEASE_S}).fetchone()
    if row is None:
        raise Held
    return Claim(organisation, build.projection, build.build, *row)


def move(conn: Connection[Any], claim: Claim, to: int) -> None:
    """Moves the checkpoint, in the transaction that writes the rows and before them. Raises Fenced."""
    asked = msgspec.structs.asdict(claim) | {"to": to, "lease_s": LEASE_S}
    if conn.execute(_MOVE, asked).rowcount != 1:
        raise Fenced(f"{claim.projection} of {claim.organisation} has been claimed by somebody else")


def renew(conn: Connection[Any], claims: Sequence[Claim]) -> None:
    """Keeps claims on an organisation's builds while something else is done; one that is lost stays lost."""
    conn.execute(_RENEW, _named(claims))


def fill(conn: Connection[Any], claims: Sequence[Claim]) -> None:
    """Notes how far new builds of an organisation are filled, in the transaction that fills them. Raises Fenced."""
    places = {
        "positions": [claim.position for claim in claims],
        "filling_to": [claim.filling_to for claim in claims],
        "filled_up_to": [claim.filled_up_to for claim in claims],
    }
    if conn.execute(_FILL, _named(claims) | places).rowcount != len(claims):
        names = ", ".join(claim.projection for claim in claims)
        raise Fenced(f"{names} of {claims[0].organisation}: claimed by somebody else")


def _named(claims: Sequence[Claim]) -> dict[str, Any]:
    return {
        "organisation": claims[0].organisation,
        "projections": [claim.projection for claim in claims],
        "builds": [claim.build for claim in claims],
        "epochs": [claim.epoch for claim in claims],
        "lease_s": LEASE_S,
    }
