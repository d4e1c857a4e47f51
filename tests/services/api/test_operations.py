"""The log of operations: refusals, auditors' reads and changes of keys are on record, bounded, and read by few."""

import contextlib
import json
import time
from typing import Any

import psycopg
import pytest
from psycopg_pool import AsyncConnectionPool

from events.log import keys
from events.log.append import Appender
from events.log.keys import AUDIT, OPERATIONS, READ
from events.log.operations import is_operations, log_of
from events.log.outcomes import Outcome
from projections.engine.advance import behind
from services.api.journal import KINDS_MAX, STRANGERS_MAX, Journal, events_of
from services.operating import organisations
from tests.events.log.sealing import sealed_by
from tests.patience import wait_until
from tests.roles import as_role
from tests.services.api.conftest import Door, MakeKey, Server, event, problem


def operations(database_url: str, organisation: str) -> list[tuple[str, dict[str, Any]]]:
    """What the log of operations holds: type and data."""
    with psycopg.connect(database_url) as conn:
        rows = conn.execute(
            "SELECT type, body FROM log.records WHERE organisation = %s ORDER BY position",
            (log_of(organisation),),
        ).fetchall()
    return [(type_, json.loads(body)) for type_, body in rows]


def refusals(database_url: str, organisation: str) -> dict[tuple[str, str | None], int]:
    """How often what was refused to whom."""
    found: dict[tuple[str, str | None], int] = {}
    for type_, data in operations(database_url, organisation):
        for one in data["refusals"] if type_ == "requests.refused" else []:
            found[one["problem"], one.get("client")] = (
                found.get((one["problem"], one.get("client")), 0) + one["times"]
            )
    return found


def test_keys_are_made_changed_and_revoked_on_record(database_url: str, organisation: str) -> None:
    with psycopg.connect(database_url) as conn:
        first = keys.create(conn, organisation, "lifeqi", scopes=[READ])
        second = keys.rotate(conn, organisation, first.id)
        keys.revoke(conn, organisation, second.id)
    told = operations(database_url, organisation)
    assert [(type_, data["key"]) for type_, data in told] == [
        ("key.created", first.id),
        ("key.rotated", second.id),
        ("key.revoked", second.id),
    ]
    assert told[0][1]["scopes"] == [READ]
    assert first.text not in str(told)


def test_a_key_that_is_not_kept_is_not_on_record(database_url: str, organisation: str) -> None:
    with psycopg.connect(database_url) as conn:
        keys.create(conn, organisation, "lifeqi", scopes=[READ])
        conn.rollback()
    assert operations(database_url, organisation) == []


def test_refusals_are_counted_on_record(door: Door, stranger: Door, database_url: str) -> None:
    for _ in range(30):
        problem(stranger.get(stranger.events), "no-key", 401)
    door.tell(event("e1"))
    problem(door.tell(event("e1", data={"course": "icp", "person": "person/other"})), "conflict", 409)
    door.tell_all([event("e2"), event("e3", type="no.such"), event("e4", type="no.such")])
    door.bring([event("e5", type="no.such")])
    wanted = {("no-key", None): 30, ("conflict", "lifeqi"): 1, ("unknown-type", "lifeqi"): 3}
    wait_until(
        lambda: refusals(database_url, door.organisation) == wanted,
        within_s=30,
        what="the refusals are on record",
    )
    assert (
        len([1 for type_, _ in operations(database_url, door.organisation) if type_ == "requests.refused"])
        < 6
    )


def test_an_auditors_reads_are_on_record_and_nobody_elses(
    server: Server, door: Door, make_key: MakeKey, database_url: str
) -> None:
    door.tell_all([event(f"e{n}") for n in range(5)])
    auditor = Door(server.url, door.organisation, make_key(client="auditor", scopes=[AUDIT], sources=[]))
    with contextlib.closing(auditor.http):
        assert auditor.get(f"{door.events}?after=1&limit=2").status_code == 200
        assert auditor.get(f"{door.events}/5").status_code == 200
        assert auditor.get(f"/v1/{door.organisation}/projections").status_code == 200
        problem(auditor.tell(event("e9")), "missing-scope", 403)
    door.get(door.events)

    def reads() -> list[dict[str, Any]]:
        told = operations(database_url, door.organisation)
        return [one for type_, data in told if type_ == "records.read" for one in data["reads"]]

    wait_until(lambda: len(reads()) >= 3, within_s=30, what="the reads are on record")
    assert {(one["client"], one["door"], one.get("first"), one.get("last")) for one in reads()} == {
        ("auditor", "GET /v1/{organisation}/events", 2, 3),
        ("auditor", "GET /v1/{organisation}/events/{position}", 5, 5),
        ("auditor", "GET /v1/{organisation}/projections", None, None),
    }


def test_what_an_auditor_asks_of_one_thing_is_on_record_with_the_records_shown_in_whichever_log(
    server: Server, door: Door, make_key: MakeKey, database_url: str
) -> None:
    started = event("p", type="project.started", subject="project/P-1", data={"title": "Shorter waits"})
    door.tell_all([*(event(f"e{n}") for n in range(5)), started])
    assert sealed_by(database_url, door.organisation)
    scopes = [AUDIT, OPERATIONS]
    auditor = Door(server.url, door.organisation, make_key(client="auditor", scopes=scopes, sources=[]))
    stream, here = event()["subject"], f"/v1/{door.organisation}"
    with contextlib.closing(auditor.http):
        for address in (
            f"{here}/streams/{stream}/history",
            f"{here}/projections/projects/why?key=project/P-1",
            f"{here}/events/3/proof",
            f"{here}/log/tile/entries/000.p/5",
            f"{here}.operations/events?limit=1",
            f"{here}.operations/streams/organisation/{door.organisation}/history",
        ):
            answer = auditor.get(address, accept="*/*")
            assert answer.status_code == 200, (address, answer.text)

    def reads() -> dict[str, tuple[int | None, int | None]]:
        told = operations(database_url, door.organisation)
        found = [one for type_, data in told if type_ == "records.read" for one in data["reads"]]
        return {one["door"].removeprefix("GET /v1/"): (one.get("first"), one.get("last")) for one in found}

    wait_until(lambda: len(reads()) >= 6, within_s=30, what="the reads are on record")
    shown = reads()
    assert shown["{organisation}/streams/{kind}/{subject}/history"] == (1, 5)
    assert shown["{organisation}/projections/{name}/why"] == (6, 6)
    assert shown["{organisation}/events/{position}/proof"] == (3, 3)
    assert shown["{organisation}/log/tile/{level}/{place}"] == (1, 5)
    assert shown["{organisation}.operations/events"] == (1, 1)
    assert shown["{organisation}.operations/streams/{kind}/{subject}/history"][0] == 1


def test_operations_are_read_by_those_who_may(server: Server, door: Door, make_key: MakeKey) -> None:
    address, as_a_log = f"/v1/{door.organisation}/operations", f"/v1/{door.organisation}.operations"
    problem(door.get(address), "missing-scope", 403)
    problem(door.get(f"{as_a_log}/events"), "missing-scope", 403)
    reader = Door(server.url, door.organisation, make_key(client="operator", scopes=[OPERATIONS], sources=[]))
    with contextlib.closing(reader.http):
        page = reader.get(address).json()
        assert [item["type"] for item in page["items"][:2]] == ["key.created", "key.created"]
        assert reader.get(f"{as_a_log}/events").json()["items"][:2] == page["items"][:2]
        assert reader.get(f"{as_a_log}/events/1").json() == page["items"][0]
        assert (
            reader.get(reader.get(f"{address}?limit=1").links["next"]["url"]).json()["items"][0]["position"]
            == 2
        )
        problem(reader.get(door.events), "missing-scope", 403)
        problem(reader.get(f"{as_a_log}/projections"), "missing-scope", 403)
        problem(reader.get("/v1/ZZ9.operations/events"), "wrong-organisation", 403)
        told = reader.http.post(
            f"{as_a_log}/events", json=event(), headers={"content-type": "application/json"}
        )
        problem(told, "missing-scope", 403)


@pytest.mark.parametrize("subject", ["operations/requests", "cohort/C-1"])
def test_nobody_tells_operations_but_the_ledger(door: Door, subject: str) -> None:
    data = {"person": "person/8Qm2", "client": "lifeqi"}
    problem(door.tell(event(type="contact.read", subject=subject, data=data)), "wrong-stream", 422)
    comment = event(type="comment.posted", subject="operations/requests", data={"text": "Hello"})
    problem(door.tell(comment), "wrong-stream", 422)


def test_operations_are_nobodys_to_project_or_to_list(door: Door, database_url: str) -> None:
    door.tell(event("e1"))
    with psycopg.connect(database_url) as conn:
        logs = [lag.organisation for lag in behind(conn)] + [one.code for one in organisations(conn)]
    assert door.organisation in logs
    assert [log for log in logs if is_operations(log)] == []


class Told(Appender):
    """An appender that knows which logs it was told of."""

    def __init__(self, pool: AsyncConnectionPool[Any]) -> None:
        super().__init__(pool)
        self.logs: list[str] = []

    async def append(self, organisation: str, *how: Any, **more: Any) -> list[Outcome]:
        self.logs.append(organisation)
        return await super().append(organisation, *how, **more)


@pytest.fixture
def nowhere() -> AsyncConnectionPool[Any]:
    """A database that is away."""
    return AsyncConnectionPool("postgresql://nowhere", open=False)


def test_a_flood_of_different_refusals_is_bounded(nowhere: AsyncConnectionPool[Any]) -> None:
    journal = Journal(Appender(nowhere), nowhere)
    journal.knows("RWK")
    for n in range(KINDS_MAX * 3):
        journal.refused("RWK", f"problem-{n}", 422, "POST /", None)
        journal.refused(f"Z{n}", "no-key", 401, "POST /", None)
    (told,) = events_of(journal._counts["RWK"])
    assert len(told.refusals) == 100  # type: ignore[attr-defined]
    assert told.others == KINDS_MAX * 3 - 100  # type: ignore[attr-defined]
    assert len(journal._counts) == STRANGERS_MAX + 1


async def test_names_of_organisations_that_somebody_made_up_are_not_told_to_the_log(
    database_url: str, organisation: str
) -> None:
    """One question for all of them: nobody without a key makes the log work, or this process grow."""
    async with AsyncConnectionPool(as_role(database_url, "qiledger_api"), min_size=1) as pool:
        appender = Told(pool)
        journal = Journal(appender, pool)
        journal.refused(organisation, "no-key", 401, "POST /", None)
        for n in range(STRANGERS_MAX * 2):
            journal.refused(f"Z{n}", "no-key", 401, "POST /", None)
        await journal.tell_counts()
        await appender.close()
        assert appender.logs == [log_of(organisation)]
        assert (journal._counts, journal._known) == ({}, {organisation})
    assert refusals(database_url, organisation) == {("no-key", None): 1}


async def test_what_was_refused_to_strangers_stays_counted_while_nobody_can_be_asked_who_they_are(
    nowhere: AsyncConnectionPool[Any],
) -> None:
    journal = Journal(Appender(nowhere), nowhere)
    journal.refused("RWK", "no-key", 401, "POST /", None)
    await journal.tell_counts()
    assert sum(journal._counts["RWK"].refusals.values()) == 1


def test_the_ledger_serves_while_operations_cannot_be_told(
    door: Door, stranger: Door, database_url: str
) -> None:
    problem(stranger.get(stranger.events), "no-key", 401)
    with psycopg.connect(database_url) as holding:
        holding.execute(
            "SELECT 1 FROM log.heads WHERE organisation = %s FOR UPDATE", (log_of(door.organisation),)
        )
        began = time.monotonic()
        assert door.tell(event("e1")).status_code == 201
        assert door.get(door.events).status_code == 200
        problem(stranger.get(stranger.events), "no-key", 401)
        assert time.monotonic() - began < 60
    wait_until(
        lambda: refusals(database_url, door.organisation).get(("no-key", None)) == 2,
        within_s=40,
        what="what was counted meanwhile is on record",
    )
