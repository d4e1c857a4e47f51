"""A house that stands, for the journeys through it: API, workers, sweep, Postgres and Valkey, all of them real."""

from collections.abc import Iterator

import pytest

from tests.standing_house import StandingHouse, standing_house


@pytest.fixture(scope="session")
def home() -> Iterator[StandingHouse]:
    with standing_house() as standing:
        yield standing
