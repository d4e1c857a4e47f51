"""API keys: what is kept of them, what they may, how they end."""

from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from events.log import keys
from events.log.keys import ASK, READ, WRITE, Key, WrongKey
from events.log.outcomes import UnknownOrganisation

NOW = datetime(2026, 3, 1, tzinfo=UTC)
ROLES_WITHOUT = ["qiledger_worker", "qiledger_report", "qiledger_auditor"]


@pytest.fixture
def conn(fresh_database_url: str):
    with psycopg.connect(fresh_database_url) as opened:
        opened.execute("SELECT log.open('RWK', 'East London')")
        yield opened


def key(**changes: object) -> Key:
    plain = {
        "organisation": "RWK", "id": "abcdefgh", "client": "lifeqi", "scopes": (WRITE,), "sources": ("/lifeqi",),
        "created_at": NOW, "expires_at": NOW + timedelta(days=1),
    }  # fmt: skip
    return Key(**(plain | changes))  # type: ignore[arg-type]


def test_a_key_is_kept_as_a_hash_and_found_by_its_text(conn: psycopg.Connection) -> None:
    secret = keys.create(conn, "RWK", "lifeqi", scopes=[READ], now=NOW)
    assert len(secret.text) == 60
    assert secret.text.startswith(f"qi_live_{secret.id}_")
    kept = conn.execute("SELECT k::text FROM access.keys AS k").fetchone()
    assert kept is not None
    assert secret.text[17:] not in kept[0]
    assert secret.text not in f"{secret} {secret!r}"


async def test_only_the_whole_key_finds_it(conn: psycopg.Connection, fresh_database_url: str) -> None:
    secret = keys.create(conn, "RWK", "lifeqi", scopes=[READ])
    conn.commit()
    async with await psycopg.AsyncConnection.connect(fresh_database_url) as asking:
        found = await keys.find(asking, secret.text)
        assert found is not None
        assert (found.organisation, found.client, found.scopes) == ("RWK", "lifeqi", (READ,))
        other = keys.new_secret().text
        for wrong in (other, secret.text[:17] + other[17:], secret.text[:-1], "", secret.text + "x"):
            assert await keys.find(asking, wrong) is None


@pytest.mark.parametrize(
    ("scopes", "type_", "may"),
    [
        ((WRITE,), "cycle.tested", True),
        (("events:write:cycle",), "cycle.tested", True),
        (("events:write:cycle.tested",), "cycle.tested", True),
        (("events:write:cycle",), "cycles.tested", False),
        (("events:write:cycle.test",), "cycle.tested", False),
        ((READ, ASK), "cycle.tested", False),
    ],
)
def test_a_scope_covers_all_types_or_those_below_a_name(
    scopes: tuple[str, ...], type_: str, *, may: bool
) -> None:
    assert key(scopes=scopes).may_tell(type_) is may


@pytest.mark.parametrize(
    ("sources", "source", "may"),
    [
        (("*",), "urn:anything", True),
        (("/lifeqi",), "/lifeqi", True),
        (("/lifeqi",), "/lifeqi/wards", True),
        (("/lifeqi",), "/lifeqi2", False),
        (("/lifeqi/",), "/lifeqi", False),
        (("urn:trust:",), "urn:trust:ward", True),
        (("urn:trust",), "urn:trust:ward", False),
        (("https://qi.example/a", "/b"), "https://qi.example/a/c", True),
        ((), "/lifeqi", False),
    ],
)
def test_a_source_covers_itself_and_what_is_below(
    sources: tuple[str, ...], source: str, *, may: bool
) -> None:
    assert key(sources=sources).may_tell_for(source) is may


def test_a_key_ends_by_its_day_or_by_being_revoked(conn: psycopg.Connection) -> None:
    secret = keys.create(conn, "RWK", "lifeqi", scopes=[READ], life=timedelta(days=30), now=NOW)
    (kept,) = keys.listed(conn, "RWK")
    assert kept.is_live(NOW + timedelta(days=29))
    assert not kept.is_live(NOW + timedelta(days=30))
    keys.revoke(conn, "RWK", secret.id, now=NOW + timedelta(days=1))
    keys.revoke(conn, "RWK", secret.id, now=NOW + timedelta(days=2))
    (kept,) = keys.listed(conn)
    assert kept.revoked_at == NOW + timedelta(days=1)
    assert not kept.is_live(NOW + timedelta(days=1))


def test_a_client_holds_two_live_keys_and_no_third(conn: psycopg.Connection) -> None:
    first = keys.create(conn, "RWK", "lifeqi", scopes=[READ], now=NOW)
    keys.rotate(conn, "RWK", first.id, grace=timedelta(days=7), now=NOW)
    with pytest.raises(WrongKey, match="2 live keys"):
        keys.create(conn, "RWK", "lifeqi", scopes=[READ], now=NOW)
    assert keys.create(conn, "RWK", "datix", scopes=[READ], now=NOW).id
    assert keys.create(conn, "RWK", "lifeqi", scopes=[READ], now=NOW + timedelta(days=8)).id


def test_a_successor_may_what_its_predecessor_might_which_ends_after_its_grace(
    conn: psycopg.Connection,
) -> None:
    first = keys.create(conn, "RWK", "lifeqi", scopes=[WRITE, READ], sources=["/lifeqi"], now=NOW)
    second = keys.rotate(conn, "RWK", first.id, grace=timedelta(days=7), now=NOW)
    old, new = sorted(keys.listed(conn, "RWK"), key=lambda one: one.id != first.id)
    assert new.id == second.id
    assert (new.scopes, new.sources, new.client) == (old.scopes, old.sources, old.client)
    assert old.expires_at == NOW + timedelta(days=7)
    with pytest.raises(WrongKey):
        keys.rotate(conn, "RWK", "nokeyyet", now=NOW)
    with pytest.raises(WrongKey):
        keys.rotate(conn, "RWK", first.id, now=NOW + timedelta(days=8))


@pytest.mark.parametrize(
    "how",
    [
        {"client": "Life QI"}, {"client": ""}, {"scopes": []}, {"scopes": ["all"]}, {"scopes": ["events:write:"]},
        {"sources": []}, {"sources": ["a b"]}, {"sources": ['"']}, {"life": timedelta(0)},
    ],
)  # fmt: skip
def test_a_key_that_makes_no_sense_is_not_made(conn: psycopg.Connection, how: dict[str, object]) -> None:
    asked: dict[str, object] = {"client": "lifeqi", "scopes": [WRITE], "sources": ["/lifeqi"]} | how
    client = str(asked.pop("client"))
    with pytest.raises(WrongKey):
        keys.create(conn, "RWK", client, **asked)  # type: ignore[arg-type]


def test_an_organisation_without_a_log_has_no_keys(conn: psycopg.Connection) -> None:
    with pytest.raises(UnknownOrganisation):
        keys.create(conn, "RV3", "lifeqi", scopes=[READ])


@pytest.mark.parametrize("role", ROLES_WITHOUT)
def test_those_who_read_records_cannot_read_keys(conn: psycopg.Connection, role: str) -> None:
    conn.commit()
    conn.execute(f"SET ROLE {role}")  # type: ignore[arg-type]
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        conn.execute("SELECT 1 FROM access.keys")


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO access.keys SELECT * FROM access.keys",
        "UPDATE access.keys SET expires_at = 'infinity'",
        "UPDATE access.keys SET revoked_at = NULL",
        "UPDATE access.keys SET scopes = '{admin}'",
        "UPDATE access.keys SET hash = decode(repeat('00', 32), 'hex')",
        "DELETE FROM access.keys",
        "TRUNCATE access.keys",
        "DROP TABLE access.keys",
    ],
)
def test_the_door_itself_cannot_make_or_mend_keys(conn: psycopg.Connection, statement: str) -> None:
    keys.create(conn, "RWK", "lifeqi", scopes=[READ])
    conn.commit()
    conn.execute("SET ROLE qiledger_api")
    conn.execute("UPDATE access.keys SET last_used_at = now()")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        conn.execute(statement)  # type: ignore[arg-type]
