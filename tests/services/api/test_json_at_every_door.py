"""Every door that takes JSON, found from the app itself, with JSON that nobody should send."""

import json
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import msgspec
import pytest

from events.privacy.vault import Reach
from projections.notices.engine.asked import Chooses
from services.api.app import DOORS
from services.api.routes.webhook_deliveries import Replay, Skip
from services.api.routes.webhooks import NewWebhook, WebhookChange
from tests.services.api.conftest import BATCH, STRUCTURED, Door, MakeKey, Server, event, problem
from tests.services.api.test_keys_at_the_door import SCOPES, address_of

JSON = "application/json"
Taking: TypeAlias = tuple[str, str, str, Any]  # method, path, media type, and what a good body says

ENDPOINT = {
    "url": "https://qi.example/hook",
    "description": "x",
    "owner": "person/8Qm2",
    "types": ["cycle.tested"],
}
GOOD: dict[Any, Any] = {
    Chooses: {
        "paces": [{"rule": "*", "channel": "email", "pace": "weekly"}],
        "quiet_hours": {"starts": "22:00:00", "ends": "07:00:00"},
        "mutes": [{"subject": "project/P-1", "until": "2030-01-01T00:00:00Z"}],
    },
    NewWebhook: {**ENDPOINT, "ordering": "strict", "after": "0"},
    Reach: {"name": "Amina Example", "email": "amina@example.org", "phone": "+44 20 7946 0000"},
    Replay: {"after": "0"},
    Skip: {"position": 1},
    WebhookChange: {**ENDPOINT, "state": "paused"},
}  # fmt: skip


def taking() -> Iterator[Taking]:
    """Every door and media type of JSON that it takes. Batches and imports are lists of what `events` takes."""
    for handler in DOORS:
        described = handler.opt["door"]
        forms = (JSON,) if described.body is not None else described.takes
        for form in set(forms) & {JSON, STRUCTURED}:
            good = GOOD.get(described.body, event() if form == STRUCTURED else event()["data"])
            assert described.body is None or described.body in GOOD, f"say what {described.body} may be"
            for path in handler.paths:
                yield min(handler.http_methods), path, form, good


TAKING = sorted(taking(), key=lambda one: one[:3])


def encoded(said: Any) -> bytes:
    return json.dumps(said).encode()


def no_utf8(good: Any) -> list[bytes]:
    return [encoded(good | {"x": "~"}).replace(b"~", b"\xff"), b"\xff\xfe{}", b'{"\xed\xa0\x80": 1}']


def brackets(_: Any) -> list[bytes]:
    return [b"[" * 70_000, b"[" * 8_000, b'{"a":' * 2_000 + b"1" + b"}" * 2_000, b"[" * 65 + b"]" * 65]


def no_object(_: Any) -> list[bytes]:
    return [b"", b"[]", b"null", b"7", b'"x"', b"[{}]", b"{", b"NaN"]


def nul(good: Any) -> list[bytes]:
    """Each text of it, one after the other, with U+0000 at its end; and a member with it in its name."""
    text = encoded(good).decode()
    texts = {json.dumps(each) for each in leaves(good) if isinstance(each, str)}
    return [text.replace(each, each[:-1] + '\\u0000"').encode() for each in sorted(texts)] + [
        encoded(good | {"a\0b": 1})
    ]


def twice(good: Any) -> list[bytes]:
    """Each member of it, one after the other, given twice."""
    return [encoded({name: value})[:-1] + b"," + encoded(good)[1:] for name, value in good.items()]


def rows_twice(good: Any) -> list[bytes]:
    """Each list of objects, one after the other, with everything in it twice."""
    return [
        encoded(good | {name: rows * 2})
        for name, rows in good.items()
        if isinstance(rows, list) and isinstance(rows[0], dict)
    ]


def leaves(said: Any) -> Iterator[Any]:
    match said:
        case dict():
            for value in said.values():
                yield from leaves(value)
        case list():
            for value in said:
                yield from leaves(value)
        case _:
            yield said


BAD = {kind.__name__: kind for kind in (no_utf8, brackets, no_object, nul, twice, rows_twice)}


@pytest.fixture
def opened(server: Server, organisation: str, make_key: MakeKey) -> Iterator[Door]:
    door = Door(server.url, organisation, make_key(scopes=sorted(SCOPES)))
    attributes = {f"ce-{name}": value for name, value in event().items() if name != "data"}
    door.http.headers.update(attributes)  # for what is sent in binary mode; nobody else looks at them
    with door.http:
        yield door


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize(
    ("method", "path", "form", "good"), TAKING, ids=[f"{m} {p} {f}" for m, p, f, _ in TAKING]
)
def test_what_no_door_can_read_is_refused_as_a_problem(
    server: Server, opened: Door, method: str, path: str, form: str, good: Any, bad: str
) -> None:
    before = len(server.log())
    spoil: Callable[[Any], list[bytes]] = BAD[bad]
    for body in spoil(good):
        answer = opened.http.request(
            method, address_of(path, opened.organisation), content=body, headers={"content-type": form}
        )
        document = answer.json()
        assert answer.status_code in (400, 413, 422), (body[:200], document)
        problem(answer, document["type"].removeprefix("/problems/"))
    assert [line for line in server.log()[before:] if line["level"] == "error"] == []


def test_what_is_spoilt_was_good_before() -> None:
    for kind, good in GOOD.items():
        assert msgspec.json.decode(encoded(good), type=kind)


def test_every_door_that_takes_json_is_tried() -> None:
    assert {("PUT", JSON), ("POST", JSON), ("PATCH", JSON), ("POST", STRUCTURED)} <= {
        (method, form) for method, _, form, _ in TAKING
    }
    assert BATCH not in {form for *_, form, _ in TAKING}
