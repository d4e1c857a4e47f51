"""Addresses that are no good, whoever says so, at once or days later: nothing is sent there until they are changed."""

from datetime import datetime

from services.worker.duty import Connection

_MARK = """
    INSERT INTO notices.bad_addresses AS known (organisation, person, used_at, message, said)
    SELECT organisation, person, %(used_at)s, %(message)s, %(said)s
      FROM vault.contacts
     WHERE organisation = %(organisation)s AND person = %(person)s AND changed_at <= %(used_at)s
        ON CONFLICT (organisation, person) DO UPDATE
       SET used_at = excluded.used_at, message = excluded.message, said = excluded.said
     WHERE known.used_at < excluded.used_at
"""


def mark(
    conn: Connection, organisation: str, person: str, *, used_at: datetime, message: str, said: str
) -> None:
    """Marks a person's address, in the caller's transaction, unless it was changed, or they were erased, since it was
    looked up for use (`used_at`).
    """
    asked = {"organisation": organisation, "person": person}
    conn.execute(_MARK, asked | {"used_at": used_at, "message": message, "said": said})
