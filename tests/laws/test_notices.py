"""What holds for every rule, found by itself: a new one is tested before its author writes a test.

Histories are of the events that any rule hears, told of few things, so that they meet; some are put right, some are
told long after they happened. Told are the notices: by which rule, of what, in which window, to whom, and if they hold.
"""

import importlib
import inspect
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from events.corrections import EventCorrected, EventRetracted, Revision
from events.fields import Role
from events.forum_members import ForumChairAppointed
from events.people import PersonRolesChanged
from events.projects import ProjectStarted
from events.teams import PersonJoined
from events.vocabulary import ANY_STREAM, Event, canonical_body, tag_of, vocabulary
from projections.duties import duties
from projections.engine.advance import advance
from projections.engine.builds import active_build
from projections.engine.rebuild import rebuild
from projections.notices.engine.catalogue import as_markdown
from projections.notices.engine.found import found_rules
from projections.notices.engine.listen import listen
from projections.notices.engine.look import look
from projections.notices.engine.rule import Rule
from tests.effort import examples
from tests.laws.plausible_histories import events_of
from tests.projections.engine.telling import Connection, Telling, as_role, open_log, tell

NOW = datetime.now(UTC)
SPOKEN = datetime(2999, 1, 1, tzinfo=UTC)
EVENTS_MAX = 16
WIDELY = settings(
    max_examples=examples(6),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, *HealthCheck],
)

every_rule = pytest.mark.parametrize("rule", found_rules().values(), ids=found_rules())

Told = set[tuple[str, str, str, str, bool]]


def kinds() -> list[type[Event]]:
    heard = {kind for rule in found_rules().values() for kind in (*rule.facts, *rule.clearings)}
    return sorted((kind for kind in heard if not issubclass(kind, Revision)), key=tag_of)


@st.composite
def lively_histories(draw: st.DrawFn) -> list[Telling]:
    """What is told of one trust in a month: people with roles first, then anything."""
    told = [_telling(stream, event, 0, f"s{n}") for n, (stream, event) in enumerate(SETTING)]
    for n in range(draw(st.integers(4, EVENTS_MAX))):
        if n > 2 and draw(st.integers(0, 6)) == 0:
            wrong = draw(st.sampled_from(told))
            told.append(_telling(wrong.stream, _put_right(draw, wrong), n, f"e{n}"))
            continue
        kind = draw(st.sampled_from(kinds()))
        noun = "project" if kind.stream == ANY_STREAM else kind.stream
        days = draw(st.sampled_from([0, 0, 0, 1, 12, 90]))  # ago: some of it is history
        told.append(_telling(f"{noun}/{noun}1", draw(events_of(kind)), n, f"e{n}", days=days))
    return told


def _put_right(draw: st.DrawFn, wrong: Telling) -> Event:
    """Taken back, or told otherwise; a revision of a revision has no effect."""
    kind = vocabulary()[wrong.type]
    if issubclass(kind, Revision) or draw(st.booleans()):
        return EventRetracted(of=wrong.id)
    right = msgspec.json.decode(canonical_body(draw(events_of(kind))))
    return EventCorrected(of=wrong.id, fields=right) if right else EventRetracted(of=wrong.id)


ROLES: tuple[Role, ...] = ("lead", "sponsor", "coach", "data")
SETTING: list[tuple[str, Event]] = [
    ("person/advisor", PersonRolesChanged(roles=("improvement_advisor", "communications", "administrator"))),
    ("forum/forum1", ForumChairAppointed(person="person/chair", role="chair")),
    ("project/project1", ProjectStarted(title="Sleep", forum="forum1")),
    *(("project/project1", PersonJoined(person=f"person/{role}", role=role)) for role in ROLES),
]


def _telling(stream: str, event: Event, minute: int, id_: str, *, days: int = 0) -> Telling:
    return Telling(
        stream=stream,
        type=tag_of(type(event)),
        body=canonical_body(event).decode(),
        occurred_at=NOW - timedelta(days=days) + timedelta(minutes=minute),
        id=id_,
    )


def begun(url: str, conn: Connection) -> str:
    """An organisation whose rules have begun to speak."""
    organisation = open_log(url)
    assert listen(conn, organisation, now=NOW - timedelta(minutes=1))
    return organisation


def told(conn: Connection, organisation: str) -> Told:
    with conn.transaction():
        conn.execute("SELECT set_config('qiledger.organisation', %s, true)", (organisation,))
        rows = conn.execute(
            'SELECT rule, subject, "window", recipient, cleared_at IS NULL FROM notices.notices'
        ).fetchall()
        unsaid = conn.execute("SELECT rule, position, error FROM notices.unsaid").fetchall()
    assert unsaid == [], "a rule judges whatever is told"
    assert len({row[:4] for row in rows}) == len(rows)
    return set(rows)


@pytest.fixture
def conn(database_url: str) -> Any:
    with psycopg.connect(as_role(database_url, "qiledger_worker"), autocommit=True) as conn:
        yield conn


@WIDELY
@given(history=lively_histories(), sizes=st.lists(st.integers(1, 5), min_size=1, max_size=6))
def test_any_batch_any_restart_and_twice_tell_the_same(
    database_url: str, conn: Connection, history: Sequence[Telling], sizes: list[int]
) -> None:
    at_once = begun(database_url, conn)
    tell(database_url, at_once, history)
    assert listen(conn, at_once, now=SPOKEN)
    by_pieces, position = begun(database_url, conn), 0
    tell(database_url, by_pieces, history)
    for size in sizes:
        position += size
        listen(conn, by_pieces, now=SPOKEN, batch_max=size, until=position)
    assert listen(conn, by_pieces, now=SPOKEN, batch_max=2)
    assert told(conn, by_pieces) == told(conn, at_once) != set()
    assert listen(conn, at_once, now=SPOKEN)
    assert told(conn, by_pieces) == told(conn, at_once)


@WIDELY
@given(
    history=lively_histories(),
    long=st.integers(1, 6),
    sizes=st.lists(st.integers(1, 5), min_size=1, max_size=6),
)
def test_streams_that_are_heard_on_from_where_they_stood_tell_the_same(
    database_url: str,
    conn: Connection,
    monkeypatch: pytest.MonkeyPatch,
    history: Sequence[Telling],
    long: int,
    sizes: list[int],
) -> None:
    whole = begun(database_url, conn)
    tell(database_url, whole, history)
    assert listen(conn, whole, now=SPOKEN)
    monkeypatch.setattr("projections.notices.engine.recall.LONG", long)
    bit_by_bit, position = begun(database_url, conn), 0
    tell(database_url, bit_by_bit, history)
    for size in sizes:
        position += size
        listen(conn, bit_by_bit, now=SPOKEN, until=position)
    assert listen(conn, bit_by_bit, now=SPOKEN)
    assert told(conn, bit_by_bit) == told(conn, whole) != set()
    monkeypatch.undo()


@WIDELY
@given(history=lively_histories())
def test_what_a_rule_finds_when_it_begins_tells_nobody(
    database_url: str, conn: Connection, history: Sequence[Telling]
) -> None:
    organisation = open_log(database_url)
    tell(database_url, organisation, history)
    assert listen(conn, organisation, now=datetime.now(UTC))
    advance(conn, organisation, deadline=float("inf"))
    for days in (0, 1):
        assert look(conn, organisation, now=datetime.now(UTC) + timedelta(minutes=days))
    assert told(conn, organisation) == set()


@settings(max_examples=examples(2), deadline=None, suppress_health_check=list(HealthCheck))
@given(history=lively_histories())
def test_a_rebuild_a_second_telling_and_silence_after_a_restore_tell_nobody_anything_new(
    database_url: str, conn: Connection, history: Sequence[Telling]
) -> None:
    organisation = begun(database_url, conn)
    tell(database_url, organisation, history)
    listen(conn, organisation, now=datetime.now(UTC))
    advance(conn, organisation, deadline=float("inf"))
    later = datetime.now(UTC) + timedelta(days=20)
    assert look(conn, organisation, now=later)
    before = told(conn, organisation)
    old = active_build(conn, duties, organisation)
    assert rebuild(conn, duties, organisation).done
    assert active_build(conn, duties, organisation) != old
    assert look(conn, organisation, now=later)
    assert told(conn, organisation) == before
    tell_again(database_url, organisation, history)
    conn.execute("SELECT notices.be_silent_until_now(%s)", (organisation,))
    listen(conn, organisation, now=later)
    assert look(conn, organisation, now=later)
    assert {row[:4] for row in told(conn, organisation)} == {row[:4] for row in before}


def tell_again(url: str, organisation: str, tellings: Sequence[Telling]) -> None:
    batch = msgspec.json.encode(list(tellings)).decode()
    with psycopg.connect(url, autocommit=True) as conn:
        again = conn.execute(
            "SELECT outcome FROM log.append(%s, %s::jsonb)", (organisation, batch)
        ).fetchall()
    assert {outcome for (outcome,) in again} == {"duplicate"}


@settings(max_examples=examples(4), deadline=None, suppress_health_check=list(HealthCheck))
@given(history=lively_histories(), years=st.integers(1, 5))
def test_an_import_of_history_tells_nobody(
    database_url: str, conn: Connection, history: Sequence[Telling], years: int
) -> None:
    """Neither of what happened, nor of what has been overdue ever since."""
    organisation = begun(database_url, conn)
    long_ago = timedelta(days=365 * years)
    old = [msgspec.structs.replace(one, occurred_at=one.occurred_at - long_ago) for one in history]
    tell(database_url, organisation, old)
    assert listen(conn, organisation, now=datetime.now(UTC))
    advance(conn, organisation, deadline=float("inf"))
    assert look(conn, organisation, now=datetime.now(UTC))
    assert told(conn, organisation) == set()


@every_rule
def test_a_rule_says_what_it_is_for_and_speaks_of_something(rule: Rule) -> None:
    assert re.match(r"[A-Z].{30,}", rule.doc), "its file says who is told what, and when"
    assert bool(rule.facts) != rule.looks, "it speaks of facts, or of rows"
    assert rule.name in {name for name, thing in vars(_module(rule)).items() if thing is rule}


@every_rule
def test_what_needs_action_can_be_cleared_by_acting(rule: Rule) -> None:
    assert not rule.action or rule.looks or rule.clearings


@every_rule
def test_a_rule_has_no_clock_no_chance_and_no_database(rule: Rule) -> None:
    source = inspect.getsource(_module(rule))
    for word in ("datetime.now", "date.today", "random", "psycopg", "os.environ", "execute("):
        assert word not in source


def _module(rule: Rule) -> Any:
    return importlib.import_module(f"projections.notices.{rule.name}")


def test_the_published_page_of_rules_is_made_from_them() -> None:
    page = Path(__file__).parents[2] / "docs" / "notices.md"
    command = "run `python -m projections.notices.engine.catalogue > docs/notices.md`"
    assert page.read_text("utf-8") == as_markdown(), command
