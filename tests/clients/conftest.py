"""A client of the really served API: an organisation, a key, and both clients over it."""

from collections.abc import Iterator

import pytest

from qiledger_client import Client
from tests.services.api.conftest import MakeKey, Server, make_key, organisation, server

__all__ = ["make_key", "organisation", "server"]

SOURCE = "/lifeqi"


@pytest.fixture
def key(make_key: MakeKey) -> str:
    return make_key()


@pytest.fixture
def ledger(server: Server, organisation: str, key: str) -> Iterator[Client]:
    with Client(server.url, organisation, key=key, source=SOURCE) as client:
        yield client
