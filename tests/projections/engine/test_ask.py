"""Asking: pages without gaps or repeats in any order, one snapshot, one organisation, cursors that nobody can bend."""

import asyncio
import base64
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import msgspec
import psycopg
import pytest

from projections.engine.as_at import as_at
from projections.engine.ask import NotYetBuilt, answer, reached
from projections.engine.builds import active_build, unfinished
from projections.engine.cursor import CURSOR_MAX, BadCursor, orderings, read, written
from projections.engine.feed import feed
from projections.engine.projection import Projection
from projections.engine.question import NoParameters, Question
from projections.engine.rebuild import rebuild
from tests.projections.engine.huddles import (
    Board,
    Count,
    HuddleCounted,
    HuddleNoted,
    HuddleOpened,
    Mood,
    Titled,
    boards,
    huddles,
)
from tests.projections.engine.telling import NOON, Here, as_role, of, open_log

Asker = psycopg.AsyncConnection[Any]


@pytest.fixture
async def reader(database_url: str) -> AsyncIterator[Asker]:
    """A connection as the API has it."""
    async with await psycopg.AsyncConnection.connect(as_role(database_url, "qiledger_api")) as conn:
        yield conn
        await conn.rollback()


async def pages(
    reader: Asker, projection: Projection[Any], here: Here, name: str, params: Any, limit: int
) -> list[Any]:
    """Every page of an answer, one after the other."""
    found: list[Any] = []
    cursor = None
    while True:
        page = await answer(
            reader,
            projection,
            projection.questions[name],
            here.organisation,
            params,
            limit=limit,
            cursor=cursor,
        )
        found.append(page.rows)
        cursor = page.next_cursor
        if cursor is None:
            return found


def a_crowd(here: Here) -> None:
    """Seven huddles: ties in each column, and titles that are not known."""
    for n, people in enumerate([3, 3, 0, 7, 7, 7, 0]):
        stream = f"huddle/H-{n}"
        if people:
            here.told(of(HuddleCounted(board="beds", people=people), stream, minute=n // 2))
        if n % 3:
            here.told(of(HuddleOpened(title="Flow" if n % 2 else "Safety"), stream, minute=n // 2))
        here.told(of(HuddleNoted(words="x"), stream, minute=n // 2))


async def test_an_answer_has_typed_rows_and_says_of_which_moment_it_is_true(
    here: Here, reader: Asker
) -> None:
    projection = huddles()
    here.told(of(HuddleOpened(title="Safety")), of(HuddleCounted(board="beds", people=7)))
    here.rows(projection)
    got = await answer(reader, projection, projection.questions["by_size"], here.organisation)
    assert (got.position, got.parked, got.revision, got.next_cursor) == (2, 0, 1, None)
    (row,) = got.rows
    assert (row.key, row.mood, row.boards, row.last_at) == (
        "huddle/H-1",
        Mood.BUSY,
        {"beds": Board(7, NOON)},
        NOON,
    )


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
@pytest.mark.parametrize(("name", "params"), [("by_size", None), ("by_title", Titled(words=1))])
async def test_pages_of_any_size_make_the_whole_answer(
    here: Here, reader: Asker, limit: int, name: str, params: Any
) -> None:
    projection = huddles()
    a_crowd(here)
    here.rows(projection)
    found = await pages(reader, projection, here, name, params, limit)
    rows = [row for page in found for row in page]
    assert all(len(page) == limit for page in found[:-1])
    assert len({row.key for row in rows}) == len(rows) == 7
    if name == "by_size":
        expected = sorted(rows, key=lambda row: (-row.people, row.last_at, row.key))
    else:  # what has no title comes last
        expected = sorted(
            rows, key=lambda row: (row.title is None, row.title or "", _newest_first(row), row.key)
        )
    assert rows == expected


def _newest_first(row: Any) -> float:
    return -float(row.last_at.timestamp())


async def test_an_answer_is_one_snapshot(here: Here, reader: Asker, database_url: str) -> None:
    """A commit between the look at the position and the look at the rows changes neither."""
    projection = huddles(name="snapshot")
    question = projection.question("counts", COUNTS, asks=NoParameters, answers=Counted, order=("key",))
    here.told(of(HuddleNoted(words="a")))
    here.rows(projection)
    async with await psycopg.AsyncConnection.connect(database_url) as other:
        await other.execute(
            "LOCK TABLE snapshot_b1.snapshot_rows"
        )  # the position can be read, the rows cannot
        asking = asyncio.create_task(answer(reader, projection, question, here.organisation))
        while not await (await other.execute(WAITS, (reader.info.backend_pid,))).fetchall():
            assert not asking.done(), asking.result()
            await asyncio.sleep(0)
        await other.execute("UPDATE snapshot_b1.snapshot_rows SET words = '[]'")
        await other.execute(MOVED, (here.organisation,))
        await other.commit()
        got = await asking
    assert (got.position, [row.notes for row in got.rows]) == (1, [1])
    later = await answer(reader, projection, question, here.organisation)
    assert (later.position, [row.notes for row in later.rows]) == (2, [0])


class Counted(msgspec.Struct, frozen=True):
    key: str
    notes: int


COUNTS = """
    SELECT key, jsonb_array_length(words) AS notes
      FROM snapshot
     WHERE organisation = %(organisation)s
"""
WAITS = "SELECT FROM pg_locks WHERE pid = %s AND NOT granted"
MOVED = "UPDATE projections.checkpoints SET position = 2 WHERE organisation = %s"


async def test_nobody_sees_the_rows_of_another_organisation(
    here: Here, reader: Asker, database_url: str
) -> None:
    projection = huddles()
    question = projection.question("careless", CARELESS, asks=Titled, answers=Counted, order=("key",))
    here.told(of(HuddleNoted(words="ours")))
    other = Here(database_url, open_log(database_url), here.conn)
    other.told(of(HuddleNoted(words="theirs"), "huddle/T-1"), of(HuddleNoted(words="spill"), "huddle/T-2"))
    here.rows(projection)
    other.rows(projection)
    got = await answer(reader, projection, question, here.organisation, Titled(words=0))
    assert [row.key for row in got.rows] == ["huddle/H-1"]
    assert got.parked == 0
    for table in (
        "huddles_b1.huddles",
        "huddles_b1.huddles_rows",
        "projections.active",
        "projections.parked",
    ):
        assert await (await reader.execute(f"SELECT * FROM {table}")).fetchall() == []


CARELESS = """
    SELECT key, jsonb_array_length(words) AS notes
      FROM huddles
     WHERE jsonb_array_length(words) > %(words)s
"""


@pytest.mark.parametrize("role", ["qiledger_api", "qiledger_report", "qiledger_auditor"])
def test_readers_change_no_row_and_no_checkpoint(here: Here, database_url: str, role: str) -> None:
    here.told(of(HuddleNoted(words="ours")))
    here.rows(huddles())
    for attempt in (
        "UPDATE huddles_b1.huddles SET people = 1",
        "DELETE FROM huddles_b1.huddles_rows",
        "INSERT INTO projections.active VALUES ('RWK', 'huddles', 1)",
        "UPDATE projections.checkpoints SET position = 0",
        "SELECT projections.make_schema('huddles', 1)",
        "CREATE TABLE huddles_b1.mine ()",
    ):
        with (
            psycopg.connect(as_role(database_url, role)) as conn,
            pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.ReadOnlySqlTransaction)),
        ):
            conn.execute(attempt)


def test_workers_make_no_schema_but_that_of_a_build(here: Here) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        here.conn.execute("CREATE SCHEMA mine")
    with pytest.raises(psycopg.errors.NoDataFound, match="huddles has no build 77"):
        here.conn.execute("SELECT projections.make_schema('huddles', 77)")


async def test_before_anything_was_built_there_is_nothing_to_ask(here: Here, reader: Asker) -> None:
    projection = huddles(name="unbuilt")
    with pytest.raises(NotYetBuilt, match="has not been built"):
        await answer(reader, projection, projection.questions["by_size"], here.organisation)
    assert await reached(reader, here.organisation, projection) == 0


async def test_how_far_readers_are_is_known(here: Here, reader: Asker) -> None:
    here.told(of(HuddleNoted(words="a")), of(HuddleNoted(words="b")))
    here.rows(huddles())
    assert await reached(reader, here.organisation, huddles()) == 2


async def test_answers_say_how_many_records_wait(here: Here, reader: Asker) -> None:
    projection = huddles()
    here.told(
        of(HuddleNoted(words="spill")),
        of(HuddleNoted(words="after")),
        of(HuddleNoted(words="x"), "huddle/H-2"),
    )
    here.rows(projection)
    got = await answer(reader, projection, projection.questions["by_size"], here.organisation)
    assert (got.parked, [row.key for row in got.rows]) == (2, ["huddle/H-2"])


async def test_rows_of_an_older_revision_answer_what_they_can(here: Here, reader: Asker) -> None:
    """New code, old rows: what the old rows know is answered; what they cannot know is still being built."""
    here.told(of(HuddleOpened(title="Safety")))
    here.rows(huddles(name="grown"))
    grown = huddles(name="grown", revision=2)
    known = grown.question(
        "known", "SELECT key, people AS notes FROM grown", asks=Titled, answers=Counted, order=("key",)
    )
    new = grown.question(
        "new", "SELECT key, novelty AS notes FROM grown", asks=Titled, answers=Counted, order=("key",)
    )
    got = await answer(reader, grown, known, here.organisation, Titled(words=0))
    assert (got.revision, len(got.rows)) == (1, 1)
    with pytest.raises(NotYetBuilt, match="is being rebuilt"):
        await answer(reader, grown, new, here.organisation, Titled(words=0))
    rebuild(here.conn, grown, here.organisation)
    with pytest.raises(psycopg.errors.UndefinedColumn):  # now it is a fault, and told as one
        await answer(reader, grown, new, here.organisation, Titled(words=0))


async def test_the_same_question_is_answered_of_the_past(here: Here, reader: Asker) -> None:
    projection = huddles(name="pictured")
    projection.questions["by_size"] = msgspec.structs.replace(
        projection.questions["by_size"],
        selects=("SELECT key, title, people, mood, boards, last_at FROM pictured",),
    )
    here.told(of(HuddleOpened(title="Then")), of(HuddleOpened(title="Now"), minute=60))
    here.rows(projection)
    past = as_at(here.conn, projection, here.organisation, occurred_until=NOON + timedelta(minutes=30))
    question = projection.questions["by_size"]
    then = await answer(reader, projection, question, here.organisation, build=past)
    now = await answer(reader, projection, question, here.organisation)
    assert ([row.title for row in then.rows], [row.title for row in now.rows]) == (["Then"], ["Now"])
    assert then.position == 2


BUSY = "SELECT key, title, people FROM crowds WHERE people > 3"
QUIET = "SELECT key, title, people FROM crowds WHERE people <= 3"
BESIDE = """
    SELECT page.*, counted.rows AS on_page
      FROM page
     CROSS JOIN (SELECT count(*) AS rows FROM page) AS counted
"""


class OnPage(msgspec.Struct, frozen=True):
    key: str
    title: str | None
    people: int
    on_page: int


@pytest.mark.parametrize("order", [("-people", "-key"), ("people", "-key"), ("title", "key")])
@pytest.mark.parametrize("limit", [1, 2, 3, 100])
async def test_rows_found_in_several_ways_are_one_answer(
    here: Here, reader: Asker, limit: int, order: tuple[str, ...]
) -> None:
    """And what is looked up beside them is looked up for the rows of the page, and one more that tells of the next."""
    projection = huddles(name="crowds")
    a_crowd(here)
    here.rows(projection)
    both = (BUSY, QUIET)
    projection.question("both", *both, asks=NoParameters, answers=OnPage, order=order, of_page=BESIDE)
    one = "SELECT key, title, people, 0 AS on_page FROM crowds"
    projection.question("one", one, asks=NoParameters, answers=OnPage, order=order)
    found = await pages(reader, projection, here, "both", None, limit)
    (expected,) = await pages(reader, projection, here, "one", None, 100)
    assert [row.key for page in found for row in page] == [row.key for row in expected]
    assert all(len(page) <= row.on_page <= limit + 1 for page in found for row in page)
    assert [len(page) for page in found[:-1]] == [limit] * (len(found) - 1)


async def test_a_cursor_that_knows_less_than_an_answer_promises_does_no_harm(
    here: Here, reader: Asker
) -> None:
    a_crowd(here)
    here.rows(huddles())
    bent = cursor_of("by_size", ["-people", "last_at", "key"], None, None, None)
    got = await answer(reader, huddles(), BY_SIZE, here.organisation, cursor=bent)
    assert (got.rows, got.next_cursor) == ([], None)


async def test_a_page_has_a_bound_whatever_is_asked(here: Here, reader: Asker) -> None:
    projection = huddles()
    a_crowd(here)
    here.rows(projection)
    question = projection.questions["by_size"]
    assert len((await answer(reader, projection, question, here.organisation, limit=0)).rows) == 1
    assert len((await answer(reader, projection, question, here.organisation, limit=10**9)).rows) == 7


def cursor_of(*values: object) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(list(values))).decode().rstrip("=")


BY_SIZE = huddles().questions["by_size"]


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "!",
        "äöü",
        "AAAA",
        "e30",
        "W10",
        "A" * (CURSOR_MAX + 1),
        cursor_of("by_title", ["-people", "last_at", "key"], 1, None, "k"),
        cursor_of("by_size", ["key"], "k"),
        cursor_of("by_size", ["-people", "last_at", "key"], 1, None),
        cursor_of("by_size", ["-people", "last_at", "key"], "1; DROP TABLE", None, "k"),
        cursor_of("by_size", ["-people", "last_at", "key"], 2**70, None, "k"),
        cursor_of("by_size", ["-people", "last_at", "key"], 1, "yesterday", "k"),
        cursor_of("by_size", ["-people", "last_at", "key"], 1, "2022-05-20T12:00:00", "k"),
        cursor_of("by_size", ["-people", "last_at", "key"], 1, None, "k\0"),
        cursor_of("by_size", ["-people", "last_at", "key"], 1, None, {"a": 1}),
    ],
)
async def test_a_bent_cursor_is_refused_kindly(here: Here, reader: Asker, cursor: str) -> None:
    here.rows(huddles())
    with pytest.raises(BadCursor, match="cursor"):
        await answer(reader, huddles(), BY_SIZE, here.organisation, cursor=cursor)


def test_a_cursor_is_read_as_it_was_written() -> None:
    order = orderings(huddles(), BY_SIZE)
    values = [3, NOON, "huddle/“H”-1"]
    assert read(BY_SIZE, order, written(BY_SIZE, values)) == values
    assert read(BY_SIZE, order, written(BY_SIZE, [3, None, "k"])) == [3, None, "k"]


def test_an_order_by_what_nobody_knows_is_refused() -> None:
    for column in ("nowhere", "boards"):
        question = Question(name="q", selects=(), asks=Titled, answers=Count, order=(column,))
        with pytest.raises(TypeError, match="q cannot be ordered by"):
            orderings(huddles() if column == "boards" else boards(), question)


async def test_a_build_that_is_being_made_is_not_asked(here: Here, reader: Asker) -> None:
    projection = huddles(name="beside")
    here.rows(projection)
    shown = active_build(here.conn, projection, here.organisation)
    build = unfinished(here.conn, projection, here.organisation)
    feed(here.conn, projection, here.organisation, build=build)
    question = projection.question(
        "n", "SELECT key, people AS notes FROM beside", asks=Titled, answers=Counted, order=("key",)
    )
    got = await answer(reader, projection, question, here.organisation, Titled(words=0))
    assert shown is not None
    assert got.build == shown.build != build.build
