"""Telling a log what happened, and looking at what the engine made of it."""

import uuid
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import psycopg
from psycopg.conninfo import make_conninfo

from events.log.read import record_of
from events.log.record import Record
from events.vocabulary import Event, canonical_body, tag_of
from projections.engine.builds import Build, active_build
from projections.engine.compare import rows_kept
from projections.engine.feed import feed
from projections.engine.projection import Projection
from projections.engine.tables import Tables

SOURCE = "https://example.org/qi"
NOON = datetime(2022, 5, 20, 12, tzinfo=UTC)
H1 = "huddle/H-1"

Connection = psycopg.Connection[Any]


class Telling(msgspec.Struct, frozen=True, kw_only=True):
    """One event on its way to the log."""

    stream: str
    type: str
    body: str
    occurred_at: datetime = NOON
    id: str = msgspec.field(default_factory=lambda: uuid.uuid4().hex)
    source: str = SOURCE
    precise_to: str = "instant"
    actor: str = "client/test"


def of(event: Event, stream: str = "huddle/H-1", *, minute: int = 0, **told: Any) -> Telling:
    """An event, told of a stream, so many minutes after noon."""
    body = canonical_body(event).decode()
    at = NOON + timedelta(minutes=minute)
    return Telling(stream=stream, type=tag_of(type(event)), body=body, occurred_at=at, **told)


def as_role(url: str, role: str, **more: str) -> str:
    return make_conninfo(url, options=f"-c role={role}", **more)


def open_log(url: str) -> str:
    """An organisation that nobody else uses, with an empty log."""
    code = "T" + uuid.uuid4().hex[:8].upper()
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute("SELECT log.open(%s, 'A trust')", (code,))
    return code


def tell(url: str, organisation: str, tellings: Iterable[Telling]) -> None:
    """Tells the log, in this order."""
    batch = msgspec.json.encode(list(tellings)).decode()
    with psycopg.connect(url, autocommit=True) as conn:
        outcomes = conn.execute(
            "SELECT outcome FROM log.append(%s, %s::jsonb)", (organisation, batch)
        ).fetchall()
    assert all(outcome == "appended" for (outcome,) in outcomes), outcomes


def records_of(url: str, organisation: str) -> list[Record]:
    """The whole log, in order."""
    with psycopg.connect(as_role(url, "qiledger_worker")) as conn:
        conn.execute("SELECT set_config('qiledger.organisation', %s, true)", (organisation,))
        conn.execute("SET LOCAL timezone = 'UTC'")
        return [record_of(row) for row in conn.execute(_ALL)]


_ALL = """
    SELECT organisation, position, stream, version, source, id, type,
           occurred_at, precise_to, recorded_at, actor, body, leaf
      FROM log.records
     ORDER BY position
"""


def shown(
    conn: Connection, projection: Projection[Any], organisation: str, build: Build | None = None
) -> tuple[list[Any], list[Any]]:
    """Everything readers are shown of a projection, engine's columns and all, and everything that is parked."""
    build = build or active_build(conn, projection, organisation)
    assert build is not None
    tables = Tables(projection, build.build)
    with conn.transaction():
        conn.execute("SELECT set_config('qiledger.organisation', %s, true)", (organisation,))
        schema, name = build.schema, projection.name
        rows = conn.execute(f"SELECT to_jsonb(r) FROM {schema}.{name} AS r ORDER BY to_jsonb(r)::text")
        parked = conn.execute(_PARKED, (organisation, name, build.build))
        assert tables.shape
        return [row for (row,) in rows], parked.fetchall()


_PARKED = """
    SELECT key, position, error, records
      FROM projections.parked
     WHERE organisation = %s AND projection = %s AND build = %s
     ORDER BY key
"""


class Here:
    """A log, and the projections made of it."""

    def __init__(self, url: str, organisation: str, conn: Connection) -> None:
        self.url, self.organisation, self.conn = url, organisation, conn

    def told(self, *tellings: Telling) -> None:
        tell(self.url, self.organisation, tellings)

    def rows(self, projection: Projection[Any]) -> dict[str, Any]:
        feed(self.conn, projection, self.organisation)
        return dict(rows_kept(self.conn, projection, self.organisation))

    def row(self, projection: Projection[Any]) -> Any:
        return self.rows(projection).get(H1)
