"""What is on record in a database of an earlier version is what it was, once the database is brought to this one."""

from collections.abc import Callable, Iterator
from typing import TypeAlias

import psycopg
import pytest
from psycopg_pool import AsyncConnectionPool

from events.log import migrate as migrating
from events.log.append import Appender
from events.log.migrate import migrate
from events.log.outcomes import Conflict
from events.log.record import Receipt
from tests.events.log.conftest import Tell, as_role

OlderThan: TypeAlias = Callable[[str], str]


@pytest.fixture
def older_than(fresh_database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[OlderThan]:
    """Makes an empty database as it was before a migration: its conninfo."""
    with psycopg.connect(fresh_database_url, autocommit=True) as conn:
        name = f"{conn.info.dbname}_older"
        conn.execute(f"CREATE DATABASE {name}")  # type: ignore[arg-type]
        older = psycopg.conninfo.make_conninfo(fresh_database_url, dbname=name)

        def make(migration: str) -> str:
            whole = migrating.migrations()
            with monkeypatch.context() as then:
                then.setattr(migrating, "migrations", lambda: [m for m in whole if m.name < migration])
                migrate(older)
            return older

        yield make
        conn.execute(f"DROP DATABASE {name} WITH (FORCE)")  # type: ignore[arg-type]


async def test_an_event_told_before_the_key_had_its_id_in_front_is_still_that_event(
    older_than: OlderThan, tell: Tell
):
    """If the key that was built anew did not promise the same, it would be a new event, or another would be it."""
    older = older_than("0039")
    with psycopg.connect(older, autocommit=True) as conn:
        conn.execute("SELECT log.open('RWK', 'A trust')")

    event = tell("project/P-1", id="one")
    async with AsyncConnectionPool(as_role(older, "qiledger_api"), min_size=1) as pool:
        (first,) = await Appender(pool).append("RWK", [event])
    assert "0039_id_first" in migrate(older)
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


def test_what_a_digest_that_waits_had_no_room_for_goes_into_another(older_than: OlderThan) -> None:
    """Digests were planned with two hundred notices, and told of a hundred and fifty."""
    older = older_than("0044")
    with psycopg.connect(older, autocommit=True) as conn:
        conn.execute(
            'INSERT INTO notices.notices (organisation, id, rule, subject, "window", recipient, urgency, title, why,'
            " link, made_at, undecided) SELECT 'RWK', lpad(n::text, 16, '0'), 'a', 'project/P-1', n::text, 'person/a',"
            " 'weekly', 'T', 'w', 'l', now(), false FROM generate_series(1, 200) AS n"
        )
        conn.execute(
            "INSERT INTO notices.messages (organisation, id, recipient, channel, kind, notices, due_at)"
            " SELECT 'RWK', 'a-digest-that-waits', 'person/a', 'email', 'digest', array_agg(id ORDER BY id), now()"
            " FROM notices.notices"
        )
        conn.execute(
            "INSERT INTO notices.carried SELECT 'RWK', id, 'email', 'a-digest-that-waits' FROM notices.notices"
        )
    assert "0044_digests_that_fit" in migrate(older)
    with psycopg.connect(older, autocommit=True) as conn:
        told = conn.execute("SELECT notices FROM notices.messages").fetchone()
        opened = conn.execute("SELECT id FROM notices.notices WHERE undecided ORDER BY id").fetchall()
        carried = conn.execute("SELECT notice FROM notices.carried ORDER BY notice").fetchall()
    ids = [f"{n:016}" for n in range(1, 201)]
    assert told == (ids[:150],)
    assert [id_ for (id_,) in opened] == ids[150:]
    assert [id_ for (id_,) in carried] == ids[:150]
