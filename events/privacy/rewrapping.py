"""Wrapping each person's key, and each open invitation, by another master key. What they encrypt is not touched."""

from typing import Any

import psycopg

from events.privacy.custody import Custodian, Wrapped
from events.privacy.moving import InvitationRow
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
_OPEN_INVITATIONS = """
    SELECT organisation, id, public, master, wrapped
      FROM vault.invitations
     WHERE wrapped IS NOT NULL AND master <> %(current)s
     ORDER BY organisation, id
     LIMIT %(limit)s
       FOR UPDATE
"""
_REWRAP_INVITATION = """
    UPDATE vault.invitations
       SET master = %(master)s, wrapped = %(wrapped)s
     WHERE organisation = %(organisation)s AND id = %(id)s
"""
_UNDER_OTHERS = """
    SELECT EXISTS (SELECT 1 FROM vault.keys WHERE wrapped IS NOT NULL AND master <> %(current)s)
        OR EXISTS (SELECT 1 FROM vault.invitations WHERE wrapped IS NOT NULL AND master <> %(current)s)
"""


def under_others(conn: psycopg.Connection[Any], current: str) -> bool:
    """Whether some person's key or open invitation is wrapped by another master key than this."""
    row = conn.execute(_UNDER_OTHERS, {"current": current}).fetchone()
    return row is not None and bool(row[0])


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


def rewrap_invitations(conn: psycopg.Connection[Any], custodian: Custodian) -> int:
    """Wraps by the current master key the invitations that another wraps. Returns how many, a batch at most."""
    asked = {"current": custodian.current(), "limit": BATCH}
    with conn.transaction():
        rows = [InvitationRow(*row) for row in conn.execute(_OPEN_INVITATIONS, asked).fetchall()]
        for row in rows:
            assert row.wrapped is not None
            private = custodian.unwrap(Wrapped(row.master, bytes(row.wrapped)), row.context)
            again = custodian.wrap(private, row.context)
            given = {"master": again.master, "wrapped": again.wrapped}
            conn.execute(_REWRAP_INVITATION, given | {"organisation": row.organisation, "id": row.id})
    return len(rows)
