"""Telling events: what is kept, what is answered, what is refused."""

import hashlib
import json

import httpx
import psycopg
import pytest

from tests.services.api.conftest import Door, MakeKey, Server, event, problem


def test_an_event_is_kept_and_its_receipt_names_its_place(door: Door) -> None:
    answer = door.tell(event())
    assert answer.status_code == 201
    receipt = answer.json()
    assert (receipt["position"], receipt["version"], receipt["stream"], receipt["id"]) == (
        1,
        1,
        "cohort/C-1",
        "e1",
    )
    assert answer.headers["location"] == f"{door.events}/1"
    assert answer.headers["etag"] == '"1"'
    kept = door.get(answer.headers["location"]).json()
    assert kept["data"] == event()["data"]
    assert kept["leaf"] == receipt["leaf"]
    assert kept["recorded"] == receipt["recorded"]


def test_the_leaf_in_the_receipt_is_the_hash_of_the_canonical_record(door: Door, database_url: str) -> None:
    receipt = door.tell(event()).json()
    with psycopg.connect(database_url) as conn:
        row = conn.execute(
            "SELECT canonical FROM log.canonical_records WHERE organisation = %s", (door.organisation,)
        ).fetchone()
    assert row is not None
    assert hashlib.sha256(b"\0" + row[0].encode()).hexdigest() == receipt["leaf"]


def test_the_same_event_told_again_gets_the_same_receipt(door: Door) -> None:
    first = door.tell(event())
    again = door.tell(event())
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.content == first.content
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"


def test_another_event_under_the_same_id_is_refused_with_the_receipt_of_the_first(door: Door) -> None:
    first = door.tell(event()).json()
    refused = problem(door.tell(event(subject="cohort/C-2")), "conflict", 409)
    assert refused["kept"] == {name: first[name] for name in ("position", "version", "recorded", "leaf")}


def test_a_stream_that_moved_on_refuses_who_expects_it_where_it_was(door: Door) -> None:
    assert door.tell(event("e1"), if_none_match="*").status_code == 201
    assert door.tell(event("e2"), if_match='"1"').status_code == 201
    assert door.tell(event("e3", expectedversion=2)).status_code == 201
    refused = door.tell(event("e4"), if_match='"1"')
    assert problem(refused, "wrong-version", 412)["found"] == 3
    assert refused.headers["etag"] == '"3"'
    problem(door.tell(event("e5"), if_none_match="*"), "wrong-version", 412)
    problem(door.tell(event("e6", expectedversion="0")), "wrong-version", 412)
    assert door.tell(event("e7", expectedversion=3), if_match='"3"').status_code == 201


@pytest.mark.parametrize(
    "headers",
    [
        {"if_match": "*"},
        {"if_match": 'W/"1"'},
        {"if_match": '"1", "2"'},
        {"if_match": "1"},
        {"if_none_match": '"1"'},
        {"if_match": '"1"', "if_none_match": "*"},
        {"if_match": '"99999999999999999999"'},
    ],
)
def test_a_precondition_that_cannot_be_read_is_refused(door: Door, headers: dict[str, str]) -> None:
    problem(door.tell(event(), **headers), "malformed-header", 400)


def test_a_header_and_an_extension_that_expect_different_versions_are_refused(door: Door) -> None:
    assert (
        problem(door.tell(event(expectedversion=1), if_match='"2"'), "malformed-event")["field"]
        == "expectedversion"
    )


def test_a_dry_run_shows_what_the_door_would_keep_and_keeps_nothing(door: Door) -> None:
    answer = door.http.post(
        f"{door.events}?dry_run=1",
        content=json.dumps(event(precision="month")),
        headers={"content-type": "application/cloudevents+json"},
    )
    assert answer.status_code == 200
    assert answer.json()["occurred"] == "2024-05"
    assert answer.json()["actor"] == "client/lifeqi"
    assert door.get(door.events).json()["items"] == []


@pytest.mark.parametrize(
    ("time", "precision", "occurred"),
    [
        ("2022-05-20T09:30:00+01:00", None, "2022-05-20T08:30:00.000000Z"),
        ("2022-05-20T00:00:00+01:00", "day", "2022-05-20"),
        ("2022-05-20T23:59:59-11:00", "day", "2022-05-20"),
        ("2022-05-01T00:00:00Z", "month", "2022-05"),
        ("2014-01-01T00:00:00+01:00", "year", "2014"),
        ("2022-05-20t09:30:00.1234567z", None, "2022-05-20T09:30:00.123457Z"),
    ],
)
def test_a_date_is_kept_as_exactly_as_it_is_known(
    door: Door, time: str, precision: str | None, occurred: str
) -> None:
    answer = door.tell(event(time=time, precision=precision))
    assert answer.status_code == 201, answer.text
    kept = door.get(answer.headers["location"]).json()
    assert (kept["occurred"], kept["precision"]) == (occurred, precision or "instant")


def test_the_actor_is_the_person_named_or_else_the_client(door: Door) -> None:
    door.tell(event("e1", actor="person/8Qm2"))
    door.tell(event("e2"))
    kept = door.get(door.events).json()["items"]
    assert [item["actor"] for item in kept] == ["person/8Qm2", "client/lifeqi"]
    assert problem(door.tell(event("e3", actor="Dr Example")), "malformed-event")["field"] == "actor"


def test_binary_mode_keeps_the_same_record_as_structured_mode(door: Door) -> None:
    said = event("été %", precision="day")
    data = said.pop("data")
    headers = {f"ce_{name}": value for name, value in said.items()} | {"ce_id": "%C3%A9t%C3%A9%20%25"}
    assert door.post(json.dumps(data).encode(), "application/json", **headers).status_code == 201
    assert door.tell({**said, "data": data}).status_code == 200


def test_binary_mode_takes_a_precondition_and_a_dry_run_too(door: Door) -> None:
    def tell(id_: str, query: str = "", **precondition: str) -> httpx.Response:
        headers = {name.replace("_", "-"): value for name, value in precondition.items()}
        headers |= {f"ce-{name}": value for name, value in event(id_).items() if name != "data"}
        return door.http.post(door.events + query, json=event()["data"], headers=headers)

    tried = tell("e1", "?dry_run=1", if_none_match="*")
    assert (tried.status_code, tried.json()["expectedversion"]) == (200, 0)
    assert door.get(door.events).json()["head"] == 0
    assert tell("e1", if_none_match="*").status_code == 201
    assert problem(tell("e2", if_match='"2"'), "wrong-version", 412)["found"] == 1
    assert tell("e2", if_match='"1"').status_code == 201
    problem(tell("e3", if_match="1"), "malformed-header", 400)


def test_data_may_come_as_base64_and_are_the_same_event(door: Door) -> None:
    assert door.tell(event()).status_code == 201
    encoded = event(data=..., data_base64="eyJjb3Vyc2UiOiAiaWNwIiwgInBlcnNvbiI6ICJwZXJzb24vOFFtMiJ9")
    assert door.tell(encoded).status_code == 200


def test_extensions_of_others_pass_and_a_misspelt_one_of_ours_does_not(door: Door) -> None:
    traced = event(traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", sequence=7)
    assert door.tell(traced).status_code == 201
    assert (
        problem(door.tell(event("e2", presicion="day")), "malformed-event")["detail"] == "Is precision meant?"
    )


def test_each_event_of_a_batch_has_its_own_outcome_in_the_order_given(door: Door) -> None:
    door.tell(event("old"))
    answer = door.tell_all(
        [
            event("a"),
            event("old"),
            event("old", subject="cohort/C-9"),
            event("b", time=...),
            event("c", data={}),
            event("d"),
        ]
    )
    assert answer.status_code == 207
    outcomes = answer.json()
    assert [(one["index"], one["status"]) for one in outcomes] == [
        (0, 201), (1, 200), (2, 409), (3, 400), (4, 422), (5, 201),
    ]  # fmt: skip
    assert outcomes[3]["problem"]["field"] == "time"
    assert outcomes[4]["problem"]["field"] == "data.course"
    assert [item["id"] for item in door.get(door.events).json()["items"]] == ["old", "a", "d"]


def test_a_batch_of_good_events_is_answered_with_receipts(door: Door) -> None:
    answer = door.tell_all([event(f"e{n}") for n in range(50)])
    assert answer.status_code == 200
    assert [one["receipt"]["position"] for one in answer.json()] == list(range(1, 51))
    assert door.tell_all([]).json() == []


def test_all_or_nothing_keeps_nothing_and_lists_every_fault(door: Door) -> None:
    door.tell(event("old"))
    refused = problem(
        door.tell_all([event("a"), event("b", type="no.such"), event("c", id="")], "?all_or_nothing=1"),
        "refused-batch",
        422,
    )
    assert [(fault["index"], fault["field"]) for fault in refused["faults"]] == [(1, "type"), (2, "id")]
    conflict = [event("a"), event("old", subject="cohort/C-9"), event("d", expectedversion=7)]
    refused = problem(door.tell_all(conflict, "?all_or_nothing=true"), "conflict", 409)
    assert [fault["status"] for fault in refused["faults"]] == [409, 412]
    problem(
        door.tell_all([event("x"), event("y", expectedversion=7)], "?all_or_nothing=1"), "wrong-version", 412
    )
    assert [item["id"] for item in door.get(door.events).json()["items"]] == ["old"]
    assert door.tell_all([event("a"), event("old")], "?all_or_nothing=1").status_code == 200


def test_a_dry_run_does_not_ask_the_log(door: Door) -> None:
    door.tell(event("e1"))
    other = event("e1", data={"course": "ilp", "person": "person/8Qm2"}, expectedversion=7)
    (tried,) = door.tell_all([other], "?dry_run=1").json()
    assert (tried["status"], tried["would_keep"]["expectedversion"]) == (200, 7)
    (told,) = door.tell_all([other]).json()
    assert told["status"] == 409


def test_a_dry_run_of_a_batch_says_of_each_event_what_the_door_makes_of_it(door: Door) -> None:
    outcomes = door.tell_all([event("a"), event("b", source="")], "?dry_run=1").json()
    assert outcomes[0]["would_keep"]["id"] == "a"
    assert outcomes[1]["problem"]["field"] == "source"
    assert door.get(door.events).json()["head"] == 0


def test_a_key_tells_for_its_own_sources_and_types_only(
    server: Server, organisation: str, make_key: MakeKey
) -> None:
    key = make_key(client="narrow", scopes=["events:write:training"], sources=["/lifeqi", "urn:trust:"])
    narrow = Door(server.url, organisation, key)
    with narrow.http:
        assert narrow.tell(event("e1")).status_code == 201
        assert narrow.tell(event("e2", source="/lifeqi/wards")).status_code == 201
        assert narrow.tell(event("e3", source="urn:trust:ward-1")).status_code == 201
        problem(narrow.tell(event("e4", source="/lifeqi2")), "foreign-source", 403)
        problem(narrow.tell(event("e5", source="/")), "foreign-source", 403)
        refused = narrow.tell(event("e6", type="event.retracted", data={"of": "e1"}))
        assert problem(refused, "missing-scope", 403)["field"] == "type"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"data": {"course": "icp", "person": "person/9434765919"}}, "data.person"),
        ({"data": {"course": "icp", "person": "person/8Qm2", "reason": "see 943 476 5919"}}, "data.reason"),
        ({"data": {"course": "icp", "person": "person/8Qm2", "reason": "NHS943-476-5919."}}, "data.reason"),
        ({"id": "9434765919"}, "id"),
        ({"subject": "cohort/9434765919"}, "subject"),
        ({"source": "/lifeqi/9434765919"}, "source"),
        ({"actor": "person/9434765919"}, "actor"),
    ],
)
def test_what_may_be_a_patient_s_number_is_refused_by_name(
    door: Door, changes: dict[str, object], field: str
) -> None:
    assert problem(door.tell(event(**changes)), "nhs-number", 422)["field"] == field


def test_a_unique_identifier_is_no_patient_s_number(door: Door) -> None:
    assert door.tell(event("7b0c1d2e-9a3f-4c5d-a943-4765919abcde")).status_code == 201
    assert door.tell(event("9434765918")).status_code == 201


@pytest.mark.parametrize("time", ["1899-12-31T23:59:59Z", "2999-01-01T00:00:00Z"])
def test_what_cannot_have_happened_then_is_refused(door: Door, time: str) -> None:
    assert problem(door.tell(event(time=time)), "out-of-time", 422)["field"] == "time"


def test_an_event_belongs_to_its_kind_of_stream(door: Door) -> None:
    assert problem(door.tell(event(subject="project/P-1")), "wrong-stream", 422)["expected"] == ["cohort"]
    retraction = event("r", type="event.retracted", subject="nonsense/1", data={"of": "e1"})
    assert "cohort" in problem(door.tell(retraction), "wrong-stream", 422)["expected"]


def test_an_unknown_type_is_refused_with_those_most_like_it(door: Door) -> None:
    assert (
        "training.withdrawn"
        in problem(door.tell(event(type="training.withdrawed")), "unknown-type", 422)["near"]
    )


def test_a_parameter_that_nobody_knows_is_refused_before_anything_is_kept(door: Door) -> None:
    for query, field in (
        ("?dryrun=1", "dryrun"),
        ("?dry_run=1&dry_run=0", "dry_run"),
        ("?dry_run=maybe", "dry_run"),
    ):
        assert problem(door.tell_all([event()], query), "wrong-parameter", 400)["field"] == field
    assert door.get(door.events).json()["head"] == 0
