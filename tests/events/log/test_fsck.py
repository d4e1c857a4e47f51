"""One bit is flipped, anywhere, by somebody who may do anything: it is found, and named."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, LiteralString

import psycopg
import pytest

from events.log import checkpoints
from events.log.checkpoints import Checkpoint
from events.log.fsck import FLAWS_MAX, SNAPSHOT, flaws
from events.log.notes import SigningKey
from events.log.sealing_key import Remembered
from tests.events.log.sealing import HOST, KEY, sealed_by, signer, tamper, tampered, tell_many

MADE_ANEW = (
    "log.leaf(log.canonical(organisation, position, stream, version, source, id, type,"
    " log.written(occurred_at, precise_to), log.written(recorded_at), actor, body))"
)
AT = " WHERE organisation = %s AND position = 290"
FLIPPED: dict[str, tuple[LiteralString, str]] = {
    "organisation": ("UPDATE log.records SET organisation = 'ELSE'" + AT, "record 290: it is missing"),
    "position": ("UPDATE log.records SET position = 999999" + AT, "record 290: it is missing"),
    "version": ("UPDATE log.records SET version = version + 9000" + AT, "record 290: its bytes"),
    "occurred_at": ("UPDATE log.records SET occurred_at = '2022-05-21Z'" + AT, "record 290: its bytes"),
    "the hour of a day": (
        "UPDATE log.records SET occurred_at = occurred_at + interval '1 hour'" + AT,
        "record 290: its bytes",
    ),
    "recorded_at": (
        "UPDATE log.records SET recorded_at = recorded_at + interval '1us'" + AT,
        "record 290: its bytes",
    ),
    "stream": ("UPDATE log.records SET stream = 'project/q'" + AT, "record 290: its bytes"),
    "source": ("UPDATE log.records SET source = '/q'" + AT, "record 290: its bytes"),
    "id": ("UPDATE log.records SET id = 'q'" + AT, "record 290: its bytes"),
    "type": ("UPDATE log.records SET type = 'q'" + AT, "record 290: its bytes"),
    "precise_to": ("UPDATE log.records SET precise_to = 'year'" + AT, "record 290: its bytes"),
    "actor": ("UPDATE log.records SET actor = 'q'" + AT, "record 290: its bytes"),
    "body": ("UPDATE log.records SET body = replace(body, 'C-', 'D-')" + AT, "record 290: its bytes"),
    "leaf": (
        "UPDATE log.records SET leaf = set_bit(leaf, 0, 1 - get_bit(leaf, 0))" + AT,
        "record 290: its bytes",
    ),
    "an endless moment": (
        "UPDATE log.records SET recorded_at = 'infinity'" + AT,
        "record 290: it, or one soon",
    ),
    "a record taken out": ("DELETE FROM log.records" + AT, "record 290: it is missing"),
    "the first record": (
        "DELETE FROM log.records WHERE organisation = %s AND position = 1",
        "record 1: it is missing",
    ),
    "a tile's first hash": (
        "UPDATE proof.tiles SET hashes = set_bit(hashes, 3, 1 - get_bit(hashes, 3))"
        " WHERE organisation = %s AND level = 0 AND tile = 0",
        "tile 0 of level 0: the hash of record 1 is another",
    ),
    "a tile's last hash": (
        "UPDATE proof.tiles SET hashes = set_bit(hashes, 65535, 1 - get_bit(hashes, 65535))"
        " WHERE organisation = %s AND level = 0 AND tile = 1",
        "tile 1 of level 0: the hash of record 512 is another",
    ),
    "a tile above": (
        "UPDATE proof.tiles SET hashes = set_bit(hashes, 300, 1 - get_bit(hashes, 300))"
        " WHERE organisation = %s AND level = 1",
        "tile 0 of level 1: hash 1 is another",
    ),
    "a tile gone": (
        "DELETE FROM proof.tiles WHERE organisation = %s AND level = 0 AND tile = 0",
        "tile 0 of level 0: it is missing",
    ),
    "a tile cut short": (
        "UPDATE proof.tiles SET hashes = substring(hashes FOR 64) WHERE organisation = %s AND level = 0 AND tile = 2",
        "tile 2 of level 0: it is too short",
    ),
    "a tile moved": (
        "UPDATE proof.tiles SET tile = 70 WHERE organisation = %s AND level = 0 AND tile = 0",
        "tile 0 of level 0: it is missing",
    ),
    "a tile too many": (
        "INSERT INTO proof.tiles SELECT organisation, generation, level, 70, hashes FROM proof.tiles"
        " WHERE organisation = %s AND level = 0 AND tile = 0",
        "tiles of level 0: there are 4; the tree has 3",
    ),
    "the range": (
        "UPDATE proof.logs SET hashes[2] = set_bit(hashes[2], 3, 1 - get_bit(hashes[2], 3)) WHERE organisation = %s",
        "range: it is not that of the first 600 records",
    ),
    "the signed size": (
        "UPDATE proof.logs SET signed = 500 WHERE organisation = %s",
        "checkpoints: the newest is of 600",
    ),
    "a checkpoint's root": (
        "UPDATE proof.checkpoints SET root = set_bit(root, 3, 1 - get_bit(root, 3))"
        " WHERE organisation = %s AND size = 500",
        "checkpoint 500: it is not what it is filed as",
    ),
    "a checkpoint's text": (
        "UPDATE proof.checkpoints SET note = replace(note, '500', '501') WHERE organisation = %s AND size = 500",
        "checkpoint 500: it is not believed",
    ),
    "a checkpoint's size": (
        "UPDATE proof.checkpoints SET size = 499 WHERE organisation = %s AND size = 500",
        "checkpoint 499: it is not what it is filed as",
    ),
    "the newest checkpoint gone": (
        "DELETE FROM proof.checkpoints WHERE organisation = %s AND size = 600",
        "checkpoints: the newest is of 500",
    ),
    "the origin": (
        "UPDATE proof.logs SET origin = 'else.example' WHERE organisation = %s",
        "is not believed",
    ),
}


def found(conn: psycopg.Connection[Any], log: str, **more: Any) -> list[str]:
    """What a worker finds, in the transaction of whoever tampered."""
    conn.execute("SET LOCAL ROLE qiledger_worker")
    named = [f"{flaw.where}: {flaw.what}" for flaw in flaws(conn, log, [KEY.public], **more)]
    conn.execute("RESET ROLE")
    return named


@pytest.fixture(scope="module")
def log(database_url: str) -> str:
    """600 records, sealed at 500 and at 600. Every test takes back what it does to them."""
    with psycopg.connect(database_url, autocommit=True) as conn:
        conn.execute("SELECT log.open('FSCK', 'A trust')")
    tell_many(database_url, "FSCK", 500, "a")
    assert sealed_by(database_url, "FSCK")
    tell_many(database_url, "FSCK", 100, "b")
    assert sealed_by(database_url, "FSCK")
    tell_many(database_url, "FSCK", 20, "c")  # what is not sealed yet is not looked at
    return "FSCK"


@pytest.fixture
def superuser(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(database_url, options="-c timezone=UTC") as conn:
        yield conn
        conn.rollback()


def test_what_was_sealed_is_found_as_it_was_sealed(superuser: psycopg.Connection[Any], log: str):
    superuser.execute(SNAPSHOT)
    assert found(superuser, log) == []
    assert found(superuser, "NEVER") == []


@pytest.mark.parametrize("what", FLIPPED)
def test_a_flipped_bit_is_found_and_named(superuser: psycopg.Connection[Any], log: str, what: str):
    statement, said = FLIPPED[what]
    tampered(superuser, statement, log)
    named = found(superuser, log)
    assert any(said in one for one in named), named


def test_a_record_rewritten_together_with_its_leaf_contradicts_its_tile(
    superuser: psycopg.Connection[Any], log: str
):
    tampered(superuser, "UPDATE log.records SET body = '{}'" + AT, log)
    tampered(superuser, "UPDATE log.records SET leaf = " + MADE_ANEW + AT, log)
    assert found(superuser, log) == [
        "checkpoint 500: the records before it are not those that were signed",
        "checkpoint 600: the records before it are not those that were signed",
        "tile 1 of level 0: the hash of record 290 is another",
        "tile 0 of level 1: hash 1 is another",
        "range: it is not that of the first 600 records",
    ]


def test_everything_made_anew_still_contradicts_who_signed(database_url: str, organisation: str):
    """Record, leaf, tiles and range are forged as one; nobody can forge the signature."""
    tell_many(database_url, organisation, 300, "a")
    assert sealed_by(database_url, organisation)
    tamper(database_url, "UPDATE log.records SET body = '{}'" + AT, organisation)
    tamper(database_url, "UPDATE log.records SET leaf = " + MADE_ANEW + AT, organisation)
    tamper(database_url, "DELETE FROM proof.tiles WHERE organisation = %s", organisation)
    tamper(database_url, "DELETE FROM proof.checkpoints WHERE organisation = %s", organisation)
    tamper(database_url, "DELETE FROM proof.logs WHERE organisation = %s", organisation)
    assert sealed_by(database_url, organisation, signer(key=SigningKey.make("forger")))
    with psycopg.connect(database_url) as conn:
        named = found(conn, organisation)
    assert named[0] == "checkpoint 300: it is not believed: no key that is known has signed this"
    assert [one.partition(":")[0] for one in named] == ["checkpoint 300", "keys"]


def test_the_checkpoint_kept_outside_is_compared_too(
    superuser: psycopg.Connection[Any], log: str, tmp_path: Path
):
    by = signer(tmp_path)
    origin = f"{HOST}/{log}"
    assert found(superuser, log, signer=by) == []
    for size, said in [(600, "another root for the first 600"), (550, "no checkpoint of that size")]:
        note = checkpoints.sign(Checkpoint(origin, size, bytes(32)), [KEY.named(origin)]).write()
        Remembered(tmp_path).write(origin, note)
        assert any(said in one for one in found(superuser, log, signer=by))
    Remembered(tmp_path).write(origin, "nothing")
    assert any("is not believed" in one for one in found(superuser, log, signer=by))


def test_no_more_is_named_than_somebody_can_read(superuser: psycopg.Connection[Any], log: str):
    tampered(superuser, "UPDATE log.records SET actor = 'q' WHERE organisation = %s", log)
    assert len(found(superuser, log)) == FLAWS_MAX
