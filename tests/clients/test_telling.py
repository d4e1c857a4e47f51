"""The client tells: typed events, receipts, refusals, precise dates, retries that never duplicate."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime

import httpx
import pytest

from qiledger_client import (
    AsyncClient,
    Client,
    Conflict,
    NotAllowed,
    Problem,
    Receipt,
    Unfit,
    Unreachable,
    WrongVersion,
)
from qiledger_client.events import Area as StrategyArea
from qiledger_client.events import CycleTested, MeasureDefined, ProjectStarted, StrategyAdopted
from qiledger_client.flows import BATCH_BYTES_MAX, in_batches
from qiledger_client.telling import Telling, written
from tests.clients.conftest import SOURCE
from tests.plain_http import PLAIN
from tests.services.api.conftest import Server

STARTED = ProjectStarted(title="Shorter waits", forum="city-hackney")


def test_a_told_event_gets_its_receipt(ledger: Client):
    receipt = ledger.tell(STARTED, about="project/P-1", at=date(2026, 3, 2), id="P-1-started")
    assert (receipt.position, receipt.version, receipt.stream) == (1, 1, "project/P-1")
    assert not receipt.duplicate


def test_told_twice_it_is_kept_once_and_gets_the_first_receipt(ledger: Client):
    telling = ledger.telling(STARTED, about="project/P-1", at="2026-03")
    first, again = ledger.tell(telling), ledger.tell(telling)
    assert again.duplicate
    assert (again.position, again.leaf) == (first.position, first.leaf)


def test_a_date_is_told_as_exactly_as_it_is_known(ledger: Client):
    ledger.tell(STARTED, about="project/P-1", at="2016-04")
    ledger.tell(CycleTested(cycle="C-1", tested="A text"), about="project/P-1", at=date(2016, 5, 9))
    ledger.tell(
        CycleTested(cycle="C-2", tested="A call"), about="project/P-1", at=datetime(2016, 6, 1, 9, tzinfo=UTC)
    )
    told = [(record.occurred, record.precision) for record in ledger.stream("project/P-1")]
    assert told == [
        ("2016-04", "month"),
        ("2016-05-09", "day"),
        ("2016-06-01T09:00:00.000000Z", "instant"),
    ]


@pytest.mark.parametrize("at", [datetime(2026, 1, 1), "yesterday", "2026-13", "2026-02-30", ""])  # noqa: DTZ001
def test_a_moment_that_is_none_is_refused_before_it_is_told(at: datetime | str):
    with pytest.raises(ValueError, match=r"time zone|isoformat|month|day"):
        written(at)


def test_parts_of_events_are_told_and_what_is_not_given_is_left_out(ledger: Client):
    strategy = StrategyAdopted(
        title="Our strategy",
        valid_from="2021",
        areas=[StrategyArea(area="staff_experience", label="Staff experience")],
    )
    ledger.tell(strategy, about="strategy/S-1", at="2021")
    (record,) = ledger.stream("strategy/S-1")
    assert record.data == {
        "title": "Our strategy",
        "valid_from": "2021",
        "areas": [{"area": "staff_experience", "label": "Staff experience"}],
    }


def test_a_refusal_names_the_field_and_a_page_with_cause_and_cure(ledger: Client):
    with pytest.raises(Unfit) as refused:
        ledger.tell({"titel": "Shorter waits"}, type="project.started", about="project/P-1", at="2026")
    assert refused.value.field == "data.titel"
    assert refused.value.link is not None
    assert httpx.get(refused.value.link, verify=PLAIN).status_code == 200
    assert "data.titel" in str(refused.value)


def test_plain_data_without_a_type_are_not_told(ledger: Client):
    with pytest.raises(ValueError, match="type"):
        ledger.tell({"title": "Shorter waits"}, about="project/P-1", at="2026")


def test_another_event_under_the_same_id_is_a_conflict(ledger: Client):
    ledger.tell(STARTED, about="project/P-1", at="2026", id="1")
    with pytest.raises(Conflict):
        ledger.tell(STARTED, about="project/P-2", at="2026", id="1")


def test_a_version_that_was_not_expected_is_said(ledger: Client):
    ledger.tell(STARTED, about="project/P-1", at="2026", expected=0)
    with pytest.raises(WrongVersion) as refused:
        ledger.tell(STARTED, about="project/P-1", at="2026", expected=0)
    assert refused.value.found == 1


def test_a_key_that_is_none_is_refused_and_never_shown(server: Server, organisation: str):
    with Client(server.url, organisation, key="qi_live_not_a_key", source=SOURCE) as client:
        assert "qi_live" not in repr(client) + repr(vars(client))
        with pytest.raises(NotAllowed):
            client.tell(STARTED, about="project/P-1", at="2026")


def test_of_many_each_has_its_outcome_in_order(ledger: Client):
    tellings = [
        ledger.telling(STARTED, about="project/P-1", at="2026"),
        ledger.telling({"unknown": 1}, type="project.started", about="project/P-1", at="2026"),
        ledger.telling(STARTED, about="project/P-2", at="2026"),
    ]
    first, second, third = ledger.tell_many(tellings)
    assert isinstance(first, Receipt)
    assert isinstance(third, Receipt)
    assert isinstance(second, Problem)
    assert second.field == "data.unknown"


def test_all_or_nothing_keeps_nothing_if_one_is_refused(ledger: Client):
    good = ledger.telling(STARTED, about="project/P-1", at="2026")
    bad = ledger.telling({"unknown": 1}, type="project.started", about="project/P-1", at="2026")
    with pytest.raises(Problem):
        ledger.tell_many([good, bad], all_or_nothing=True)
    assert ledger.page().records == []


def test_more_than_a_batch_takes_is_told_in_several(ledger: Client):
    tellings = [ledger.telling(STARTED, about=f"project/P-{n}", at="2026") for n in range(1_201)]
    outcomes = ledger.tell_many(tellings)
    assert [outcome.position for outcome in outcomes if isinstance(outcome, Receipt)] == list(range(1, 1_202))


def test_batches_are_bounded_in_bytes_too():
    batches = list(in_batches([b"x" * 60_000] * 40))
    assert sum(map(len, batches)) == 40
    assert all(sum(map(len, batch)) + len(batch) + 1 <= BATCH_BYTES_MAX for batch in batches)


def test_a_dry_run_says_what_would_be_kept_and_keeps_nothing(ledger: Client):
    tried = ledger.try_out(ledger.telling(STARTED, about="project/P-1", at="2026"))
    assert tried.would_keep["stream"] == "project/P-1"
    assert ledger.page().records == []


class Flaky(httpx.BaseTransport):
    """A network that now and then swallows the answer, or never carries the question."""

    def __init__(self, troubles: Iterator[str]) -> None:
        self._real = httpx.HTTPTransport()
        self._troubles = troubles
        self.asked = 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.asked += 1
        trouble = next(self._troubles, "")
        if trouble == "never asked":
            raise httpx.ConnectError("refused")
        response = self._real.handle_request(request)
        if trouble == "never heard":
            response.read()
            raise httpx.ReadTimeout("too late")
        if trouble == "busy":
            response.read()
            return httpx.Response(503, headers={"retry-after": "0"})
        return response

    def close(self) -> None:
        self._real.close()


@contextmanager
def over(server: Server, organisation: str, key: str, *troubles: str) -> Iterator[tuple[Client, Flaky]]:
    network = Flaky(iter(troubles))
    with Client(server.url, organisation, key=key, source=SOURCE, transport=network) as client:
        yield client, network


@pytest.mark.parametrize("trouble", ["never asked", "never heard", "busy"])
def test_what_nobody_answered_is_told_again_and_kept_once(
    server: Server, organisation: str, key: str, trouble: str
):
    with over(server, organisation, key, trouble, trouble) as (client, network):
        receipt = client.tell(STARTED, about="project/P-1", at="2026")
        assert network.asked == 3
        assert receipt.position == 1
        assert len(client.stream("project/P-1")) == 1


def test_a_refusal_is_not_asked_again(server: Server, organisation: str, key: str):
    with over(server, organisation, key) as (client, network):
        with pytest.raises(Unfit):
            client.tell({"unknown": 1}, type="project.started", about="project/P-1", at="2026")
        assert network.asked == 1


def test_a_ledger_that_stays_away_is_said_to_be_unreachable():
    with (
        Client("http://127.0.0.1:9", "RWK", key="k", source=SOURCE, tries=2) as client,
        pytest.raises(Unreachable, match="asked 2 times"),
    ):
        client.tell(STARTED, about="project/P-1", at="2026")


async def test_both_clients_do_the_same(server: Server, organisation: str, key: str, ledger: Client):
    async with AsyncClient(server.url, organisation, key=key, source=SOURCE) as other:
        telling: Telling = other.telling(STARTED, about="project/P-1", at="2026")
        assert (await other.tell(telling)).position == ledger.tell(telling).position
        assert await other.tell_many([telling]) == ledger.tell_many([telling])
        assert await other.stream("project/P-1") == ledger.stream("project/P-1")
        assert await other.page() == ledger.page()
        assert [record async for record in other.feed()] == list(ledger.feed())
        assert await other.try_out(telling) == ledger.try_out(telling)
        with pytest.raises(Unfit):
            await other.tell({"unknown": 1}, type="project.started", about="project/P-1", at="2026")


def test_a_measure_may_be_plain(make_one: Callable[[], MeasureDefined]):
    assert make_one().data() == {"measure": "M-1", "name": "Falls", "target": 0}


@pytest.fixture
def make_one() -> Callable[[], MeasureDefined]:
    return lambda: MeasureDefined(measure="M-1", name="Falls", target=0)
