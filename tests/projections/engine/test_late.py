"""Late news of a long stream: the work that it makes does not grow with what came before. Counted in folds."""

from typing import Any

import pytest

from events.corrections import EventCorrected, EventRetracted
from events.log.record import Record
from events.vocabulary import Event
from projections.engine.builds import active_build, drop
from projections.engine.compare import rows_kept
from projections.engine.memory import fold_in_memory
from projections.engine.projection import Projection
from projections.engine.rebuild import rebuild
from tests.projections.engine.huddles import (
    HuddleClosed,
    HuddleCounted,
    HuddleNoted,
    HuddleOpened,
    boards,
    huddles,
    timeline,
)
from tests.projections.engine.telling import Here, of, records_of

LONG = 60
EVERY = 10


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("projections.engine.waypoints.EVERY", EVERY)


class Counting:
    """A projection that counts its folds."""

    def __init__(self, made: Projection[Any]) -> None:
        self.projection = made
        self.folds = 0
        for kind, (fold, part) in made.folds.items():
            made.folds[kind] = (self._counted(fold), part)

    def _counted(self, fold: Any) -> Any:
        def counted(row: Any, event: Event, record: Record) -> Any:
            self.folds += 1
            return fold(row, event, record)

        return counted

    def folds_of(self, here: Here, *told: Any) -> int:
        """How many it takes to take in what is told. The rows are then what they should be."""
        here.told(*told)
        self.folds = 0
        kept = here.rows(self.projection)
        folds = self.folds
        assert kept == fold_in_memory(self.projection, records_of(here.url, here.organisation))
        return folds


def long(projection: Projection[Any]) -> list[Any]:
    """Notes, and counts of seven boards in turn: those that the projection folds."""
    told = [
        of(HuddleNoted(words=str(n)), minute=10 * n, id=f"e{n}")
        if n % 2
        else of(HuddleCounted(board=f"b{n % 7}", people=n), minute=10 * n, id=f"e{n}")
        for n in range(LONG)
    ]
    return [one for one in told if one.type in projection.ways]


@pytest.mark.parametrize("make", [lambda: huddles(name="late_rows"), boards])
def test_late_news_is_folded_from_the_last_waypoint(here: Here, make: Any) -> None:
    counting = Counting(make())
    counting.folds_of(here, *long(counting.projection))
    news = [of(HuddleCounted(board="b2", people=n), minute=10 * (LONG - 4) - n) for n in range(8)]
    first = counting.folds_of(here, news[0])
    assert first > len(long(counting.projection)) - 5, "folded from its beginning, as it had no waypoint yet"
    for one in news[1:]:
        assert counting.folds_of(here, one) <= 2 * EVERY + len(news)


def test_news_of_long_ago_is_folded_from_before_it(here: Here) -> None:
    counting = Counting(huddles(name="late_long_ago"))
    counting.folds_of(here, *long(counting.projection))
    counting.folds_of(here, of(HuddleOpened(title="first"), minute=10 * LONG - 5))
    assert counting.folds_of(here, of(HuddleOpened(title="early"), minute=255)) > LONG // 2
    assert counting.folds_of(here, of(HuddleOpened(title="earliest"), minute=-5)) > LONG
    assert counting.folds_of(here, of(HuddleOpened(title="late"), minute=10 * LONG - 6)) <= 2 * EVERY


@pytest.mark.parametrize("make", [lambda: huddles(name="late_mended"), boards])
def test_what_is_put_right_lately_is_folded_from_before_it(here: Here, make: Any) -> None:
    counting = Counting(make())
    counting.folds_of(here, *long(counting.projection))
    counting.folds_of(here, of(HuddleCounted(board="b3", people=1), minute=515))
    after = 10 * LONG
    mended = of(EventCorrected(of=f"e{LONG - 4}", fields={"board": "b9"}), minute=after)
    assert counting.folds_of(here, mended) <= 2 * EVERY
    again = of(EventCorrected(of=f"e{LONG - 4}", fields={"board": "b10"}), minute=after + 1)
    assert counting.folds_of(here, again) <= 2 * EVERY
    taken_back = of(EventRetracted(of=f"e{LONG - 2}"), minute=after + 2)
    assert counting.folds_of(here, taken_back) <= 2 * EVERY


def test_only_the_lines_that_are_put_right_are_made_anew(here: Here) -> None:
    counting = Counting(timeline())
    counting.folds_of(here, *long(counting.projection))
    mended = of(EventCorrected(of="e1", fields={"words": "mended"}), minute=10 * LONG)
    assert counting.folds_of(here, mended) == 1
    assert counting.folds_of(here, of(EventRetracted(of="e3"), minute=10 * LONG + 1)) == 1
    assert counting.folds_of(here, of(HuddleNoted(words="late"), minute=5)) == 1


def test_what_comes_in_order_for_one_row_and_before_a_waypoint_of_another_is_not_lost(here: Here) -> None:
    """A board that was not counted lately is counted: no late news for its row, yet earlier than its stream's last."""
    counting = Counting(boards())
    told = [of(HuddleCounted(board="a", people=n + 20), minute=10 * n) for n in range(LONG)]
    counting.folds_of(here, *told)
    counting.folds_of(here, of(HuddleCounted(board="a", people=1), minute=10 * LONG - 15))
    assert counting.folds_of(here, of(HuddleCounted(board="z", people=7), minute=55)) == 1
    counting.folds_of(here, of(HuddleCounted(board="z", people=8), minute=54))
    counting.folds_of(here, of(HuddleClosed(), minute=10 * LONG - 14))
    counting.folds_of(here, of(HuddleCounted(board="z", people=9), minute=10 * LONG - 16))
    counting.folds_of(here, of(HuddleCounted(board="z", people=9), minute=10 * LONG - 17))


def test_news_that_is_not_folded_leaves_the_row_as_it_is(here: Here) -> None:
    """It takes back what never came: there is nothing to fold, and the stream's row is still there."""
    counting = Counting(huddles(name="late_nothing"))
    counting.folds_of(here, *long(counting.projection)[: 2 * EVERY])
    counting.folds_of(here, of(EventRetracted(of="never"), minute=10 * LONG))
    assert counting.folds_of(here, of(EventRetracted(of="never either"), minute=10 * LONG + 1)) == 0


def test_a_long_stream_that_waits_is_folded_from_its_beginning(here: Here) -> None:
    counting, after = Counting(huddles(name="late_waits")), 10 * LONG
    counting.folds_of(here, *long(counting.projection))
    counting.folds_of(here, of(HuddleOpened(title="late"), minute=after - 15))
    counting.folds_of(here, of(HuddleNoted(words="spill"), minute=after - 16, id="spilled"))
    counting.folds_of(here, of(HuddleNoted(words="later"), minute=after))
    assert counting.folds_of(here, of(EventRetracted(of="spilled"), minute=after + 1)) > LONG
    assert counting.folds_of(here, of(HuddleNoted(words="late"), minute=after - 1)) <= 2 * EVERY


def test_waypoints_go_with_their_build(here: Here) -> None:
    made = huddles(name="late_gone")
    counting = Counting(made)
    counting.folds_of(here, *long(counting.projection))
    counting.folds_of(here, of(HuddleOpened(title="late"), minute=15))
    rows = dict(rows_kept(here.conn, made, here.organisation))
    before = active_build(here.conn, made, here.organisation)
    assert before is not None
    there = "SELECT count(*) FROM projections.waypoints WHERE projection = 'late_gone' AND build = %s"
    assert here.conn.execute(there, (before.build,)).fetchone() == (LONG // EVERY,)
    assert rebuild(here.conn, made, here.organisation).done
    assert dict(rows_kept(here.conn, made, here.organisation)) == rows
    assert drop(here.conn, before)
    assert here.conn.execute(there, (before.build,)).fetchone() == (0,)
