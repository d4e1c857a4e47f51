"""People move beside their log: only to whom they are sealed, only beside the log they belong to, never the erased."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest

from events.log.checkpoints import Checkpoint
from events.log.notes import SigningKey, WrongNote
from events.log.operations import keep, submission
from events.privacy import moving, moving_people
from events.privacy.custody import KeysInHand, entrust, new_master_key
from events.privacy.erasing import erase
from events.privacy.ledger import Ledger
from events.privacy.moving import About, CannotMove, Invitation, MovedPerson, People
from events.privacy.moving_people import TakenIn, pack, take_in
from events.privacy.vault import Erased, Reach, contact_of, key_for, put_contact
from events.rights import ErasureExecuted
from tests.conftest import Servers, cloned
from tests.events.log.sealing import KEY, sealed_by, tell_many

PERSON, OTHER = "person/8Qm2", "person/T7x3"
Conn = psycopg.Connection[Any]


class Place:
    """An installation: its database, its master key, its ledger."""

    def __init__(self, url: str, directory: Path) -> None:
        self.url = url
        self.custodian = KeysInHand(new_master_key())
        self.ledger = Ledger(directory / "erasures.ndjson")
        with psycopg.connect(url) as conn:
            conn.execute("SELECT log.open('RWK', 'East London')")

    def acting(self) -> Conn:
        entrust(self.custodian)
        return psycopg.connect(self.url, autocommit=True, options="-c timezone=UTC")

    def put(self, *persons: str) -> None:
        with self.acting() as conn, conn.transaction():
            for person in persons:
                put_contact(conn, "RWK", person, Reach(name=f"Amina {person}"))

    def name_of(self, person: str) -> str | None:
        with self.acting() as conn:
            contact = contact_of(conn, "RWK", person)
        return None if contact is None else contact.name

    def invite(self) -> Invitation:
        with self.acting() as conn, conn.transaction():
            return moving_people.invite(conn, "RWK", self.custodian)

    def pack(self, invitation: Invitation, signing: SigningKey = KEY) -> bytes:
        with self.acting() as conn, conn.transaction():
            return pack(conn, invitation, self.ledger, self.custodian, signing)

    def take_in(self, file: bytes) -> TakenIn:
        with self.acting() as conn, conn.transaction():
            return take_in(conn, moving.read(file), self.ledger, self.custodian, keys=[KEY.public])


@pytest.fixture
def old(fresh_database_url: str, tmp_path: Path) -> Iterator[Place]:
    place = Place(fresh_database_url, tmp_path / "old")
    tell_many(fresh_database_url, "RWK", 20, "a")
    assert sealed_by(fresh_database_url, "RWK")
    place.put(PERSON, OTHER)
    yield place
    entrust(None)


@pytest.fixture
def new(
    old: Place, postgres_url: str, template: str, servers: Servers, worker_id: str, tmp_path: Path
) -> Iterator[Place]:
    """Another installation, to which the log has been loaded."""
    with cloned(postgres_url, template, f"qiledger_test_{servers.run}_{worker_id}_people") as url:
        place = Place(url, tmp_path / "new")
        load(old, place)
        yield place


def load(old: Place, new: Place) -> None:
    with psycopg.connect(old.url) as conn:
        lines = conn.execute(
            "SELECT canonical FROM log.canonical_records WHERE organisation = 'RWK' ORDER BY position"
        ).fetchall()
    with psycopg.connect(new.url) as conn:
        conn.execute("SELECT log.load('RWK', %s::text[])", ([line for (line,) in lines],))
        conn.execute("SELECT log.finish_load('RWK', %s, sha256(''), NULL, '{}', '', '')", (len(lines),))


def test_people_are_taken_in_and_read_where_they_came_to(old: Place, new: Place) -> None:
    file = old.pack(new.invite())
    assert b"Amina" not in file
    assert new.take_in(file) == TakenIn(organisation="RWK", persons=2, were_there=0, erased=0)
    assert new.name_of(PERSON) == f"Amina {PERSON}"
    assert old.name_of(PERSON) == f"Amina {PERSON}", "the old place keeps them until it ends"
    with old.acting() as here, new.acting() as there:
        place = b"words somewhere"
        entrust(old.custodian)
        said = key_for(here, "RWK", PERSON).seal_words(b"Said before the move", place)
        entrust(new.custodian)
        assert key_for(there, "RWK", PERSON).open_words(said, place) == b"Said before the move"


def test_an_invitation_is_good_for_one_file_and_one_organisation(old: Place, new: Place) -> None:
    invitation = new.invite()
    file, again = old.pack(invitation), old.pack(invitation)
    new.take_in(file)
    for one in (file, again):
        with pytest.raises(CannotMove, match="has been used"):
            new.take_in(one)
    later = new.take_in(old.pack(new.invite()))
    assert (later.persons, later.were_there) == (0, 2), "who is there already is left as he is"
    other = msgspec.structs.replace(invitation, organisation="RV3").written().replace("RV3", "RWK")
    with pytest.raises(CannotMove, match="no invitation"):
        Invitation.read(other)


FLIPS: dict[str, Callable[[bytes], bytes]] = {
    "its title": lambda file: file.replace(b"people 1", b"people 2", 1),
    "its size": lambda file: file.replace(b'"size":20', b'"size":19', 1),
    "its organisation": lambda file: file.replace(b'"organisation":"RWK"', b'"organisation":"RV3"', 1),
    "a byte of its content": lambda file: file[:-40] + bytes([file[-40] ^ 1]) + file[-39:],
    "its end": lambda file: file[:-9],
    "all of it": lambda _: b"",
    "something behind it": lambda file: file + b"\n\nAAAA\n",
}


def test_a_file_that_was_touched_is_not_taken_in(old: Place, new: Place) -> None:
    file = old.pack(new.invite())
    for what, touched in FLIPS.items():
        with pytest.raises(CannotMove):
            pytest.fail(f"{what} was touched, and {new.take_in(touched(file))}")
    assert new.take_in(file).persons == 2


def test_a_file_of_somebody_elses_is_not_believed(old: Place, new: Place) -> None:
    with pytest.raises(CannotMove, match="not signed by whoever sealed"):
        new.take_in(old.pack(new.invite(), SigningKey.make("forger")))


def test_people_are_taken_in_only_beside_their_own_log(old: Place, new: Place) -> None:
    invitation = new.invite()
    tell_many(old.url, "RWK", 1, "later")
    assert sealed_by(old.url, "RWK")
    with pytest.raises(CannotMove, match="does not begin with the 21 records"):
        new.take_in(old.pack(invitation))


def test_whoever_was_erased_does_not_come_whoever_knows_of_it(old: Place, new: Place) -> None:
    early, late = old.pack(new.invite()), new.invite()
    with old.acting() as conn:
        erase(conn, old.ledger, "RWK", OTHER, grounds="objection")
    assert new.take_in(old.pack(late)) == TakenIn(organisation="RWK", persons=1, were_there=0, erased=1)
    assert new.name_of(OTHER) is None
    assert [one.person for one in new.ledger.erasures()] == [OTHER], "no restore brings them back"
    taken = new.take_in(early)  # packed before the erasure
    assert (taken.persons, taken.were_there, taken.erased) == (0, 1, 1)
    assert new.name_of(OTHER) is None


def test_whom_the_log_says_was_erased_after_the_packing_does_not_come(old: Place, new: Place) -> None:
    file = old.pack(new.invite())
    told = submission("RWK", ErasureExecuted(keys_destroyed=1))
    with new.acting() as conn:
        keep(conn, "RWK", [msgspec.structs.replace(told, stream=PERSON)])
    assert new.take_in(file).persons == 1
    assert new.name_of(PERSON) is None
    assert [one.person for one in new.ledger.erasures()] == [PERSON]
    with new.acting() as conn, pytest.raises(Erased):
        put_contact(conn, "RWK", PERSON, Reach(name="Somebody who comes back"))


def test_people_come_before_anything_is_told_of_them(old: Place, new: Place) -> None:
    new.put(PERSON)
    invitation = new.invite()
    file = old.pack(invitation)
    with pytest.raises(CannotMove, match="have another key here, person/8Qm2 among them"):
        new.take_in(file)
    assert new.name_of(OTHER) is None, "all of it, or nothing"


def test_what_was_done_is_on_record_without_a_name(old: Place, new: Place) -> None:
    invitation = new.invite()
    new.take_in(old.pack(invitation))
    for place, type_ in ((old, "people.packed"), (new, "people.taken_in")):
        with psycopg.connect(place.url) as conn:
            rows = conn.execute(
                "SELECT body::jsonb FROM log.records WHERE organisation = 'RWK.operations' AND type = %s",
                (type_,),
            ).fetchall()
        ((body,),) = rows
        assert (body["invitation"], body["persons"]) == (invitation.id, 2)
        assert "person/" not in str(body)


def test_no_role_of_the_house_sees_an_invitation(new: Place) -> None:
    new.invite()
    for role in ("qiledger_api", "qiledger_worker", "qiledger_report", "qiledger_auditor"):
        with psycopg.connect(new.url) as conn:
            conn.execute(f"SET ROLE {role}")
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                conn.execute("SELECT wrapped FROM vault.invitations")


def test_a_file_opens_to_its_own_invitation_alone_and_only_as_it_was_written_on() -> None:
    custodian = KeysInHand(new_master_key())
    (mine, kept), (_, other) = moving.invite("RWK", custodian), moving.invite("RWK", custodian)
    about = About(
        organisation="RWK", invitation=mine.id, origin="qiledger.example.org/RWK", size=3, root=bytes(32),
        made_at="2026-03-02T09:00:00.000000Z", made_by="qiledger",
    )  # fmt: skip
    person = MovedPerson(person=PERSON, id="0011", key=bytes(32), contact=b"x")
    read = moving.read(moving.sealed(People(persons=[person], erasures=[]), about, mine, KEY))
    assert read.opened(kept.private(custodian)).persons == [person]
    assert "0000" not in repr(person)
    with pytest.raises(CannotMove, match="another invitation"):
        read.opened(other.private(custodian))
    moved = msgspec.structs.replace(read, about=msgspec.structs.replace(about, size=2))
    with pytest.raises(CannotMove, match="another invitation"):
        moved.opened(kept.private(custodian))
    with pytest.raises(WrongNote):
        Checkpoint.read(read.note.text)
