"""Being told to stop: who was let in is answered, who waits is let go, and it is over within ten seconds."""

import contextlib
import http.client
import json
import os
import signal
import time

import httpx
import pytest

from tests.failures.conftest import Meanwhile
from tests.patience import gone, wait_until
from tests.standing_house import Organisation, StandingHouse, children_of, event

STOPS_WITHIN_S = 10


def test_an_api_told_to_stop_answers_the_post_in_its_hands_and_the_long_poll(
    home: StandingHouse, trust: Organisation, meanwhile: Meanwhile
) -> None:
    api = home.pid("api")
    poll = http.client.HTTPConnection(home.url.removeprefix("http://"), timeout=STOPS_WITHIN_S)
    poll.request("GET", f"{trust.path}?wait=30", headers={"authorization": f"Bearer {trust.key}"})
    with contextlib.closing(poll), trust.held_up():
        told = meanwhile(lambda: trust.tell(event("e1")))
        wait_until(trust.is_waited_for, within_s=10, what="the event is on its way into the log")
        began = time.monotonic()
        os.kill(api, signal.SIGTERM)
        page = poll.getresponse()
        assert (page.status, json.load(page)["caught_up"]) == (200, True)
    assert told.result(timeout=STOPS_WITHIN_S).status_code == 201
    wait_until(lambda: gone(api), within_s=STOPS_WITHIN_S, what="the API has stopped")
    assert time.monotonic() - began < STOPS_WITHIN_S
    assert [position for position, *_ in trust.kept()] == [1]


def test_an_api_told_to_stop_while_its_servers_are_gone_stops_all_the_same(
    home: StandingHouse, trust: Organisation, meanwhile: Meanwhile
) -> None:
    api = home.pid("api")
    home.valkey.kill()
    home.postgres.kill()
    try:
        told = meanwhile(lambda: trust.tell(event("e1")))
        wait_until(told.running, within_s=10, what="the event is told")
        os.kill(api, signal.SIGTERM)
        wait_until(lambda: gone(api), within_s=STOPS_WITHIN_S, what="the API has stopped")
        failure = told.exception(timeout=10)
        assert isinstance(failure, httpx.TransportError) or told.result().status_code == 503
    finally:
        home.postgres.restart()
        home.valkey.restart()


@pytest.mark.parametrize("name", ["fresh-1", "sweep"])
def test_a_worker_told_to_stop_stops_at_once_also_in_the_middle_of_a_job(
    home: StandingHouse, trust: Organisation, name: str
) -> None:
    trust.tell(event("e1"))
    wait_until(trust.caught_up, within_s=15, what="the event is in the projections; its follower stays")
    worker = home.pid(name)
    horses = children_of(worker)
    os.kill(worker, signal.SIGTERM)
    wait_until(lambda: all(map(gone, [worker, *horses])), within_s=4, what=f"{name} has stopped")
