"""Who is sent checkpoints by e-mail: named, changed and taken off by operators."""

from typing import Any, Literal, TypeAlias

import msgspec
import psycopg

Every: TypeAlias = Literal["day", "week"]
Channel: TypeAlias = Literal["email", "notify"]

_NAME = """
    INSERT INTO proof.auditors (organisation, person, channel, every, next_on)
    VALUES (%(organisation)s, %(person)s, %(channel)s, %(every)s,
            (clock_timestamp() AT TIME ZONE 'Europe/London' - interval '6 hours')::date)
        ON CONFLICT (organisation, person) DO UPDATE SET channel = excluded.channel, every = excluded.every
"""
_UNNAME = "DELETE FROM proof.auditors WHERE organisation = %(organisation)s AND person = %(person)s"
_NAMED = """
    SELECT organisation, person, channel, every
      FROM proof.auditors
     ORDER BY organisation, person
     LIMIT 10000
"""


class Auditor(msgspec.Struct, frozen=True):
    """One who is sent the checkpoints of an organisation's logs."""

    organisation: str
    person: str
    channel: Channel
    every: Every


def name(conn: psycopg.Connection[Any], auditor: Auditor) -> None:
    """Has somebody sent checkpoints from today on, or by another channel or rhythm than so far."""
    conn.execute(_NAME, msgspec.structs.asdict(auditor))


def unname(conn: psycopg.Connection[Any], organisation: str, person: str) -> bool:
    """Sends somebody no more. Returns whether he was."""
    return conn.execute(_UNNAME, {"organisation": organisation, "person": person}).rowcount == 1


def named(conn: psycopg.Connection[Any]) -> list[Auditor]:
    """Everybody who is sent checkpoints."""
    return [Auditor(*row) for row in conn.execute(_NAMED)]
