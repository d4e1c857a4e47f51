"""`qiledger keys`: made, listed, changed and ended at the command line."""

import json
from collections.abc import Callable

import psycopg
import pytest
from click.testing import CliRunner, Result

from services.cli import main

Run = Callable[..., Result]


@pytest.fixture
def keys(fresh_database_url: str, monkeypatch: pytest.MonkeyPatch) -> Run:
    with psycopg.connect(fresh_database_url) as conn:
        conn.execute("SELECT log.open('RWK', 'East London')")
    monkeypatch.setenv("QILEDGER_DATABASE_URL", fresh_database_url)

    def run(*words: str) -> Result:
        return CliRunner().invoke(main, ["keys", *words])

    return run


def test_a_key_is_shown_once_and_never_listed(keys: Run) -> None:
    made = keys("create", "RWK", "--client", "lifeqi", "--source", "/lifeqi")
    assert made.exit_code == 0, made.output
    key = made.stdout.strip()
    assert key.startswith("qi_live_")
    assert "cannot be shown again" in made.stderr
    listed = keys("list", "RWK", "--json")
    assert key not in listed.output
    (line,) = json.loads(listed.output)
    assert (line["id"], line["client"], line["state"], line["sources"]) == (
        key[8:16],
        "lifeqi",
        "live",
        ["/lifeqi"],
    )
    assert "lifeqi" in keys("list").output


def test_a_key_is_rotated_and_revoked(keys: Run) -> None:
    first = json.loads(keys("create", "RWK", "--client", "lifeqi", "--source", "*", "--json").stdout)
    second = json.loads(keys("rotate", "RWK", first["id"], "--json").stdout)
    assert second["key"] != first["key"]
    assert keys("revoke", "RWK", first["id"]).exit_code == 0
    states = {line["id"]: line["state"] for line in json.loads(keys("list", "--json").output)}
    assert states == {first["id"]: "revoked", second["id"]: "live"}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("create", "RV3", "--client", "x", "--source", "*"), "no log is kept for organisation RV3"),
        (("create", "RWK", "--client", "x"), "needs a source"),
        (("create", "RWK", "--client", "x", "--scope", "all"), "is no scope"),
        (("rotate", "RWK", "nokeyyet"), "no live key"),
        (("revoke", "RWK", "nokeyyet"), "no key"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_sentence(keys: Run, words: tuple[str, ...], says: str) -> None:
    refused = keys(*words)
    assert refused.exit_code == 1
    assert says in refused.output
    assert "Traceback" not in refused.output


def test_without_a_database_the_command_says_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("QILEDGER_DATABASE_URL", raising=False)
    for words in (["keys", "list"], ["serve"]):
        refused = CliRunner().invoke(main, words)
        assert (refused.exit_code, "QILEDGER_DATABASE_URL" in refused.output) == (1, True)


def test_a_list_in_a_narrow_terminal_shows_what_the_next_command_asks_for(
    keys: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    source = "https://a-system-with-a-long-name.example.org/improvement"
    made = json.loads(keys("create", "RWK", "--client", "a-long-client", "--source", source, "--json").stdout)
    listed = keys("list", "RWK").output
    assert made["id"] in listed
    assert "…" not in listed
    assert max(map(len, listed.splitlines())) <= 80


def test_a_key_with_more_sources_than_one_may_have_is_not_made(keys: Run) -> None:
    sources = [word for n in range(21) for word in ("--source", f"/system/{n}")]
    refused = keys("create", "RWK", "--client", "lifeqi", *sources)
    assert refused.exit_code == 1
    assert "at most 20" in refused.output
    assert json.loads(keys("list", "RWK", "--json").output) == []
