"""The vault: how people are reached, by opaque reference, encrypted with the key of each person.

The SQL serves both colours, as in `events.log.read`: workers and commands use the functions here, the API runs the
statements itself. Every caller's transaction has said for which organisation it acts (`FOR_ORGANISATION`).
"""

from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
import psycopg
from msgspec import Meta

from events.fields import END
from events.privacy.custody import Custodian, custodian
from events.privacy.person_key import KeyRow, PersonKey, bound, new_key

Name = Annotated[
    str,
    Meta(
        min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*" + END, description="What they are called."
    ),
]
Email = Annotated[
    str,
    Meta(
        max_length=254, pattern=r"^[^\s@\x00-\x1f\x7f]+@[^\s@\x00-\x1f\x7f]+" + END, description="name@host"
    ),
]
Phone = Annotated[
    str, Meta(pattern=r"^\+?[0-9][0-9 ()-]{3,30}" + END, description="Digits, with + in front for abroad.")
]

KEYS = """
    SELECT organisation, person, id, master, wrapped
      FROM vault.keys
     WHERE organisation = %(organisation)s AND person = ANY (%(persons)s)
     ORDER BY person
"""
ADD_KEYS = """
    INSERT INTO vault.keys (organisation, person, id, master, wrapped)
    SELECT %(organisation)s, k.person, k.id, k.master, k.wrapped
      FROM unnest(%(persons)s::text[], %(ids)s::text[], %(masters)s::text[], %(wrapped)s::bytea[])
        AS k (person, id, master, wrapped)
     ORDER BY k.person
        ON CONFLICT (organisation, person) DO NOTHING
"""
CONTACT = """
    SELECT k.organisation, k.person, k.id, k.master, k.wrapped, c.sealed
      FROM vault.contacts AS c
      JOIN vault.keys AS k USING (organisation, person)
     WHERE c.organisation = %(organisation)s AND c.person = %(person)s
"""
CONTACTS = """
    SELECT k.organisation, k.person, k.id, k.master, k.wrapped, c.sealed
      FROM vault.contacts AS c
      JOIN vault.keys AS k USING (organisation, person)
     WHERE c.organisation = %(organisation)s AND c.person = ANY (%(persons)s)
     ORDER BY c.person
"""
# Whoever keeps something of a person that an erasure empties says so first, and in the same transaction; an erasure
# waits for them, and they for it. So what they keep is either emptied or not kept: neither would see the other's rows.
KEEPING = """
    SELECT pg_advisory_xact_lock_shared(
           hashtextextended('qiledger person ' || %(organisation)s || ' ' || %(person)s, 0))
"""
EMPTYING = """
    SELECT pg_advisory_xact_lock(
           hashtextextended('qiledger person ' || %(organisation)s || ' ' || %(person)s, 0))
"""
PUT = """
    INSERT INTO vault.contacts (organisation, person, sealed)
    SELECT %(organisation)s, %(person)s, %(sealed)s
     WHERE NOT EXISTS (SELECT
                         FROM vault.keys
                        WHERE organisation = %(organisation)s AND person = %(person)s AND wrapped IS NULL)
        ON CONFLICT (organisation, person) DO UPDATE SET sealed = excluded.sealed, changed_at = now()
"""
EMPTY = "DELETE FROM vault.contacts WHERE organisation = %(organisation)s AND person = %(person)s"


class Reach(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """How a person is reached, without saying who."""

    name: Name | None = None
    email: Email | None = None
    phone: Phone | None = None


class Contact(msgspec.Struct, frozen=True, kw_only=True):
    """A person, and how they are reached. Not printed: it would end up in a log."""

    person: str
    name: str | None = None
    email: str | None = None
    phone: str | None = None

    def __repr__(self) -> str:
        return f"Contact({self.person}, …)"


class Erased(LookupError):
    """The key of this person was destroyed. Somebody who comes back gets another reference."""

    def __init__(self, person: str) -> None:
        self.person = person
        super().__init__(f"{person} was erased: somebody who comes back gets a new reference")


def contact_of(conn: psycopg.Connection[Any], organisation: str, person: str) -> Contact | None:
    """How a person is reached; None if nothing is known of them, or no more. Raises NoMasterKey."""
    row = conn.execute(CONTACT, {"organisation": organisation, "person": person}).fetchone()
    return None if row is None else contact_in(row, custodian())


def put_contact(conn: psycopg.Connection[Any], organisation: str, person: str, reach: Reach) -> None:
    """Keeps how a person is reached, in place of what was known. Raises Erased, NoMasterKey."""
    asked = {"organisation": organisation, "person": person}
    with conn.transaction():
        conn.execute(KEEPING, asked)
        key = key_for(conn, organisation, person)
        conn.execute(PUT, asked | {"sealed": sealed(key, organisation, person, reach)})


def empty_contact(conn: psycopg.Connection[Any], organisation: str, person: str) -> bool:
    """Forgets how a person is reached. Returns whether anything was known."""
    return conn.execute(EMPTY, {"organisation": organisation, "person": person}).rowcount > 0


def key_for(conn: psycopg.Connection[Any], organisation: str, person: str) -> PersonKey:
    """The key of a person, made if they have none yet. Raises Erased, NoMasterKey."""
    asked = {"organisation": organisation, "persons": [person]}
    if (row := conn.execute(KEYS, asked).fetchone()) is None:
        conn.execute(ADD_KEYS, added([new_key(organisation, person, custodian())]))
        row = conn.execute(KEYS, asked).fetchone()
    key = None if row is None else KeyRow(*row).unwrapped(custodian())
    if key is None:
        raise Erased(person)
    return key


def added(rows: Sequence[KeyRow]) -> dict[str, Any]:
    """New keys of one organisation, as ADD_KEYS takes them."""
    return {
        "organisation": rows[0].organisation,
        "persons": [row.person for row in rows],
        "ids": [row.id for row in rows],
        "masters": [row.master for row in rows],
        "wrapped": [row.wrapped for row in rows],
    }


def sealed(key: PersonKey, organisation: str, person: str, reach: Reach) -> bytes:
    """A contact as it is kept."""
    return key.seal_contact(msgspec.json.encode(reach), _place(organisation, person))


def contact_in(row: Sequence[Any], custodian: Custodian) -> Contact | None:
    """The contact in a row of CONTACT; None if its key was destroyed. Raises NoMasterKey."""
    kept = KeyRow(*row[:5])
    key = kept.unwrapped(custodian)
    if key is None:
        return None
    told = key.open_contact(bytes(row[5]), _place(kept.organisation, kept.person))
    reach = msgspec.json.decode(told, type=Reach)
    return Contact(person=kept.person, name=reach.name, email=reach.email, phone=reach.phone)


def _place(organisation: str, person: str) -> bytes:
    return bound(b"qiledger contact 1", organisation.encode(), person.encode())
