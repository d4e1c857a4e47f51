"""What is on record in a database of an earlier version is what it was, once the database is brought to this one."""

import psycopg
import pytest
from psycopg_pool import AsyncConnectionPool

from events.log import migrate
from events.log.append import Appender
from events.log.outcomes import Conflict
from events.log.record import Receipt
from tests.events.log.conftest import Tell, as_role


async def test_an_event_told_before_the_key_had_its_id_in_front_is_still_that_event(
    fresh_database_url: str, tell: Tell, monkeypatch: pytest.MonkeyPatch
):
    """If the key that was built anew did not promise the same, it would be a new event, or another would be it."""
    whole = migrate.migrations()
    with psycopg.connect(fresh_database_url, autocommit=True) as conn:
        name = conn.info.dbname
        conn.execute(f"CREATE DATABASE {name}_older")  # type: ignore[arg-type]
    older = psycopg.conninfo.make_conninfo(fresh_database_url, dbname=f"{name}_older")
    monkeypatch.setattr(migrate, "migrations", lambda: [m for m in whole if m.name < "0039"])
    migrate.migrate(older)
    with psycopg.connect(older, autocommit=True) as conn:
        conn.execute("SELECT log.open('RWK', 'A trust')")

    event = tell("project/P-1", id="one")
    async with AsyncConnectionPool(as_role(older, "qiledger_api"), min_size=1) as pool:
        (first,) = await Appender(pool).append("RWK", [event])
    monkeypatch.undo()
    assert "0039_id_first" in migrate.migrate(older)
    async with AsyncConnectionPool(as_role(older, "qiledger_api"), min_size=1) as pool:
        appender = Appender(pool)
        told = [
            event,
            tell("project/P-2", id="one"),
            tell("project/P-2", id="one", source="https://example.org/other"),
        ]
        again, other, elsewhere = await appender.append("RWK", told)
    assert isinstance(first, Receipt)
    assert isinstance(again, Receipt)
    assert isinstance(elsewhere, Receipt)
    assert (again.duplicate, again.position, again.leaf) == (True, first.position, first.leaf)
    assert isinstance(other, Conflict)
    assert not elsewhere.duplicate
    with psycopg.connect(fresh_database_url, autocommit=True) as conn:
        conn.execute(f"DROP DATABASE {name}_older WITH (FORCE)")  # type: ignore[arg-type]
