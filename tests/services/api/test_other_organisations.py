"""Nothing of one organisation is seen, learnt or changed through the doors of another, nor by a condition forgotten.

Of the first there is everything (`full_organisation.py`). The other knows the name of each thing of it, knocks at every
door that there is, and asks every question. What it is answered it was answered before the first told anything.
"""

import contextlib
import json
import re
from collections.abc import Iterator
from typing import Any

import httpx
import psycopg
import pytest
from psycopg import sql
from psycopg.errors import InsufficientPrivilege

from projections.engine.builds import ensure
from projections.engine.found import found
from tests.events.log.test_isolation import READERS, UNGUARDED
from tests.roles import as_role
from tests.services.api.conftest import Door, Server, event, problem
from tests.services.api.full_organisation import NAMED, PERSON, Full, door_to_a_new_one
from tests.services.api.test_every_question import QUESTIONS, asked_of
from tests.services.api.test_keys_at_the_door import DOORS, KEPT

WORD = "Zanzibar"
JSON, EVENT, LINES = "application/json", "application/cloudevents+json", "application/x-ndjson"
BODIES: dict[str, tuple[str, dict[str, Any]]] = {
    "/events": (EVENT, event()),
    "/import": (LINES, event()),
    "/webhooks": (JSON, {"url": "https://93.184.216.34/mine"}),
    "/webhooks/{webhook:str}": (JSON, {"description": "Mine"}),
    "/replay": (JSON, {"after": "cAAAAAAAAAAA"}),
    "/skip": (JSON, {"position": 1}),
    "/people/{person:str}": (JSON, {"name": "Sam", "email": "sam@nhs.test"}),
    "/preferences/{person:str}": (JSON, {}),
}
QUERIES = {
    "/charts": f"project={NAMED['project']}",
    "/why": f"key=project/{NAMED['project']}",
    "/inclusion": "position=3",
    "/consistency": "old=3",
}
SAYS_OF_ITSELF = {
    "/v1/{organisation:str}/operations": "who did what to the other's own log",
    "/v1/{organisation:str}/export": "the head and end of an empty log",
    "/v1/{organisation:str}/projections": "what may be asked of anybody",
    "/v1/{organisation:str}/rules": "what rules there are",
    "/v1/{organisation:str}/preferences/{person:str}": "that nothing was chosen",
    "/v1/{organisation:str}/live": "that it lives",
    "/v1/{organisation:str}/projections/live": "that it lives",
}


class Two:
    """The other organisation, what it was answered while it was alone, and the first; and one more that writes.

    What others write that one writes, so that what the other reads is the same in whatever order the tests run.
    """

    def __init__(self, server: Server, database_url: str) -> None:
        self.other, self.writer = (door_to_a_new_one(server, database_url) for _ in range(2))
        with psycopg.connect(as_role(database_url, "qiledger_worker"), autocommit=True) as conn:
            for projection in found().values():
                ensure(conn, projection, self.other.organisation)
        self.before = {name: self.asks(name) for name in QUESTIONS}
        self.first = Full(server, database_url, WORD)
        self.gives_away = re.compile(rf"{WORD}|{self.first.code}\b")

    def asks(self, name: str) -> tuple[int, str]:
        answer = self.other.http.get(
            f"/v1/{self.other.organisation}/projections/{name}", params=asked_of(name)
        )
        return answer.status_code, answer.text

    def knocks(self, door: Door, organisation: str, method: str, path: str) -> httpx.Response:
        """At an address with the names of what the first has."""
        kind, body = next((given for end, given in BODIES.items() if path.endswith(end)), (JSON, None))
        writes = method in ("POST", "PUT", "PATCH") and body is not None
        query = next((query for end, query in QUERIES.items() if path.endswith(end)), "")
        with door.http.stream(
            method,
            f"{self._address(path, organisation)}{query and '?'}{query}",
            content=json.dumps(body) if writes else None,
            headers={"content-type": kind},
        ) as answer:
            if answer.headers.get("content-type") == "text/event-stream" and method != "HEAD":
                answer._content = next(answer.iter_raw())  # it has no end
            else:
                answer.read()
        return answer

    def _address(self, path: str, organisation: str) -> str:
        names = {
            "organisation:str": organisation,
            "position:str": str(self.first.head),
            "kind:str": "project",
            "subject:str": NAMED["project"],
            "project:str": NAMED["project"],
            "measure:str": "M-1",
            "person:str": PERSON,
            "webhook:str": self.first.webhook,
            "message:str": self.first.message,
            "name:str": "projects",
            "question:str": "some",
            "level:str": "0",
            "place:path": f"000.p/{self.first.head}",
            "type:str": "cycle.tested",
            "slug:str": "conflict",
            "token:str": "none-of-ours",
        }
        return re.sub(r"\{([^}]*)\}", lambda found: names[found[1]], path)

    def stranger(self, method: str) -> Door:
        """Whoever knocks in this way."""
        return self.other if method in ("GET", "HEAD") else self.writer

    def shows(self, answer: httpx.Response) -> bool:
        """Whether anything of the first is in an answer, wherever it stands."""
        return self.gives_away.search(f"{answer.headers!s} {answer.text}") is not None


@pytest.fixture(scope="module")
def two(server: Server, database_url: str) -> Iterator[Two]:
    both = Two(server, database_url)
    yield both
    for door in (both.other, both.writer, both.first.door):
        door.http.close()


@pytest.mark.parametrize(("method", "path", "scope"), DOORS)
def test_no_door_shows_one_organisation_to_another(
    two: Two, method: str, path: str, scope: str | None
) -> None:
    if method in ("GET", "HEAD") and scope is not None:
        own = two.knocks(two.first.door, two.first.code, method, path)
        assert own.status_code == 200, f"whoever may see it sees nothing there: {own.text}"
    stranger = two.stranger(method)
    answer = two.knocks(stranger, stranger.organisation, method, path)
    assert not two.shows(answer)
    if "{webhook:str}" in path or "{message:str}" in path:
        assert answer.status_code == 404, answer.text
    elif method == "GET" and scope is not None and path not in SAYS_OF_ITSELF:
        assert 400 <= answer.status_code < 500 or is_empty(answer.json()), answer.text


def is_empty(page: dict[str, Any]) -> bool:
    """A page on which there is nothing."""
    assert {"items", "rows"} & page.keys(), page
    return not page.get("items") and not page.get("rows")


@pytest.mark.parametrize(("method", "path", "scope"), KEPT)
def test_a_key_of_another_organisation_is_refused_and_told_nothing(
    two: Two, method: str, path: str, scope: str
) -> None:
    answer = two.knocks(two.stranger(method), two.first.code, method, path)
    assert answer.status_code == 403
    assert WORD not in f"{answer.headers!s} {answer.text}"
    if method != "HEAD":
        problem(answer, "wrong-organisation", 403)


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_question_is_answered_as_if_the_other_organisation_were_not_there(two: Two, name: str) -> None:
    status, text = two.asks(name)
    assert status == 200
    assert not two.gives_away.search(text)
    assert (status, text) == two.before[name]


def test_nothing_of_one_organisation_is_changed_through_the_doors_of_another(two: Two) -> None:
    before = kept_of(two.first)
    assert sum(count for count, _ in before.values()) > 500
    for method, path, _ in DOORS:
        if method not in ("GET", "HEAD"):
            two.knocks(two.writer, two.writer.organisation, method, path)
            two.knocks(two.writer, two.first.code, method, path)
    assert kept_of(two.first) == before


def test_what_one_organisation_has_named_is_free_for_another(two: Two) -> None:
    """The same source, id, stream and expected version."""
    told = event(f"project.started {WORD}", type="project.started", data={"title": "Ours"})
    answer = two.writer.tell(told | {"subject": f"project/{NAMED['project']}"}, if_none_match="*")
    assert (answer.status_code, answer.json()["version"]) == (201, 1)


TABLES = """
    SELECT DISTINCT attrelid::regclass::text
      FROM pg_attribute
      JOIN pg_class ON pg_class.oid = attrelid AND relkind IN ('r', 'p')
     WHERE attname = 'organisation' AND relpersistence <> 't'
     ORDER BY 1
     LIMIT 10000
"""


def kept_of(one: Full) -> dict[str, tuple[int, str]]:
    """All that is kept of an organisation: of each table the number of its rows, and a digest of them."""
    digest = sql.SQL(
        "SELECT count(*), md5(coalesce(string_agg(t::text, chr(10) ORDER BY t::text), '')) FROM {} AS t"
        " WHERE organisation = %s"
    )
    with psycopg.connect(one.database_url) as conn:
        return {
            name: conn.execute(digest.format(sql.SQL(name)), (one.code,)).fetchone() or (0, "")
            for (name,) in conn.execute(TABLES).fetchall()
            if name not in UNGUARDED
        }


ALL_TO_WORKERS = re.compile(
    r"log\.heads|(proof|webhooks|projections)\.\w+|notices\.(checkpoints|channels|messages|arrivals)"
)


@pytest.mark.parametrize("role", READERS)
def test_no_role_of_the_house_reads_of_an_organisation_that_it_does_not_name(two: Two, role: str) -> None:
    """Whatever its condition says. Workers go round: of all they see what there is to do, of none what was said."""
    count = sql.SQL("SELECT count(*) FROM {} WHERE organisation = %s")
    filled = [name for name, (rows, _) in kept_of(two.first).items() if rows]
    assert len(filled) > 40
    seen = {}
    with psycopg.connect(two.first.database_url) as conn:
        for name in filled:
            conn.execute("SELECT set_config('qiledger.organisation', %s, true)", (two.other.organisation,))
            conn.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(role)))
            with contextlib.suppress(InsufficientPrivilege):
                (seen[name],) = conn.execute(count.format(sql.SQL(name)), (two.first.code,)).fetchone() or (
                    0,
                )
            conn.rollback()
    assert len(seen) > 20
    read = {name for name, number in seen.items() if number}
    assert read == set() or role == "qiledger_worker"
    assert [name for name in read if not ALL_TO_WORKERS.fullmatch(name)] == []
