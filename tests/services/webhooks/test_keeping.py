"""Signing secrets at rest: for their endpoint alone, and under whichever master key is the current one."""

import psycopg
import pytest

from events.privacy.custody import KeysInHand, NoMasterKey, new_master_key
from services.webhooks.keeping import Sealed, Secrets, rewrap, seal, unseal
from services.webhooks.signing import new_secret
from tests.conftest import MASTER_KEY
from tests.services.webhooks.conftest import Endpoint, Trust


def kept(endpoint: Endpoint) -> Sealed:
    with psycopg.connect(endpoint.trust.admin_url) as conn:
        row = conn.execute(
            "SELECT master, secret, seed FROM webhooks.secrets WHERE endpoint = %s", [endpoint.id]
        ).fetchone()
    assert row is not None
    return Sealed(row[0], bytes(row[1]), bytes(row[2]))


def test_after_the_master_key_was_changed_the_old_one_is_needed_no_more(trust: Trust) -> None:
    endpoints = [trust.endpoint("https://example.org/") for _ in range(3)]
    new = new_master_key()
    with psycopg.connect(trust.admin_url, autocommit=True) as conn:
        assert rewrap(conn, KeysInHand(f"{new} {MASTER_KEY}")) == 3
        assert rewrap(conn, KeysInHand(f"{new} {MASTER_KEY}")) == 0
    for endpoint in endpoints:
        assert unseal(KeysInHand(new), kept(endpoint), trust.code, endpoint.id) == endpoint.secret
        with pytest.raises(NoMasterKey):
            unseal(KeysInHand(MASTER_KEY), kept(endpoint), trust.code, endpoint.id)


def test_a_secret_that_is_put_at_another_endpoint_is_worth_nothing() -> None:
    by = KeysInHand(MASTER_KEY)
    sealed = seal(by, new_secret(), "RWK", "we_1")
    for organisation, endpoint in (("RWK", "we_2"), ("RW1", "we_1")):
        with pytest.raises(NoMasterKey):
            unseal(by, sealed, organisation, endpoint)
    with pytest.raises(NoMasterKey):
        unseal(by, Sealed(sealed.master, sealed.seed, sealed.secret), "RWK", "we_1")


def test_what_signs_is_every_secret_that_has_not_ended(trust: Trust) -> None:
    endpoint = trust.endpoint("https://example.org/")
    with psycopg.connect(trust.admin_url, autocommit=True) as conn:
        assert Secrets().alive(conn, trust.code, endpoint.id) == [endpoint.secret]
        conn.execute(
            "UPDATE webhooks.secrets SET ends_at = clock_timestamp() WHERE endpoint = %s", [endpoint.id]
        )
        assert Secrets().alive(conn, trust.code, endpoint.id) == []
