"""Planning in Postgres: what is undecided becomes messages, in one transaction that locks the organisation's place.

By which message a notice goes out is kept beside it, once for each channel, so that nothing goes out twice. What no
longer holds goes out no more: it is left out of digests, and a message that waits with nothing left to tell is
withdrawn.
"""

import secrets
import time
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec
from psycopg import Connection

from projections.engine.reading import for_organisation
from projections.notices.engine.agenda import agenda_of
from projections.notices.engine.choosing import Message, Plan, Undecided, plan_of
from projections.notices.engine.found import found_rules
from projections.notices.engine.preferences import CHANNELS, choices_of
from projections.notices.engine.rooms import posted, rooms_of
from projections.notices.engine.rule import Rule

AT_ONCE_MAX = 2_000  # notices planned in a transaction
ROOM_AWAITED = timedelta(minutes=1)  # so long a room is asked for at each look
PLANNED_AGAIN = timedelta(minutes=5)  # digests go out no later than so long after their time

COLUMNS = (
    *("id", "rule", "subject", "window", "recipient", "urgency", "action", "made_at"),
    *("position", "facts", "carried"),
)
_encode = msgspec.json.Encoder().encode

_LOCK = """
    SELECT organisation
      FROM notices.checkpoints
     WHERE organisation = %(organisation)s
       FOR UPDATE SKIP LOCKED
"""
_NO_LONGER = """
    UPDATE notices.notices
       SET undecided = false
     WHERE organisation = %(organisation)s AND undecided AND cleared_at IS NOT NULL
"""
_UNDECIDED = """
    SELECT n.id, n.rule, n.subject, n."window", n.recipient, n.urgency, n.action, n.made_at, n.position, n.facts,
           coalesce((SELECT array_agg(c.channel)
                       FROM notices.carried AS c
                      WHERE c.organisation = n.organisation AND c.notice = n.id), '{}')
           || CASE WHEN n.follows IS NULL THEN '{}' ELSE ARRAY(
              SELECT one.channel
                FROM unnest(%(channels)s::text[]) AS one (channel)
               WHERE NOT EXISTS (
                     SELECT
                       FROM notices.carried AS c
                       JOIN notices.messages AS m ON m.organisation = c.organisation AND m.id = c.message
                       JOIN notices.notices AS was ON was.organisation = c.organisation AND was.id = c.notice
                      WHERE c.organisation = n.organisation AND c.notice = ANY (n.follows)
                        AND c.channel = one.channel
                        AND (m.lease_until > %(now)s OR m.state = 'sent'
                             AND (m.ended_at <= was.cleared_at + interval '1 minute') IS NOT FALSE))) END
      FROM notices.notices AS n
     WHERE n.organisation = %(organisation)s AND n.undecided AND (n.recipient, n.id) > (%(person)s, %(id)s)
     ORDER BY n.recipient, n.id
     LIMIT %(limit)s
"""
_SEND = """
    INSERT INTO notices.messages (organisation, id, recipient, channel, kind, notices, facts, due_at, made_at)
    SELECT %(organisation)s, one.id, one.recipient, one.channel, one.kind, one.notices, one.facts, one.due_at, %(now)s
      FROM jsonb_to_recordset(%(messages)s::jsonb) AS one (
           id text, recipient text, channel text, kind text, notices text[], facts jsonb, due_at timestamptz)
"""
_CARRY = """
    INSERT INTO notices.carried (organisation, notice, channel, message)
    SELECT %(organisation)s, one.notice, one.channel, one.message
      FROM jsonb_to_recordset(%(carried)s::jsonb) AS one (notice text, channel text, message text)
"""
_DECIDED = """
    UPDATE notices.notices
       SET undecided = false
     WHERE organisation = %(organisation)s AND id = ANY (%(ids)s)
"""
_WAITING = """
    SELECT id, notices
      FROM notices.messages
     WHERE organisation = %(organisation)s AND state = 'waiting' AND notices <> '{}'
"""
_CLEARED = """
    SELECT id
      FROM notices.notices
     WHERE organisation = %(organisation)s AND id = ANY (%(ids)s) AND cleared_at IS NOT NULL
"""
_WITHDRAW = """
    UPDATE notices.messages
       SET state = 'withdrawn', ended_at = %(now)s, reason = 'what it tells of no longer holds'
     WHERE organisation = %(organisation)s AND id = ANY (%(ids)s) AND state = 'waiting'
"""
_PLANNED = """
    UPDATE notices.checkpoints
       SET planned_at = %(now)s, unplanned = %(soon_again)s
     WHERE organisation = %(organisation)s
"""
_TO_PLAN = """
    SELECT h.organisation, c.planned_at
      FROM log.heads AS h
      JOIN notices.checkpoints AS c USING (organisation)
     WHERE (c.unplanned OR c.planned_at IS NULL OR c.planned_at <= %(before)s OR c.planned_at > %(now)s)
       AND h.organisation NOT LIKE '%%.operations'
     ORDER BY h.organisation
     LIMIT 10000
"""


def plan(
    conn: Connection[Any],
    organisation: str,
    *,
    now: datetime,
    deadline: float | None = None,
    rules: Mapping[str, Rule] | None = None,
) -> bool:
    """Plans messages for all that is undecided. Returns False if somebody else is at it, or time ran out."""
    assert conn.autocommit, "planning commits by itself"
    every = found_rules() if rules is None else rules
    after, soon_again = ("", ""), False
    while True:
        with conn.transaction():
            for_organisation(conn, organisation)
            asked = {"organisation": organisation, "now": now}
            if conn.execute(_LOCK, asked).fetchone() is None:
                return False
            conn.execute(_NO_LONGER, asked)
            undecided = _undecided(conn, organisation, after, now)
            soon_again |= _plan(conn, organisation, undecided, every, now)
            if len(undecided) < AT_ONCE_MAX:
                _withdraw(conn, organisation, now)
                conn.execute(_PLANNED, asked | {"soon_again": soon_again})
                return True
            after = (undecided[-1].recipient, undecided[-1].id)
        if deadline is not None and time.monotonic() >= deadline:
            return False


def _withdraw(conn: Connection[Any], organisation: str, now: datetime) -> None:
    """Withdraws what waits and has nothing left to tell.

    In three steps, each of which costs what it finds: as one statement, a planner that does not know yet how many
    notices there are looks through all of them for each message.
    """
    waiting = conn.execute(_WAITING, {"organisation": organisation}).fetchall()
    told_of = list({notice for _, notices in waiting for notice in notices})
    found = conn.execute(_CLEARED, {"organisation": organisation, "ids": told_of}).fetchall()
    cleared = {notice for (notice,) in found}
    ended = [message for message, notices in waiting if cleared.issuperset(notices)]
    if ended:
        conn.execute(_WITHDRAW, {"organisation": organisation, "ids": ended, "now": now})


def to_plan(conn: Connection[Any], now: datetime) -> Mapping[str, datetime | None]:
    """The organisations for which messages are to be planned, and when they last were."""
    rows = conn.execute(_TO_PLAN, {"now": now, "before": now - PLANNED_AGAIN})
    return dict(rows.fetchall())


def _undecided(
    conn: Connection[Any], organisation: str, after: tuple[str, str], now: datetime
) -> list[Undecided]:
    """The next notices. One that follows others goes out where these went out, and nowhere else."""
    person, id_ = after
    asked = {"organisation": organisation, "person": person, "id": id_, "limit": AT_ONCE_MAX}
    asked |= {"channels": list(CHANNELS), "now": now}
    rows = conn.execute(_UNDECIDED, asked).fetchall()
    return [Undecided(**dict(zip(COLUMNS, row, strict=True))) for row in rows]


def _plan(
    conn: Connection[Any],
    organisation: str,
    undecided: Collection[Undecided],
    rules: Mapping[str, Rule],
    now: datetime,
) -> bool:
    """Decides what can be decided. Returns whether a room is awaited that will soon be known."""
    if not undecided:
        return False
    choices = choices_of(conn, organisation, {one.recipient for one in undecided}, now)
    if choices.has_any_of("chat"):
        undecided = _with_rooms(conn, organisation, undecided)
    decided = plan_of(undecided, {name: rule.kind for name, rule in rules.items()}, choices, now)
    facts = {one.id: one.facts for one in undecided}
    _write(conn, organisation, decided, facts, now)
    done = [one.id for one in undecided if one.id not in decided.waiting]
    conn.execute(_DECIDED, {"organisation": organisation, "ids": done})
    awaiting = set(decided.without_room)
    return any(abs(now - one.made_at) < ROOM_AWAITED for one in undecided if one.id in awaiting)


def _with_rooms(
    conn: Connection[Any], organisation: str, undecided: Collection[Undecided]
) -> list[Undecided]:
    """The same, with whose room hears of each, and what it has heard."""
    rooms = rooms_of(conn, organisation, {one.subject for one in undecided})
    known = posted(conn, organisation, [one.id for one in undecided])
    return [
        msgspec.structs.replace(one, room=rooms.of(one.subject, one.position), posted=known.get(one.id))
        for one in undecided
    ]


def _write(
    conn: Connection[Any], organisation: str, decided: Plan, facts: Mapping[str, Any], now: datetime
) -> None:
    carried: list[dict[str, str | None]] = [
        {"notice": notice, "channel": channel, "message": None} for notice, channel in decided.kept_back
    ]
    carried += [
        {"notice": notice, "channel": "chat", "message": message} for notice, message in decided.posted
    ]
    messages = []
    for message in decided.messages:
        id_ = secrets.token_hex(16)  # a command would take what begins with `-` for an option
        messages.append(
            {
                "id": id_,
                "recipient": message.recipient,
                "channel": message.channel,
                "kind": message.kind,
                "notices": message.notices,
                "facts": _facts(conn, organisation, message, facts),
                "due_at": message.due_at,
            }
        )
        carried += [
            {"notice": notice, "channel": message.channel, "message": id_} for notice in message.notices
        ]
    asked: dict[str, Any] = {"organisation": organisation, "now": now}
    if messages:
        conn.execute(_SEND, asked | {"messages": _encode(messages).decode()})
    if carried:
        conn.execute(_CARRY, asked | {"carried": _encode(carried).decode()})


def _facts(
    conn: Connection[Any], organisation: str, message: Message, facts: Mapping[str, Any]
) -> dict[str, Any]:
    """What the words of a message are made of, beside its notices."""
    if message.kind == "digest":
        return {"pace": message.pace, "there_is_more": message.there_is_more}
    told: dict[str, Any] = facts[message.notices[0]] or {}
    return agenda_of(conn, organisation, told) if message.kind == "agenda_pack" else told
