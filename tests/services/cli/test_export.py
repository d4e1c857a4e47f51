"""Exports as people take them, from a real database, and verify them with none."""

import gzip
import json
import os
import subprocess
import sys
import zlib
from pathlib import Path

import psycopg

from events.log.verifying import verify_file
from tests.audited import Audited, audited, everything
from tests.events.log.sealing import KEY, sealed_by, tamper, tell_many
from tests.patience import wait_until
from tests.services.cli.conftest import qiledger

ORIGIN_KEY = KEY.public.named("qiledger.example.org/RWK").write()

CHANGE = "UPDATE log.records SET actor = 'client/other' WHERE organisation = 'RWK' AND position = 7"


def test_an_export_is_taken_and_verified_without_any_database(trust: Audited, tmp_path: Path) -> None:
    file = tmp_path / "rwk.ndjson"
    taken = qiledger(
        "export", "RWK", "-o", str(file), "--purpose", "Annual audit", QILEDGER_DATABASE_URL=trust.url
    )
    assert taken.returncode == 0, taken.stderr
    verified = qiledger("verify", str(file), "--public-key", ORIGIN_KEY)
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert "It holds." in verified.stdout
    assert f"{trust.position():,} records, every byte as it was kept" in verified.stdout
    assert "Annual audit" in verified.stdout


def test_that_an_export_was_taken_is_on_record(trust: Audited, tmp_path: Path) -> None:
    file = tmp_path / "rwk.ndjson"
    qiledger("export", "RWK", "-o", str(file), "--purpose", "A new reason", QILEDGER_DATABASE_URL=trust.url)
    with psycopg.connect(trust.url) as conn:
        rows = conn.execute(
            "SELECT body::json ->> 'purpose' FROM log.records"
            " WHERE organisation = 'RWK.operations' AND type = 'export.taken'"
        ).fetchall()
    assert ("A new reason",) in rows


def purposes(url: str) -> list[str]:
    """What exports were taken for, the first first."""
    with psycopg.connect(url) as conn:
        rows = conn.execute(
            "SELECT body::json ->> 'purpose' FROM log.records"
            " WHERE organisation = 'RWK.operations' AND type = 'export.taken' ORDER BY position"
        ).fetchall()
    return [purpose for (purpose,) in rows]


def test_an_export_is_on_record_before_any_of_it_is_out(fresh_database_url: str, tmp_path: Path) -> None:
    """Whoever takes the half file has taken all that is in it."""
    trust = audited(fresh_database_url, rounds=1)
    tamper(fresh_database_url, CHANGE)
    asked = ("export", "RWK", "-o", str(tmp_path / "rwk.ndjson"), "--purpose", "The first six")
    assert qiledger(*asked, QILEDGER_DATABASE_URL=trust.url).returncode == 1
    assert purposes(trust.url) == ["The first six"]


def test_what_an_export_is_gone_on_with_for_is_on_record_too(trust: Audited, tmp_path: Path) -> None:
    whole, half = tmp_path / "whole.ndjson", tmp_path / "half.ndjson"
    qiledger("export", "RWK", "-o", str(whole), "--purpose", "Begun", QILEDGER_DATABASE_URL=trust.url)
    (tmp_path / "half.ndjson.part").write_bytes(whole.read_bytes()[:5_000])
    asked = ("export", "RWK", "-o", str(half), "--purpose", "Gone on with")
    assert qiledger(*asked, QILEDGER_DATABASE_URL=trust.url).returncode == 0
    assert purposes(trust.url)[-2:] == ["Begun", "Gone on with"]
    assert half.read_bytes() == whole.read_bytes()


def test_a_purpose_that_may_not_stand_on_record_takes_nothing_out(trust: Audited, tmp_path: Path) -> None:
    file = tmp_path / "rwk.ndjson"
    for words in (("--purpose", ""), ("--for", "x" * 101)):
        refused = qiledger("export", "RWK", "-o", str(file), *words, QILEDGER_DATABASE_URL=trust.url)
        assert refused.returncode == 1
        assert "may not stand on record" in refused.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_rows_that_readers_are_shown_are_compared_with_the_records(
    trust: Audited, tmp_path: Path
) -> None:
    file = tmp_path / "rwk.ndjson.gz"
    taken = qiledger("export", "RWK", "-o", str(file), "--projections", QILEDGER_DATABASE_URL=trust.url)
    assert taken.returncode == 0, taken.stderr
    verified = qiledger("verify", str(file), "--replay", "--json")
    assert verified.returncode == 0, verified.stdout + verified.stderr
    replayed = json.loads(verified.stdout)["replayed"]
    assert sum(each["rows"] for each in replayed) > 50
    lines = gzip.decompress(file.read_bytes()).decode().splitlines()
    assert sum(line.startswith('{"organisation":"RWK","position":') for line in lines) == trust.position()


def test_half_an_export_is_gone_on_with(trust: Audited, tmp_path: Path) -> None:
    whole, half = tmp_path / "whole.ndjson", tmp_path / "half.ndjson"
    qiledger("export", "RWK", "-o", str(whole), QILEDGER_DATABASE_URL=trust.url)
    content = whole.read_bytes()
    lines = content.splitlines(keepends=True)
    for cut in (len(lines[0]), len(b"".join(lines[:40])) + 17, len(b"".join(lines[:-2])), len(content) - 5):
        part = tmp_path / "half.ndjson.part"
        part.write_bytes(content[:cut])
        half.unlink(missing_ok=True)
        went_on = qiledger("export", "RWK", "-o", str(half), QILEDGER_DATABASE_URL=trust.url)
        assert went_on.returncode == 0, went_on.stderr
        assert half.read_bytes() == content
        assert not part.exists()


def test_half_an_export_that_was_touched_is_not_gone_on_with(trust: Audited, tmp_path: Path) -> None:
    whole = tmp_path / "whole.ndjson"
    qiledger("export", "RWK", "-o", str(whole), QILEDGER_DATABASE_URL=trust.url)
    lines = whole.read_bytes().splitlines(keepends=True)
    lines[3] = lines[3].replace(b'"actor":"client/lifeqi"', b'"actor":"client/lifeqj"')
    (tmp_path / "half.ndjson.part").write_bytes(b"".join(lines[:40]))
    refused = qiledger("export", "RWK", "-o", str(tmp_path / "half.ndjson"), QILEDGER_DATABASE_URL=trust.url)
    assert refused.returncode == 1
    assert "Record 3 does not hold" in refused.stderr


def test_a_part_and_an_older_checkpoint(trust: Audited, tmp_path: Path) -> None:
    with psycopg.connect(trust.url) as conn:
        row = conn.execute(
            "SELECT note FROM proof.checkpoints WHERE organisation = 'RWK' ORDER BY size LIMIT 1"
        )
        note = tmp_path / "last-quarter.checkpoint"
        note.write_text(row.fetchone()[0])  # type: ignore[index]
    file = tmp_path / "part.ndjson"
    taken = qiledger(
        "export", "RWK", "-o", str(file), "--from", "100", "--to", "150", QILEDGER_DATABASE_URL=trust.url
    )
    assert taken.returncode == 0, taken.stderr
    verified = qiledger("verify", str(file), "--checkpoint", str(note))
    assert verified.returncode == 0, verified.stdout
    assert "last-quarter.checkpoint" in verified.stdout


def test_a_record_that_a_superuser_changed_is_named(fresh_database_url: str, tmp_path: Path) -> None:
    trust = audited(fresh_database_url, rounds=1)
    file = tmp_path / "rwk.ndjson"
    tamper(
        fresh_database_url,
        CHANGE,
    )
    refused = qiledger("export", "RWK", "-o", str(file), QILEDGER_DATABASE_URL=trust.url)
    assert refused.returncode == 1
    assert "Record 7 does not hold: it is not what its leaf was made of" in refused.stderr
    assert not file.exists()


def test_a_log_that_nobody_seals_is_exported_and_said_to_be_unsigned(
    fresh_database_url: str, tmp_path: Path
) -> None:
    trust = Audited(fresh_database_url)
    trust.tell_all(list(everything(1)))
    file = tmp_path / "rwk.ndjson"
    assert qiledger("export", "RWK", "-o", str(file), QILEDGER_DATABASE_URL=trust.url).returncode == 0
    assert [finding.says for finding in verify_file(file).findings] == [
        "no checkpoint has signed this export: nothing but itself speaks for it"
    ]
    assert qiledger("verify", str(file)).returncode == 1
    assert qiledger("verify", str(file), "--unsigned").returncode == 0


def test_what_cannot_be_read_is_neither_proof_nor_disproof(tmp_path: Path) -> None:
    file = tmp_path / "x"
    file.write_bytes(b"{}\n")
    assert qiledger("verify", str(file)).returncode == 1
    assert qiledger("verify", str(tmp_path / "none")).returncode == 2
    assert qiledger("verify", str(file), "--public-key", "nonsense").returncode == 2
    assert qiledger("verify", str(file), "--checkpoint", str(file)).returncode == 2


def test_a_place_that_is_not_there_and_a_code_in_small_letters_are_named(trust: Audited) -> None:
    for words, says in (
        (["RWK", "-o", "/dev/null/rwk.ndjson"], "/dev/null/rwk.ndjson"),
        (["rwk", "-o", "/dev/null/rwk.ndjson"], "is RWK meant?"),
    ):
        refused = qiledger("export", *words, "--off-the-record", QILEDGER_DATABASE_URL=trust.url)
        assert (refused.returncode, says in refused.stderr) == (1, True), refused.stderr
        assert "Traceback" not in refused.stderr


def test_an_organisation_without_a_log_and_a_range_that_is_not_there(trust: Audited, tmp_path: Path) -> None:
    file = str(tmp_path / "x.ndjson")
    unknown = qiledger("export", "RXX", "-o", file, QILEDGER_DATABASE_URL=trust.url)
    assert (unknown.returncode, "No log is open for RXX." in unknown.stderr) == (1, True)
    beyond = qiledger("export", "RWK", "-o", file, "--to", "100000", QILEDGER_DATABASE_URL=trust.url)
    assert (beyond.returncode, "are not all there" in beyond.stderr) == (1, True)


def test_half_a_zipped_export_is_gone_on_with(trust: Audited, tmp_path: Path) -> None:
    whole, half = tmp_path / "whole.ndjson.gz", tmp_path / "half.ndjson.gz"
    taken = qiledger("export", "RWK", "-o", str(whole), "--off-the-record", QILEDGER_DATABASE_URL=trust.url)
    assert taken.returncode == 0, taken.stderr
    content = whole.read_bytes()
    ends = member_ends(content)
    assert len(ends) >= 3, "the head, the records, what stands behind them: each can be gone on from"
    lines = gzip.decompress(content)
    for cut in (7, ends[0] + 1, ends[1], ends[1] + 30, len(content) - 3):
        part = tmp_path / "half.ndjson.gz.part"
        part.write_bytes(content[:cut])
        half.unlink(missing_ok=True)
        went_on = qiledger(
            "export", "RWK", "-o", str(half), "--off-the-record", QILEDGER_DATABASE_URL=trust.url
        )
        assert went_on.returncode == 0, went_on.stderr
        resumed = gzip.decompress(half.read_bytes())
        if cut < ends[0]:  # it began anew, at another moment
            assert verify_file(half).holds
            resumed, lines_here = resumed.partition(b"\n")[2], lines.partition(b"\n")[2]
            assert resumed == lines_here
        else:
            assert resumed == lines
        assert not part.exists()


def member_ends(content: bytes) -> list[int]:
    """Where each whole member of a gzip, or of the beginning of one, ends."""
    ends, at = list[int](), 0
    while at < len(content):
        unzip = zlib.decompressobj(16 + zlib.MAX_WBITS)
        unzip.decompress(content[at:])
        if not unzip.eof:
            break
        at = len(content) - len(unzip.unused_data)
        ends.append(at)
    return ends


def test_a_zipped_export_that_was_touched_is_not_gone_on_with(trust: Audited, tmp_path: Path) -> None:
    whole = tmp_path / "whole.ndjson"
    qiledger("export", "RWK", "-o", str(whole), "--off-the-record", QILEDGER_DATABASE_URL=trust.url)
    head, *lines = whole.read_bytes().splitlines(keepends=True)
    lines[2] = lines[2].replace(b'"actor":"client/lifeqi"', b'"actor":"client/lifeqj"')
    part = tmp_path / "half.ndjson.gz.part"
    part.write_bytes(gzip.compress(head) + gzip.compress(b"".join(lines[:40])))
    refused = qiledger(
        "export", "RWK", "-o", str(tmp_path / "half.ndjson.gz"), QILEDGER_DATABASE_URL=trust.url
    )
    assert refused.returncode == 1
    assert "Record 3 does not hold" in refused.stderr


def test_an_export_whose_process_is_killed_midway_is_gone_on_with(
    fresh_database_url: str, tmp_path: Path
) -> None:
    with psycopg.connect(fresh_database_url) as conn:
        conn.execute("SELECT log.open('RWK', 'East London')")
    tell_many(fresh_database_url, "RWK", 20_000, "a")
    assert sealed_by(fresh_database_url, "RWK")
    file = tmp_path / "rwk.ndjson.gz"
    part = tmp_path / "rwk.ndjson.gz.part"
    words = ("export", "RWK", "-o", str(file), "--off-the-record")
    env = {name: value for name, value in os.environ.items() if not name.startswith("QILEDGER_")}
    killed = subprocess.Popen(
        [sys.executable, "-m", "services.cli", *words], env=env | {"QILEDGER_DATABASE_URL": fresh_database_url},
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    wait_until(
        lambda: killed.poll() is not None or (part.exists() and part.stat().st_size > 20_000),
        within_s=60,
        what="some of it is written",
    )
    killed.kill()
    killed.wait(10)
    if not file.exists():
        begun = part.read_bytes()
        went_on = qiledger(*words, QILEDGER_DATABASE_URL=fresh_database_url)
        assert went_on.returncode == 0, went_on.stderr
        kept = member_ends(begun)[-1]
        assert file.read_bytes()[:kept] == begun[:kept], "what was whole was kept"
    verdict = verify_file(file)
    assert verdict.findings == []
    assert verdict.records == 20_000
