"""Replays, audits, and the reasons of a row: from an export alone, and from a live log that is only read."""

import csv
import gzip
import io
import json
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from tests.audited import Audited
from tests.events.log.sealing import KEY, tamper
from tests.services.cli.conftest import qiledger


@pytest.fixture(scope="session")
def export(trust: Audited, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The whole log, in a file."""
    file = tmp_path_factory.mktemp("export") / "rwk.ndjson"
    taken = qiledger("export", "RWK", "-o", str(file), "--off-the-record", QILEDGER_DATABASE_URL=trust.url)
    assert taken.returncode == 0, taken.stderr
    return file


def test_the_same_rows_come_of_an_export_and_of_the_live_log(trust: Audited, export: Path) -> None:
    alone = qiledger("replay", str(export), "--json")
    live = qiledger("replay", "RWK", "--json", QILEDGER_DATABASE_URL=trust.url)
    assert (alone.returncode, live.returncode) == (0, 0), alone.stderr + live.stderr
    assert alone.stdout == live.stdout
    digests = {line["projection"]: line for line in map(json.loads, alone.stdout.splitlines())}
    assert digests["projects"]["rows"] >= 2


def test_rows_are_printed_as_at_a_day(export: Path) -> None:
    now = qiledger("replay", str(export), "--projection", "projects", "--csv")
    then = qiledger("replay", str(export), "--projection", "projects", "--csv", "--as-at", "2022-05-02")
    rows = {row["key"]: row for row in csv.DictReader(io.StringIO(now.stdout))}
    assert rows["project/S-1"]["title"] == "Fewer falls"
    assert "project/P-9" not in rows  # told by mistake, and retracted
    assert [row["key"] for row in csv.DictReader(io.StringIO(then.stdout))] == ["project/S-1"]


def test_a_question_is_asked_of_an_export_with_no_database_of_the_house(export: Path) -> None:
    asked = ["replay", str(export), "--projection", "trust_scoreboard", "--question", "counters", "--json"]
    answered = qiledger(*asked)
    assert answered.returncode == 0, answered.stderr
    assert json.loads(answered.stdout.splitlines()[0])["projects"] >= 2


def test_what_does_not_hold_is_not_folded(export: Path, tmp_path: Path) -> None:
    touched = tmp_path / "touched.ndjson"
    touched.write_bytes(export.read_bytes().replace(b"client/lifeqi", b"client/lifeqj", 1))
    refused = qiledger("replay", str(touched))
    assert (refused.returncode, "does not hold" in refused.stderr) == (1, True)


def test_an_audit_without_differences_ends_with_nought(trust: Audited, export: Path) -> None:
    plain = qiledger("audit", "RWK", "--public-key", KEY.public.write(), QILEDGER_DATABASE_URL=trust.url)
    assert plain.returncode == 0, plain.stdout + plain.stderr
    assert "No differences" in plain.stdout
    against = qiledger("audit", "RWK", "--export", str(export), QILEDGER_DATABASE_URL=trust.url)
    assert against.returncode == 0, against.stdout + against.stderr


def test_a_row_that_was_touched_is_named_field_by_field_with_the_records_behind_it(
    trust_to_touch: str, export: Path
) -> None:
    with psycopg.connect(trust_to_touch) as conn:
        row = conn.execute("SELECT build FROM projections.active WHERE projection = 'projects'").fetchone()
        assert row is not None
        changed = conn.execute(
            f"UPDATE projects_b{row[0]}.projects_rows SET title = 'No falls' WHERE key = 'project/S-1'"
        )
        assert changed.rowcount == 1
    for more in ([], ["--export", str(export)]):
        found = qiledger("audit", "RWK", "--json", *more, QILEDGER_DATABASE_URL=trust_to_touch)
        assert found.returncode == 1
        (projects,) = [each for each in json.loads(found.stdout)["compared"] if each["mismatches"]]
        (mismatch,) = projects["mismatches"]
        assert (projects["projection"], mismatch["key"]) == ("projects", "project/S-1")
        assert mismatch["fields"] == [{"name": "title", "shown": "No falls", "folded": "Fewer falls"}]
        assert 1 in mismatch["positions"]


def test_a_log_that_a_superuser_rewrote_with_its_leaf_is_found_by_the_export_and_by_the_seal(
    trust_to_touch: str, export: Path
) -> None:
    tamper(trust_to_touch, REWRITE)
    against = qiledger("audit", "RWK", "--export", str(export), QILEDGER_DATABASE_URL=trust_to_touch)
    assert (against.returncode, "are not those of the export" in against.stdout) == (1, True)
    by_key = ["audit", "RWK", "--public-key", KEY.public.write()]
    sealed = qiledger(*by_key, QILEDGER_DATABASE_URL=trust_to_touch)
    assert sealed.returncode == 1, sealed.stdout
    assert "✗" in sealed.stdout


REWRITE = """
    WITH other AS (SELECT r.*, log.leaf(log.canonical(
               r.organisation, r.position, r.stream, r.version, r.source, r.id, r.type,
               log.written(r.occurred_at, r.precise_to), log.written(r.recorded_at), 'client/other', r.body)) AS made
          FROM log.records AS r WHERE organisation = 'RWK' AND position = 5)
    UPDATE log.records AS r SET actor = 'client/other', leaf = other.made
      FROM other WHERE r.organisation = 'RWK' AND r.position = 5
"""


def test_why_a_row_is_so_is_said_step_by_step(trust: Audited, export: Path) -> None:
    asked = ["project/S-1", "--projection", "projects", "--json"]
    live = qiledger("why", "RWK", *asked, QILEDGER_DATABASE_URL=trust.url)
    alone = qiledger("why", str(export), *asked)
    assert (live.returncode, alone.returncode) == (0, 0), live.stderr + alone.stderr
    assert json.loads(live.stdout) == json.loads(alone.stdout)
    told = json.loads(live.stdout)
    first = told["steps"][0]
    assert (first["type"], first["standing"], first["before"]) == ("project.started", "counts", None)
    (corrected,) = first["corrected_by"]
    correction = next(step for step in told["steps"] if step["position"] == corrected)
    assert (correction["standing"], correction["puts_right"]) == ("puts_right", [1])
    assert told["row"]["title"] == "Fewer falls"
    assert told["row"] == told["steps"][-1]["after"]
    in_words = qiledger("why", str(export), *asked[:-1])
    assert "puts right record 1" in in_words.stdout


def test_a_thing_that_is_named_without_its_kind_is_said_to_have_one(export: Path) -> None:
    assert "such as project/S-1" in qiledger("why", str(export), "S-1").stderr


def test_where_no_log_is_kept_nothing_is_said_of_its_records(trust: Audited) -> None:
    asked = qiledger("why", "RWX", "project/P-1", QILEDGER_DATABASE_URL=trust.url)
    assert asked.returncode == 1
    assert "No log is open for RWX" in asked.stderr


def test_a_row_that_is_not_there_any_more_says_why(export: Path) -> None:
    told = json.loads(
        qiledger("why", str(export), "project/P-9", "--projection", "projects", "--json").stdout
    )
    assert told["row"] is None
    assert [step["standing"] for step in told["steps"]] == ["retracted", "puts_right"]
    history = qiledger("why", str(export), "project/P-9", "--json")
    assert [step["standing"] for step in json.loads(history.stdout)["steps"]] == ["retracted", "puts_right"]


def _second_record(export: bytes, was: bytes, now: bytes) -> bytes:
    lines = export.splitlines(keepends=True)
    assert was in lines[2]
    return b"".join([*lines[:2], lines[2].replace(was, now, 1), *lines[3:]])


Damage = Callable[[bytes], bytes]
DAMAGE: dict[str, tuple[Damage, str]] = {
    "nothing at all": (lambda _: b"", "the file is empty"),
    "another file": (lambda _: b"\x89PNG\r\n\x1a\n" + bytes(3_000), "line 1: "),
    "a page of a proxy": (lambda _: b"<!doctype html>\n", "line 1: the first line cannot be believed"),
    "lines of Windows": (lambda good: good.replace(b"\n", b"\r\n"), "line 1: it ends as lines do in Windows"),
    "half a file": (lambda good: good[: len(good) // 2], "the line does not end"),
    "half a line": (lambda good: _second_record(good, b'"body"', b"\n"), "line 3, record 2"),
    "half a letter": (lambda good: _second_record(good, b"lifeqi", b"life\xff"), "it is not UTF-8"),
    "a moment that is none": (
        lambda good: _second_record(good, b'"2022-', b'"2x22-'),
        "record 2: a moment is",
    ),
    "braces without end": (
        lambda good: _second_record(good, b'"body":{', b'"body":' + b'{"a":' * 20_000 + b"{"),
        "line 3, record 2: it is nested more deeply",
    ),
    "a line without end": (lambda _: b"x" * 5_000_000, "a line has more than 1,048,576 bytes"),
    "a line without end, zipped": (
        lambda good: gzip.compress(good.splitlines(keepends=True)[0] + b"x" * 5_000_000, 1),
        "a line has more than 1,048,576 bytes",
    ),
    "half a zip": (lambda good: gzip.compress(good)[:-200], "it does not unzip"),
    "the beginning of a zip": (lambda _: b"\x1f\x8b", "it does not unzip"),
}


@pytest.mark.parametrize("what", DAMAGE)
def test_a_file_that_is_no_whole_export_is_named_with_its_line_and_what_to_do(
    trust: Audited, export: Path, tmp_path: Path, what: str
) -> None:
    damage, says = DAMAGE[what]
    file = tmp_path / "rwk.ndjson"
    file.write_bytes(damage(export.read_bytes()))
    audit = ["audit", "RWK", "--off-the-record", "--export", str(file)]
    for command in (["replay", str(file)], audit):
        refused = qiledger(*command, QILEDGER_DATABASE_URL=trust.url)
        told = _unwrapped(refused.stderr)
        assert (refused.returncode, says in told) == (1, True), refused.stderr
        assert f"qiledger verify {file}" in told
    verified = qiledger("verify", str(file))
    assert (verified.returncode, says in verified.stdout, verified.stderr.strip()) == (1, True, "")
    asked = qiledger("why", str(file), "project/S-1")
    assert (asked.returncode, f"qiledger verify {file}" in _unwrapped(asked.stderr)) == (1, True), (
        asked.stderr
    )


def _unwrapped(said: str) -> str:
    return " ".join(said.replace("│", "").split())


def test_what_is_neither_a_file_nor_an_organisation_is_said_to_be_neither(export: Path) -> None:
    for command in (["replay"], ["why", "project/S-1"]):
        words = [command[0], str(export.parent), *command[1:]]
        assert "is a directory" in qiledger(*words).stderr
        words[1] = str(export.with_suffix(".missing"))
        missing = qiledger(*words)
        assert (missing.returncode, "There is no file" in missing.stderr) == (1, True)


def test_a_record_that_a_superuser_made_to_be_none_is_named(trust_to_touch: str) -> None:
    tamper(trust_to_touch, NO_JSON)
    for command in ("audit", "replay"):
        refused = qiledger(command, "RWK", QILEDGER_DATABASE_URL=trust_to_touch)
        assert refused.returncode == 1
        assert "Record 5 does not hold: it is not the JSON of a record" in refused.stderr
        assert "qiledger doctor --proof" in refused.stderr


NO_JSON = REWRITE.replace("'client/other', r.body", "r.actor, '{oops'").replace(
    "actor = 'client/other'", "body = '{oops'"
)
