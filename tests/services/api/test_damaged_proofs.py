"""What was damaged in the database makes no wrong proof: it is answered as damage, and looked into."""

from datetime import UTC, datetime, timedelta
from typing import LiteralString

import psycopg
import pytest

from events.log.examinations import doubts
from tests.events.log.sealing import as_worker, sealed_by, tamper, tell_many
from tests.patience import wait_until
from tests.services.api.conftest import Door, problem

TILE: LiteralString = " WHERE organisation = %s AND level = 0 AND tile = 1"
RECORD: LiteralString = " WHERE organisation = %s AND position = 290"
DAMAGE: dict[str, LiteralString] = {
    "a hash of a tile": "UPDATE proof.tiles SET hashes = set_bit(hashes, 3, 1 - get_bit(hashes, 3))" + TILE,
    "a tile gone": "DELETE FROM proof.tiles" + TILE,
    "a tile cut short": "UPDATE proof.tiles SET hashes = substring(hashes FOR 64)" + TILE,
    "a hash at the edge": "UPDATE proof.tiles SET hashes = set_bit(hashes, 3, 1 - get_bit(hashes, 3))"
    " WHERE organisation = %s AND level = 0 AND tile = 2",
    "a hash above": "UPDATE proof.tiles SET hashes = set_bit(hashes, 300, 1 - get_bit(hashes, 300))"
    " WHERE organisation = %s AND level = 1",
    "a record rewritten": "UPDATE log.records SET actor = 'q'" + RECORD,
    "a record gone": "DELETE FROM log.records" + RECORD,
    "a record beyond all calendars": "UPDATE log.records SET recorded_at = 'infinity'" + RECORD,
    "a checkpoint's root": "UPDATE proof.checkpoints SET root = sha256('') WHERE organisation = %s AND size = 600",
    "a checkpoint gone": "DELETE FROM proof.checkpoints WHERE organisation = %s AND size = 600",
    "a checkpoint that is none": "UPDATE proof.checkpoints SET note = 'x' WHERE organisation = %s AND size = 600",
}
DOORS = (
    "log/checkpoint",
    "log/tile/0/000",
    "log/tile/0/001",
    "log/tile/0/002.p/5",
    "log/tile/1/000.p/2",
    "log/tile/entries/001",
    "log/tile/entries/002.p/88",
    "log/inclusion?position=290",
    "log/inclusion?position=290&size=400",
    "log/inclusion?position=1",
    "log/consistency?old=300",
    "log/consistency?old=259&size=513",
    "events/290/proof",
    "events/600/proof",
)


@pytest.mark.parametrize("what", DAMAGE)
def test_damage_is_told_as_damage_and_makes_no_wrong_proof(door: Door, database_url: str, what: str) -> None:
    for number, batch in ((500, "a"), (100, "b")):
        tell_many(database_url, door.organisation, number, batch)
        assert sealed_by(database_url, door.organisation)
    addresses = [f"/v1/{door.organisation}/{address}" for address in DOORS]
    before = {address: door.get(address, accept="*/*") for address in addresses}
    assert {answer.status_code for answer in before.values()} == {200}
    tamper(database_url, DAMAGE[what], door.organisation)
    damaged = []
    for address, good in before.items():
        answer = door.get(address, accept="*/*")
        if answer.status_code == 200:
            assert answer.content == good.content, address
        else:
            told = problem(answer, "damaged-proof", 503)
            assert int(answer.headers["retry-after"]) > 60
            damaged.append(told["detail"])
    assert damaged
    with as_worker(database_url) as conn:
        noted = {doubt.what for doubt in doubts(conn) if doubt.log == door.organisation}
    assert noted == {detail[:1].lower() + detail[1:-1] for detail in damaged}


def test_nobody_notes_doubts_about_anothers_log(database_url: str, door: Door) -> None:
    with psycopg.connect(database_url) as conn:
        conn.execute("SET LOCAL ROLE qiledger_api")
        conn.execute("SELECT set_config('qiledger.organisation', %s, true)", (door.organisation,))
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            conn.execute("INSERT INTO proof.doubts (organisation, what) VALUES ('ELSE', 'nothing')")


def test_whoever_asks_whether_we_are_ready_hears_that_nobody_examines_any_more(
    database_url: str, door: Door
) -> None:
    tell_many(database_url, door.organisation, 3, "a")
    assert sealed_by(database_url, door.organisation)
    assert door.get("/readyz").json()["minds"] == []
    tamper(
        database_url,
        "UPDATE proof.checkpoints SET signed_at = signed_at - interval '9 days' WHERE organisation = %s",
        door.organisation,
    )
    wait_until(lambda: door.get("/readyz").json()["minds"], within_s=60, what="it is said")
    late = door.get("/readyz")
    assert (late.status_code, late.json()["status"]) == (200, "ready"), "it takes events all the same"
    assert "see that the sealer runs" in late.json()["minds"][0]
    assert datetime.fromisoformat(late.json()["proofs_examined"]) < datetime.now(UTC) - timedelta(days=8)
    tamper(
        database_url,
        "UPDATE proof.checkpoints SET signed_at = now() WHERE organisation = %s",
        door.organisation,
    )
