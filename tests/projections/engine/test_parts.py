"""Where a stream has several rows, news of one is folded onto that one: the others are neither read nor needed."""

from typing import Any

import pytest

from events.corrections import EventRetracted
from events.log.record import Record
from projections.engine.feed import feed
from projections.engine.parked import parked
from projections.engine.projection import Projection
from projections.engine.together import feed_together
from tests.projections.engine.huddles import Count, HuddleCounted, HuddleNamed, HuddleOpened, boards
from tests.projections.engine.telling import H1, Here, of

LONG = 200
ROWS_READ = """
    SELECT coalesce(sum(seq_tup_read + idx_tup_fetch), 0)::bigint
      FROM pg_stat_xact_user_tables
     WHERE relname = 'boards_rows'
"""


@pytest.fixture(autouse=True)
def every_stream_is_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("projections.engine.rows.SHORT", 1)


def counted(board: str, people: int, minute: int, **told: Any) -> Any:
    return of(HuddleCounted(board=board, people=people), minute=minute, **told)


def counts(here: Here, projection: Projection[Any]) -> dict[str, tuple[int, ...]]:
    """What each board of the one huddle was counted as."""
    return {key.removeprefix(f"{H1}/"): row.counts for key, row in here.rows(projection).items()}


def rows_read(here: Here) -> int:
    """How many rows of boards the database has read for this connection, as far as it has not reported them."""
    ((rows,),) = here.conn.execute(ROWS_READ).fetchall()
    return int(rows)


@pytest.mark.parametrize("board", ["b7", "a new one"])
def test_the_rest_of_a_long_stream_is_not_read(here: Here, board: str) -> None:
    projection = boards()
    here.told(*(counted(f"b{n}", 3, minute=n) for n in range(LONG)))
    before = counts(here, projection)
    here.told(counted(board, 5, minute=LONG))
    here.conn.execute(
        "SET enable_seqscan = off"
    )  # a small table is else read as a whole, whatever is asked of it
    with here.conn.transaction():
        already = rows_read(here)
        assert feed_together(here.conn, here.organisation, [projection]) == {projection.name}
        read = rows_read(here) - already
    assert read <= 4
    assert counts(here, projection) == before | {board: (*before.get(board, ()), 5)}


def test_a_row_that_nobody_asked_for_is_there_when_its_record_comes(here: Here) -> None:
    projection = boards()
    here.told(counted("a", 1, minute=0), counted("b", 1, minute=1))
    assert counts(here, projection) == {"a": (1,), "b": (1,)}
    here.told(counted("a", 2, minute=2), counted("b", 2, minute=3), counted("c", 2, minute=4))
    here.told(counted("c", 3, minute=5), counted("b", 3, minute=6))
    feed(here.conn, projection, here.organisation, batch_max=1)
    assert counts(here, projection) == {"a": (1, 2), "b": (1, 2, 3), "c": (2, 3)}


def test_news_of_one_row_is_late_only_if_that_row_has_gone_further(here: Here) -> None:
    projection = boards()
    here.told(counted("a", 1, minute=10), counted("b", 1, minute=0))
    here.rows(projection)
    here.told(counted("b", 2, minute=5), counted("a", 2, minute=5))
    assert counts(here, projection) == {"a": (2, 1), "b": (1, 2)}


def test_a_stream_that_waits_goes_on_waiting_whichever_row_is_told_of(here: Here) -> None:
    projection = boards()
    here.told(counted("a", 1, minute=0), counted("b", 13, minute=1))
    here.rows(projection)
    here.told(counted("c", 2, minute=2))
    assert counts(here, projection) == {"a": (1,)}
    waiting = parked(here.conn, here.organisation, projection=projection.name)
    assert [(one.key, one.records) for one in waiting] == [(H1, 2)]


def test_what_was_retracted_before_it_came_is_left_out_of_whichever_row(here: Here) -> None:
    projection = boards()
    here.told(counted("a", 1, minute=0), of(EventRetracted(of="to come"), minute=1))
    here.rows(projection)
    here.told(counted("b", 2, minute=2, id="to come"), counted("c", 2, minute=3))
    assert counts(here, projection) == {"a": (1,), "c": (2,)}


def test_a_type_of_old_goes_onto_the_row_of_what_it_became(here: Here) -> None:
    projection = Projection("titles", revision=1, row=Count)

    @projection.on(HuddleOpened, part=lambda event: event.title)
    def opened(row: Count | None, event: HuddleOpened, record: Record) -> Count:
        return Count(event.title, (*(row.counts if row else ()), record.position))

    here.told(of(HuddleOpened(title="Safety")), of(HuddleOpened(title="Flow"), minute=1))
    here.rows(projection)
    here.told(of(HuddleNamed(name="Safety"), minute=2))
    assert counts(here, projection) == {"Safety": (1, 3), "Flow": (2,)}


def test_a_name_that_no_table_can_hold_holds_up_its_stream_alone(here: Here) -> None:
    projection = boards()
    here.told(counted("a", 1, minute=0))
    here.rows(projection)
    here.told(counted("no\0board", 2, minute=1), counted("a", 2, minute=2))
    here.told(of(HuddleCounted(board="a", people=3), "huddle/H-2", minute=3))
    kept = here.rows(projection)
    assert {key: row.counts for key, row in kept.items()} == {f"{H1}/a": (1,), "huddle/H-2/a": (3,)}
    waiting = parked(here.conn, here.organisation, projection=projection.name)
    assert [(one.key, one.records) for one in waiting] == [(H1, 2)]
