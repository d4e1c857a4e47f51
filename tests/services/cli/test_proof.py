"""Keys, checkpoints, refusals and the doctor's look at the proof, as commands."""

import os
from pathlib import Path

import psycopg
from click.testing import CliRunner, Result

from events.log.notes import NoteKey, SigningKey
from events.log.sealing_key import Signer
from services.cli import main
from tests.events.log.sealing import HOST, sealed_by, tamper, tell_many


def qiledger(*words: str, **env: str) -> Result:
    """A command, in this process: there are many of them here, and a new one takes a second to start."""
    bare = {name: None for name in os.environ if name.startswith("QILEDGER_")}
    return CliRunner().invoke(main, words, env=bare | {"COLUMNS": "200"} | env)


def opened(url: str) -> None:
    with psycopg.connect(url) as conn:
        conn.execute("SELECT log.open('RWK', 'East London')")


def test_a_checkpoint_that_was_kept_is_held_against_the_log(fresh_database_url: str, tmp_path: Path) -> None:
    url, file, kept = fresh_database_url, tmp_path / "sealing-key", tmp_path / "kept.txt"
    opened(url)
    made = qiledger("sealing-key", "new", str(file))
    public = NoteKey.read(made.stdout)
    assert file.stat().st_mode & 0o777 == 0o600
    again = qiledger("sealing-key", "new", str(file))
    assert again.exit_code == 1
    assert "never overwritten" in again.stderr
    env = {"QILEDGER_DATABASE_URL": url, "QILEDGER_SEALING_KEY_FILE": str(file), "QILEDGER_LOG_ORIGIN": HOST}
    by = Signer(key=SigningKey.read(file.read_text()), host=HOST)
    assert qiledger("sealing-key", "show", **env).stdout == f"{public.named(f'{HOST}/RWK').write()}\n"
    assert "Nothing is sealed yet" in qiledger("checkpoint", **env).stderr

    tell_many(url, "RWK", 300, "a")
    assert sealed_by(url, "RWK", by)
    printed = qiledger("checkpoint", "RWK", **env)
    kept.write_text(printed.stdout)
    assert printed.stdout.startswith(f"{HOST}/RWK\n300\n")
    tell_many(url, "RWK", 30, "b")
    assert sealed_by(url, "RWK", by)
    said = qiledger("checkpoint", "--verify", str(kept), **env)
    assert said.stdout == "RWK still begins with the 300 records of that checkpoint. 330 are sealed now.\n"

    kept.write_text("\r\n" + printed.stdout.replace("\n", "\r\n    "))  # as it comes out of an e-mail
    assert qiledger("checkpoint", "--verify", str(kept), **env).exit_code == 0

    public_only = {"QILEDGER_DATABASE_URL": url, "QILEDGER_SEALING_KEYS_BEFORE": public.write()}
    assert qiledger("checkpoint", "--verify", str(kept), **public_only).exit_code == 0
    kept.write_text(printed.stdout.replace("\n300\n", "\n299\n"))
    assert "does not hold" in qiledger("checkpoint", "--verify", str(kept), **env).stderr


def test_the_doctor_finds_a_rewritten_record_and_an_operator_decides_about_a_refusal(
    fresh_database_url: str, tmp_path: Path
) -> None:
    url, file = fresh_database_url, tmp_path / "sealing-key"
    opened(url)
    qiledger("sealing-key", "new", str(file))
    env = {"QILEDGER_DATABASE_URL": url, "QILEDGER_SEALING_KEY_FILE": str(file)}
    by = Signer(key=SigningKey.read(file.read_text()), host=HOST)
    tell_many(url, "RWK", 300, "a")
    assert sealed_by(url, "RWK", by)
    assert "300 records, and everything that was sealed" in qiledger("doctor", "--proof", **env).stdout
    tamper(url, "UPDATE log.records SET actor = 'q' WHERE organisation = %s AND position = 7", "RWK")
    told = qiledger("doctor", "--proof", **env)
    assert told.exit_code == 1
    assert "RWK record 7" in told.stdout

    assert (qiledger("refusals", **env).exit_code, qiledger("refusals", **env).stdout) == (0, "")
    tell_many(url, "RWK", 3, "b")
    tamper(url, "UPDATE log.records SET actor = 'q' WHERE organisation = %s AND position = 302", "RWK")
    assert not sealed_by(url, "RWK", by)
    assert "refused: record 302" in qiledger("doctor", **env).stdout
    standing = qiledger("refusals", **env)
    assert standing.exit_code == 1
    assert "record 302" in standing.stdout
    assert "Say which log" in qiledger("refusals", "--try-again", "x", **env).stderr
    tamper(
        url,
        "UPDATE log.records SET actor = 'client/“tests”' WHERE organisation = %s AND position = 302",
        "RWK",
    )
    assert "looks at RWK again" in qiledger("refusals", "RWK", "--try-again", "put right", **env).stdout
    assert sealed_by(url, "RWK", by)
    assert "No refusal stands" in qiledger("refusals", "RWK", "--begin-anew", "x", **env).stderr
    assert "guards of the proof" not in qiledger("doctor", **env).stdout
    with psycopg.connect(url) as conn:
        conn.execute("ALTER TABLE proof.tiles DISABLE TRIGGER only_grows")
    assert "1 of 11 is down" in qiledger("doctor", **env).stdout


def test_a_witness_is_made_and_says_what_it_has_seen(tmp_path: Path) -> None:
    where = ("--directory", str(tmp_path / "w"))
    log = SigningKey.make(f"{HOST}/RWK").public.write()
    made = qiledger("witness", "init", *where, "--name", "witness.example/w1", "--log", log)
    assert NoteKey.read(made.stdout).name == "witness.example/w1"
    assert qiledger("witness", "init", *where, "--name", "witness.example/w1").exit_code == 1
    other = SigningKey.make(f"{HOST}/RV3").public.write()
    assert qiledger("witness", "trust", *where, "--log", other).exit_code == 0
    said = qiledger("witness", "status", *where).stdout
    assert said == f"{made.stdout}{HOST}/RV3  0  -\n{HOST}/RWK  0  -\n"
    assert "name+id+key" in qiledger("witness", "trust", *where, "--log", "nonsense").stderr
    assert "holds no witness" in qiledger("witness", "status", "--directory", str(tmp_path)).stderr
