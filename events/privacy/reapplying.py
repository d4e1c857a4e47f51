"""Erasing again what the ledger of erasures says was erased: after a restore, and beside a log that moved here.

For one who acts as an administrator, before anybody reads. Doing it twice does no harm.
"""

from collections.abc import Sequence
from typing import Any

import psycopg

from events.log.operations import note
from events.log.read import FOR_ORGANISATION
from events.operations import PersonErased
from events.privacy.erasing import DESTROY, NEVER_AGAIN, clear_out, keep_about
from events.privacy.ledger import Erasure, Ledger
from events.privacy.vault import EMPTY, EMPTYING
from events.rights import ErasureExecuted

_IS_OFF_RECORD = """
    SELECT 1
      FROM log.heads AS h
     WHERE h.organisation = %(organisation)s
       AND NOT EXISTS (SELECT FROM log.records AS r
                        WHERE r.organisation = h.organisation AND r.stream = %(person)s AND r.type = 'erasure.executed')
"""


def reapply(conn: psycopg.Connection[Any], ledger: Ledger) -> int:
    """Destroys again what the ledger says was destroyed; how many keys that were there. In the caller's transaction.

    For one who acts as an administrator, after a restore and before anybody reads. A reference whose key the restored
    database does not know is closed too: what is told again of that person stays without words. Where the log that was
    restored does not know of the erasure, it is put on record again, as it is where a crash came before that.
    """
    destroyed = 0
    for erasure in ledger.erasures():
        asked = {
            "organisation": erasure.organisation,
            "person": erasure.person,
            "key": erasure.key,
            "at": erasure.at,
        }
        conn.execute(FOR_ORGANISATION, (erasure.organisation,))
        conn.execute(NEVER_AGAIN, asked)
        keys = [id_ for (id_,) in conn.execute(DESTROY, asked).fetchall()]
        if keys:  # else nobody could have kept anything since
            conn.execute(EMPTYING, asked)
        emptied = conn.execute(EMPTY, asked).rowcount > 0
        clear_out(conn, asked)
        destroyed += len(keys)
        if conn.execute(_IS_OFF_RECORD, asked).fetchone() is not None:
            _execution(conn, erasure, keys, emptied=emptied)
    return destroyed


def _execution(
    conn: psycopg.Connection[Any], erasure: Erasure, keys: Sequence[str], *, emptied: bool
) -> None:
    """Puts on record that it was carried out, in both logs."""
    keep_about(conn, erasure.organisation, erasure.person, [ErasureExecuted(keys_destroyed=len(keys))])
    grounds = erasure.grounds or "not_said"
    noted = PersonErased(person=erasure.person, keys=tuple(keys), grounds=grounds, contact=emptied)
    note(conn, erasure.organisation, noted)
