"""The people of an organisation leave one installation, and are taken in by another: what is read, written, on record.

Both are for one who acts as an administrator. Who was erased does not come along, and does not come back: neither whom
the file says was erased, nor whom the receiving installation knows to be, by its ledger, its vault or the log itself.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import msgspec
import psycopg

from events.log import sealed, taking
from events.log.notes import NoteKey, SigningKey, Unverified, WrongNote, WrongNoteKey, read_note
from events.log.operations import note
from events.log.read import FOR_ORGANISATION
from events.log.record import written
from events.log.vouching import keys_of, signers
from events.operations import PeoplePacked, PeopleTakenIn
from events.privacy import moving
from events.privacy.custody import Custodian, Wrapped
from events.privacy.ledger import Erasure, Ledger
from events.privacy.moving import About, CannotMove, Invitation, InvitationRow, MovedPerson, People, Sealed
from events.privacy.person_key import KeyRow
from events.privacy.reapplying import reapply
from events.privacy.vault import ADD_KEYS, PUT, added

_PEOPLE = """
    SELECT k.organisation, k.person, k.id, k.master, k.wrapped, c.sealed
      FROM vault.keys AS k
      LEFT JOIN vault.contacts AS c USING (organisation, person)
     WHERE k.organisation = %(organisation)s AND k.wrapped IS NOT NULL
     ORDER BY k.person
"""
_DESTROYED = """
    SELECT person, id, destroyed_at
      FROM vault.keys
     WHERE organisation = %(organisation)s AND wrapped IS NULL
     ORDER BY person
"""
_ERASED_ON_RECORD = """
    SELECT DISTINCT stream
      FROM log.records
     WHERE organisation = %(organisation)s AND stream = ANY (%(persons)s) AND type = 'erasure.executed'
     ORDER BY stream
"""
_KEYS_THERE = "SELECT person, id FROM vault.keys WHERE organisation = %(organisation)s ORDER BY person"
_INVITE = """
    INSERT INTO vault.invitations (organisation, id, public, master, wrapped)
    VALUES (%(organisation)s, %(id)s, %(public)s, %(master)s, %(wrapped)s)
"""
_INVITATION = """
    SELECT organisation, id, public, master, wrapped
      FROM vault.invitations
     WHERE organisation = %(organisation)s AND id = %(id)s
       FOR UPDATE
"""
_USED = """
    UPDATE vault.invitations
       SET wrapped = NULL, used_at = clock_timestamp()
     WHERE organisation = %(organisation)s AND id = %(id)s
"""
_LOADED = "SELECT checkpoint, keys FROM log.loads WHERE organisation = %(organisation)s"


class TakenIn(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it."""

    organisation: str
    persons: int
    were_there: int
    erased: int


def invite(conn: psycopg.Connection[Any], organisation: str, custodian: Custodian) -> Invitation:
    """A new invitation, kept. In the caller's transaction. Raises NoMasterKey."""
    invitation, row = moving.invite(organisation, custodian)
    conn.execute(_INVITE, msgspec.structs.asdict(row))
    return invitation


def pack(
    conn: psycopg.Connection[Any],
    invitation: Invitation,
    ledger: Ledger,
    custodian: Custodian,
    signing: SigningKey,
) -> bytes:
    """The people of an organisation as one sealed file; that it was packed is on record. In the caller's transaction.

    Raises CannotMove, UnknownOrganisation, NoMasterKey.
    """
    organisation = invitation.organisation
    conn.execute(FOR_ORGANISATION, (organisation,))
    tree = sealed.tree_of(conn, organisation)
    if tree is None or tree.signed == 0:
        raise CannotMove(
            f"nothing of the log of {organisation} is sealed yet: people move beside a sealed log"
        )
    erasures = _erasures(conn, organisation, ledger)
    gone = {erasure.person for erasure in erasures}
    persons = [one for one in _persons(conn, organisation, custodian) if one.person not in gone]
    about = About(
        organisation=organisation,
        invitation=invitation.id,
        origin=tree.origin,
        size=tree.signed,
        root=taking.tree_up_to(conn, organisation, tree.signed).root(),
        made_at=written(datetime.now(UTC)),
        made_by=f"qiledger {version('qiledger')}",
    )
    packed = PeoplePacked(invitation=invitation.id, persons=len(persons), erased=len(erasures))
    note(conn, organisation, packed)
    return moving.sealed(People(persons=persons, erasures=erasures), about, invitation, signing)


def _persons(conn: psycopg.Connection[Any], organisation: str, custodian: Custodian) -> Iterable[MovedPerson]:
    for *columns, contact in conn.execute(_PEOPLE, {"organisation": organisation}).fetchall():
        row = KeyRow(*columns)
        assert row.wrapped is not None
        key = custodian.unwrap(Wrapped(row.master, bytes(row.wrapped)), row.context)
        kept = None if contact is None else bytes(contact)
        yield MovedPerson(person=row.person, id=row.id, key=key, contact=kept)


def _erasures(conn: psycopg.Connection[Any], organisation: str, ledger: Ledger) -> list[Erasure]:
    """Everybody of the organisation whose key was destroyed, by the ledger and by the vault."""
    found = {one.person: one for one in ledger.erasures() if one.organisation == organisation}
    for person, key, at in conn.execute(_DESTROYED, {"organisation": organisation}).fetchall():
        one = Erasure(organisation=organisation, person=person, key=key, at=at.isoformat())
        found.setdefault(person, one)
    return list(found.values())


def take_in(
    conn: psycopg.Connection[Any],
    file: Sealed,
    ledger: Ledger,
    custodian: Custodian,
    *,
    keys: Iterable[NoteKey] = (),
) -> TakenIn:
    """Takes people in beside their log, which was loaded before; on record. In the caller's transaction.

    The file is believed if it is signed by one of `keys`, or else by who signed the checkpoint that came with the log.
    Raises CannotMove, UnknownOrganisation, NoMasterKey.
    """
    about = file.about
    organisation = about.organisation
    conn.execute(FOR_ORGANISATION, (organisation,))
    file.signed_by(list(keys) or _who_sealed(conn, organisation))
    _must_stand_beside(conn, about)
    row = conn.execute(_INVITATION, {"organisation": organisation, "id": about.invitation}).fetchone()
    if row is None:
        raise CannotMove(f"nobody here has made the invitation {about.invitation} for {organisation}")
    people = file.opened(InvitationRow(*row).private(custodian))
    erased = _erased_here_or_there(conn, organisation, people, ledger)
    there = dict(conn.execute(_KEYS_THERE, {"organisation": organisation}).fetchall())
    new = [one for one in people.persons if one.person not in erased and one.person not in there]
    _must_be_the_same(people, erased, there)
    _close(conn, ledger, erased.values())
    _add(conn, organisation, new, custodian)
    conn.execute(_USED, {"organisation": organisation, "id": about.invitation})
    taken = PeopleTakenIn(
        invitation=about.invitation, origin=about.origin, persons=len(new), erased=len(erased)
    )
    note(conn, organisation, taken)
    were_there = sum(one.person in there and one.person not in erased for one in people.persons)
    return TakenIn(organisation=organisation, persons=len(new), were_there=were_there, erased=len(erased))


def _who_sealed(conn: psycopg.Connection[Any], organisation: str) -> list[NoteKey]:
    """The keys that signed the checkpoint which came with the log."""
    row = conn.execute(_LOADED, {"organisation": organisation}).fetchone()
    if row is None:
        raise CannotMove(f"the log of {organisation} was not loaded here: qiledger load comes first")
    checkpoint, listed = row
    try:
        known = read_note(checkpoint or "")
        return keys_of(signers(known, keys_of(listed), known.text.partition("\n")[0]))
    except (WrongNote, WrongNoteKey, Unverified):
        raise CannotMove(
            f"no checkpoint came with the log of {organisation}: say by --public-key whose file is believed"
        ) from None


def _must_stand_beside(conn: psycopg.Connection[Any], about: About) -> None:
    """That the log here begins with the very records beside which the people were packed."""
    head = taking.head_position(conn, about.organisation)
    if about.size > head or taking.tree_up_to(conn, about.organisation, about.size).root() != about.root:
        raise CannotMove(
            f"the log of {about.organisation} here does not begin with the {about.size:,} records beside which these "
            "people were packed"
        )


def _erased_here_or_there(
    conn: psycopg.Connection[Any], organisation: str, people: People, ledger: Ledger
) -> dict[str, Erasure]:
    """Everybody who must not come: by the file, by the ledger and the vault here, by the log."""
    erased = {one.person: one for one in people.erasures if one.organisation == organisation}
    erased |= {one.person: one for one in _erasures(conn, organisation, ledger)}
    asked = {"organisation": organisation, "persons": [one.person for one in people.persons]}
    on_record = {person for (person,) in conn.execute(_ERASED_ON_RECORD, asked)}
    now = datetime.now(UTC).isoformat()
    for one in people.persons:
        if one.person in on_record:
            erased.setdefault(
                one.person, Erasure(organisation=organisation, person=one.person, key=one.id, at=now)
            )
    return erased


def _must_be_the_same(people: People, erased: dict[str, Erasure], there: dict[str, str]) -> None:
    other = [
        one.person
        for one in people.persons
        if one.person not in erased and there.get(one.person, one.id) != one.id
    ]
    if other:
        raise CannotMove(
            f"{len(other):,} of these persons have another key here, {other[0]} among them: take people in before "
            "anything is told of them"
        )


def _close(conn: psycopg.Connection[Any], ledger: Ledger, erased: Iterable[Erasure]) -> None:
    """Who was erased stays so here, and after any restore: in the ledger first, as for every erasure."""
    known = {(one.organisation, one.person) for one in ledger.erasures()}
    unknown = [one for one in erased if (one.organisation, one.person) not in known]
    if unknown:
        ledger.add(*unknown)
    reapply(conn, ledger)


def _add(
    conn: psycopg.Connection[Any], organisation: str, people: list[MovedPerson], custodian: Custodian
) -> None:
    if not people:
        return
    rows = []
    for one in people:
        row = KeyRow(organisation, one.person, one.id, "", None)
        wrapped = custodian.wrap(one.key, row.context)
        rows.append(msgspec.structs.replace(row, master=wrapped.master, wrapped=wrapped.wrapped))
    conn.execute(ADD_KEYS, added(rows))
    for one in people:
        if one.contact is not None:
            conn.execute(PUT, {"organisation": organisation, "person": one.person, "sealed": one.contact})
