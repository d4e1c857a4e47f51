"""`qiledger import` brings a history, says what became of each line, and can be run again."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import psycopg

from services.api.routes import importing
from services.data import public_history
from services.importing.reading import LINE_BYTES_MAX
from tests.services.cli.conftest import Ledgers, qiledger
from tests.services.importing.breaking_line import breaking_line

FILE = str(public_history())


def bring(ledgers: Ledgers, *more: str, url: str | None = None, file: str = FILE) -> Any:
    given = [f"--key={code}={key}" for code, key in ledgers.keys.items()]
    return qiledger("import", file, "--url", url or ledgers.url, *given, *more)


def outcomes(report: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in report.read_text().splitlines()]


def test_it_says_of_each_line_what_became_of_it_and_a_second_time_keeps_nothing(
    ledgers: Ledgers, tmp_path: Path
):
    report = tmp_path / "first.ndjson"
    first = bring(ledgers, "--report", str(report))
    assert first.returncode == 0, first.stderr
    said = outcomes(report)
    assert [outcome["line"] for outcome in said] == list(range(1, 447))
    assert Counter(outcome["became"] for outcome in said) == {"kept": 394, "check": 52}
    for outcome in said:
        assert sum(line.startswith(outcome["name"]) for line in first.stdout.splitlines()) == 1
    kept = Counter(outcome["organisation"] for outcome in said for _ in outcome.get("events", ()))
    assert kept == {code: ledgers.position(code) for code in ledgers.keys}
    positions = [
        event["position"] for o in said if o["organisation"] == "RWK" for event in o.get("events", ())
    ]
    assert positions == list(range(1, kept["RWK"] + 1))

    second = bring(ledgers, "--report", str(report), "--quiet")
    assert second.returncode == 0, second.stderr
    assert Counter(outcome["became"] for outcome in outcomes(report)) == {"known": 394, "check": 52}
    assert kept == {code: ledgers.position(code) for code in ledgers.keys}
    assert "elft-0001" not in second.stdout
    assert "433" in second.stdout  # of the counters to check against


def test_dates_are_kept_as_exactly_as_they_are_known(ledgers: Ledgers):
    assert bring(ledgers, "--quiet").returncode == 0
    with psycopg.connect(ledgers.database_url) as conn:
        asked = "SELECT log.written(occurred_at, precise_to) FROM log.records WHERE id = %s"
        found = {
            id_: conn.execute(asked, (id_,)).fetchone() for id_ in ("elft-0001", "elft-0010", "elft-0257")
        }
    assert found == {"elft-0001": ("2014",), "elft-0010": ("2014-12",), "elft-0257": ("2022-05-20",)}


def test_a_dry_run_keeps_nothing(ledgers: Ledgers, tmp_path: Path):
    report = tmp_path / "dry.ndjson"
    dry = bring(ledgers, "--dry-run", "--report", str(report))
    assert dry.returncode == 0, dry.stderr
    assert Counter(outcome["became"] for outcome in outcomes(report)) == {"would_be_kept": 394, "check": 52}
    assert ledgers.position("RWK") == ledgers.position("RV3") == 0


def test_a_line_that_breaks_costs_nothing(ledgers: Ledgers, tmp_path: Path):
    report = tmp_path / "broken.ndjson"
    with breaking_line(ledgers.server.port, breaks=4, after_bytes=20_000) as line:
        brought = bring(ledgers, "--report", str(report), url=f"http://127.0.0.1:{line.port}")
        assert line.breaks_left < 4  # it did break
    assert brought.returncode == 0, brought.stderr
    said = outcomes(report)
    assert len(said) == 446
    assert {outcome["became"] for outcome in said} == {"kept", "known", "check"}
    told = Counter(outcome["organisation"] for outcome in said for _ in outcome.get("events", ()))
    assert told == {code: ledgers.position(code) for code in ledgers.keys}


def test_what_is_refused_says_why_and_the_others_are_kept(ledgers: Ledgers, tmp_path: Path):
    lines = public_history().read_text().splitlines()[:3]
    file = tmp_path / "three.jsonl"
    file.write_text("\n".join(lines) + "\n")
    assert bring(ledgers, file=str(file)).returncode == 0
    changed = json.loads(lines[1]) | {"note": "Somebody read the page again"}
    file.write_text("\n".join([lines[0], json.dumps(changed), "{broken", lines[2]]) + "\n")
    again = bring(ledgers, file=str(file))
    assert again.returncode == 1
    said = again.stdout.splitlines()
    assert any(
        "elft-0002" in line and "refused" in line and "kept under this source and id" in line for line in said
    )
    assert any("line 3" in line and "not understood" in line for line in said)
    assert any("elft-0003" in line and "known already" in line for line in said)


def test_an_organisation_without_a_key_is_named_and_the_other_is_brought(ledgers: Ledgers):
    given = f"--key=RWK={ledgers.keys['RWK']}"
    brought = qiledger("import", FILE, "--url", ledgers.url, given)
    assert brought.returncode == 1
    assert "there is no key for RV3" in brought.stdout
    assert ledgers.position("RWK") > 300
    assert ledgers.position("RV3") == 0


def test_keys_may_come_from_the_environment(ledgers: Ledgers):
    env = {f"QILEDGER_API_KEY_{code}": key for code, key in ledgers.keys.items()}
    brought = qiledger("import", FILE, "--quiet", QILEDGER_URL=ledgers.url, **env)
    assert brought.returncode == 0, brought.stderr
    assert ledgers.position("RV3") > 90


def test_a_key_that_is_not_known_is_said_plainly(ledgers: Ledgers):
    wrong = qiledger("import", FILE, "--url", ledgers.url, "--key", "RWK=qi_live_AAAAAAAA_" + "x" * 43)
    assert wrong.returncode == 1
    assert "This API key is not known" in wrong.stderr
    assert "Traceback" not in wrong.stderr


def test_an_api_that_is_not_there_is_said_plainly():
    away = qiledger("import", FILE, "--url", "http://127.0.0.1:9", "--key", "RWK=x")
    assert away.returncode == 1
    assert "127.0.0.1:9 does not take events" in away.stderr
    assert "Traceback" not in away.stderr


EVENT: dict[str, Any] = {
    "specversion": "1.0",
    "id": "mine",
    "source": "https://qiledger.example/history/public/mine",
    "type": "improvement.reported",
    "subject": "improvement/I-1",
    "time": "2024-01-15T09:00:00Z",
    "data": {"level": "team", "what_changed": "The huddle starts on time."},
}


def written(file: Path, *events: dict[str, Any]) -> str:
    file.write_text("".join(f"{json.dumps(event)}\n" for event in events))
    return str(file)


def test_a_key_of_one_organisation_serves_beside_the_keys_of_others(ledgers: Ledgers, tmp_path: Path):
    """As they stand in the environment after the lines that the demo prints."""
    file = written(tmp_path / "events.ndjson", EVENT)
    env = {
        "QILEDGER_URL": ledgers.url,
        "QILEDGER_API_KEY": ledgers.keys["RWK"],
        "QILEDGER_API_KEY_RV3": ledgers.keys["RV3"],
    }
    brought = qiledger("import", file, "--organisation", "RWK", **env)
    assert brought.returncode == 0, brought.stderr
    assert ledgers.position("RWK") == 1


def test_odd_lines_are_shown_as_they_are_and_end_nothing(ledgers: Ledgers, tmp_path: Path):
    odd = [
        EVENT | {"id": "[/id]"},
        EVENT | {"id": "type", "type": "[/b]"},
        EVENT | {"id": "subject", "subject": "[/project]"},
    ]
    file = written(tmp_path / "[fine] [_] [x].ndjson", *odd, EVENT)
    brought = qiledger(
        "import", file, "--url", ledgers.url, "--key", ledgers.keys["RWK"], "--organisation", "RWK"
    )
    assert "Traceback" not in brought.stderr, brought.stderr
    said = brought.stdout.splitlines()
    for words in ("[/id]", "[/b]", "[/project]"):
        assert any(words in line for line in said), words
    assert ledgers.position("RWK") == 2


def test_a_line_as_long_as_the_api_takes_it_is_sent(ledgers: Ledgers, tmp_path: Path):
    assert LINE_BYTES_MAX == importing.LINE_BYTES_MAX
    long = EVENT | {"id": "long", "traceparent": " " * 66_000}
    file = written(tmp_path / "events.ndjson", EVENT, long)
    brought = qiledger(
        "import", file, "--url", ledgers.url, "--key", ledgers.keys["RWK"], "--organisation", "RWK"
    )
    assert brought.returncode == 0, brought.stdout
    assert ledgers.position("RWK") == 2


def test_cloud_events_are_sent_as_they_are(ledgers: Ledgers, tmp_path: Path):
    file = tmp_path / "events.ndjson"
    written(file, EVENT, EVENT | {"id": "other", "type": "improvement.dreamt"})
    given = ("--url", ledgers.url, "--key", ledgers.keys["RWK"], "--organisation", "RWK")
    brought = qiledger("import", str(file), *given)
    assert brought.returncode == 1
    assert "No event type has this name" in brought.stdout
    assert ledgers.position("RWK") == 1
    assert "--organisation" in qiledger("import", str(file), "--url", ledgers.url, "--key", "RWK=x").stderr
