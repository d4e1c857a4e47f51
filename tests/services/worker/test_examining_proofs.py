"""Everything that was sealed is examined each night; that it was is kept, and that it was not is said."""

import psycopg
import pytest
import structlog

from events.log import examinations, refusals
from services.proving import proof
from services.worker.examining_proofs import examine_all, examine_due
from services.worker.jobs.mind_examinations import mind_examinations
from tests.events.log.sealing import as_worker, sealed_by, signer, tamper, tell_many

LONG_AGO = "UPDATE proof.examinations SET examined_at = examined_at - interval '4 days'"
DOUBTED = "INSERT INTO proof.doubts (organisation, what) VALUES ('RWK', 'tile 0 of level 0 is missing, or too short')"


@pytest.fixture
def url(fresh_database_url: str) -> str:
    """A database with one sealed log."""
    with psycopg.connect(fresh_database_url) as conn:
        conn.execute("SELECT log.open('RWK', 'East London')")
    tell_many(fresh_database_url, "RWK", 300, "a")
    assert sealed_by(fresh_database_url, "RWK")
    return fresh_database_url


def said(url: str) -> list[str]:
    """What the doctor says of examinations, state first."""
    with as_worker(url) as conn:
        return [
            f"{one.state} {one.what}: {one.said}"
            for one in proof(conn)
            if "examination" in one.what or one.state == "wrong"
        ]


def test_that_a_log_was_examined_is_kept_and_said(url: str) -> None:
    assert said(url) == ["well examination: begins this night"]
    with as_worker(url) as conn:
        examine_all(conn, signer())
        (last,) = examinations.last(conn)
    assert (last.log, last.size, last.flaws, last.is_overdue) == ("RWK", 300, 0, False)
    assert said(url)[0].startswith("well examination: every log, on ")


def test_that_nobody_examines_any_more_is_said_each_morning_and_by_the_doctor(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with as_worker(url) as conn:
        examine_all(conn, signer())
    tamper(url, LONG_AGO)
    (mind,) = said(url)
    assert mind.startswith("mind examination of RWK: last on ")
    assert "more than 3 days ago" in mind
    monkeypatch.setenv("QILEDGER_DATABASE_URL", url)
    with structlog.testing.capture_logs() as heard:
        mind_examinations()
    assert [(one["log_level"], one["log"]) for one in heard if "log" in one] == [("error", "RWK")]
    with as_worker(url) as conn:
        examine_due(conn, signer())  # a sealer that is up again, by day
        assert [last.is_overdue for last in examinations.last(conn)] == [False]
    tamper(url, "DELETE FROM proof.examinations")
    tamper(url, "UPDATE proof.checkpoints SET signed_at = signed_at - interval '4 days'")
    assert "mind examination of RWK: never, more than 3 days ago" in said(url)


def test_what_a_reader_met_is_examined_without_waiting_for_the_night(url: str) -> None:
    with as_worker(url) as conn:
        examine_due(conn, signer())
        assert [last.examined_at for last in examinations.last(conn)] == [None]
        tamper(url, "DELETE FROM proof.tiles WHERE level = 0 AND tile = 0")
        tamper(url, DOUBTED)
        assert "wrong proof of RWK: a reader met damage: tile 0 of level 0 is missing, or too short" in said(
            url
        )
        examine_due(conn, signer())
        (refused,) = refusals.undecided(conn)
        (last,) = examinations.last(conn)
        assert refused.reason.startswith("tile 0 of level 0: it is missing")
        assert last.flaws
        assert examinations.doubts(conn) == []
        tamper(url, "UPDATE proof.doubts SET met_at = now() + interval '1 minute'")
        examine_due(conn, signer())
        assert examinations.last(conn) == [last], (
            "a refusal stands: readers may meet it as often as they like"
        )
    assert any("flaws were found on" in one for one in said(url))


def test_what_was_examined_is_changed_by_nobody_of_the_house(url: str) -> None:
    with as_worker(url) as conn:
        examine_all(conn, signer())
        for statement in (LONG_AGO, "DELETE FROM proof.examinations", "DELETE FROM proof.doubts", DOUBTED):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                conn.execute(statement)
