"""The first walk of ARCHITECTURE.md: one cycle, from a ward to a forum's page. A test for each step, by its name."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

from events.cycles import CycleTested
from events.log.merkle import leaf_hash
from events.vocabulary import read_body
from services.doorbell import channel
from tests.journeys.trust import SOURCE, Trust
from tests.patience import wait_until
from tests.standing_house import STRUCTURED, StandingHouse

CALLERS = 24
PROJECT = "project/P-17"


@pytest.fixture(scope="module")
def trust(home: StandingHouse) -> Iterator[Trust]:
    """A forum and its project, on the way to its first test."""
    with Trust(home) as trust:
        trust.tells("forum.created", "forum/city-hackney", "2024-01-08", name="City and Hackney QI Forum")
        trust.tells("project.started", PROJECT, "2024-03-04", title="Shorter waits", forum="city-hackney")
        yield trust


def a_cycle(id_: str, **changes: Any) -> dict[str, Any]:
    """A cycle, as the ward's system tells of it."""
    plain = {
        "specversion": "1.0",
        "id": id_,
        "source": SOURCE,
        "type": "cycle.tested",
        "subject": PROJECT,
        "time": "2024-05-20T09:30:00Z",
        "data": {
            "cycle": id_,
            "tested": "A text message the day before",
            "prediction": "At most one in ten will miss it.",
            "happened": "Two of fourteen missed it.",
            "decision": "adapt",
        },
    }
    return plain | changes


def tell(trust: Trust, event: dict[str, Any], **params: Any) -> Any:
    headers = {"content-type": STRUCTURED}
    return trust.door.post(trust.organisation.path, json=event, headers=headers, params=params)


@pytest.fixture(scope="module")
def told(trust: Trust) -> Iterator[Any]:
    """The walk itself: the cycle told, while somebody listens at the doorbell."""
    with trust.organisation.home.bell() as bell, bell.pubsub() as listening:
        listening.subscribe(channel(trust.organisation.code))
        wait_until(lambda: listening.get_message(timeout=1.0), within_s=10, what="somebody listens")
        answer = tell(trust, a_cycle("C-1"))
        rung: list[int] = []

        def hears() -> bool:
            message = listening.get_message(ignore_subscribe_messages=True, timeout=0.2)
            rung.extend([int(message["data"])] if message else [])
            return answer.json()["position"] in rung

        wait_until(hears, within_s=10, what="the doorbell has rung for the new head")
        trust.position = answer.json()["position"]
        yield answer


def test_at_the_door(trust: Trust):
    """What is wrong is said of the event and the field; what is right becomes the typed event."""
    wrong = tell(trust, a_cycle("C-x", data={"cycle": "C-x", "tested": "A message", "decision": "perhaps"}))
    assert (wrong.status_code, wrong.json()["field"]) == (422, "data.decision")
    tried = tell(trust, a_cycle("C-x"), dry_run=1).json()
    event = read_body("cycle.tested", trust.door.build_request("POST", "/", json=tried["data"]).content)
    assert isinstance(event, CycleTested)
    assert event.decision == "adapt"


def test_gathered(home: StandingHouse):
    """Callers who wait together are kept together: in fewer calls than there are callers."""
    organisation = home.open()
    with ThreadPoolExecutor(CALLERS) as callers, organisation.held_up():
        first = callers.submit(organisation.tell, a_cycle("C-0"))
        wait_until(organisation.is_waited_for, within_s=10, what="the first is at the database")
        others = [callers.submit(organisation.tell, a_cycle(f"C-{n}")) for n in range(1, CALLERS)]
        assert not first.done()
        wait_until(lambda: calls_made(home) >= CALLERS, within_s=20, what="all callers have called")
    recorded = [call.result().json()["recorded"] for call in (first, *others)]
    assert [call.result().status_code for call in (first, *others)] == [201] * CALLERS
    assert len(set(recorded)) <= CALLERS // 2  # records of one call have one moment of recording


def calls_made(home: StandingHouse) -> int:
    """How many callers have a connection with the API."""
    port = int(home.url.rpartition(":")[2])
    ends = psutil.Process().net_connections("tcp")
    return sum(
        1 for end in ends if end.raddr and end.raddr.port == port and end.status == psutil.CONN_ESTABLISHED
    )


def test_kept(trust: Trust, told: Any):
    """One record, in its place, with its leaf; told again, the first receipt."""
    receipt = told.json()
    with psycopg.connect(trust.organisation.home.ways.admin) as conn:
        row = conn.execute(
            "SELECT stream, version, type, leaf = sha256('\\x00'::bytea || convert_to(canonical, 'UTF8')),"
            "       encode(leaf, 'hex')"
            "  FROM log.records JOIN log.canonical_records USING (organisation, position, leaf)"
            " WHERE organisation = %s AND position = %s",
            (trust.organisation.code, receipt["position"]),
        ).fetchone()
    assert row == (PROJECT, receipt["version"], "cycle.tested", True, receipt["leaf"])
    again = tell(trust, a_cycle("C-1"))
    assert (again.status_code, again.json()) == (200, receipt)


def test_answered(trust: Trust):
    """No answer before the commit."""
    before = len(trust.organisation.kept())
    with ThreadPoolExecutor(1) as caller:
        with trust.organisation.held_up():
            call = caller.submit(trust.organisation.tell, a_cycle("C-2"))
            wait_until(trust.organisation.is_waited_for, within_s=10, what="the call waits to be kept")
            assert not call.done()
            assert len(trust.organisation.kept()) == before
        answer = call.result()
    assert answer.status_code == 201
    assert trust.organisation.kept()[-1] == (
        answer.json()["position"],
        PROJECT,
        answer.json()["version"],
        "C-2",
    )
    trust.position = answer.json()["position"]


def test_rung(trust: Trust, told: Any):
    """The new head was published (or the walk would not have got here), and a worker was woken: rows follow."""
    assert told.status_code == 201
    wait_until(trust.organisation.caught_up, within_s=30, what="a worker has fed every projection")


def test_folded(trust: Trust, told: Any):
    """The row and the checkpoint are one: whoever sees the position sees the cycle."""
    page = trust.asks_for_one("projects/one", project="P-17")
    assert "C-1" in page["latest_cycles"]
    with psycopg.connect(trust.organisation.home.ways.worker, autocommit=True) as conn:
        places = conn.execute(
            "SELECT projection, position FROM projections.checkpoints WHERE organisation = %s",
            (trust.organisation.code,),
        ).fetchall()
    assert dict(places)["forum_portfolio"] >= told.json()["position"]


def test_heard(trust: Trust, told: Any):
    """The rules have heard the record, whether or not they had anything to say of it."""

    def heard() -> bool:
        with psycopg.connect(trust.organisation.home.ways.admin) as conn:
            row = conn.execute(
                "SELECT position FROM notices.checkpoints WHERE organisation = %s", (trust.organisation.code,)
            ).fetchone()
        return row is not None and row[0] >= told.json()["position"]

    wait_until(heard, within_s=30, what="the rules have heard it")


def test_sealed(trust: Trust, told: Any):
    """The receipt proves itself: the record's leaf is in the tree that a signed checkpoint is of."""
    answer = trust.door.get(
        f"/v1/{trust.organisation.code}/events/{told.json()['position']}/proof", params={"wait": 20}
    )
    assert answer.status_code == 200, answer.text
    assert leaf_hash(answer.json()["record"].encode()).hex() == told.json()["leaf"]
    assert answer.json()["size"] >= told.json()["position"]


def test_asked(trust: Trust, told: Any):
    """The forum's page shows the cycle, as of a position that the caller has asked for."""
    line = trust.asks_for_one("forum_portfolio/of_forum", forum="city-hackney", on="2024-06-01")
    assert line["cycles_tested"] >= 1
    assert line["last_cycle"].startswith("2024-05-20")
    far = trust.door.get(
        f"/v1/{trust.organisation.code}/projections/forum_portfolio/of_forum",
        params={"forum": "city-hackney", "on": "2024-06-01", "at_least": 10_000, "wait": 0},
    )
    assert (far.status_code, far.json()["type"]) == (503, "/problems/not-there-yet")


def test_the_steps_are_those_of_the_walk():
    text = (Path(__file__).parents[2] / "ARCHITECTURE.md").read_text()
    walk = text[text.index("## First walk") : text.index("## Second walk")]
    named = re.findall(r"^\d\. \*\*(.+?)\.\*\*", walk, flags=re.MULTILINE)
    tests = [
        name
        for name in globals()
        if name.startswith("test_") and name != "test_the_steps_are_those_of_the_walk"
    ]
    assert tests == [f"test_{name.lower().replace(' ', '_')}" for name in named]
