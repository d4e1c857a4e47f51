"""Whoever may do anything in the database, and has read this code, tries to have another history proven."""

from pathlib import Path
from typing import LiteralString

import psycopg
import pytest

from events.log import refusals
from events.log.fsck import flaws
from events.log.notes import SigningKey
from events.log.sealing_key import Remembered, Signer
from tests.events.log.sealing import HOST, KEY, as_worker, sealed_by, signer, tamper, tell_many

REWRITTEN = "UPDATE log.records SET body = '{}' WHERE organisation = %s AND position = 290"
LEAF = (
    "UPDATE log.records SET leaf = log.leaf(log.canonical(organisation, position, stream, version, source, id, type,"
    " log.written(occurred_at, precise_to), log.written(recorded_at), actor, body))"
    " WHERE organisation = %s AND position = 290"
)
FORGET: tuple[LiteralString, ...] = (
    "DELETE FROM proof.tiles WHERE organisation = %s",
    "DELETE FROM proof.checkpoints WHERE organisation = %s",
)


def refusal(url: str, log: str) -> str:
    with as_worker(url) as conn:
        return next((one.reason for one in refusals.undecided(conn) if one.log == log), "")


def flaws_of(url: str, log: str, by: Signer) -> list[str]:
    with as_worker(url) as conn, conn.transaction():
        return [f"{flaw.where}: {flaw.what}" for flaw in flaws(conn, log, [KEY.public], signer=by)]


@pytest.fixture
def by(database_url: str, organisation: str, tmp_path: Path) -> Signer:
    """Who sealed 300 records, and remembers it outside the database."""
    tell_many(database_url, organisation, 300, "a")
    by = signer(tmp_path)
    assert sealed_by(database_url, organisation, by)
    return by


def rewrite(url: str, log: str) -> None:
    """History, with its leaf, and without what was sealed over it."""
    for statement in (REWRITTEN, LEAF, *FORGET):
        tamper(url, statement, log)


RENAMED: dict[str, tuple[LiteralString, str]] = {
    "the next generation": ("generation = 2, origin = origin || '/2'", "nobody has decided that"),
    "another house": ("origin = replace(origin, 'qiledger', 'ledger')", "nobody has decided that"),
    "no name of this log": ("origin = 'qiledger.example.org/ELSE'", "is no name of"),
    "a generation that is not its own": ("origin = origin || '/7'", "is no name of"),
}


@pytest.mark.parametrize("name", RENAMED)
def test_a_rewritten_log_is_not_signed_under_a_new_name(
    database_url: str, organisation: str, by: Signer, name: str
) -> None:
    changes, said = RENAMED[name]
    rewrite(database_url, organisation)
    tamper(
        database_url,
        "UPDATE proof.logs SET size = 0, signed = 0, hashes = '{}', " + changes + " WHERE organisation = %s",
        organisation,
    )
    assert not sealed_by(database_url, organisation, by)
    assert said in refusal(database_url, organisation)


def test_a_worker_cannot_have_a_log_begin_anew_by_himself(
    database_url: str, organisation: str, by: Signer
) -> None:
    with as_worker(database_url) as conn:  # the guards let a tree begin anew as the next generation
        conn.execute(
            "UPDATE proof.logs SET generation = 2, origin = origin || '/2', size = 0, signed = 0, hashes = '{}'"
            " WHERE organisation = %s",
            (organisation,),
        )
    for one in (by, signer()):  # nor where nothing is remembered outside
        assert not sealed_by(database_url, organisation, one)
        assert "nobody has decided" in refusal(database_url, organisation)


def test_what_an_operator_has_decided_is_signed(database_url: str, organisation: str, by: Signer) -> None:
    rewrite(database_url, organisation)
    tamper(
        database_url,
        "UPDATE proof.logs SET signed = 0, size = 0, hashes = '{}' WHERE organisation = %s",
        organisation,
    )
    assert not sealed_by(database_url, organisation, by)
    assert "not the one that was signed" in refusal(database_url, organisation)
    with as_worker(database_url) as conn:
        refusals.begin_anew(conn, organisation, "the disk burnt")
    assert sealed_by(database_url, organisation, by)
    assert flaws_of(database_url, organisation, by) == []


def test_a_log_wound_back_is_found_though_nothing_new_is_told(
    database_url: str, organisation: str, by: Signer
) -> None:
    """The sealer looks at what is new; a log that was shortened to what had been sealed has nothing new."""
    first = Remembered(by.directory or Path()).read(f"{HOST}/{organisation}")
    assert first is not None
    tell_many(database_url, organisation, 40, "b")
    assert sealed_by(database_url, organisation, by)
    for statement in (
        "DELETE FROM log.records WHERE organisation = %s AND position > 300",
        "UPDATE log.heads SET position = 300 WHERE organisation = %s",
        "DELETE FROM proof.checkpoints WHERE organisation = %s AND size > 300",
        "UPDATE proof.tiles SET hashes = substring(hashes FOR 44 * 32)"
        " WHERE organisation = %s AND level = 0 AND tile = 1",
    ):
        tamper(database_url, statement, organisation)
    restore_tree(database_url, organisation)
    assert flaws_of(database_url, organisation, signer()) == [], "the database alone is consistent"
    (found,) = flaws_of(database_url, organisation, by)
    assert "it was signed at 340 records; 300 are sealed here" in found


def restore_tree(url: str, log: str) -> None:
    """The compact range as it was at 300 records: 256, 32, 8 and 4."""
    from events.log.sealed import tiles
    from events.log.tiles import Growth, Tile, edge_of

    with as_worker(url) as conn:
        growth = Growth(300, tiles(conn, log, 1, [*edge_of(300), Tile(1, 0)]))
    tamper(
        url,
        "UPDATE proof.logs SET size = 300, signed = 300, hashes = %s WHERE organisation = %s",
        growth.hashes(),
        log,
    )


ADDED: dict[str, tuple[LiteralString, str]] = {
    "a key": (
        "INSERT INTO proof.keys (organisation, generation, vkey, first_size) VALUES (%s, 1, '"
        + "forger.example+4c8b4c8b+AAAA"
        + "', 1)",
        "keys: forger.example+4c8b4c8b+AAAA is listed",
    ),
    "a record behind the head": (
        "INSERT INTO log.records SELECT organisation, 307, 999, occurred_at, recorded_at, stream, source, 'x', type,"
        " precise_to, actor, body, leaf FROM log.records WHERE organisation = %s AND position = 300",
        "record 307: it stands behind the head",
    ),
    "a head that says less": (
        "UPDATE log.heads SET position = 299 WHERE organisation = %s",
        "head: it says 299 records; 300 were sealed",
    ),
}


@pytest.mark.parametrize("what", ADDED)
def test_what_was_slipped_in_beside_the_sealed_records_is_found(
    database_url: str, organisation: str, by: Signer, what: str
) -> None:
    statement, said = ADDED[what]
    tamper(database_url, statement, organisation)
    assert any(said in one for one in flaws_of(database_url, organisation, by))


def test_a_key_that_is_really_a_key_and_not_ours_is_found(
    database_url: str, organisation: str, by: Signer
) -> None:
    forged = SigningKey.make(f"{HOST}/{organisation}").public.write()
    tamper(
        database_url,
        "INSERT INTO proof.keys (organisation, generation, vkey, first_size) VALUES (%s, 1, %s, 1)",
        organisation,
        forged,
    )
    assert flaws_of(database_url, organisation, by) == [
        f"keys: {forged} is listed, and is none of those that are believed"
    ]


def test_nobody_writes_a_doubt_away(database_url: str, organisation: str) -> None:
    with psycopg.connect(database_url) as conn:
        conn.execute("SET ROLE qiledger_api")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            conn.execute("DELETE FROM proof.doubts")
