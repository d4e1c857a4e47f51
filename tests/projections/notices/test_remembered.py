"""What hearing remembers of long streams in Postgres: it is used where it can be, and is never needed."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from events.measures import MeasureDefined, MeasurementRecorded
from events.projects import ProjectStarted
from events.scores import ProgressScored
from events.teams import PersonJoined
from events.vocabulary import Event
from projections.engine.checkpoint import Fenced
from projections.engine.stream import Stream
from projections.measure_series import series
from projections.notices.engine.listen import listen
from projections.notices.engine.remembered import written
from tests.projections.engine.telling import Connection, Telling, as_role, of, open_log, tell
from tests.projections.notices.trust import LEAD, P1, SPONSOR

STEADY = [50, 52, 49, 51, 50, 48, 52, 50, 51, 49, 50, 51]
OUTSIDE = 90

Heard = set[tuple[str, str]]


@pytest.fixture
def conn(database_url: str) -> Iterator[Connection]:
    with psycopg.connect(as_role(database_url, "qiledger_worker"), autocommit=True) as conn:
        yield conn


@pytest.fixture(autouse=True)
def long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("projections.notices.engine.recall.LONG", 5)


def now(event: Event) -> Telling:
    told = of(event, P1)
    return Telling(stream=P1, type=told.type, body=told.body, occurred_at=datetime.now(UTC))


def point(n: int, value: float) -> Telling:
    return now(MeasurementRecorded(measure="M-1", period=f"{2020 + n // 12}-{n % 12 + 1:02}", value=value))


def project() -> list[Telling]:
    """A project with a lead, a chart, and a steady process."""
    begun = (
        ProjectStarted(title="Sleep"),
        PersonJoined(person=LEAD, role="lead"),
        PersonJoined(person=SPONSOR, role="sponsor"),
        MeasureDefined(measure="M-1", name="Hours slept", chart="i", direction="increase"),
    )
    return [*map(now, begun), *(point(n, value) for n, value in enumerate(STEADY))]


def heard(conn: Connection, organisation: str) -> Heard:
    assert listen(conn, organisation, now=datetime.now(UTC))
    rows = asked(conn, organisation, 'SELECT rule, "window" FROM notices.notices')
    return {(rule, window) for rule, window in rows if rule != "role_taken"}


def asked(conn: Connection, organisation: str, statement: str, **more: Any) -> list[tuple[Any, ...]]:
    with conn.transaction():
        conn.execute("SELECT set_config('qiledger.organisation', %s, true)", (organisation,))
        cursor = conn.execute(statement, more)
        return cursor.fetchall() if cursor.description else []


def kept(conn: Connection, organisation: str) -> dict[str, tuple[int, int]]:
    statement = "SELECT projection, position, version FROM notices.remembered"
    return {name: (position, version) for name, position, version in asked(conn, organisation, statement)}


def begun(database_url: str, conn: Connection) -> str:
    organisation = open_log(database_url)
    assert listen(conn, organisation, now=datetime.now(UTC))
    return organisation


def test_bit_by_bit_it_hears_what_is_heard_at_once(database_url: str, conn: Connection) -> None:
    told = [*project(), point(12, OUTSIDE), now(ProgressScored(score=4, scale="life_qi", assessor="coach"))]
    at_once, bit_by_bit = begun(database_url, conn), begun(database_url, conn)
    tell(database_url, at_once, told)
    for one in told:
        tell(database_url, bit_by_bit, [one])
        heard(conn, bit_by_bit)
    assert heard(conn, bit_by_bit) == heard(conn, at_once)
    assert {rule for rule, _ in heard(conn, bit_by_bit)} == {"signal_seen", "score_reached"}
    assert kept(conn, bit_by_bit)["measure_series"] == (13, 13)
    assert kept(conn, at_once)["measure_series"] == (17, 17)


@pytest.mark.parametrize(
    ("change", "hears"),
    [
        pytest.param({"rows": written(series, Stream())}, False, id="it goes by what is kept"),
        pytest.param({"rows": written(series, Stream()), "revision": -1}, True, id="not of another revision"),
        pytest.param({"rows": b"torn"}, True, id="nor if it cannot be read"),
    ],
)
def test_what_is_kept_is_used_if_it_can_be(
    database_url: str, conn: Connection, change: dict[str, Any], hears: bool
) -> None:
    organisation = begun(database_url, conn)
    tell(database_url, organisation, project())
    assert heard(conn, organisation) == set()
    for column, value in change.items():
        statement = f"UPDATE notices.remembered SET {column} = %(value)s WHERE projection = 'measure_series'"
        asked(conn, organisation, statement, value=value)
    tell(database_url, organisation, [point(12, OUTSIDE)])
    assert bool(heard(conn, organisation)) is hears


def test_a_batch_that_somebody_else_overtook_leaves_nothing_behind(
    database_url: str, conn: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    organisation = begun(database_url, conn)
    tell(database_url, organisation, project())

    def overtaken(*_: Any, **__: Any) -> None:
        raise Fenced("somebody else has moved it")

    with monkeypatch.context() as patch:
        patch.setattr("projections.notices.engine.listen.move", overtaken)
        with pytest.raises(Fenced):
            listen(conn, organisation, now=datetime.now(UTC))
    assert kept(conn, organisation) == {}
    heard(conn, organisation)
    assert kept(conn, organisation) != {}


def test_an_organisation_never_remembers_what_another_told(database_url: str, conn: Connection) -> None:
    one, other = begun(database_url, conn), begun(database_url, conn)
    tell(database_url, one, project())
    heard(conn, one)
    assert kept(conn, one)
    assert kept(conn, other) == {}


@pytest.mark.parametrize("role", ["qiledger_report", "qiledger_api", "qiledger_auditor"])
def test_nobody_else_has_to_do_with_it(database_url: str, role: str) -> None:
    with (
        psycopg.connect(as_role(database_url, role)) as conn,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        conn.execute("SELECT rows FROM notices.remembered")
