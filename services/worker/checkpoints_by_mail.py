"""Checkpoints that go to named people by e-mail, every day or week: the witness of those who have none.

What is to be sent becomes messages in the transaction that notes when the next is due, so each is sent once.
"""

from collections.abc import Mapping
from typing import Any

import psycopg
import redis

from events.log.read import FOR_ORGANISATION
from services.worker.duty import Connection
from services.worker.sweepable import Sweepable

LOOK_EVERY_S = 30.0

_DUE = """
    SELECT a.organisation, min(a.next_on)::text AS next_on
      FROM proof.auditors AS a
      JOIN proof.logs AS l ON l.organisation = a.organisation AND l.signed > 0
     WHERE a.next_on <= (clock_timestamp() AT TIME ZONE 'Europe/London' - interval '6 hours')::date
     GROUP BY a.organisation
     ORDER BY a.organisation
     LIMIT 10000
"""
_SEND = """
    WITH today AS (
        SELECT (clock_timestamp() AT TIME ZONE 'Europe/London' - interval '6 hours')::date AS day
    ), due AS (
        UPDATE proof.auditors AS a
           SET next_on = today.day + CASE a.every WHEN 'day' THEN 1 ELSE 7 END
          FROM today
         WHERE a.organisation = %(organisation)s AND a.next_on <= today.day
        RETURNING a.person, a.channel
    ), newest AS (
        SELECT l.organisation AS log, c.size, c.signed_at,
               c.note || coalesce((SELECT string_agg(s.line, '' ORDER BY s.witness)
                                     FROM proof.cosignatures AS s
                                    WHERE s.organisation = c.organisation AND s.generation = c.generation
                                      AND s.size = c.size), '') AS note
          FROM proof.logs AS l
          JOIN proof.checkpoints AS c
            ON c.organisation = l.organisation AND c.generation = l.generation AND c.size = l.signed
         WHERE l.organisation IN (%(organisation)s, %(organisation)s || '.operations')
    )
    INSERT INTO notices.messages (organisation, id, recipient, channel, kind, facts, due_at)
    SELECT %(organisation)s, replace(gen_random_uuid()::text, '-', ''), due.person, due.channel, 'checkpoint',
           jsonb_build_object(
               'log', newest.log, 'size', newest.size,
               'at', to_char(newest.signed_at AT TIME ZONE 'Europe/London', 'FMDD FMMonth YYYY "at" HH24:MI'),
               'note', rtrim(newest.note, E'\\n')),
           clock_timestamp()
      FROM due CROSS JOIN newest
"""


def due(conn: Connection) -> Mapping[str, object]:
    """The organisations whose auditors are to be sent a checkpoint, and since when."""
    return dict(conn.execute(_DUE).fetchall())


def send(conn: psycopg.Connection[Any], organisation: str) -> int:
    """Makes the messages that are due. Returns how many."""
    with conn.transaction():
        conn.execute(FOR_ORGANISATION, (organisation,))
        return conn.execute(_SEND, {"organisation": organisation}).rowcount


def _do(conn: Connection, organisation: str, _deadline: float) -> bool:
    send(conn, organisation)
    return True


def _nobody(_bell: redis.Redis, _organisation: str) -> None:
    """It is the sweep's own work: nobody is woken for it."""


CHECKPOINTS_BY_MAIL = Sweepable(
    name="checkpoints by mail", due=due, wake=_nobody, do=_do, every_s=LOOK_EVERY_S
)
