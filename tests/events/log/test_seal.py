"""The sealer: what it signs, what it will not sign, and what is left when it is stopped between its steps."""

import time
from pathlib import Path
from typing import Any, LiteralString

import psycopg
import pytest

from events.log import checkpoints, refusals, seal, sealed
from events.log.checkpoints import Checkpoint
from events.log.merkle import CompactRange, leaf_hash
from events.log.notes import SigningKey
from events.log.sealing_key import Remembered, Signer
from tests.events.log.sealing import HOST, KEY, as_worker, sealed_by, signer, tamper, tell_many

ALL = "SELECT canonical, leaf FROM log.canonical_records WHERE organisation = %s ORDER BY position"


def newest(url: str, log: str) -> Checkpoint:
    """The newest checkpoint, verified."""
    with as_worker(url) as conn:
        tree = sealed.tree_of(conn, log)
        assert tree is not None
        last = sealed.newest(conn, log, tree.generation)
    assert last is not None
    return checkpoints.verify(last.note, signer().known(tree.origin), origin=tree.origin)[0]


def refusal(url: str, log: str) -> str | None:
    with as_worker(url) as conn:
        return next((one.reason for one in refusals.undecided(conn) if one.log == log), None)


def signed_sizes(url: str, log: str) -> list[int]:
    with as_worker(url) as conn:
        rows = conn.execute(
            "SELECT size FROM proof.checkpoints WHERE organisation = %s ORDER BY generation, size", (log,)
        )
        return [size for (size,) in rows]


def test_the_checkpoint_is_over_the_canonical_bytes_of_every_record(database_url: str, organisation: str):
    tell_many(database_url, organisation, 700, "a")
    assert sealed_by(database_url, organisation)
    tell_many(database_url, organisation, 333, "b")
    assert sealed_by(database_url, organisation)
    with psycopg.connect(database_url) as conn:
        rows = conn.execute(ALL, (organisation,)).fetchall()
    leaves = [leaf_hash(canonical.encode()) for canonical, _ in rows]
    assert leaves == [leaf for _, leaf in rows]
    checkpoint = newest(database_url, organisation)
    assert checkpoint == Checkpoint(f"{HOST}/{organisation}", 1_033, CompactRange.of(leaves).root())
    assert signed_sizes(database_url, organisation) == [700, 1_033]


def test_nothing_new_is_nothing_to_sign(database_url: str, organisation: str):
    with as_worker(database_url) as conn:
        assert organisation not in seal.due(conn)
        assert sealed_by(database_url, organisation)
        tell_many(database_url, organisation, 3, "a")
        assert seal.due(conn)[organisation] == 0
        assert sealed_by(database_url, organisation)
        assert sealed_by(database_url, organisation)
        assert organisation not in seal.due(conn)
    assert signed_sizes(database_url, organisation) == [3]


def test_a_backlog_is_worked_off_in_pages_and_goes_on_where_it_stopped(
    database_url: str, organisation: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(seal, "SIGNED_EVERY", 2_048)
    monkeypatch.setattr(seal, "PAGES_A_COMMIT", 1)
    tell_many(database_url, organisation, 5_000, "a")
    assert not sealed_by(database_url, organisation, within_s=0)
    assert sealed_by(database_url, organisation)
    assert signed_sizes(database_url, organisation) == [2_048, 4_096, 5_000]


def test_one_seals_at_a_time_and_whoever_was_overtaken_writes_nothing(
    database_url: str, organisation: str, monkeypatch: pytest.MonkeyPatch
):
    tell_many(database_url, organisation, 10, "a")
    grow = seal._grow

    def overtaken(*given: Any) -> None:
        assert not sealed_by(database_url, organisation), "two sealed at once"
        with as_worker(database_url) as other:
            other.execute("UPDATE proof.logs SET lease_until = NULL WHERE organisation = %s", (organisation,))
            monkeypatch.setattr(seal, "_grow", grow)
            assert seal.seal(other, organisation, signer(), deadline=time.monotonic() + 60)
        grow(*given)

    monkeypatch.setattr(seal, "_grow", overtaken)
    assert not sealed_by(database_url, organisation)
    assert signed_sizes(database_url, organisation) == [10]
    assert refusal(database_url, organisation) is None


class Killed(BaseException):
    """As if the process had gone."""


@pytest.mark.parametrize("step", ["_grow", "_sign", "_prove", "write", "after write"])
def test_a_sealer_that_is_killed_between_its_steps_is_followed_by_one_that_goes_on(
    database_url: str, organisation: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
):
    by = signer(tmp_path)
    tell_many(database_url, organisation, 300, "a")
    assert sealed_by(database_url, organisation, by)
    tell_many(database_url, organisation, 300, "b")
    where, name = (Remembered, "write") if "write" in step else (seal, step)
    done = getattr(where, name)

    def killed(*given: Any, **named: Any) -> None:
        if step == "after write":
            done(*given, **named)
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(where, name, killed)
        with pytest.raises(Killed):
            sealed_by(database_url, organisation, by)
    tell_many(database_url, organisation, 5, "c")
    assert sealed_by(database_url, organisation, by)
    assert refusal(database_url, organisation) is None
    assert signed_sizes(database_url, organisation) == [300, 605]
    assert newest(database_url, organisation).size == 605


REWRITTEN: dict[str, LiteralString] = {
    "position": "UPDATE log.records SET position = 999999 WHERE organisation = %s AND position = 350",
    "organisation": "UPDATE log.records SET organisation = 'ELSEWHERE' WHERE organisation = %s AND position = 350",
    "version": "UPDATE log.records SET version = version + 5000 WHERE organisation = %s AND position = 350",
    "occurred_at": "UPDATE log.records SET occurred_at = '2022-05-21Z' WHERE organisation = %s AND position = 350",
    "the hour of a day": "UPDATE log.records SET occurred_at = occurred_at + interval '1 hour'"
    " WHERE organisation = %s AND position = 350",
    "recorded_at": "UPDATE log.records SET recorded_at = recorded_at - interval '1 microsecond'"
    " WHERE organisation = %s AND position = 350",
    "stream": "UPDATE log.records SET stream = 'project/other' WHERE organisation = %s AND position = 350",
    "source": "UPDATE log.records SET source = '/other' WHERE organisation = %s AND position = 350",
    "id": "UPDATE log.records SET id = 'other' WHERE organisation = %s AND position = 350",
    "type": "UPDATE log.records SET type = 'cycle.tested.2' WHERE organisation = %s AND position = 350",
    "precise_to": "UPDATE log.records SET precise_to = 'month' WHERE organisation = %s AND position = 350",
    "actor": "UPDATE log.records SET actor = 'client/other' WHERE organisation = %s AND position = 350",
    "body": """UPDATE log.records SET body = replace(body, 'a', 'á') WHERE organisation = %s AND position = 350""",
    "body, by a blank": "UPDATE log.records SET body = body || ' ' WHERE organisation = %s AND position = 350",
    "leaf": "UPDATE log.records SET leaf = set_bit(leaf, 0, 1 - get_bit(leaf, 0))"
    " WHERE organisation = %s AND position = 350",
    "a moment beyond all calendars": "UPDATE log.records SET occurred_at = 'infinity'"
    " WHERE organisation = %s AND position = 350",
    "gone": "DELETE FROM log.records WHERE organisation = %s AND position = 350",
}


@pytest.mark.parametrize("column", REWRITTEN)
def test_a_record_that_was_rewritten_before_it_was_sealed_is_not_signed(
    database_url: str, organisation: str, column: str
):
    tell_many(database_url, organisation, 300, "a")
    assert sealed_by(database_url, organisation)
    tell_many(database_url, organisation, 100, "b")
    tamper(database_url, REWRITTEN[column], organisation)
    assert not sealed_by(database_url, organisation)
    said = refusal(database_url, organisation)
    assert said is not None
    assert "record 350" in said or "record after 300" in said
    assert signed_sizes(database_url, organisation) == [300]
    with as_worker(database_url) as conn:
        assert organisation not in seal.due(conn)


SEALED: dict[str, LiteralString] = {
    "a tile at the edge": "UPDATE proof.tiles SET hashes = set_bit(hashes, 77, 1 - get_bit(hashes, 77))"
    " WHERE organisation = %s AND level = 0 AND tile = 1",
    "a tile above": "UPDATE proof.tiles SET hashes = set_bit(hashes, 77, 1 - get_bit(hashes, 77))"
    " WHERE organisation = %s AND level = 1",
    "a tile that is gone": "DELETE FROM proof.tiles WHERE organisation = %s AND level = 1",
    "a tile cut short": "UPDATE proof.tiles SET hashes = substring(hashes FOR 32) WHERE organisation = %s AND tile = 1",
    "the range": "UPDATE proof.logs SET hashes[1] = set_bit(hashes[1], 5, 1 - get_bit(hashes[1], 5))"
    " WHERE organisation = %s",
    "the range, a hash less": "UPDATE proof.logs SET hashes = hashes[2:] WHERE organisation = %s",
    "the size": "UPDATE proof.logs SET size = 299, signed = 299 WHERE organisation = %s",
    "the signed size": "UPDATE proof.logs SET signed = 299 WHERE organisation = %s",
    "nothing signed": "UPDATE proof.logs SET signed = 0 WHERE organisation = %s",
    "the checkpoint's root": "UPDATE proof.checkpoints SET root = set_bit(root, 9, 1 - get_bit(root, 9))"
    " WHERE organisation = %s",
    "the checkpoint's text": "UPDATE proof.checkpoints SET note = replace(note, '300', '301') WHERE organisation = %s",
    "the checkpoint's size": "UPDATE proof.checkpoints SET size = 301 WHERE organisation = %s",
    "the checkpoint, gone": "DELETE FROM proof.checkpoints WHERE organisation = %s",
    "the origin": "UPDATE proof.logs SET origin = 'elsewhere.example/RWK' WHERE organisation = %s",
    "records taken back": "UPDATE log.heads SET position = 250 WHERE organisation = %s",
}


@pytest.mark.parametrize("what", SEALED)
def test_a_proof_that_was_touched_is_not_signed_over(database_url: str, organisation: str, what: str):
    tell_many(database_url, organisation, 300, "a")
    assert sealed_by(database_url, organisation)
    if what != "records taken back":
        tell_many(database_url, organisation, 10, "b")
    tamper(database_url, SEALED[what], organisation)
    assert not sealed_by(database_url, organisation)
    if (
        what == "nothing signed"
    ):  # no anchor is left in Postgres: the same tree is signed again, or it collides
        return
    assert refusal(database_url, organisation) is not None, what
    with as_worker(database_url) as conn:
        assert organisation not in seal.due(conn)


def test_a_key_that_is_not_ours_has_signed_nothing(database_url: str, organisation: str):
    tell_many(database_url, organisation, 3, "a")
    stranger = signer(key=SigningKey.make("anybody"))
    assert sealed_by(database_url, organisation, stranger)
    tell_many(database_url, organisation, 3, "b")
    assert not sealed_by(database_url, organisation)
    assert "not believed" in (refusal(database_url, organisation) or "")


def test_a_new_key_goes_on_from_what_the_former_one_signed_and_both_stay_listed(
    database_url: str, organisation: str
):
    tell_many(database_url, organisation, 3, "a")
    assert sealed_by(database_url, organisation)
    fresh = SigningKey.make("qiledger")
    tell_many(database_url, organisation, 3, "b")
    assert sealed_by(database_url, organisation, signer(key=fresh, former=(KEY.public,)))
    origin = f"{HOST}/{organisation}"
    with as_worker(database_url) as conn:
        listed = [(key.vkey, key.first_size) for key in sealed.used_keys(conn, organisation, 1)]
        last = sealed.newest(conn, organisation, 1)
    assert listed == [(KEY.public.named(origin).write(), 3), (fresh.public.named(origin).write(), 6)]
    assert last is not None
    checkpoints.verify(last.note, [fresh.public.named(origin)], origin=origin)


def test_a_restored_backup_is_noticed_by_what_is_kept_outside(
    database_url: str, organisation: str, tmp_path: Path
):
    by = signer(tmp_path)
    tell_many(database_url, organisation, 300, "a")
    assert sealed_by(database_url, organisation, by)
    before = Remembered(tmp_path).read(f"{HOST}/{organisation}")
    assert before is not None
    key = KEY.named(f"{HOST}/{organisation}")
    later = checkpoints.sign(Checkpoint(key.public.name, 310, bytes(32)), [key]).write()
    Remembered(tmp_path).write(key.public.name, later)  # what was signed after the backup was taken
    tell_many(database_url, organisation, 5, "b")
    assert not sealed_by(database_url, organisation, by)
    assert "signed at size 310; the log has 305" in (refusal(database_url, organisation) or "")
    tell_many(database_url, organisation, 10, "c")
    with as_worker(database_url) as conn:
        refusals.try_again(conn, organisation, "it has grown since")
    assert not sealed_by(database_url, organisation, by)
    assert "not the one that was signed at size 310" in (refusal(database_url, organisation) or "")
    assert signed_sizes(database_url, organisation) == [300]


def test_an_operator_may_have_the_log_begin_anew_under_another_name(database_url: str, organisation: str):
    tell_many(database_url, organisation, 300, "a")
    assert sealed_by(database_url, organisation)
    tamper(
        database_url,
        "UPDATE log.records SET body = '{}', leaf = log.leaf(log.canonical(organisation, position, stream, version,"
        " source, id, type, log.written(occurred_at, precise_to), log.written(recorded_at), actor, '{}'))"
        " WHERE organisation = %s AND position = 290",
        organisation,
    )
    tell_many(database_url, organisation, 10, "b")
    assert sealed_by(
        database_url, organisation
    )  # what is sealed already is looked at by fsck, not by the sealer
    tamper(
        database_url,
        "UPDATE proof.tiles SET hashes = set_bit(hashes, 9, 1 - get_bit(hashes, 9)) WHERE organisation = %s",
        organisation,
    )
    tell_many(database_url, organisation, 10, "c")
    assert not sealed_by(database_url, organisation)
    with as_worker(database_url) as conn:
        assert refusals.begin_anew(conn, organisation, "the disk was damaged") == f"{HOST}/{organisation}/2"
        with pytest.raises(refusals.NothingToDecide):
            refusals.try_again(conn, organisation, "why not")
    assert sealed_by(database_url, organisation)
    assert newest(database_url, organisation).origin == f"{HOST}/{organisation}/2"
    assert signed_sizes(database_url, organisation) == [300, 310, 320]


CHANGES: list[LiteralString] = [
    "UPDATE proof.checkpoints SET note = 'x'",
    "DELETE FROM proof.checkpoints",
    "TRUNCATE proof.checkpoints",
    "UPDATE proof.keys SET vkey = 'x'",
    "DELETE FROM proof.cosignatures",
    "UPDATE proof.tiles SET hashes = set_bit(hashes, 9, 1 - get_bit(hashes, 9))",
    "UPDATE proof.tiles SET hashes = substring(hashes FOR 32)",
    "UPDATE proof.tiles SET tile = 77",
    "DELETE FROM proof.tiles",
    "UPDATE proof.logs SET size = 1, signed = 1",
    "UPDATE proof.logs SET origin = 'elsewhere'",
    "UPDATE proof.logs SET generation = 7, origin = 'x', size = 0, signed = 0",
    "DELETE FROM proof.logs",
    "DELETE FROM proof.refusals",
]


@pytest.mark.parametrize("role", ["qiledger_worker", "qiledger_api", "qiledger_owner", None])
def test_nobody_changes_what_was_sealed(database_url: str, organisation: str, role: str | None):
    tell_many(database_url, organisation, 300, "a")
    assert sealed_by(database_url, organisation)
    with psycopg.connect(database_url) as conn:
        if role:
            conn.execute("SELECT set_config('role', %s, false)", (role,))
        for change in CHANGES:
            with pytest.raises(psycopg.errors.InsufficientPrivilege), conn.transaction():
                conn.execute(change)


def test_one_organisation_does_not_see_the_proof_of_another(database_url: str, organisation: str):
    tell_many(database_url, organisation, 3, "a")
    assert sealed_by(database_url, organisation)
    with psycopg.connect(database_url) as conn:
        conn.execute("SET ROLE qiledger_api")
        for table in ("logs", "tiles", "checkpoints", "keys"):
            count: LiteralString = f"SELECT count(*) FROM proof.{table}"  # type: ignore[assignment]
            conn.execute("SELECT set_config('qiledger.organisation', 'OTHER', true)")
            assert conn.execute(count).fetchone() == (0,)
            conn.execute("SELECT set_config('qiledger.organisation', %s, true)", (organisation,))
            assert conn.execute(count).fetchone() != (0,)


def test_an_origin_once_given_stays(database_url: str, organisation: str):
    tell_many(database_url, organisation, 3, "a")
    assert sealed_by(database_url, organisation)
    tell_many(database_url, organisation, 3, "b")
    moved: Signer = signer(host="elsewhere.example.org")
    assert sealed_by(database_url, organisation, moved)
    assert newest(database_url, organisation).origin == f"{HOST}/{organisation}"
