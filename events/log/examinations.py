"""When each log was last examined whole, and what readers met meanwhile that did not prove what was signed."""

from datetime import datetime
from typing import Any

import msgspec
import psycopg

EXAMINED_DAYS_MAX = 3
"""So old may the last examination of a log be; there is one each night."""

_KEEP = """
    INSERT INTO proof.examinations (organisation, generation, size, flaws)
    VALUES (%(log)s, %(generation)s, %(size)s, %(flaws)s)
"""
_LAST = """
    SELECT l.organisation, e.examined_at, e.size, e.flaws,
           coalesce(e.examined_at, c.signed_at) < clock_timestamp() - make_interval(days => %(days)s) AS is_overdue
      FROM proof.logs AS l
      LEFT JOIN LATERAL (
           SELECT examined_at, size, flaws
             FROM proof.examinations
            WHERE organisation = l.organisation AND generation = l.generation
            ORDER BY examined_at DESC
            LIMIT 1
           ) AS e ON true
      LEFT JOIN LATERAL (
           SELECT signed_at
             FROM proof.checkpoints
            WHERE organisation = l.organisation AND generation = l.generation
            ORDER BY size
            LIMIT 1
           ) AS c ON true
     ORDER BY l.organisation
     LIMIT 10000
"""
_DOUBTED = """
    SELECT d.organisation, d.what, d.met_at
      FROM proof.doubts AS d
     WHERE d.met_at > coalesce((SELECT max(e.examined_at)
                                  FROM proof.examinations AS e
                                 WHERE e.organisation = d.organisation), '-infinity')
     ORDER BY d.organisation, d.met_at
     LIMIT 1000
"""
DOUBT = """
    INSERT INTO proof.doubts AS d (organisation, what)
    VALUES (%(log)s, %(what)s)
        ON CONFLICT (organisation, what) DO UPDATE SET met_at = excluded.met_at
"""
SINCE = "SELECT proof.examined_since()"


class Last(msgspec.Struct, frozen=True):
    """A sealed log, and when it was last examined; None if it never was. Overdue after EXAMINED_DAYS_MAX."""

    log: str
    examined_at: datetime | None
    size: int | None
    flaws: int | None
    is_overdue: bool | None


class Doubt(msgspec.Struct, frozen=True):
    """Damage that a reader met, in a log that has not been examined since."""

    log: str
    what: str
    met_at: datetime


def keep(conn: psycopg.Connection[Any], log: str, *, generation: int, size: int, flaws: int) -> None:
    """Notes that a log was examined just now."""
    conn.execute(_KEEP, {"log": log, "generation": generation, "size": size, "flaws": flaws})


def last(conn: psycopg.Connection[Any]) -> list[Last]:
    """When each sealed log was last examined."""
    return [Last(*row) for row in conn.execute(_LAST, {"days": EXAMINED_DAYS_MAX})]


def doubts(conn: psycopg.Connection[Any]) -> list[Doubt]:
    """What readers met since the last examination of each log."""
    return [Doubt(*row) for row in conn.execute(_DOUBTED)]
