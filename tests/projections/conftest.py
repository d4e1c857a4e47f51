"""Histories that are kept, each under an organisation of its own."""

import uuid
from collections.abc import Callable

import pytest

from tests.projections.history import History, Kept


@pytest.fixture
def history() -> History:
    return History("T" + uuid.uuid4().hex[:8].upper())


@pytest.fixture
def kept(database_url: str) -> Callable[[History], Kept]:
    """Keeps a history in this worker's database."""
    return lambda history: Kept(database_url, history)
