"""A picture of the past is begun with the rows of streams that have not changed since; the rest is folded again."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from events.log.record import Record
from events.vocabulary import Event
from projections.engine.as_at import as_at
from projections.engine.builds import Build
from projections.engine.compare import rows_kept
from projections.engine.memory import fold_in_memory
from projections.engine.projection import Fold, Projection
from tests.projections.engine.huddles import (
    HuddleCounted,
    HuddleNoted,
    boards,
    huddles,
    timeline,
)
from tests.projections.engine.telling import NOON, Here, of, records_of

COUNTED, NOTED = HuddleCounted(board="beds", people=3), HuddleNoted(words="calm")
SHAPES = pytest.mark.parametrize(("make", "event"), [(huddles, NOTED), (boards, COUNTED), (timeline, NOTED)])


def counting(projection: Projection[object]) -> list[str]:  # type: ignore[type-var]
    """From now on the streams that a projection folds records of."""
    folded: list[str] = []

    def counted(fold: Fold) -> Fold:
        def noted(row: object, event: object, record: Record) -> object:
            folded.append(record.stream)
            return fold(row, event, record)

        return noted

    for kind, (fold, part) in projection.folds.items():
        projection.folds[kind] = (counted(fold), part)
    projection.__dict__.pop("ways", None)
    return folded


def pictured(here: Here, projection: Projection[object], build: Build) -> dict[str, object]:  # type: ignore[type-var]
    return dict(rows_kept(here.conn, projection, here.organisation, build=build))


@SHAPES
def test_only_streams_that_have_changed_since_are_folded_again(
    here: Here,
    database_url: str,
    make: Callable[[], Projection[object]],
    event: Event,  # type: ignore[type-var]
) -> None:
    projection = make()
    here.told(*(of(event, f"huddle/H-{n % 4}", minute=n) for n in range(12)))
    here.rows(projection)
    here.told(of(event, "huddle/H-1", minute=6))  # and readers are not shown it yet
    folded = counting(projection)
    until = NOON + timedelta(minutes=10)  # the last of H-3 came later
    build = as_at(here.conn, projection, here.organisation, occurred_until=until)
    assert set(folded) == {"huddle/H-1", "huddle/H-3"}
    records = [r for r in records_of(database_url, here.organisation) if r.occurred_at <= until]
    assert pictured(here, projection, build) == fold_in_memory(projection, records)


def test_what_is_parked_for_readers_is_tried_again_for_a_picture(here: Here) -> None:
    here.told(*(of(HuddleNoted(words=words), f"huddle/H-{words}") for words in ("spill", "calm")))
    here.rows(huddles(name="u2"))
    mended = huddles(name="u2", mended=True)
    folded = counting(mended)
    build = as_at(here.conn, mended, here.organisation, occurred_until=NOON)
    assert folded == ["huddle/H-spill"]
    assert pictured(here, mended, build).keys() == {"huddle/H-spill", "huddle/H-calm"}


def test_rows_of_another_revision_are_not_copied(here: Here) -> None:
    here.told(*(of(HuddleNoted(words="x"), f"huddle/H-{n}") for n in range(3)))
    here.rows(huddles(name="u3"))
    risen = huddles(name="u3", revision=2)
    folded = counting(risen)
    as_at(here.conn, risen, here.organisation, occurred_until=NOON)
    assert len(folded) == 3


def test_a_picture_broken_off_while_it_is_begun_leaves_nothing_of_itself(here: Here) -> None:
    projection = huddles(name="u4")
    here.told(*(of(HuddleNoted(words=str(n)), "huddle/H-1", minute=n) for n in range(3)))
    here.rows(projection)
    _, part = projection.folds[HuddleNoted]

    def broken(*_: object) -> object:
        raise KeyboardInterrupt

    projection.folds[HuddleNoted] = (broken, part)
    projection.__dict__.pop("ways", None)
    with pytest.raises(KeyboardInterrupt):
        as_at(here.conn, projection, here.organisation, occurred_until=NOON + timedelta(minutes=1))
    whole = huddles(name="u4")
    build = as_at(here.conn, whole, here.organisation, occurred_until=NOON + timedelta(minutes=1))
    (row,) = pictured(here, whole, build).values()
    assert row.words == ("0", "1")  # type: ignore[attr-defined]
