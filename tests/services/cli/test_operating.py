"""The operator's commands: they say what they did, what is missing, and what to do about it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest

from services.operating import as_role, open_house
from services.whole_house import house_at, write_env, write_exports
from tests.conftest import in_database
from tests.services.cli.conftest import Ledgers, qiledger


def findings(**env: str) -> dict[str, dict[str, Any]]:
    said = qiledger("doctor", "--json", **env)
    assert "Traceback" not in said.stderr
    return {finding["what"]: finding for finding in json.loads(said.stdout)}


def test_organisations_are_opened_renamed_and_listed(fresh_database_url: str):
    env = {"QILEDGER_DATABASE_URL": fresh_database_url}
    assert qiledger("organisations", "open", "RWK", "--name", "East Londn", **env).returncode == 0
    assert qiledger("organisations", "open", "RWK", "--name", "East London", **env).returncode == 0
    listed = qiledger("organisations", "list", **env).stdout
    assert "RWK" in listed
    assert "East London" in listed
    assert "East Londn" not in listed


def test_a_list_shows_names_as_they_are(fresh_database_url: str):
    env = {"QILEDGER_DATABASE_URL": fresh_database_url}
    assert qiledger("organisations", "open", "RWK", "--name", "East [/b] London [x]", **env).returncode == 0
    assert "East [/b] London [x]" in qiledger("organisations", "list", **env).stdout


def test_an_organisation_has_a_code(fresh_database_url: str):
    refused = qiledger(
        "organisations", "open", "rwk", "--name", "x", QILEDGER_DATABASE_URL=fresh_database_url
    )
    assert refused.returncode == 1
    assert "2 to 10 capital letters" in refused.stderr


def test_migrate_says_what_it_did_and_lets_roles_in(fresh_database_url: str):
    again = qiledger("migrate", QILEDGER_DATABASE_URL=fresh_database_url)
    assert "up to date" in again.stdout
    let_in = qiledger("migrate", "--let-in", QILEDGER_DATABASE_URL=fresh_database_url)
    assert "qiledger_api may log in" in let_in.stdout
    assert "qiledger_worker may log in" in let_in.stdout


def test_a_house_that_is_opened_is_entered_as_its_roles(fresh_database_url: str):
    if "QILEDGER_TEST_DATABASE_URL" in os.environ:
        pytest.skip("a given server may ask for passwords")
    ways = open_house(fresh_database_url)
    for url, role in ((ways.api, "qiledger_api"), (ways.worker, "qiledger_worker")):
        with psycopg.connect(url) as conn:
            assert conn.execute("SELECT current_user, session_user").fetchone() == (role, role)


def test_a_role_takes_the_place_of_the_administrator_in_a_url():
    given = "postgresql://admin:secret@db.example:5433/qiledger?sslmode=require&user=x"
    assert as_role(given, "qiledger_api", password="a/b") == (
        "postgresql://qiledger_api:a%2Fb@db.example:5433/qiledger?sslmode=require"
    )


def test_on_a_server_that_is_not_ours_roles_are_left_as_they_are_and_still_keep_to_themselves(
    fresh_database_url: str,
):
    ways = open_house(fresh_database_url, trusted=False)
    with psycopg.connect(fresh_database_url) as conn:
        administrator = conn.execute("SELECT session_user").fetchone()
    with psycopg.connect(ways.api) as conn:
        assert conn.execute("SELECT current_user, current_setting('lock_timeout')").fetchone() == (
            "qiledger_api",
            "5s",
        )
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            conn.execute("INSERT INTO log.heads (organisation, name) VALUES ('RWK', 'East London')")
    with psycopg.connect(ways.worker) as conn:
        assert conn.execute("SELECT current_user").fetchone() == ("qiledger_worker",)
        assert conn.execute("SELECT session_user").fetchone() == administrator  # nobody logged in as the role


def test_the_doctor_finds_a_house_well(ledgers: Ledgers, redis_url: str):
    found = findings(
        QILEDGER_URL=ledgers.url, QILEDGER_DATABASE_URL=ledgers.database_url, QILEDGER_REDIS_URL=redis_url
    )
    for what in ("API", "database", "schema", "guards of the log", "log RWK", "doorbell", "projections"):
        assert found[what]["state"] == "well", found[what]


def test_the_doctor_sees_what_is_missing_and_says_what_to_do(postgres_url: str, fresh_database_url: str):
    found = findings(
        QILEDGER_DATABASE_URL=in_database(postgres_url, "postgres"), QILEDGER_URL="http://127.0.0.1:9"
    )
    assert found["schema"]["state"] == "wrong"
    assert found["schema"]["cure"] == "qiledger migrate"
    assert found["API"]["state"] == "wrong"
    assert found["doorbell"]["state"] == "mind"


def test_the_doctor_sees_settings_that_would_lose_what_was_acknowledged(fresh_database_url: str):
    url = f"{fresh_database_url}{'&' if '?' in fresh_database_url else '?'}options=-csynchronous_commit%3Doff"
    assert findings(QILEDGER_DATABASE_URL=url)["synchronous_commit"]["state"] == "wrong"


def test_the_doctor_sees_a_guard_that_was_taken_down(fresh_database_url: str):
    with psycopg.connect(fresh_database_url) as conn:
        conn.execute("ALTER TABLE log.records DISABLE TRIGGER never_rewritten")
        conn.execute("DROP EVENT TRIGGER qiledger_log_stands")
    found = findings(QILEDGER_DATABASE_URL=fresh_database_url)
    assert found["guards of the log"]["state"] == "wrong"
    assert "never_rewritten" in found["guards of the log"]["said"]
    assert found["guard of the schema"]["state"] == "mind"


def test_a_password_that_holds_an_at_sign_is_not_told_as_a_host():
    """What comes behind it would be one to the driver, and the driver says so."""
    for command in (["status"], ["doctor"], ["migrate"], ["keys", "list", "RWK"]):
        said = qiledger(*command, QILEDGER_DATABASE_URL="postgresql://qi:ab@s3cret@127.0.0.1:1/qiledger")
        assert "s3cret" not in said.stdout + said.stderr
        assert (said.returncode, "@ as %40" in said.stderr) == (1, True)


def test_the_doctor_never_prints_a_password():
    said = qiledger("doctor", QILEDGER_DATABASE_URL="postgresql://admin:hunter2@127.0.0.1:9/qiledger")
    assert said.returncode == 1
    assert "cannot be reached" in said.stdout
    assert "hunter2" not in said.stdout + said.stderr


def test_status_without_a_house_says_how_to_start_one(tmp_path: Path):
    said = qiledger("status", QILEDGER_DATA_DIRECTORY=str(tmp_path))
    assert said.returncode == 0
    assert "qiledger up" in said.stdout


def test_the_placard_of_a_house_is_read_as_a_shell_reads_it(tmp_path: Path):
    lines = {
        "QILEDGER_URL": "http://127.0.0.1:8080",
        "QILEDGER_DATABASE_URL": "postgresql://a:b'c$d@h/x?e=1&f=2",
    }
    write_exports(tmp_path / "house.env", lines)
    assert (tmp_path / "house.env").stat().st_mode & 0o777 == 0o600
    assert house_at(tmp_path) == lines


def test_the_file_for_scripts_has_plain_lines(tmp_path: Path):
    write_env(tmp_path / "demo.env", {"QILEDGER_URL": "http://[::1]:8080", "QILEDGER_API_KEY": "qi_live_x_y"})
    assert (tmp_path / "demo.env").stat().st_mode & 0o777 == 0o600
    lines = (tmp_path / "demo.env").read_text().splitlines()
    assert lines == ["QILEDGER_URL=http://[::1]:8080", "QILEDGER_API_KEY=qi_live_x_y"]


def test_who_reads_the_placard_into_a_shell_has_it_in_every_command_from_then_on(tmp_path: Path):
    write_exports(tmp_path / "house.env", {"QILEDGER_URL": "http://h:1/?a=1&b=$HOME"})
    command = (
        f". {tmp_path / 'house.env'}; {sys.executable} -c 'import os; print(os.environ[\"QILEDGER_URL\"])'"
    )
    said = subprocess.run(["sh", "-c", command], env={}, capture_output=True, text=True, check=True)
    assert said.stdout == "http://h:1/?a=1&b=$HOME\n"
