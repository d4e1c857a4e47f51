"""Twenty words are planted, read, erased; then they are looked for everywhere. (UK GDPR, Article 17.)

The whole data directory of a house of its own is searched, byte by byte: tables, indexes, write-ahead
log, Valkey, logs.
"""

import base64
import itertools
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from events.log import keys
from services.channels.inbox import Inbox
from services.channels.letter import Letter
from services.whole_house import DATABASE
from tests.patience import wait_until
from tests.plain_http import PLAIN
from tests.services.cli.conftest import qiledger
from tests.standing_house import BATCH, Organisation, StandingHouse, standing_house

PERSON = "person/8Qm2"
LETTER = "To you alone: a nightingale"
CANARIES = [f"canary{n:02}warbled" for n in range(20)]


@pytest.fixture(scope="module")
def home() -> Iterator[StandingHouse]:
    with standing_house(fresh=1) as home:
        yield home


def planted() -> list[dict[str, Any]]:
    """Events with a canary each: by the person and about them, in every kind of stream that has such words."""
    kinds: list[tuple[str, str, dict[str, Any]]] = [
        ("training.withdrawn", "cohort/C-1", {"course": "icp", "person": PERSON, "reason": ""}),
        ("person.left", "project/P-1", {"person": PERSON, "reason": ""}),
        ("coach.stepped_down", PERSON, {"reason": ""}),
        ("comment.posted", "project/P-1", {"text": ""}),
        ("forum_member.left", "forum/newham", {"person": PERSON, "reason": ""}),
    ]
    events = []
    for canary, (type_, subject, data) in zip(CANARIES[:17], itertools.cycle(kinds), strict=False):
        words = {name: value or f"Because {canary} so loudly" for name, value in data.items()}
        events.append(
            {
                "specversion": "1.0",
                "id": f"e-{canary[6:8]}",
                "source": "/tests",
                "type": type_,
                "subject": subject,
                "time": "2024-05-20T09:30:00Z",
                "actor": PERSON,
                "data": words,
            }
        )
    return events


def found_in(directory: Path, wanted: list[bytes]) -> set[tuple[str, bytes]]:
    """Which of the wanted bytes stand in which file."""
    found = set()
    for file in directory.rglob("*"):
        if file.is_file() and not file.is_symlink():
            held = file.read_bytes()
            found |= {(str(file.relative_to(directory)), want) for want in wanted if want in held}
    return found


def as_written(words: str) -> list[bytes]:
    """Words as they could stand somewhere: plain, in UTF-16, in base64 at any of three offsets."""
    plain = words.encode()
    coded = [base64.b64encode(b"x" * n + plain)[4:-4] for n in range(3)]
    return [plain, words.encode("utf-16-le"), *coded]


def rows(home: StandingHouse, query: str, *values: Any) -> list[Any]:
    with psycopg.connect(home.ways.admin, autocommit=True) as conn:
        return conn.execute(query, values).fetchall()  # type: ignore[call-overload,no-any-return]


def test_what_was_erased_is_nowhere_and_nothing_else_has_changed(home: StandingHouse) -> None:
    organisation = home.open()
    code = organisation.code
    with psycopg.connect(home.ways.admin) as conn:
        scopes = [keys.READ, keys.PEOPLE_READ, keys.PEOPLE_WRITE, keys.NOTICES_READ, keys.NOTICES_WRITE]
        officer = keys.create(conn, code, "officer", scopes=scopes).text
    with (
        organisation.door() as door,
        httpx.Client(
            base_url=home.url, headers={"authorization": f"Bearer {officer}"}, timeout=60, verify=PLAIN
        ) as desk,
    ):
        plant(organisation, door, desk)
        everything = [form for canary in CANARIES for form in as_written(canary)]
        directory = home.logs.parent
        assert found_in(directory, everything) == set(), "words stand nowhere in clear, even before"

        put_in_the_inbox(home, code, desk)
        before = state(home, code)
        read = desk.get(f"/v1/{code}/events?words=1").text
        assert sum(canary in read for canary in CANARIES) == 17
        ((wrapped,),) = rows(home, "SELECT wrapped FROM vault.keys WHERE organisation = %s", code)
        home_env = {
            "QILEDGER_DATABASE_URL": home.ways.admin,
            "QILEDGER_DATA_DIRECTORY": str(directory),
        }
        asked = ("erase", PERSON, "--organisation", code, "--grounds", "consent_withdrawn", "--yes")
        done = qiledger(*asked, **home_env)
        assert done.returncode == 0, done.stderr
        certificate = json.loads(done.stdout)
        assert (certificate["words_unreadable"], certificate["inbox_emptied"]) == (17, 1)

        wait_until(
            lambda: not any(canary in desk.get(f"/v1/{code}/events?words=1").text for canary in CANARIES),
            within_s=15,
            what="nobody can read the words",
        )
        assert desk.get(f"/v1/{code}/people/8Qm2").status_code == 404
        assert desk.get(f"/v1/{code}/inbox/8Qm2").json()["items"] == []
        assert desk.get(f"/v1/{code}/preferences/8Qm2").json()["choices"]["mutes"] == []
        assert state(home, code, until=len(before["leaves"])) == before, (
            "counts, leaves and rows are as they were"
        )
        told_again = door.post(
            organisation.path, content=json.dumps(planted()), headers={"content-type": BATCH}
        )
        assert {one["status"] for one in told_again.json()} == {200}, told_again.text

    export = directory / "export.ndjson"
    taken = qiledger("export", code, "-o", str(export), "--to", str(len(before["leaves"])), **home_env)
    assert taken.returncode == 0, taken.stderr
    assert "sealed.1." in export.read_text()  # a new export has the words as they are kept: unreadable

    rows(home, "SELECT pg_switch_wal()")
    rows(home, "SELECT 1 FROM pg_stat_activity LIMIT 1")
    with psycopg.connect(home.ways.admin, autocommit=True) as conn:
        conn.execute("VACUUM FULL")
        conn.execute("CHECKPOINT")
    bell = home.bell()
    bell.save()
    assert found_in(directory, everything) == set()
    tables = directory / "postgres"
    held = {name for name, _ in found_in(tables, [bytes(wrapped), *as_written(LETTER)])}
    assert all("pg_wal" in name for name in held), (
        "wrapped key and letter are in no table; the write-ahead log forgets them later"
    )


def put_in_the_inbox(home: StandingHouse, code: str, desk: httpx.Client) -> None:
    """A message that the person has, and something that they chose."""
    with psycopg.connect(home.ways.worker, autocommit=True) as conn:
        words = {"subject": LETTER, "text": LETTER, "marked": LETTER, "html": ""}
        Inbox(conn, code).send(Letter(id="m" * 16, at=datetime.now(UTC), **words), PERSON)
    muted = {"mutes": [{"subject": "project/P-1"}]}
    assert desk.put(f"/v1/{code}/preferences/8Qm2", json=muted).status_code == 200
    assert desk.get(f"/v1/{code}/inbox/8Qm2").json()["items"][0]["subject"] == LETTER
    assert found_in(home.logs.parent / "postgres", [LETTER.encode()])


def plant(organisation: Organisation, door: httpx.Client, desk: httpx.Client) -> None:
    """Told in a batch, by import, and refused; kept in the vault; and the workers have made what they make of it."""
    events = planted()
    told = door.post(organisation.path, content=json.dumps(events[:9]), headers={"content-type": BATCH})
    assert {one["status"] for one in told.json()} == {201}, told.text
    lines = b"".join(json.dumps(event).encode() + b"\n" for event in events[9:])
    brought = door.post(
        f"/v1/{organisation.code}/import", content=lines, headers={"content-type": "application/x-ndjson"}
    )
    assert [json.loads(line)["status"] for line in brought.text.splitlines()] == [201] * 8
    refused = events[0] | {"data": events[0]["data"] | {"no_such_field": CANARIES[18]}}
    assert organisation.tell(refused).status_code == 422
    reach = {"name": CANARIES[17], "email": f"{CANARIES[18]}@example.org", "phone": "+44 20 7946 0000"}
    assert desk.put(f"/v1/{organisation.code}/people/8Qm2", json=reach).status_code == 200
    assert desk.get(f"/v1/{organisation.code}/people/8Qm2").json()["name"] == CANARIES[17]
    wait_until(organisation.caught_up, within_s=60, what="projections have caught up")


def state(home: StandingHouse, code: str, until: int | None = None) -> dict[str, Any]:
    """What an erasure must not change: the leaves, and what is counted."""
    leaves = rows(
        home,
        "SELECT leaf FROM log.records WHERE organisation = %s AND position <= coalesce(%s, 1000000) ORDER BY position",
        code,
        until,
    )
    counted = rows(
        home, "SELECT count(*) FROM log.records WHERE organisation = %s AND type = 'comment.posted'", code
    )
    return {"leaves": leaves, "comments": counted}


def test_the_house_keeps_its_database_where_it_is_searched(home: StandingHouse) -> None:
    """The search could find something: what is told in clear is found."""
    organisation = home.open()
    told = {"title": "Plainly nightingale"}
    event = {
        "specversion": "1.0",
        "id": "plain",
        "source": "/tests",
        "type": "project.started",
        "subject": "project/P-9",
        "time": "2024-05-20T09:30:00Z",
        "data": told,
    }
    assert organisation.tell(event).status_code == 201
    assert DATABASE in home.ways.admin
    with psycopg.connect(home.ways.admin, autocommit=True) as conn:
        conn.execute("CHECKPOINT")
    assert found_in(home.logs.parent, [b"Plainly nightingale"])
