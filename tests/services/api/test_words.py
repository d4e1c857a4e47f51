"""A person's words: encrypted before they are kept, in clear for those who may, the same bytes when told again."""

import contextlib
import json
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from events.log.keys import PEOPLE_READ, READ
from events.log.operations import log_of
from events.privacy.erasing import erase
from events.privacy.ledger import Ledger
from events.privacy.words import GONE, all_personal_fields, personal_fields
from events.vocabulary import vocabulary
from tests.patience import wait_until
from tests.services.api.conftest import Door, MakeKey, Server, event, problem

WORDS = "Too ill to go on, she said"


def withdrawn(
    id_: str = "e1", words: str = WORDS, person: str = "person/8Qm2", **changes: Any
) -> dict[str, Any]:
    return event(id_, data={"course": "icp", "person": person, "reason": words}, **changes)


@pytest.fixture
def reader(server: Server, organisation: str, make_key: MakeKey) -> Iterator[Door]:
    """One who may read words in clear."""
    opened = Door(server.url, organisation, make_key(client="coach", scopes=[READ, PEOPLE_READ], sources=[]))
    with opened.http:
        yield opened


def reason(door: Door, position: int, query: str = "") -> str:
    answer = door.get(f"{door.events}/{position}{query}")
    assert answer.status_code == 200, answer.text
    said: str = answer.json()["data"]["reason"]
    return said


def test_words_are_kept_encrypted_and_read_by_those_who_may(
    door: Door, reader: Door, database_url: str
) -> None:
    assert door.tell(withdrawn()).status_code == 201
    assert reason(door, 1).startswith("sealed.1.8Qm2.")
    assert reason(reader, 1).startswith("sealed.1.8Qm2."), "only who asks for words is shown them"
    assert reason(reader, 1, "?words=1") == WORDS
    problem(door.get(f"{door.events}/1?words=1"), "missing-scope", 403)
    with psycopg.connect(database_url) as conn:
        (body,) = conn.execute(
            "SELECT body FROM log.records WHERE organisation = %s", (door.organisation,)
        ).fetchone() or ("",)
    assert "ill" not in body


@pytest.mark.parametrize(
    "form", ["application/json", "application/x-ndjson", "application/cloudevents-batch+json"]
)
def test_words_are_read_in_every_form_and_never_stored_by_a_cache(
    door: Door, reader: Door, form: str
) -> None:
    door.tell(withdrawn())
    for address in (f"{door.events}?words=1", f"/v1/{door.organisation}/streams/cohort/C-1?words=1"):
        answer = reader.get(address, accept=form)
        assert WORDS in answer.text
        assert answer.headers["cache-control"] == "no-store"
        assert WORDS not in reader.get(address.replace("words=1", "words=0"), accept=form).text


def test_told_twice_is_once(door: Door) -> None:
    first = door.tell(withdrawn())
    again = door.tell(withdrawn())
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == first.json()
    problem(door.tell(withdrawn(words="Something else")), "conflict", 409)


def test_the_same_words_elsewhere_are_other_bytes(door: Door) -> None:
    door.tell_all([withdrawn("e1"), withdrawn("e2"), withdrawn("e3", person="person/T7x3")])
    assert len({reason(door, position) for position in (1, 2, 3)}) == 3


def test_words_moved_to_another_event_are_not_read(door: Door, reader: Door, database_url: str) -> None:
    door.tell(withdrawn("e1"))
    sealed = reason(door, 1)
    problem(door.tell(withdrawn("e2", words=sealed)), "sealed-words", 422)
    door.tell(event("e3", type="story.shared", subject="story/S-1", data={"title": "Sleep", "text": sealed}))
    told = reader.get(f"{door.events}/2?words=1").json()["data"]["text"]
    assert told == sealed


def test_a_comment_belongs_to_whoever_told_it(door: Door, reader: Door) -> None:
    comment = event(
        "c1", type="comment.posted", subject="project/P-1", data={"text": WORDS}, actor="person/8Qm2"
    )
    nobodys = comment | {"id": "c2", "actor": None}
    del nobodys["actor"]
    door.tell_all([comment, nobodys])
    items = door.get(door.events).json()["items"]
    assert items[0]["data"]["text"].startswith("sealed.1.8Qm2.")
    assert items[1]["data"]["text"] == WORDS, "who is not named has no key"
    assert reader.get(f"{door.events}/1?words=1").json()["data"]["text"] == WORDS


def test_words_come_by_import_too(door: Door) -> None:
    (answer,) = door.bring([withdrawn()])
    assert answer["status"] == 201
    assert WORDS not in door.get(door.events).text


def test_a_correction_of_words_is_encrypted_as_the_words_were(door: Door, reader: Door) -> None:
    better = {"of": "e1", "fields": {"reason": "She is unwell"}}
    correction = event("e1-mended", type="event.corrected", data=better)
    problem(door.tell(correction), "unknown-telling", 422)
    assert [one["status"] for one in door.tell_all([withdrawn(), correction]).json()] == [201, 201]
    assert "unwell" not in door.get(door.events).text
    told = reader.get(f"{door.events}/2?words=1").json()["data"]
    assert told["fields"]["reason"] == "She is unwell"
    assert door.tell(correction).status_code == 200


def test_a_correction_of_other_words_passes_as_it_is(door: Door) -> None:
    story = event(
        "s1", type="story.shared", subject="story/S-1", data={"title": "Sleep", "text": "Lights down."}
    )
    mended = {"of": "s1", "fields": {"text": "Lights down at ten."}}
    door.tell(story)
    assert door.tell(event("s2", type="event.corrected", subject="story/S-1", data=mended)).status_code == 201
    assert "Lights down at ten." in door.get(door.events).text


def test_a_dry_run_makes_no_key(door: Door, database_url: str) -> None:
    answer = door.http.post(
        f"{door.events}?dry_run=1", json=withdrawn(), headers={"content-type": "application/cloudevents+json"}
    )
    assert answer.json()["data"]["reason"] == WORDS
    with psycopg.connect(database_url) as conn:
        keys = conn.execute("SELECT count(*) FROM vault.keys WHERE organisation = %s", (door.organisation,))
        assert keys.fetchone() == (0,)


@pytest.mark.parametrize("words", ["x" * 8_001, "", "a\x00b"])
def test_the_bounds_are_those_of_the_words(door: Door, words: str) -> None:
    assert door.tell(withdrawn(words=words)).status_code in (400, 422)


def test_the_longest_words_fit(door: Door, reader: Door) -> None:
    longest = "\N{GRINNING FACE}" * 8_000
    body = json.dumps(withdrawn(words=longest), ensure_ascii=False).encode()
    assert door.post(body, "application/cloudevents+json").status_code == 201
    assert reason(reader, 1, "?words=1") == longest


def test_what_would_be_too_large_once_encrypted_is_refused(door: Door) -> None:
    door.tell(withdrawn())
    fields = {"reason": "\N{GRINNING FACE}" * 8_000, "other": "x" * 25_000}
    mended = event("e2", type="event.corrected", data={"of": "e1", "fields": fields})
    problem(
        door.post(json.dumps(mended, ensure_ascii=False).encode(), "application/cloudevents+json"),
        "too-large",
        413,
    )


def test_once_erased_words_are_gone_and_told_again_they_do_not_come_back(
    door: Door, reader: Door, database_url: str, tmp_path: Any
) -> None:
    first = door.tell(withdrawn())
    before = door.get(door.events).json()["items"]
    with psycopg.connect(database_url, autocommit=True) as conn:
        erase(
            conn, Ledger(tmp_path / "ledger"), door.organisation, "person/8Qm2", grounds="consent_withdrawn"
        )
    wait_until(lambda: reason(reader, 1, "?words=1") == GONE, within_s=10, what="the key is forgotten")
    again = door.tell(withdrawn())
    assert (again.status_code, again.json()) == (200, first.json())
    problem(door.tell(withdrawn(subject="cohort/C-2")), "conflict", 409)
    for _ in range(2):
        assert door.tell(withdrawn("later", words="Words of later")).status_code in (200, 201)
    later = door.get(door.events).json()["items"][-1]
    assert later["data"]["reason"] == "sealed.1.8Qm2.erased"
    assert reason(reader, later["position"], "?words=1") == GONE
    assert door.get(door.events).json()["items"][0] == before[0], "nothing of the record has changed"


def test_who_read_whose_words_is_on_record(door: Door, reader: Door, database_url: str) -> None:
    door.tell(withdrawn())
    reason(reader, 1, "?words=1")

    def reads() -> list[Any]:
        with psycopg.connect(database_url) as conn:
            rows = conn.execute(
                "SELECT body::jsonb -> 'reads' FROM log.records WHERE organisation = %s AND type = 'records.read'",
                (log_of(door.organisation),),
            ).fetchall()
        return [(one["client"], one["persons"]) for (told,) in rows for one in told]

    wait_until(lambda: reads() == [("coach", ["person/8Qm2"])], within_s=30, what="the read is on record")


def test_without_a_master_key_words_are_refused_and_all_else_is_taken(
    database_url: str, organisation: str, make_key: MakeKey, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.services.api.conftest.MASTER_KEY", "")
    served = Server(database_url, None, tmp_path)
    bare = Door(served.url, organisation, make_key())
    try:
        with contextlib.closing(bare.http):
            problem(bare.tell(withdrawn()), "no-custody", 503)
            assert bare.tell(event("e2")).status_code == 201
            assert [one["status"] for one in bare.tell_all([withdrawn("e3"), event("e4")]).json()] == [
                503,
                201,
            ]
    finally:
        served.stop()


def test_every_type_with_personal_words_says_whose_they_are() -> None:
    typed = {tag for tag in vocabulary() if personal_fields(tag)}
    assert typed == {tag for tag, kind in vocabulary().items() if kind.words_of}
    for tag in typed:
        kind = vocabulary()[tag]
        assert kind.words_of in {"actor", "stream"} | set(kind.__struct_fields__), tag
        assert kind.words_of != "stream" or kind.stream == "person", tag
    assert all_personal_fields() == {"reason", "text"}


def test_the_schema_says_which_fields_are_personal(door: Door) -> None:
    schema = door.get("/v1/schemas/training.withdrawn").json()
    assert '"x-personal": true' in json.dumps(schema)
