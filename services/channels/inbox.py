"""The inbox of this house: a row that a person finds when they look. There once, however often it is delivered."""

from datetime import timedelta
from typing import Any

import psycopg

from events.log.read import FOR_ORGANISATION
from events.privacy.vault import KEEPING
from services.channels.letter import Letter
from services.channels.outcome import Outcome, Sent

_PUT = """
    INSERT INTO notices.inbox (organisation, id, person, subject, body, came_at)
    SELECT %(organisation)s, %(id)s, %(person)s, %(subject)s, %(body)s, %(at)s
     WHERE NOT EXISTS (SELECT
                         FROM vault.keys
                        WHERE organisation = %(organisation)s AND person = %(person)s AND wrapped IS NULL)
        ON CONFLICT (organisation, id) DO NOTHING
"""


class Inbox:
    """The inboxes of one organisation's people. The address is the person."""

    name = "inbox"
    patience_s = 0.0
    per_minute = 0
    settles_after = timedelta()

    def __init__(self, conn: psycopg.Connection[Any], organisation: str) -> None:
        self._conn = conn
        self._organisation = organisation

    def send(self, letter: Letter, to: str) -> Outcome:
        """Puts the letter in, unless it is there, or the person was erased meanwhile."""
        asked = {"organisation": self._organisation, "id": letter.id, "person": to, "at": letter.at}
        with self._conn.transaction():
            self._conn.execute(FOR_ORGANISATION, (self._organisation,))
            self._conn.execute(KEEPING, asked)
            self._conn.execute(_PUT, asked | {"subject": letter.subject, "body": letter.marked})
        return Sent(letter.id)

    def heard_of(self, letter_id: str) -> Sent | None:
        """To put it in again does no harm."""
        return None

    def reach(self) -> str:
        """It is in our own database."""
        return "the database"

    def drop(self) -> None:
        """The connection is the caller's."""
