"""Exports by HTTP: streamed, verified with no database, put on record before they begin."""

from pathlib import Path

import psycopg

from events.log.verifying import verify_file
from tests.services.api.conftest import Door, event, problem


def test_an_export_by_http_holds_and_is_on_record(door: Door, database_url: str, tmp_path: Path) -> None:
    for n in range(5):
        door.tell(event(f"e{n}"))
    answer = door.get(f"/v1/{door.organisation}/export?purpose=Annual%20audit&projections=true")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-disposition"] == f'attachment; filename="{door.organisation}-1-5.ndjson"'
    file = tmp_path / "export.ndjson"
    file.write_bytes(answer.content)
    verdict = verify_file(file, unsigned=True)
    assert (verdict.findings, verdict.records) == ([], 5)
    with psycopg.connect(database_url) as conn:
        told = conn.execute(
            "SELECT body::json ->> 'purpose', actor FROM log.records WHERE organisation = %s AND type = 'export.taken'",
            (f"{door.organisation}.operations",),
        ).fetchall()
    assert told == [("Annual audit", "client/lifeqi")]


def test_a_part_is_taken_with_from_and_to(door: Door, tmp_path: Path) -> None:
    for n in range(5):
        door.tell(event(f"e{n}"))
    file = tmp_path / "part.ndjson"
    file.write_bytes(door.get(f"/v1/{door.organisation}/export?from=2&to=4").content)
    verdict = verify_file(file, unsigned=True)
    assert (verdict.findings, verdict.first, verdict.last) == ([], 2, 4)
    problem(door.get(f"/v1/{door.organisation}/export?to=6"), "wrong-parameter", 400)
    problem(door.get(f"/v1/{door.organisation}/export?from=0"), "wrong-parameter", 400)


def test_who_has_no_key_takes_nothing(stranger: Door) -> None:
    problem(stranger.get(f"/v1/{stranger.organisation}/export"), "no-key", 401)
