"""The ledger of erasures is added to durably, read whatever a crash left, and heeded whatever the database says."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from events.privacy.custody import KeysInHand, new_master_key
from events.privacy.ledger import DamagedLedger, Erasure, Ledger, heed
from events.privacy.person_key import new_key


def erasure(person: str) -> Erasure:
    return Erasure(organisation="RWK", person=person, key="0011", at="2026-03-02T09:00:00+00:00")


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    yield Ledger(tmp_path / "custody" / "erasures.ndjson")
    heed(None)


def test_a_key_that_the_ledger_knows_to_be_destroyed_is_used_by_no_process_that_heeds_it(
    ledger: Ledger,
) -> None:
    custodian = KeysInHand(new_master_key())
    kept, other = new_key("RWK", "person/8Qm2", custodian), new_key("RV3", "person/8Qm2", custodian)
    heed(ledger)
    assert kept.unwrapped(custodian) is not None
    ledger.add(erasure("person/T7x3"))
    assert kept.unwrapped(custodian) is not None
    ledger.add(erasure("person/8Qm2"))
    assert kept.unwrapped(custodian) is None
    assert other.unwrapped(custodian) is not None, "it is erased in one organisation"


def test_half_a_line_that_a_crash_left_hides_no_erasure(ledger: Ledger) -> None:
    ledger.add(erasure("person/1"))
    with ledger.file.open("ab") as torn:
        torn.write(b'{"organisation":"RWK","person":"person/n')
    assert [one.person for one in ledger.erasures()] == ["person/1"]
    ledger.add(erasure("person/2"), erasure("person/3"))
    assert [one.person for one in ledger.erasures()] == ["person/1", "person/2", "person/3"]


def test_a_ledger_that_is_none_lets_no_key_be_used(ledger: Ledger) -> None:
    custodian = KeysInHand(new_master_key())
    kept = new_key("RWK", "person/8Qm2", custodian)
    ledger.add(erasure("person/1"))
    ledger.file.write_bytes(b'{"nothing":"of the kind"}\n')
    heed(ledger)
    with pytest.raises(DamagedLedger, match="Line 1 of the ledger"):
        kept.unwrapped(custodian)


def test_a_line_of_before_is_read(ledger: Ledger) -> None:
    ledger.file.parent.mkdir()
    ledger.file.write_bytes(b'{"organisation":"RWK","person":"person/1","key":"00","at":"2026-03-02"}\n')
    assert [one.grounds for one in ledger.erasures()] == [None]
