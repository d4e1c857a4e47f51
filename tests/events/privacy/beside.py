"""What is kept of a person beside the record: one of each kind, to see what becomes of it."""

from typing import Any

import psycopg


def keep_beside_the_record(conn: psycopg.Connection[Any], organisation: str, person: str) -> None:
    """What is kept of a person beside the record: one of each kind."""
    named = {
        "organisation": organisation,
        "person": person,
        "id": f"{person[7:]:m>16}",
        "endpoint": f"we_{person[7:]:x>16}",
    }
    for statement in (
        "INSERT INTO notices.messages (organisation, id, recipient, channel, kind, due_at, state, reason)"
        " VALUES (%(organisation)s, %(id)s, %(person)s, 'email', 'digest', now(), 'dead', 'nobody there')",
        "INSERT INTO notices.inbox (organisation, id, person, subject, body, came_at)"
        " VALUES (%(organisation)s, %(id)s, %(person)s, 'To ' || %(person)s, 'A letter', now())",
        "INSERT INTO notices.preferences (organisation, person, rule, channel, pace)"
        " VALUES (%(organisation)s, %(person)s, '*', 'email', 'weekly')",
        "INSERT INTO notices.quiet_hours (organisation, person, starts, ends)"
        " VALUES (%(organisation)s, %(person)s, '20:00', '07:00')",
        "INSERT INTO notices.mutes (organisation, person, subject)"
        " VALUES (%(organisation)s, %(person)s, 'project/P-1')",
        "INSERT INTO notices.bad_addresses (organisation, person, used_at, message, said)"
        " VALUES (%(organisation)s, %(person)s, '2026-03-02 09:00Z', %(id)s, '550 no')",
        "INSERT INTO proof.auditors (organisation, person, channel, every, next_on)"
        " VALUES (%(organisation)s, %(person)s, 'email', 'day', now())",
        "INSERT INTO webhooks.endpoints (organisation, id, url, description, owner, types, ordering, client)"
        " VALUES (%(organisation)s, %(endpoint)s, 'https://example.org/', '', %(person)s, '{}', 'strict', 'tests')",
    ):
        conn.execute(statement, named)
