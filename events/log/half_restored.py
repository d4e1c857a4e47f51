"""A mark in a database into which a backup is being restored: what is there is not safe to be served yet.

It is made before the first row is brought, and removed in the transaction that makes all of it safe. Whoever finds it
finds a restore that is under way or was interrupted.
"""

from typing import Any

import psycopg

WORDS = (
    "a restore into this database was not finished, and nobody may be served what is in it. Run `qiledger restore` "
    "again: a Postgres of our own in the data directory is emptied for it, elsewhere give it a new, empty database."
)

_MARK = "CREATE SCHEMA IF NOT EXISTS restore_not_finished"
_UNMARK = "DROP SCHEMA IF EXISTS restore_not_finished"
IS_MARKED = "SELECT to_regnamespace('restore_not_finished') IS NOT NULL"


def mark(conn: psycopg.Connection[Any]) -> None:
    """A restore begins here."""
    conn.execute(_MARK)


def unmark(conn: psycopg.Connection[Any]) -> None:
    """It is done, or nothing of it is left. In the caller's transaction."""
    conn.execute(_UNMARK)


def is_marked(conn: psycopg.Connection[Any]) -> bool:
    """Whether a restore is under way here, or was interrupted. Any role may ask."""
    return conn.execute(IS_MARKED).fetchone() == (True,)
