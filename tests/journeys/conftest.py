"""A house that stands, for the journeys through it: API, workers, sweep, sealer, Postgres, Valkey: all of them real."""

from collections.abc import Iterator

import pytest

from tests.standing_house import StandingHouse, standing_house


@pytest.fixture(scope="session")
def home() -> Iterator[StandingHouse]:
    with standing_house(without=("past-1", "deliver-1", "long-1", "webhooks-1", "clock")) as standing:
        yield standing
