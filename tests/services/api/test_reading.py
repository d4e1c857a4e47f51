"""Reading the log: pages that lead on, pages for ever, waiting for what comes."""

import json
import threading
import time
from itertools import pairwise

import psycopg
import pytest
import redis

from events.vocabulary import vocabulary
from services.doorbell import channel
from tests.services.api.conftest import Door, event, problem

CLOUDEVENTS = "application/cloudevents-batch+json"
NDJSON = "application/x-ndjson"


def told(door: Door, count: int, **changes: object) -> None:
    answer = door.tell_all([event(f"e{n}", **changes) for n in range(count)])
    assert answer.status_code == 200, answer.text


def test_whoever_follows_next_reads_every_record_once(door: Door) -> None:
    told(door, 25)
    positions, path, pages = [], f"{door.events}?limit=10", 0
    while True:
        answer = door.get(path)
        page = answer.json()
        positions += [item["position"] for item in page["items"]]
        assert answer.links["next"]["url"] == f"{door.events}?after={page['next']}&limit=10"
        pages += 1
        if page["caught_up"]:
            break
        path = answer.links["next"]["url"]
    assert positions == list(range(1, 26))
    assert pages == 3


def test_a_page_that_can_never_change_is_cached_for_ever_and_stays_the_same(door: Door) -> None:
    told(door, 12)
    closed = door.get(f"{door.events}?limit=5&after=0")
    assert closed.headers["cache-control"] == "private, max-age=31536000, immutable"
    assert door.tell(event("later")).status_code == 201
    again = door.get(f"{door.events}?limit=5&after=0")
    assert (again.content, again.headers["etag"]) == (closed.content, closed.headers["etag"])
    assert again.headers["qiledger-head"] == "13"
    unchanged = door.get(f"{door.events}?limit=5&after=0", if_none_match=f'"x", {closed.headers["etag"]}')
    assert (unchanged.status_code, unchanged.content) == (304, b"")


def test_a_page_at_the_end_of_the_log_must_be_asked_for_again(door: Door) -> None:
    told(door, 5)
    full = door.get(
        f"{door.events}?limit=5"
    )  # full, and yet at the head: whether it is caught up will change
    assert full.headers["cache-control"] == "private, no-cache"
    assert full.json()["caught_up"] is True
    assert door.get(f"{door.events}?limit=5", if_none_match=full.headers["etag"]).status_code == 304
    door.tell(event("later"))
    assert door.get(f"{door.events}?limit=5", if_none_match=full.headers["etag"]).status_code == 200


def test_a_feed_shows_one_stream_one_kind_of_stream_or_some_types(door: Door) -> None:
    door.tell(event("a", subject="cohort/C-1"))
    door.tell(event("b", subject="cohort/C-10"))
    door.tell(event("c", type="event.retracted", data={"of": "a"}))
    door.tell(event("d", type="event.retracted", subject="project/P-1", data={"of": "x"}))

    def ids(query: str) -> list[str]:
        return [item["id"] for item in door.get(f"{door.events}?{query}").json()["items"]]

    assert ids("stream=cohort/C-1") == ["a", "c"]
    assert ids("stream=cohort/") == ["a", "b", "c"]
    assert ids("type=event.retracted") == ["c", "d"]
    assert ids("type=event.retracted,training.withdrawn&stream=cohort/C-1") == ["a", "c"]
    assert ids("type=no.such") == []


def test_a_filtered_page_looks_only_so_far_and_says_how_far(door: Door, database_url: str) -> None:
    with psycopg.connect(database_url) as conn:
        conn.execute("SET ROLE qiledger_api")
        for start in range(0, 21_000, 7_000):
            batch = [
                {
                    "stream": "cohort/C-1", "source": "/bulk", "id": str(n), "type": "training.withdrawn",
                    "occurred_at": "2024-01-01T00:00:00Z", "precise_to": "day", "actor": "client/x", "body": "{}",
                }
                for n in range(start, start + 7_000)
            ]  # fmt: skip
            conn.execute("SELECT count(*) FROM log.append(%s, %s)", (door.organisation, json.dumps(batch)))
    first = door.get(f"{door.events}?stream=project/P-1")
    assert first.json()["items"] == []
    assert first.json()["caught_up"] is False
    assert "immutable" in first.headers["cache-control"]
    last = door.get(first.links["next"]["url"]).json()
    assert (last["items"], last["caught_up"], last["head"]) == ([], True, 21_000)


def test_the_feed_speaks_cloudevents_and_lines_too(door: Door) -> None:
    told(door, 2, precision="month", time="2024-05-01T00:00:00Z")
    batch = door.get(door.events, accept=CLOUDEVENTS)
    assert batch.headers["content-type"] == CLOUDEVENTS
    first = batch.json()[0]
    assert {name: first[name] for name in ("specversion", "id", "subject", "time", "precision", "sequence")} == {
        "specversion": "1.0", "id": "e0", "subject": "cohort/C-1", "time": "2024-05-01T00:00:00.000000Z",
        "precision": "month", "sequence": "1",
    }  # fmt: skip
    lines = door.get(door.events, accept=f"{NDJSON}, application/json;q=0.5")
    assert [json.loads(line)["position"] for line in lines.text.splitlines()] == [1, 2]
    assert len({batch.headers["etag"], lines.headers["etag"], door.get(door.events).headers["etag"]}) == 3
    assert problem(door.get(door.events, accept="image/png"), "not-acceptable", 406)["available"]


def test_what_the_feed_gives_as_cloudevents_can_be_told_elsewhere(door: Door) -> None:
    told(door, 3, precision="year", time="2024-01-01T00:00:00Z", actor="person/8Qm2")
    given = door.get(door.events, accept=CLOUDEVENTS).json()
    assert [one["status"] for one in door.tell_all(given).json()] == [200, 200, 200]


def test_who_waits_for_the_next_record_is_answered_when_it_comes(door: Door) -> None:
    told(door, 1)
    began = time.monotonic()
    teller = threading.Timer(0.3, lambda: door.tell(event("later")))
    teller.start()
    page = door.get(f"{door.events}?after=1&wait=20").json()
    teller.join()
    assert [item["id"] for item in page["items"]] == ["later"]
    assert 0.25 < time.monotonic() - began < 18


def test_who_waits_in_vain_is_answered_in_time(door: Door) -> None:
    began = time.monotonic()
    page = door.get(f"{door.events}?wait=0.4").json()
    assert (page["items"], page["caught_up"]) == ([], True)
    assert 0.4 <= time.monotonic() - began < 18


def test_a_lost_ring_delays_and_loses_nothing(door: Door, database_url: str) -> None:
    """A record that another process kept, and of which nobody heard."""

    def keep() -> None:
        with psycopg.connect(database_url) as conn:
            conn.execute("SET ROLE qiledger_api")
            batch = [
                {
                    "stream": "cohort/C-1", "source": "/else", "id": "1", "type": "training.withdrawn",
                    "occurred_at": "2024-01-01T00:00:00Z", "precise_to": "day", "actor": "client/x", "body": "{}",
                }
            ]  # fmt: skip
            conn.execute("SELECT count(*) FROM log.append(%s, %s)", (door.organisation, json.dumps(batch)))

    teller = threading.Timer(0.2, keep)
    teller.start()
    page = door.get(f"{door.events}?wait=20").json()
    teller.join()
    assert [item["source"] for item in page["items"]] == ["/else"]


def test_a_false_ring_is_no_record(door: Door, redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as connection:
        connection.publish(channel(door.organisation), 1_000)
        began = time.monotonic()
        assert door.get(f"{door.events}?wait=0.5").json()["items"] == []
    assert time.monotonic() - began >= 0.5


def test_one_record_never_changes(door: Door) -> None:
    receipt = door.tell(event()).json()
    answer = door.get(f"{door.events}/1")
    assert answer.headers["etag"] == f'"{receipt["leaf"]}"'
    assert "immutable" in answer.headers["cache-control"]
    assert door.get(f"{door.events}/1", if_none_match=answer.headers["etag"]).status_code == 304
    for nowhere in ("2", "0", "-1", "x", "9" * 400, "%00", "１"):
        problem(door.get(f"{door.events}/{nowhere}"), "no-record", 404)


def test_the_etag_of_a_stream_is_what_if_match_wants(door: Door) -> None:
    told(door, 3)
    stream = door.get(f"/v1/{door.organisation}/streams/cohort/C-1")
    assert stream.headers["etag"] == '"3"'
    assert [item["version"] for item in stream.json()["items"]] == [1, 2, 3]
    assert door.tell(event("next"), if_match=stream.headers["etag"]).status_code == 201
    assert door.get(stream.url.path, if_none_match='"3"').status_code == 200
    assert door.get(stream.url.path, if_none_match='"4"').status_code == 304


def test_a_long_stream_is_read_in_pages(door: Door) -> None:
    told(door, 5)
    path, versions = f"/v1/{door.organisation}/streams/cohort/C-1?limit=2", []
    while path:
        answer = door.get(path)
        versions += [item["version"] for item in answer.json()["items"]]
        path = answer.links["next"]["url"] if "next" in answer.links else ""
    assert versions == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("path", ["cohort/none", "nonsense/C-1", "cohort/%00", "cohort/" + "x" * 300])
def test_a_stream_in_which_nothing_happened_is_not_found(door: Door, path: str) -> None:
    problem(door.get(f"/v1/{door.organisation}/streams/{path}"), "no-record", 404)


def test_head_says_what_get_would_without_the_body(door: Door) -> None:
    told(door, 2)
    for path in (
        door.events, f"{door.events}/1", f"/v1/{door.organisation}/streams/cohort/C-1",
        "/v1/schemas", "/v1/schemas/cycle.tested", "/healthz", "/openapi.json", "/", "/problems/conflict",
    ):  # fmt: skip
        got, head = door.get(path), door.http.head(path)
        assert (head.status_code, head.content) == (got.status_code, b"")
        for name in ("etag", "content-type", "content-length", "cache-control"):
            assert head.headers.get(name) == got.headers.get(name), (path, name)


@pytest.mark.parametrize(
    "query",
    [
        "after=-1", "after=" + "9" * 400, "after=x", "after=c%00", "limit=0", "limit=1001", "limit=1.5", "limit=",
        "wait=31", "wait=nan", "wait=-1", "type=", "type=a;b", "stream=cohort", "stream=%27", "stream=cohort/%00",
        "unknown=1", "after=1&after=2", "after=%FF", "after=1&" + "&".join(f"a{n}=1" for n in range(30)),
    ],
)  # fmt: skip
def test_a_query_out_of_bounds_is_refused(door: Door, query: str) -> None:
    problem(door.get(f"{door.events}?{query}"), "wrong-parameter", 400)


def test_a_cursor_leads_on_as_well_as_a_position(door: Door) -> None:
    told(door, 4)
    page = door.get(f"{door.events}?limit=2").json()
    assert not page["next"].isdigit()
    by_cursor, by_position = (
        door.get(f"{door.events}?after={after}").json() for after in (page["next"], "2")
    )
    assert by_cursor == by_position
    assert all(one["position"] + 1 == next_["position"] for one, next_ in pairwise(by_cursor["items"]))


def test_the_catalogue_is_open_and_each_type_has_schema_and_example(stranger: Door) -> None:
    listed = stranger.get("/v1/schemas").json()["items"]
    assert {"cycle.tested", "event.retracted"} <= {line["type"] for line in listed}
    assert {line["type"] for line in listed} == vocabulary().keys()
    for line in listed:
        entry = stranger.get(line["schema"]).json()
        assert {"schema", "example", "says", "fields", "stream"} <= entry.keys(), line
        assert entry["type"] == line["type"]
    schema = stranger.get("/v1/schemas/cycle.tested", accept="application/schema+json")
    assert schema.json()["title"] == "cycle.tested"
    assert "cycle.tested" in problem(stranger.get("/v1/schemas/cycle.tetsed"), "no-type", 404)["near"]
