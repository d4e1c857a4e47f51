"""What is kept of people beside the record: each table that names them is thought of."""

from pathlib import Path

import psycopg

from events.privacy.erasing import erase
from events.privacy.ledger import Ledger
from events.privacy.vault import Reach, put_contact
from tests.events.privacy.beside import keep_beside_the_record

THOUGHT_OF = {
    "log.events": "a view of the records",
    "log.records": "subject access shows each record; erasure leaves the reference, without words",
    "notices.bad_addresses": "shown; emptied",
    "notices.inbox": "shown; emptied",
    "notices.messages": "shown; stays: who was told when, without words",
    "notices.mutes": "shown; emptied",
    "notices.notices": "shown; stays: who was told of what",
    "notices.people": "made from the record, which is shown",
    "notices.preferences": "shown; emptied",
    "notices.quiet_hours": "shown; emptied",
    "proof.auditors": "shown; emptied",
    "vault.contacts": "shown; emptied",
    "vault.keys": "destroyed",
    "webhooks.endpoints": "shown; stays: the endpoint is the organisation's",
}


def test_every_table_that_names_people_is_shown_to_them_and_thought_of_when_they_are_erased(
    database_url: str,
) -> None:
    """Who adds one says here what becomes of it, and adds it to `beside_the_record.py` and `erasing.py`."""
    with psycopg.connect(database_url) as conn:
        named = conn.execute(
            "SELECT DISTINCT table_schema || '.' || table_name FROM information_schema.columns"
            " WHERE table_schema IN ('log', 'vault', 'notices', 'webhooks', 'proof', 'projections')"
            " AND column_name IN ('person', 'recipient', 'owner', 'actor')"
        ).fetchall()
    assert {name for (name,) in named} == THOUGHT_OF.keys()


def test_an_erasure_empties_what_was_kept_of_the_person_and_of_nobody_else(
    database_url: str, organisation: str, tmp_path: Path
) -> None:
    gone, other = "person/8Qm2", "person/T7x3"
    emptied = [table for table, becomes in THOUGHT_OF.items() if becomes.endswith("emptied")]
    with psycopg.connect(database_url, autocommit=True) as conn:
        for person in (gone, other):
            keep_beside_the_record(conn, organisation, person)
            put_contact(conn, organisation, person, Reach(name="Amina Example"))
        erase(conn, Ledger(tmp_path / "ledger"), organisation, gone, grounds="consent_withdrawn")
        for table in emptied:
            left = conn.execute(f"SELECT person FROM {table} WHERE organisation = %s", [organisation])  # type: ignore[call-overload]
            assert left.fetchall() == [(other,)], table
