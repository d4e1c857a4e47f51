"""People, erasure, subject access and the master key, as operators and data-protection officers use them."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest

from events.corrections import EventCorrected, EventRetracted
from events.log.operations import keep, submission
from events.log.record import Submission
from events.people import PersonRolesChanged
from events.privacy import custody
from events.privacy.custody import KeysInHand, new_master_key
from events.privacy.ledger import Erasure, Ledger
from events.privacy.moving import InvitationRow
from events.privacy.person_key import PersonKey
from events.privacy.reapplying import reapply
from events.privacy.vault import contact_of, key_for
from events.privacy.words import seal
from events.rights import LegalHoldLifted, LegalHoldSet
from events.vocabulary import Event
from services.custody import write_master_keys
from services.operating import open_organisation
from tests.events.log.sealing import sealed_by
from tests.events.privacy.beside import keep_beside_the_record
from tests.services.cli.conftest import qiledger

WORDS = "A long illness"


class Desk:
    """An operator's desk: a database, a data directory with a master key, commands."""

    def __init__(self, database_url: str, directory: Path) -> None:
        self.database_url = database_url
        self.key_file = directory / "custody" / "master-key"
        self.ledger = directory / "custody" / "erasures.ndjson"
        write_master_keys(self.key_file, new_master_key())
        self.env = {"QILEDGER_DATABASE_URL": database_url, "QILEDGER_DATA_DIRECTORY": str(directory)}

    def run(self, *words: str, status: int = 0) -> str:
        done = qiledger(*words, **self.env)
        assert done.returncode == status, done.stderr + done.stdout
        assert "Traceback" not in done.stderr
        return done.stdout + (done.stderr if status else "")

    def connect(self) -> psycopg.Connection[Any]:
        return psycopg.connect(self.database_url, autocommit=True)

    def tell(self, stream: str, event: Event, **how: Any) -> str:
        """Tells an event of a stream; its id."""
        told = msgspec.structs.replace(submission("RWK", event), stream=stream, **how)
        with self.connect() as conn:
            keep(conn, "RWK", [told])
        return told.id

    def tell_words(self, person: str, words: str) -> None:
        """Words of a person, encrypted as the API does."""
        event = PersonRolesChanged(roles=("coach",), reason=words)
        told = replaced(submission("RWK", event), person)
        with self.connect() as conn, conn.transaction():
            key = key_of(conn, person, self.key_file)
            keep(conn, "RWK", [seal(told, event, "RWK", person, key, frozenset({"reason"}))])

    def operations(self) -> list[tuple[str, dict[str, Any]]]:
        said = self.run("operations", "RWK", "--json", "--limit", "1000")
        return [(one["type"], one["data"]) for one in map(json.loads, said.splitlines())]


def replaced(told: Submission, stream: str) -> Submission:
    return msgspec.structs.replace(told, stream=stream)


def key_of(conn: psycopg.Connection[Any], person: str, file: Path) -> PersonKey:
    before = custody.custodian()
    custody.entrust(KeysInHand(file.read_text()))
    try:
        return key_for(conn, "RWK", person)
    finally:
        custody.entrust(before)


@pytest.fixture
def desk(fresh_database_url: str, tmp_path: Path) -> Desk:
    with psycopg.connect(fresh_database_url) as conn:
        open_organisation(conn, "RWK", "East London")
    return Desk(fresh_database_url, tmp_path)


def test_a_person_is_kept_shown_and_forgotten(desk: Desk) -> None:
    desk.run("people", "put", "RWK", "8Qm2", "--name", "Amina Example", "--email", "amina@example.org")
    assert json.loads(desk.run("people", "show", "RWK", "person/8Qm2"))["email"] == "amina@example.org"
    desk.run("people", "forget", "RWK", "8Qm2")
    assert "Nothing is known" in desk.run("people", "show", "RWK", "8Qm2", status=1)
    assert "no reference" in desk.run("people", "show", "RWK", "amina@example.org", status=1)
    told = [type_.removeprefix("contact.") for type_, _ in desk.operations()]
    assert told == ["changed", "read", "emptied", "read"]


def test_an_erasure_is_certified_and_on_record(desk: Desk, tmp_path: Path) -> None:
    desk.run("people", "put", "RWK", "8Qm2", "--name", "Amina Example")
    desk.tell_words("person/8Qm2", WORDS)
    file = tmp_path / "certificate.json"
    asked = ("erase", "person/8Qm2", "--organisation", "RWK", "--grounds", "consent_withdrawn", "--yes")
    desk.run(*asked, "--certificate", str(file))
    given = json.loads(file.read_text())
    assert (given["words_unreadable"], given["records_that_stay"], given["contact_emptied"]) == (1, 1, True)
    assert len(given["keys_destroyed"]) == 1
    assert desk.operations()[-1] == (
        "person.erased",
        {
            "person": "person/8Qm2",
            "keys": given["keys_destroyed"],
            "grounds": "consent_withdrawn",
            "contact": True,
        },
    )
    with desk.connect() as conn:
        told = conn.execute(
            "SELECT type FROM log.records WHERE organisation = 'RWK' AND stream = 'person/8Qm2' ORDER BY position"
        ).fetchall()
    types = ["person.roles_changed", "erasure.requested", "erasure.decided", "erasure.executed"]
    assert [type_ for (type_,) in told] == types
    again = json.loads(desk.run(*asked).partition("}\n")[0] + "}")
    assert again["keys_destroyed"] == []
    assert "8Qm2" in desk.ledger.read_text()
    assert desk.ledger.stat().st_mode & 0o777 == 0o600


def test_the_certificate_is_printed_where_it_cannot_be_written(desk: Desk, tmp_path: Path) -> None:
    desk.tell_words("person/8Qm2", WORDS)
    nowhere = tmp_path / "nowhere" / "certificate.json"
    asked = ("erase", "8Qm2", "--organisation", "RWK", "--grounds", "objection", "--yes")
    said = desk.run(*asked, "--certificate", str(nowhere), status=1)
    assert json.loads(said.partition("\n}\n")[0] + "}")["words_unreadable"] == 1
    assert f"is not in {nowhere}" in said


@pytest.mark.parametrize(
    "words",
    [("--reason", ""), ("--copy", "An index " * 12), ("--copy", "two\nlines"), ("--copy", "x") * 51],
    ids=["no words", "too many", "two lines", "too often"],
)
def test_words_that_may_not_stand_on_record_are_refused_before_anything_is_destroyed(
    desk: Desk, words: tuple[str, ...]
) -> None:
    desk.tell_words("person/8Qm2", WORDS)
    asked = ("erase", "8Qm2", "--organisation", "RWK", "--grounds", "objection", "--yes")
    assert "may not stand on record" in desk.run(*asked, *words, status=1)
    assert not desk.ledger.exists()
    with desk.connect() as conn:
        (destroyed,) = conn.execute("SELECT count(*) FROM vault.keys WHERE wrapped IS NULL").fetchone() or ()
        told = conn.execute("SELECT type FROM log.records WHERE organisation = 'RWK'").fetchall()
    assert destroyed == 0
    assert told == [("person.roles_changed",)]


def test_a_refusal_of_an_erasure_has_reasons_that_may_stand_on_record(desk: Desk) -> None:
    asked = ("erase", "8Qm2", "--organisation", "RWK", "--refuse", "legal_claims")
    assert "may not stand on record" in desk.run(*asked, "--reason", "", status=1)
    assert "Refused, on record" in desk.run(*asked, "--reason", "A claim is open.")


@pytest.mark.parametrize("code", ["RV3", "RWK.operations"])
def test_where_no_log_is_kept_nothing_is_erased(desk: Desk, code: str) -> None:
    asked = ("erase", "8Qm2", "--organisation", code, "--grounds", "objection", "--yes")
    assert f"no log is kept for organisation {code}" in desk.run(*asked, status=1)
    assert not desk.ledger.exists()
    with desk.connect() as conn:
        assert conn.execute("SELECT person FROM vault.keys").fetchall() == []


def test_whoever_is_asked_to_confirm_is_told_whose_key_it_is(desk: Desk) -> None:
    asked = ("erase", "8Qm2", "--organisation", "RWK", "--grounds", "objection")
    assert "Destroy the key of person/8Qm2 of RWK?" in desk.run(*asked, status=1)
    assert not desk.ledger.exists()


def test_a_legal_hold_on_anything_that_names_the_person_defers_it(desk: Desk) -> None:
    desk.tell_words("person/8Qm2", WORDS)
    desk.tell("person/8Qm2", LegalHoldSet(hold="LH-2"))
    asked = ("erase", "8Qm2", "--organisation", "RWK", "--grounds", "objection", "--yes")
    assert "LH-2" in desk.run(*asked, status=2)
    assert not desk.ledger.exists()
    desk.tell("person/8Qm2", LegalHoldLifted(hold="LH-2"))
    desk.run(*asked)
    assert desk.ledger.exists()


def test_a_hold_stands_until_a_lift_of_it_counts(desk: Desk) -> None:
    """What cannot be undone does not rest on a lift that was taken back, or was of another hold, or came before."""
    asked = ("erase", "8Qm2", "--organisation", "RWK", "--grounds", "objection", "--yes")
    earlier = datetime.now(UTC) - timedelta(days=40)
    desk.tell("person/8Qm2", LegalHoldSet(hold="LH-2"))
    desk.tell(
        "person/8Qm2", LegalHoldLifted(hold="LH-2"), occurred_at=earlier
    )  # of an earlier time, told late
    assert "LH-2 on person/8Qm2" in desk.run(*asked, status=2)
    retracted = desk.tell("person/8Qm2", LegalHoldLifted(hold="LH-2"))
    desk.tell("person/8Qm2", EventRetracted(of=retracted))
    assert "LH-2 on person/8Qm2" in desk.run(*asked, status=2)
    other = desk.tell("person/8Qm2", LegalHoldLifted(hold="LH-2"))
    desk.tell("person/8Qm2", EventCorrected(of=other, fields={"hold": "LH-3"}))
    assert "LH-2 on person/8Qm2" in desk.run(*asked, status=2)
    assert not desk.ledger.exists()
    desk.tell("person/8Qm2", LegalHoldLifted(hold="LH-2"))
    desk.run(*asked)
    assert desk.ledger.exists()


def test_a_hold_that_was_lifted_today_is_lifted_however_exactly_it_is_known(desk: Desk) -> None:
    desk.tell("person/8Qm2", LegalHoldSet(hold="LH-2"))
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    desk.tell("person/8Qm2", LegalHoldLifted(hold="LH-2"), occurred_at=today, precise_to="day")
    mistaken = desk.tell("person/8Qm2", LegalHoldSet(hold="LH-4"))
    desk.tell("person/8Qm2", EventRetracted(of=mistaken))
    desk.run("erase", "8Qm2", "--organisation", "RWK", "--grounds", "objection", "--yes")
    assert desk.ledger.exists()


def test_a_refusal_is_on_record_and_destroys_nothing(desk: Desk) -> None:
    desk.tell_words("person/8Qm2", WORDS)
    desk.run(
        "erase", "8Qm2", "--organisation", "RWK", "--refuse", "legal_obligation", "--reason", "Eight years."
    )
    assert not desk.ledger.exists()
    given = json.loads(desk.run("subject-access", "8Qm2", "--organisation", "RWK"))
    assert given["events"][0]["data"]["reason"] == WORDS


def test_a_restore_applies_the_ledger_again(desk: Desk) -> None:
    desk.run("people", "put", "RWK", "8Qm2", "--name", "Amina Example")
    with desk.connect() as conn:
        ledger = Ledger(desk.ledger)
        ledger.add(
            Erasure(organisation="RWK", person="person/8Qm2", key="0011", at="2026-03-02T09:00:00+00:00")
        )
        ledger.add(
            Erasure(organisation="RWK", person="person/new", key="0012", at="2026-03-02T09:00:00+00:00")
        )
        assert "1 had come back" in desk.run("erasures", "apply")
        assert reapply(conn, ledger) == 0
        assert contact_of(conn, "RWK", "person/8Qm2") is None
    refused = desk.run("people", "put", "RWK", "new", "--name", "N", status=1)
    assert "was erased" in refused, "nor does one get a key whom the backup did not know"


def test_a_person_gets_all_that_is_kept_about_them(desk: Desk, tmp_path: Path) -> None:
    desk.run("people", "put", "RWK", "8Qm2", "--name", "Amina <Example>")
    desk.tell_words("person/8Qm2", WORDS)
    desk.tell_words("person/T7x3", "Somebody else")
    with desk.connect() as conn:
        keep_beside_the_record(conn, "RWK", "person/8Qm2")
        keep_beside_the_record(conn, "RWK", "person/T7x3")
    given = json.loads(desk.run("subject-access", "8Qm2", "--organisation", "RWK"))
    assert [(one["channel"], one["state"], one["reason"]) for one in given["messages"]] == [
        ("email", "dead", "nobody there")
    ]
    assert [(one["subject"], one["body"]) for one in given["inbox"]] == [("To person/8Qm2", "A letter")]
    assert [(one["what"], one["about"], one["value"]) for one in given["settings"]] == [
        ("how soon you are told", "* by email", "weekly"),
        ("muted", "project/P-1", "for good"),
        ("nothing arrives at your address", "last used 2026-03-02 09:00:00+00", "550 no"),
        ("quiet hours", "", "20:00:00 to 07:00:00"),
        ("you are sent checkpoints", "by email", "every day"),
        ("you look after an endpoint", f"we_{'x' * 12}8Qm2", "https://example.org/"),
    ]
    assert given["contact"]["name"] == "Amina <Example>"
    assert [one["data"]["reason"] for one in given["events"]] == [WORDS]
    assert [one["type"] for one in given["operations"]] == ["contact.changed"]
    page = tmp_path / "page.html"
    desk.run("subject-access", "8Qm2", "--organisation", "RWK", "--page", str(page))
    assert page.stat().st_mode & 0o777 == 0o600, "nobody else on this machine reads it"
    assert WORDS in page.read_text()
    assert "Amina &lt;Example&gt;" in page.read_text()
    assert "A letter" in page.read_text()
    assert [type_ for type_, _ in desk.operations()].count("subject_access.given") == 2


def test_the_master_key_is_changed_and_nothing_is_lost(desk: Desk) -> None:
    desk.run("people", "put", "RWK", "8Qm2", "--name", "Amina Example")
    desk.tell_words("person/T7x3", WORDS)
    before = desk.key_file.read_text()
    assert "2 keys are wrapped" in desk.run("master-key", "rotate")
    after = desk.key_file.read_text()
    assert after.split() != before.split()
    assert len(after.split()) == 1
    assert json.loads(desk.run("people", "show", "RWK", "8Qm2"))["name"] == "Amina Example"
    given = json.loads(desk.run("subject-access", "T7x3", "--organisation", "RWK"))
    assert given["events"][0]["data"]["reason"] == WORDS
    assert ("master_key.rotated", 2) in [(type_, data.get("keys")) for type_, data in desk.operations()]
    assert "wraps 2 keys" in desk.run("master-key", "show")
    assert before.strip() not in desk.run("master-key", "show")


def masters(desk: Desk) -> set[str]:
    with desk.connect() as conn:
        return {
            master for (master,) in conn.execute("SELECT master FROM vault.keys WHERE wrapped IS NOT NULL")
        }


def test_each_rotation_that_keeps_the_old_keys_has_a_new_one_in_front(desk: Desk) -> None:
    desk.run("people", "put", "RWK", "8Qm2", "--name", "Amina Example")
    first = masters(desk)
    desk.run("master-key", "rotate", "--keep-old")
    second = masters(desk)
    assert "1 key is wrapped" in desk.run("master-key", "rotate", "--keep-old")
    third = masters(desk)
    assert len(first | second | third) == 3
    assert [{name} for name in custody.keys_in(desk.key_file.read_text())] == [third, second, first]
    assert json.loads(desk.run("people", "show", "RWK", "8Qm2"))["name"] == "Amina Example"


def test_an_interrupted_rotation_is_gone_on_with(desk: Desk) -> None:
    desk.run("people", "put", "RWK", "8Qm2", "--name", "Amina Example")
    write_master_keys(desk.key_file, f"{new_master_key()}\n{desk.key_file.read_text().strip()}")
    in_front, _ = custody.keys_in(desk.key_file.read_text())
    desk.run("master-key", "rotate")
    assert masters(desk) == {in_front} == set(custody.keys_in(desk.key_file.read_text()))


def test_of_two_rotations_at_once_one_is_refused(desk: Desk) -> None:
    """Else both would put a key in front, and the one written over would be gone with all that it wraps."""
    before = desk.key_file.read_text()
    with desk.connect() as conn:
        conn.execute("SELECT pg_advisory_lock(hashtextextended('qiledger master key', 0))")
        assert "Another rotation" in desk.run("master-key", "rotate", status=1)
    assert desk.key_file.read_text() == before


def test_no_more_master_keys_are_kept_than_are_read(desk: Desk) -> None:
    write_master_keys(desk.key_file, "\n".join(new_master_key() for _ in range(custody.MASTERS_MAX)))
    before = desk.key_file.read_text()
    assert "no backup needs" in desk.run("master-key", "rotate", "--keep-old", status=1)
    assert desk.key_file.read_text() == before


def test_wrong_settings_are_said_before_a_master_key_is_made(desk: Desk) -> None:
    desk.env["QILEDGER_PORT"] = "none"
    assert "QILEDGER_PORT" in desk.run("master-key", "rotate", status=1)


def test_an_invitation_that_was_made_before_the_master_key_was_changed_is_good(desk: Desk) -> None:
    """Else people who are on their way could never be taken in: the old master key is gone."""
    desk.run("people", "invite", "RWK")
    desk.run("master-key", "rotate")
    with desk.connect() as conn:
        row = conn.execute(
            "SELECT organisation, id, public, master, wrapped FROM vault.invitations"
        ).fetchone()
    assert row is not None
    invitation = InvitationRow(*row)
    private = invitation.private(KeysInHand(desk.key_file.read_text()))
    assert private.public_key().public_bytes_raw() == bytes(invitation.public)


def test_a_key_management_service_is_spoken_to_by_a_command(desk: Desk, tmp_path: Path) -> None:
    service = tmp_path / "kms.sh"
    service.write_text(
        '#!/bin/sh\ncase "$1" in current) echo kms/1;; wrap) printf AAAA; cat;; unwrap) cut -c5-;; esac\n'
    )
    service.chmod(0o700)
    desk.env["QILEDGER_MASTER_KEY_COMMAND"] = str(service)
    desk.run("people", "put", "RWK", "8Qm2", "--name", "Amina Example")
    assert json.loads(desk.run("people", "show", "RWK", "8Qm2"))["name"] == "Amina Example"
    assert "kms/1 wraps 1 key" in desk.run("master-key", "show")
    service.write_text("#!/bin/sh\nexit 1\n")
    assert "did not answer" in desk.run("people", "show", "RWK", "8Qm2", status=1)


def test_a_master_key_that_is_none_stops_the_start(desk: Desk) -> None:
    desk.env["QILEDGER_MASTER_KEY"] = "not a key"
    said = desk.run("serve", "--port", "0", status=1)
    assert "32 bytes in base64" in said
    assert "not a key" not in said


def test_the_doctor_sees_a_lost_master_key_and_a_revived_person(desk: Desk) -> None:
    def found(what: str) -> tuple[str, str]:
        said = json.loads(qiledger("doctor", "--json", **desk.env).stdout)
        return next((one["state"], one["said"]) for one in said if one["what"] == what)

    desk.run("people", "put", "RWK", "8Qm2", "--name", "Amina Example")
    assert found("master key") == ("well", "here; persons' keys that it wraps: 1")
    assert found("erasures")[0] == "well"
    erasure = Erasure(organisation="RWK", person="person/8Qm2", key="0011", at="2026-03-02T09:00:00+00:00")
    Ledger(desk.ledger).add(erasure)
    assert found("erasures")[0] == "wrong"
    write_master_keys(desk.key_file, new_master_key())
    assert found("master key")[0] == "wrong"
    desk.key_file.unlink()
    assert found("master key")[0] == "mind"


def test_a_row_that_was_removed_from_the_vault_is_found_when_everything_is_looked_at(desk: Desk) -> None:
    desk.tell_words("person/8Qm2", WORDS)
    desk.tell_words("person/T7x3", WORDS)
    desk.run("erase", "T7x3", "--organisation", "RWK", "--grounds", "objection", "--yes")
    assert sealed_by(desk.database_url, "RWK")
    looked = desk.run("doctor", "--proof", status=1)  # no API and no Redis are up: that is wrong too
    assert "no key in the vault" not in looked
    with desk.connect() as conn:
        conn.execute("ALTER TABLE vault.keys DISABLE TRIGGER never_revived")
        conn.execute("DELETE FROM vault.keys WHERE person = 'person/8Qm2'")
        conn.execute("ALTER TABLE vault.keys ENABLE ALWAYS TRIGGER never_revived")
    said = json.loads(qiledger("doctor", "--proof", "--json", **desk.env).stdout)
    (found,) = [one["said"] for one in said if one["what"] == "words in RWK"]
    assert found == "1 person has words in the log and no key in the vault, person/8Qm2 among them"


def test_the_doctor_sees_a_key_that_was_destroyed_beside_the_ledger_and_guards_that_are_down(
    desk: Desk,
) -> None:
    def found(what: str) -> str | None:
        said = json.loads(qiledger("doctor", "--json", **desk.env).stdout)
        return next((f"{one['state']}: {one['said']}" for one in said if one["what"] == what), None)

    desk.run("people", "put", "RWK", "8Qm2", "--name", "Amina Example")
    desk.run("people", "put", "RWK", "T7x3", "--name", "Somebody Else")
    desk.run("erase", "T7x3", "--organisation", "RWK", "--grounds", "objection", "--yes")
    assert found("ledger of erasures") is None
    with desk.connect() as conn:
        conn.execute(
            "UPDATE vault.keys SET wrapped = NULL, destroyed_at = now() WHERE person = 'person/8Qm2'"
        )
    told = found("ledger of erasures")
    assert told is not None
    assert told.startswith("wrong: 1 key is destroyed of which the ledger")
    desk.run("erasures", "apply")
    assert found("ledger of erasures") is None
    kept = desk.ledger.read_bytes()
    desk.ledger.write_bytes(kept.replace(b'"person"', b'"parson"', 1))
    assert "Line 1 of the ledger" in str(found("ledger of erasures"))
    for words in (
        ("erasures", "list"),
        ("erasures", "apply"),
        ("people", "put", "RWK", "Xy7", "--name", "N"),
        ("migrate",),
    ):
        assert "Line 1 of the ledger" in desk.run(*words, status=1), words
    desk.ledger.write_bytes(kept)
    assert [one.person for one in Ledger(desk.ledger).erasures()] == ["person/T7x3", "person/8Qm2"]
    assert desk.operations()[-1][0] == "person.erased", "it is on record now"
    assert found("guards of the vault") is None
    with desk.connect() as conn:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            conn.execute("TRUNCATE vault.keys CASCADE")
        conn.execute("ALTER TABLE vault.keys DISABLE TRIGGER never_revived")
    assert found("guards of the vault") == "wrong: not both stand"
