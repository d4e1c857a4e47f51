"""How far an organisation's facts have been heard, and since when each rule speaks. One writer, by lock and epoch.

Whoever hears or looks locks the checkpoint's row for the length of a transaction, and moves it in the transaction that
writes the notices: so whatever anybody believes, each record is heard once. A crash before the commit leaves nothing
of a batch; after it, all of it.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import msgspec
from psycopg import Connection

from projections.engine.checkpoint import Fenced
from projections.engine.reading import head
from projections.notices.engine.hearing import Since
from projections.notices.engine.rule import Rule

_BEGIN = """
    INSERT INTO notices.checkpoints (organisation, position, looked_at)
    VALUES (%(organisation)s, %(head)s, %(now)s)
        ON CONFLICT (organisation) DO NOTHING
"""
_LOCK = """
    SELECT position, epoch, people_known, looked_at, quiet_from, quiet_until, clock_timestamp()
      FROM notices.checkpoints
     WHERE organisation = %(organisation)s
       FOR UPDATE SKIP LOCKED
"""
_NEW_RULES = """
    INSERT INTO notices.rules (organisation, rule, since, position)
    SELECT %(organisation)s, rule, %(now)s, %(head)s
      FROM unnest(%(rules)s::text[]) AS rule
        ON CONFLICT (organisation, rule) DO NOTHING
"""
_CLOCK_WAS_FAST = """
    UPDATE notices.rules
       SET since = greatest(%(now)s, clock_timestamp())
     WHERE organisation = %(organisation)s AND since > greatest(%(now)s, clock_timestamp())
"""
_SINCE = """
    SELECT rule, position, since
      FROM notices.rules
     WHERE organisation = %(organisation)s
     ORDER BY rule
     LIMIT 1000
"""
_MOVE = """
    UPDATE notices.checkpoints
       SET position = %(to)s, epoch = epoch + 1, people_known = true, unplanned = unplanned OR %(news)s
     WHERE organisation = %(organisation)s AND position = %(position)s AND epoch = %(epoch)s
"""
_LOOKED = """
    UPDATE notices.checkpoints
       SET epoch = epoch + 1, looked_at = %(now)s, quiet_from = %(quiet_from)s, quiet_until = %(quiet_until)s,
           unplanned = unplanned OR %(news)s
     WHERE organisation = %(organisation)s AND epoch = %(epoch)s
"""


class Place(msgspec.Struct):
    """Where an organisation's notices stand, locked."""

    organisation: str
    position: int
    epoch: int
    people_known: bool
    looked_at: datetime
    quiet_from: datetime | None
    quiet_until: datetime | None
    by_the_database: datetime  # the moment, by the clock that says when a record was kept


def locked(conn: Connection[Any], organisation: str, rules: Iterable[Rule], now: datetime) -> Place | None:
    """The checkpoint, locked; None if somebody else is at it. Whatever is new begins at the head that it finds.

    The caller's transaction has said for which organisation.
    """
    asked: dict[str, Any] = {"organisation": organisation, "now": now, "head": head(conn, organisation)}
    conn.execute(_BEGIN, asked)
    row = conn.execute(_LOCK, asked).fetchone()
    if row is None:
        return None
    conn.execute(_NEW_RULES, asked | {"rules": [rule.name for rule in rules]})
    conn.execute(_CLOCK_WAS_FAST, asked)
    return Place(organisation, *row)


def since_when(conn: Connection[Any], organisation: str) -> Mapping[str, Since]:
    """Since when each rule speaks."""
    rows = conn.execute(_SINCE, {"organisation": organisation}).fetchall()
    return {rule: Since(position, at) for rule, position, at in rows}


def move(conn: Connection[Any], place: Place, to: int, *, news: bool) -> None:
    """Notes how far it has been heard, and whether there is something to plan. Raises Fenced."""
    if conn.execute(_MOVE, msgspec.structs.asdict(place) | {"to": to, "news": news}).rowcount != 1:
        raise Fenced(f"the notices of {place.organisation} have been moved by somebody else")


def looked(conn: Connection[Any], place: Place, now: datetime, *, news: bool) -> None:
    """Notes when it was looked, and whether there is something to plan. Raises Fenced."""
    if conn.execute(_LOOKED, msgspec.structs.asdict(place) | {"now": now, "news": news}).rowcount != 1:
        raise Fenced(f"the notices of {place.organisation} have been moved by somebody else")
