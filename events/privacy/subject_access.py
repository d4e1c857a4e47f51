"""Subject access: everything that is kept about one person, in one answer (UK GDPR, Article 15)."""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import psycopg

from events.log.operations import log_of, note
from events.log.read import FOR_ORGANISATION, record_of
from events.log.record import Record, written
from events.operations import SubjectAccessGiven
from events.privacy import beside_the_record
from events.privacy.beside_the_record import InInbox, Message, Setting
from events.privacy.custody import custodian
from events.privacy.erasing import keep_about
from events.privacy.person_key import KeyRow, PersonKey
from events.privacy.vault import KEYS, Contact, contact_of
from events.privacy.words import opened, sealed_in
from events.rights import AccessReported

PAGE = 1_000

_NAMED = """
    SELECT organisation, position, stream, version, source, id, type,
           occurred_at, precise_to, recorded_at, actor, body, leaf
      FROM log.records
     WHERE organisation = %(log)s AND position > %(after)s
       AND (stream = %(person)s OR actor = %(person)s OR strpos(body, %(quoted)s) > 0 OR strpos(body, %(prefix)s) > 0)
     ORDER BY position
     LIMIT %(limit)s
"""
_NOTICES = """
    SELECT n.rule, n.subject, n.title, n.why, n.made_at::text
      FROM notices.notices AS n
     WHERE n.organisation = %(organisation)s AND n.recipient = %(person)s
     ORDER BY n.made_at, n.id
     LIMIT %(limit)s
"""


class NamedIn(msgspec.Struct, frozen=True, kw_only=True):
    """A record that names the person, their own words in clear."""

    position: int
    occurred: str
    recorded: str
    type: str
    stream: str
    source: str
    told_by: str
    data: dict[str, Any]


class ToldOf(msgspec.Struct, frozen=True, kw_only=True):
    """A notice that the person was given."""

    rule: str
    subject: str
    title: str
    why: str
    made: str


class SubjectAccess(msgspec.Struct, frozen=True, kw_only=True):
    """All that is kept about a person."""

    organisation: str
    person: str
    contact: Contact | None
    events: list[NamedIn]
    notices: list[ToldOf]
    messages: list[Message]
    inbox: list[InInbox]
    settings: list[Setting]
    operations: list[NamedIn]
    words: int


def subject_access(conn: psycopg.Connection[Any], organisation: str, person: str) -> SubjectAccess:
    """Puts together what is kept about a person, and puts that on record, in one transaction.

    For one who acts as an administrator. Words of others in the same records stay encrypted. Raises
    UnknownOrganisation, NoMasterKey.
    """
    with conn.transaction():
        conn.execute(FOR_ORGANISATION, (organisation,))
        key = _key(conn, organisation, person)
        records = list(_named(conn, organisation, person))
        words = (
            sum(one.person == person for record in records for one in sealed_in(record.body)) if key else 0
        )
        operations = _named(conn, log_of(organisation), person)
        given = SubjectAccess(
            organisation=organisation,
            person=person,
            contact=contact_of(conn, organisation, person),
            events=[_shown(record, organisation, person, key) for record in records],
            notices=_notices(conn, organisation, person),
            messages=beside_the_record.messages(conn, organisation, person),
            inbox=beside_the_record.inbox(conn, organisation, person),
            settings=beside_the_record.settings(conn, organisation, person),
            operations=[_shown(record, organisation, person, None) for record in operations],
            words=words,
        )
        keep_about(conn, organisation, person, [AccessReported(events=len(records))])
        note(conn, organisation, SubjectAccessGiven(person=person, events=len(records), words=words))
    return given


def _key(conn: psycopg.Connection[Any], organisation: str, person: str) -> PersonKey | None:
    row = conn.execute(KEYS, {"organisation": organisation, "persons": [person]}).fetchone()
    return None if row is None or row[4] is None else KeyRow(*row).unwrapped(custodian())


def _named(conn: psycopg.Connection[Any], log: str, person: str) -> Iterator[Record]:
    """Every record of a log that names the person: as its stream, as who told it, or in its body."""
    after = 0
    while True:
        asked = {
            "log": log,
            "person": person,
            "quoted": f'"{person}"',
            "prefix": f"sealed.1.{person.removeprefix('person/')}.",
            "after": after,
            "limit": PAGE,
        }
        rows: Sequence[Any] = conn.execute(_NAMED, asked).fetchall()
        yield from map(record_of, rows)
        if len(rows) < PAGE:
            return
        after = record_of(rows[-1]).position


def _shown(record: Record, organisation: str, person: str, key: PersonKey | None) -> NamedIn:
    """The record with the words of this person in clear; those of others stay as they are."""
    body = record.body
    if key is not None and all(one.person == person for one in sealed_in(body)):
        body = opened(body, organisation, record.source, record.id, {person: key}.get)
    return NamedIn(
        position=record.position,
        occurred=record.occurred,
        recorded=written(record.recorded_at),
        type=record.type,
        stream=record.stream,
        source=record.source,
        told_by=record.actor,
        data=msgspec.json.decode(body),
    )


def _notices(conn: psycopg.Connection[Any], organisation: str, person: str) -> list[ToldOf]:
    """What the person was told."""
    asked = {"organisation": organisation, "person": person, "limit": 100_000}
    return [
        ToldOf(rule=rule, subject=subject, title=title, why=why, made=made)
        for rule, subject, title, why, made in conn.execute(_NOTICES, asked)
    ]
