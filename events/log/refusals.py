"""Refusals to sign, and what an operator decides about one: to try again, or that the log begins anew."""

from datetime import datetime
from typing import Any

import msgspec
import psycopg

_OPEN = """
    SELECT organisation, generation, refused_at, reason
      FROM proof.refusals
     WHERE decided_at IS NULL
     ORDER BY organisation
     LIMIT 10000
"""
_REFUSE = """
    INSERT INTO proof.refusals (organisation, generation, reason)
    VALUES (%(log)s, %(generation)s, %(reason)s)
        ON CONFLICT (organisation) WHERE decided_at IS NULL DO NOTHING
"""
_DECIDE = """
    UPDATE proof.refusals
       SET decided_at = clock_timestamp(), decision = %(decision)s
     WHERE organisation = %(log)s AND decided_at IS NULL
"""
_ANEW = """
    UPDATE proof.logs
       SET generation = generation + 1,
           origin = CASE WHEN generation = 1 THEN origin ELSE regexp_replace(origin, '/[0-9]+$', '') END
                    || '/' || generation + 1,
           size = 0, signed = 0, hashes = '{}', epoch = epoch + 1, holder = NULL, lease_until = NULL
     WHERE organisation = %(log)s
    RETURNING origin
"""


class NothingToDecide(LookupError):
    """No refusal stands on the log."""


class Refusal(msgspec.Struct, frozen=True):
    """A refusal to sign that nobody has decided on."""

    log: str
    generation: int
    refused_at: datetime
    reason: str


def undecided(conn: psycopg.Connection[Any]) -> list[Refusal]:
    """Every refusal that stands."""
    return [Refusal(*row) for row in conn.execute(_OPEN)]


def refuse(conn: psycopg.Connection[Any], log: str, generation: int, reason: str) -> None:
    """Keeps a refusal: from now on nothing of the log is signed. One that stands already stays as it is."""
    conn.execute(_REFUSE, {"log": log, "generation": generation, "reason": reason})


def try_again(conn: psycopg.Connection[Any], log: str, why: str) -> None:
    """Lets the sealer look again. It refuses again if what it found is still so. Raises NothingToDecide."""
    if conn.execute(_DECIDE, {"log": log, "decision": f"try again: {why}"}).rowcount == 0:
        raise NothingToDecide(log)


def begin_anew(conn: psycopg.Connection[Any], log: str, why: str) -> str:
    """Has the log sealed from its first record on, under another origin, which is returned. Raises NothingToDecide.

    What was signed before stays, and does not speak for the log any more. Everybody who trusts its checkpoints has to
    be told why: to them it is another log.
    """
    with conn.transaction():
        if conn.execute(_DECIDE, {"log": log, "decision": f"begin anew: {why}"}).rowcount == 0:
            raise NothingToDecide(log)
        row = conn.execute(_ANEW, {"log": log}).fetchone()
    if row is None:
        raise NothingToDecide(log)
    return str(row[0])
