"""What is asked of notices and choices through the API: async, in a transaction for one organisation.

The SQL of choices is the same for whoever changes them: somebody with a key, or a person with the link in a message.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, time
from typing import Annotated, Any

import msgspec
from msgspec import Meta
from psycopg import AsyncConnection

from events.fields import Subject
from events.log.read import FOR_ORGANISATION
from projections.notices.engine.paces import Pace
from projections.notices.engine.preferences import EVERYBODY, Channel, Choices
from projections.notices.engine.rule import Urgency

Clock = Annotated[time, Meta(tz=False, description="A time of day in London, such as 22:00:00.")]

_TOLD = """
    SELECT n.id, n.rule, n.subject, n."window", n.recipient, n.urgency, n.action, n.title, n.why, n.link, n.facts,
           n.position, n.made_at, n.cleared_at,
           coalesce((SELECT jsonb_agg(jsonb_build_object('channel', c.channel, 'message', c.message, 'state', m.state)
                                      ORDER BY c.channel)
                       FROM notices.carried AS c
                       JOIN notices.messages AS m ON m.organisation = c.organisation AND m.id = c.message
                      WHERE c.organisation = n.organisation AND c.notice = n.id), '[]')
      FROM notices.notices AS n
     WHERE n.organisation = %(organisation)s
       AND (%(person)s::text IS NULL OR n.recipient = %(person)s)
       AND (%(rule)s::text IS NULL OR n.rule = %(rule)s)
       AND (%(subject)s::text IS NULL OR n.subject = %(subject)s)
       AND (%(since)s::timestamptz IS NULL OR n.made_at >= %(since)s)
       AND (%(until)s::timestamptz IS NULL OR n.made_at < %(until)s)
       AND (NOT %(standing)s OR n.cleared_at IS NULL)
       AND (%(before)s::text IS NULL OR (n.made_at, n.id) < (
           SELECT last.made_at, last.id
             FROM notices.notices AS last
            WHERE last.organisation = %(organisation)s AND last.id = %(before)s))
     ORDER BY n.made_at DESC, n.id DESC
     LIMIT %(limit)s
"""
_SPEAKING = """
    SELECT r.rule, r.since, r.position,
           (SELECT count(*) FROM notices.unsaid AS u WHERE u.organisation = r.organisation AND u.rule = r.rule)
      FROM notices.rules AS r
     WHERE r.organisation = %(organisation)s
     ORDER BY r.rule
     LIMIT 1000
"""
_PACES = """
    SELECT rule, channel, pace
      FROM notices.preferences
     WHERE organisation = %(organisation)s AND person = %(person)s
     ORDER BY rule, channel
     LIMIT 1000
"""
_PACES_THAT_COUNT = """
    SELECT person, rule, channel, pace
      FROM notices.preferences
     WHERE organisation = %(organisation)s AND person IN (%(person)s, %(everybody)s)
     ORDER BY person, rule, channel
     LIMIT 2000
"""
_QUIET = """
    SELECT starts, ends
      FROM notices.quiet_hours
     WHERE organisation = %(organisation)s AND person = %(person)s
"""
_MUTED = """
    SELECT subject, until
      FROM notices.mutes
     WHERE organisation = %(organisation)s AND person = %(person)s
     ORDER BY subject
     LIMIT 1000
"""
_ONE_AT_A_TIME = """
    SELECT pg_advisory_xact_lock(
           hashtextextended('qiledger choices ' || %(organisation)s || ' ' || %(person)s, 0))
"""  # whoever replaces what nobody has yet sees no row to wait for
_FORGET_PACES = (
    "DELETE FROM notices.preferences WHERE organisation = %(organisation)s AND person = %(person)s"
)
_FORGET_QUIET = (
    "DELETE FROM notices.quiet_hours WHERE organisation = %(organisation)s AND person = %(person)s"
)
_FORGET_MUTES = "DELETE FROM notices.mutes WHERE organisation = %(organisation)s AND person = %(person)s"
_CHOOSE = """
    INSERT INTO notices.preferences (organisation, person, rule, channel, pace)
    SELECT %(organisation)s, %(person)s, one.rule, one.channel, one.pace
      FROM jsonb_to_recordset(%(paces)s::jsonb) AS one (rule text, channel text, pace text)
        ON CONFLICT (organisation, person, rule, channel) DO UPDATE
       SET pace = excluded.pace, changed_at = clock_timestamp()
"""
_REST = """
    INSERT INTO notices.quiet_hours (organisation, person, starts, ends)
    VALUES (%(organisation)s, %(person)s, %(starts)s, %(ends)s)
"""
_MUTE = """
    INSERT INTO notices.mutes (organisation, person, subject, until)
    SELECT %(organisation)s, %(person)s, one.subject, one.until
      FROM jsonb_to_recordset(%(mutes)s::jsonb) AS one (subject text, until timestamptz)
        ON CONFLICT (organisation, person, subject) DO UPDATE SET until = excluded.until
"""
_LINK_KEY = """
    SELECT key
      FROM notices.link_keys
     WHERE organisation = %(organisation)s
       AND NOT EXISTS (SELECT
                         FROM vault.keys AS k
                        WHERE k.organisation = %(organisation)s AND k.person = %(person)s::text AND k.wrapped IS NULL)
"""


class Sent(msgspec.Struct, frozen=True):
    """The message in which a notice went out through a channel."""

    channel: Channel
    message: str
    state: str


class ToldNotice(msgspec.Struct, frozen=True):
    """Who was told what, when, by which rule, and why."""

    id: str
    rule: str
    subject: str
    window: str
    recipient: str
    urgency: Urgency
    action: bool
    title: str
    why: str
    link: str
    facts: dict[str, Any]
    position: int | None  # of the record it was made from; none where it was made from a row
    made_at: datetime
    cleared_at: datetime | None
    sent: tuple[Sent, ...]


class Asking(msgspec.Struct, frozen=True, kw_only=True):
    """Which notices."""

    person: str | None = None
    rule: str | None = None
    subject: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    standing: bool = False
    before: str | None = None
    limit: int = 100


class Speaking(msgspec.Struct, frozen=True):
    """Since when a rule speaks for an organisation, and how often it could not judge."""

    since: datetime | None = None
    position: int | None = None
    unsaid: int = 0


class Chosen(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How soon a person is told by a rule (`*`: by any) through a channel."""

    rule: str
    channel: Channel
    pace: Pace


class Rest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Hours of the day, in London, in which nothing is sent."""

    starts: Clock
    ends: Clock


class Mute(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a person does not want to hear of, until a moment or for good."""

    subject: Subject
    until: Annotated[datetime, Meta(tz=True)] | None = None


class Chooses(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All that a person chose."""

    paces: tuple[Chosen, ...] = ()
    quiet_hours: Rest | None = None
    mutes: tuple[Mute, ...] = ()


async def told(conn: AsyncConnection[Any], organisation: str, asking: Asking) -> list[ToldNotice]:
    """Notices, the latest first."""
    asked = msgspec.structs.asdict(asking) | {"organisation": organisation}
    async with conn.transaction():
        await conn.execute(FOR_ORGANISATION, (organisation,))
        rows = await (await conn.execute(_TOLD, asked)).fetchall()
    names = ToldNotice.__struct_fields__
    return [msgspec.convert(dict(zip(names, row, strict=True)), ToldNotice) for row in rows]


async def speaking(conn: AsyncConnection[Any], organisation: str) -> Mapping[str, Speaking]:
    """Which rules speak for an organisation, and since when."""
    async with conn.transaction():
        await conn.execute(FOR_ORGANISATION, (organisation,))
        rows = await (await conn.execute(_SPEAKING, {"organisation": organisation})).fetchall()
    return {rule: Speaking(*rest) for rule, *rest in rows}


async def chosen(conn: AsyncConnection[Any], organisation: str, person: str) -> Chooses:
    """What a person chose; `*` stands for the organisation, choosing for everybody."""
    asked = {"organisation": organisation, "person": person}
    async with conn.transaction():
        await conn.execute(FOR_ORGANISATION, (organisation,))
        paces = await (await conn.execute(_PACES, asked)).fetchall()
        quiet = await (await conn.execute(_QUIET, asked)).fetchone()
        mutes = await (await conn.execute(_MUTED, asked)).fetchall()
    return Chooses(
        paces=tuple(Chosen(*row) for row in paces),
        quiet_hours=None if quiet is None else Rest(*quiet),
        mutes=tuple(Mute(*row) for row in mutes),
    )


async def choose(conn: AsyncConnection[Any], organisation: str, person: str, chooses: Chooses) -> None:
    """Puts what a person chooses in the place of what they chose before."""
    asked: dict[str, Any] = {"organisation": organisation, "person": person}
    async with conn.transaction():
        await conn.execute(FOR_ORGANISATION, (organisation,))
        await conn.execute(_ONE_AT_A_TIME, asked)
        for forget in (_FORGET_PACES, _FORGET_QUIET, _FORGET_MUTES):
            await conn.execute(forget, asked)
        await conn.execute(_CHOOSE, asked | {"paces": _rows(chooses.paces)})
        await conn.execute(_MUTE, asked | {"mutes": _rows(chooses.mutes)})
        if chooses.quiet_hours is not None:
            await conn.execute(_REST, asked | msgspec.structs.asdict(chooses.quiet_hours))


async def choose_some(
    conn: AsyncConnection[Any], organisation: str, person: str, paces: Sequence[Chosen]
) -> None:
    """Changes how soon a person is told in these, and nothing else that they chose."""
    async with conn.transaction():
        await conn.execute(FOR_ORGANISATION, (organisation,))
        asked = {"organisation": organisation, "person": person, "paces": _rows(paces)}
        await conn.execute(_ONE_AT_A_TIME, asked)
        await conn.execute(_CHOOSE, asked)


async def paces_for(conn: AsyncConnection[Any], organisation: str, person: str) -> Choices:
    """How soon a person is told: what they chose, and what their organisation chose for everybody. Paces alone."""
    asked = {"organisation": organisation, "person": person, "everybody": EVERYBODY}
    async with conn.transaction():
        await conn.execute(FOR_ORGANISATION, (organisation,))
        rows = await (await conn.execute(_PACES_THAT_COUNT, asked)).fetchall()
    return Choices(paces={(who, rule, channel): pace for who, rule, channel, pace in rows})


async def link_key(
    conn: AsyncConnection[Any], organisation: str, *, person: str | None = None
) -> bytes | None:
    """The key that signs an organisation's links; None if it never signed any, or for a person who was erased."""
    asked = {"organisation": organisation, "person": person}
    async with conn.transaction():
        await conn.execute(FOR_ORGANISATION, (organisation,))
        row = await (await conn.execute(_LINK_KEY, asked)).fetchone()
    return None if row is None else bytes(row[0])


def _rows(rows: Sequence[msgspec.Struct]) -> str:
    return msgspec.json.encode(rows).decode()
