"""The pages of the vault are written anew behind an erasure: no page of its tables keeps what was destroyed.

That needs each table for itself, for a moment. Whoever waited for it behind a reader who takes long, such as a backup,
would have everybody else wait behind him: no word of a person could be told or read until the backup had ended.
"""

import time
from typing import Any

import psycopg

WITHIN_S = 10.0
PAUSE_S = 0.5

_FULL = "VACUUM (FULL) vault.keys, vault.contacts, notices.inbox"
_PATIENCE = "SET lock_timeout = '500ms'"
_NO_BOUND = "RESET lock_timeout"
READ_JUST_NOW = (
    "Somebody reads the vault for longer, a backup perhaps: what was destroyed stands in free pages of the database "
    "until you run `qiledger erasures apply` after that"
)


def write_anew(conn: psycopg.Connection[Any], *, within_s: float = WITHIN_S) -> bool:
    """After the commit of an erasure, over a connection that commits each statement; whether it could be done."""
    until = time.monotonic() + within_s
    conn.execute(_PATIENCE)
    try:
        while True:
            try:
                conn.execute(_FULL)
            except psycopg.errors.LockNotAvailable:
                if time.monotonic() >= until:
                    return False
                time.sleep(PAUSE_S)
            else:
                return True
    finally:
        conn.execute(_NO_BOUND)
