"""Wrapping every person's key by another master key. Nothing that the keys encrypt is read or touched."""

from typing import Any

import psycopg

from events.privacy.custody import Custodian
from events.privacy.person_key import KeyRow, rewrapped

BATCH = 500

_NEXT = """
    SELECT organisation, person, id, master, wrapped
      FROM vault.keys
     WHERE wrapped IS NOT NULL AND master <> %(current)s
     ORDER BY organisation, person
     LIMIT %(limit)s
       FOR UPDATE
"""
_REWRAP = """
    UPDATE vault.keys
       SET master = %(master)s, wrapped = %(wrapped)s
     WHERE organisation = %(organisation)s AND person = %(person)s
"""


def rewrap_all(conn: psycopg.Connection[Any], custodian: Custodian) -> tuple[str | None, dict[str, int]]:
    """Wraps by the current master key what another wraps. Returns that other (None if several, or none), and how many
    keys it were by organisation.

    Batch by batch, each its own transaction: it can be interrupted and begun again. Raises NoMasterKey for a key whose
    master is not to be had; what came before is done.
    """
    current, masters, done = custodian.current(), set[str](), dict[str, int]()
    while True:
        with conn.transaction():
            asked = {"current": current, "limit": BATCH}
            rows = [KeyRow(*row) for row in conn.execute(_NEXT, asked).fetchall()]
            for row in rows:
                again = rewrapped(row, custodian)
                given = {"master": again.master, "wrapped": again.wrapped}
                conn.execute(_REWRAP, given | {"organisation": row.organisation, "person": row.person})
        if not rows:
            return (masters.pop() if len(masters) == 1 else None), done
        for row in rows:
            masters.add(row.master)
            done[row.organisation] = done.get(row.organisation, 0) + 1
