"""One house for the whole room: each test breaks it, and leaves it standing."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from tests.patience import wait_until
from tests.standing_house import Organisation, StandingHouse, standing_house


@pytest.fixture(scope="package")
def standing() -> Iterator[StandingHouse]:
    with standing_house() as home:
        yield home


@pytest.fixture
def home(standing: StandingHouse) -> StandingHouse:
    """The house, in good order again after the test before."""
    wait_until(standing.is_ready, within_s=30, what="the house stands")
    return standing


@pytest.fixture
def trust(home: StandingHouse) -> Organisation:
    """An organisation of the test's own, its log empty."""
    return home.open()


Meanwhile = Callable[[Callable[[], Any]], "Future[Any]"]


@pytest.fixture
def meanwhile() -> Iterator[Meanwhile]:
    """Does something while the test goes on."""
    with ThreadPoolExecutor(32) as others:
        yield others.submit
