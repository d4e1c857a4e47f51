"""Erasure: a person's key is destroyed, and with it their words are gone in every copy there is.

Nothing of the log changes: counts, leaves and proofs stay as they were. What was destroyed is written down outside the
database first, in the ledger of erasures, because a backup knows nothing of what happened after it: whoever restores
one applies the ledger again (`reapplying.py`) before anybody reads. A crash between the ledger and the commit leaves a
key that is in the ledger and still there; nobody uses it, and erasing again, or applying the ledger, destroys it.
"""

import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec
import psycopg

from events.log.operations import is_operations, keep, note, submission
from events.log.outcomes import UnknownOrganisation
from events.log.read import FOR_ORGANISATION
from events.log.record import written
from events.log.taking import head_position
from events.operations import PersonErased
from events.privacy.holds import holds_on
from events.privacy.ledger import Erasure, Ledger
from events.privacy.vault import EMPTY, EMPTYING
from events.rights import ErasureDecided, ErasureExecuted, ErasureRequested, Grounds
from events.vocabulary import Event, checked

ErasureGrounds = Literal[
    "no_longer_needed", "consent_withdrawn", "objection", "unlawful", "legal_obligation", "child_consent"
]
"""UK GDPR, Article 17 (1), (a) to (f)."""
COPIES_MAX = 50

_ABOUT = """
    SELECT count(*) AS records,
           coalesce(sum((SELECT count(*) FROM regexp_matches(r.body, %(sealed)s, 'g'))), 0)::bigint AS words,
           coalesce(array_agg(DISTINCT r.stream), '{}') AS streams,
           coalesce(min(r.position), 0) AS first
      FROM log.records AS r
     WHERE r.organisation = %(organisation)s
       AND (r.stream = %(person)s OR r.actor = %(person)s OR strpos(r.body, %(quoted)s) > 0
            OR strpos(r.body, %(prefix)s) > 0)
"""
_EXPORTS = """
    SELECT r.organisation, r.position, r.body::jsonb ->> 'what' AS what, r.recorded_at
      FROM log.records AS r
     WHERE r.organisation IN (%(organisation)s, %(organisation)s || '.operations') AND r.type = 'export.taken'
     ORDER BY r.recorded_at DESC, r.organisation, r.position
     LIMIT %(limit)s
"""
_KEY = """
    SELECT id, wrapped IS NULL AS destroyed
      FROM vault.keys
     WHERE organisation = %(organisation)s AND person = %(person)s
       FOR UPDATE
"""
DESTROY = """
    UPDATE vault.keys
       SET wrapped = NULL, destroyed_at = %(at)s
     WHERE organisation = %(organisation)s AND person = %(person)s AND wrapped IS NOT NULL
    RETURNING id
"""
NEVER_AGAIN = """
    INSERT INTO vault.keys (organisation, person, id, master, wrapped, destroyed_at)
    VALUES (%(organisation)s, %(person)s, %(key)s, 'none', NULL, %(at)s)
        ON CONFLICT (organisation, person) DO NOTHING
"""
_CLEAR_OUT = (
    "DELETE FROM notices.inbox WHERE organisation = %(organisation)s AND person = %(person)s",
    "DELETE FROM notices.preferences WHERE organisation = %(organisation)s AND person = %(person)s",
    "DELETE FROM notices.quiet_hours WHERE organisation = %(organisation)s AND person = %(person)s",
    "DELETE FROM notices.mutes WHERE organisation = %(organisation)s AND person = %(person)s",
    "DELETE FROM notices.bad_addresses WHERE organisation = %(organisation)s AND person = %(person)s",
    "DELETE FROM proof.auditors WHERE organisation = %(organisation)s AND person = %(person)s",
)
"""What was put before the person, what they chose, and what goes to them: nobody's any more."""


class OnHold(RuntimeError):
    """Nothing may be erased while a legal hold stands. The request is on record and waits."""

    def __init__(self, holds: list[tuple[str, str]]) -> None:
        self.holds = holds
        named = ", ".join(f"{hold} on {stream}" for stream, hold in holds)
        super().__init__(f"deferred: {named}. The request is on record; ask again once it is lifted")


class About(msgspec.Struct, frozen=True, kw_only=True):
    """How much there is about a person in the log of an organisation."""

    records: int
    words: int
    streams: list[str]
    first: int


class Certificate(msgspec.Struct, frozen=True, kw_only=True):
    """What an erasure did, for the person and for whoever has to show it."""

    organisation: str
    person: str
    erased_at: str
    grounds: str
    reason: str | None
    keys_destroyed: list[str]
    contact_emptied: bool
    inbox_emptied: int  # messages that it held
    words_unreadable: int
    records_that_stay: int
    executed_at_position: int
    known_copies: list[str]
    remains: list[str]


def clear_out(conn: psycopg.Connection[Any], asked: Mapping[str, Any]) -> int:
    """Empties the person's inbox and forgets what they chose; how many messages the inbox held."""
    inbox, *chosen = _CLEAR_OUT
    held = conn.execute(inbox, asked).rowcount
    for choice in chosen:
        conn.execute(choice, asked)
    return held


def about(conn: psycopg.Connection[Any], organisation: str, person: str) -> About:
    """How much there is about a person. Reads the whole log of the organisation, and holds nobody up."""
    reference = person.removeprefix("person/")
    row = conn.execute(
        _ABOUT,
        {
            "organisation": organisation,
            "person": person,
            "quoted": f'"{person}"',
            "prefix": f"sealed.1.{reference}.",
            "sealed": rf"sealed\.1\.{reference}\.",
        },
    ).fetchone()
    assert row is not None
    records, words, streams, first = row
    return About(records=records, words=words, streams=sorted({person, *streams}), first=first)


def refuse(
    conn: psycopg.Connection[Any], organisation: str, person: str, *, grounds: Grounds, reason: str | None
) -> None:
    """Puts on record that an erasure was asked for and refused. In the caller's transaction.

    Raises UnknownOrganisation, msgspec.ValidationError for a reason that may not stand there.
    """
    decided = ErasureDecided(decision="refused", grounds=grounds, reason=reason)
    keep_about(conn, organisation, person, [ErasureRequested(), decided])


def to_be_told(
    reason: str | None, copies: Sequence[str]
) -> tuple[ErasureRequested, ErasureDecided, ErasureExecuted]:
    """What an erasure puts on record, but for how many keys it destroyed.

    Raises msgspec.ValidationError for words that may not stand there.
    """
    decided = checked(ErasureDecided(decision="granted", reason=reason))
    return ErasureRequested(), decided, checked(ErasureExecuted(keys_destroyed=0, copies=tuple(copies)))


def must_have_a_log(conn: psycopg.Connection[Any], organisation: str) -> None:
    """Raises UnknownOrganisation for one that has none, and for a log of operations: it is told what was erased."""
    if is_operations(organisation):
        raise UnknownOrganisation(organisation)
    head_position(conn, organisation)


def erase(
    conn: psycopg.Connection[Any],
    ledger: Ledger,
    organisation: str,
    person: str,
    *,
    grounds: ErasureGrounds,
    reason: str | None = None,
    copies: Sequence[str] = (),
) -> Certificate:
    """Erases a person: request, decision, execution, on record in the transaction that destroys the key.

    For one who acts as an administrator; the connection commits each statement. A person who has no key gets one that
    is destroyed, so that nothing told later of them is readable. Erasing again destroys nothing more, and says so.
    Before anything is destroyed it raises OnHold, with the request on record; UnknownOrganisation;
    msgspec.ValidationError for words that may not stand on record.
    """
    requested, decided, executed = to_be_told(reason, copies)
    must_have_a_log(conn, organisation)
    now = datetime.now(UTC)
    found = about(conn, organisation, person)
    if holds := holds_on(conn, organisation, found.streams):
        with conn.transaction():
            keep_about(conn, organisation, person, [requested])
        raise OnHold(holds)
    key = _close(conn, organisation, person, now)
    ledger.add(
        Erasure(organisation=organisation, person=person, key=key, at=now.isoformat(), grounds=grounds)
    )
    known = [*copies, *_exports(conn, organisation)][:COPIES_MAX]
    with conn.transaction():
        conn.execute(FOR_ORGANISATION, (organisation,))
        asked = {"organisation": organisation, "person": person, "at": now}
        conn.execute(EMPTYING, asked)
        destroyed = [id_ for (id_,) in conn.execute(DESTROY, asked).fetchall()]
        emptied = conn.execute(EMPTY, asked).rowcount > 0
        held = clear_out(conn, asked)
        executed = msgspec.structs.replace(executed, keys_destroyed=len(destroyed))
        *_, position = keep_about(conn, organisation, person, [requested, decided, executed])
        noted = PersonErased(person=person, keys=tuple(destroyed), grounds=grounds, contact=emptied)
        note(conn, organisation, noted)
    return Certificate(
        organisation=organisation,
        person=person,
        erased_at=written(now),
        grounds=grounds,
        reason=reason,
        keys_destroyed=destroyed,
        contact_emptied=emptied,
        inbox_emptied=held,
        words_unreadable=found.words,
        records_that_stay=found.records,
        executed_at_position=position,
        known_copies=known,
        remains=REMAINS,
    )


REMAINS = [
    "The opaque reference, and what was told by it without words: that somebody joined, left, attended, commented.",
    "By the opaque reference, which notices there were for the person and when they went out; never what they said of "
    "themselves.",
    "The ciphertext in the log, in exports and with whoever received webhooks; nobody has a key to it.",
    "Processes of the API may hold the key in memory for three seconds more.",
    "Backups of the vault made before: they hold the wrapped key until they expire. A restore applies the ledger of "
    "erasures before it serves.",
    "The write-ahead log and free pages of the database hold the wrapped key until they are used again: archived "
    "segments as long as they are kept.",
    "Copies of the words that somebody made outside the ledger.",
]


def _close(conn: psycopg.Connection[Any], organisation: str, person: str, now: datetime) -> str:
    """The name of the person's key; of one that never was, if they have none."""
    asked = {"organisation": organisation, "person": person, "key": os.urandom(8).hex(), "at": now}
    with conn.transaction():
        conn.execute(FOR_ORGANISATION, (organisation,))
        conn.execute(NEVER_AGAIN, asked)
        row = conn.execute(_KEY, asked).fetchone()
    assert row is not None
    return str(row[0])


def _exports(conn: psycopg.Connection[Any], organisation: str) -> list[str]:
    """Exports that were taken, the latest first: copies of the ciphertext outside the house."""
    rows = conn.execute(_EXPORTS, {"organisation": organisation, "limit": COPIES_MAX}).fetchall()
    return [
        f"export of {moment:%Y-%m-%d}: {what} ({log}, record {position})"
        for log, position, what, moment in rows
    ]


def keep_about(
    conn: psycopg.Connection[Any], organisation: str, person: str, events: Sequence[Event]
) -> list[int]:
    """Puts on record what is done about a person, in their own stream; the positions. Raises UnknownOrganisation."""
    told = [msgspec.structs.replace(submission("", event), stream=person) for event in events]
    return keep(conn, organisation, told)
