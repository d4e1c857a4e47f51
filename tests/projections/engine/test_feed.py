"""Feeding: what is new is folded once, in order, whatever arrives late or is put right."""

import math
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest

from events.corrections import EventCorrected, EventRetracted
from projections.engine.builds import Build, ensure
from projections.engine.feed import OtherRevision, Progress, feed, paced
from projections.engine.memory import fold_in_memory
from projections.engine.parked import parked, retry_parked
from projections.engine.projection import Projection
from tests.projections.engine.huddles import (
    Board,
    Count,
    Huddle,
    HuddleClosed,
    HuddleCounted,
    HuddleNamed,
    HuddleNoted,
    HuddleOpened,
    Line,
    Mood,
    boards,
    huddles,
    timeline,
)
from tests.projections.engine.telling import H1, NOON, Here, Telling, of, records_of


class Odd(msgspec.Struct, frozen=True):
    text: str = ""
    number: int = 0
    share: float | None = None
    moment: datetime | None = None


def test_a_row_comes_back_as_it_was_folded_in_every_kind_of_column(here: Here) -> None:
    here.told(
        of(HuddleOpened(title="Safety")),
        of(HuddleCounted(board="beds", people=12), minute=5),
        of(HuddleNoted(words="“quotes” and \\ and 日本"), minute=6),
    )
    assert here.row(huddles()) == Huddle(
        title="Safety",
        words=("“quotes” and \\ and 日本",),
        boards={"beds": Board(12, NOON + timedelta(minutes=5))},
        people=12,
        mean=12.0,
        mood=Mood.BUSY,
        size="large",
        first_on=NOON.date(),
        last_at=NOON + timedelta(minutes=6),
    )


def test_each_stream_has_its_own_row_and_each_part_of_it(here: Here) -> None:
    here.told(
        of(HuddleCounted(board="beds", people=3)),
        of(HuddleCounted(board="falls", people=1)),
        of(HuddleCounted(board="beds", people=4), minute=1),
        of(HuddleCounted(board="beds", people=9), "huddle/H-2"),
    )
    assert here.rows(boards()) == {
        "huddle/H-1/beds": Count("beds", (3, 4)),
        "huddle/H-1/falls": Count("falls", (1,)),
        "huddle/H-2/beds": Count("beds", (9,)),
    }


def test_a_line_stands_under_the_position_of_its_record(here: Here) -> None:
    here.told(of(HuddleOpened(title="Safety")), of(HuddleNoted(words="hush")), of(HuddleNoted(words="calm")))
    assert here.rows(timeline()) == {
        "huddle/H-1/1": Line(NOON, "opened", "Safety"),
        "huddle/H-1/3": Line(NOON, "noted", "calm"),
    }


def test_what_arrives_late_is_folded_where_it_happened(here: Here) -> None:
    here.told(of(HuddleNoted(words="second"), minute=2))
    assert here.row(huddles()).words == ("second",)
    here.told(of(HuddleNoted(words="first"), minute=1))
    assert here.row(huddles()).words == ("first", "second")
    assert here.row(huddles()).last_at == NOON + timedelta(minutes=2)


def test_of_what_happened_at_the_same_moment_the_first_told_comes_first(here: Here) -> None:
    here.told(of(HuddleNoted(words="a")), of(HuddleNoted(words="b")))
    assert here.row(huddles()).words == ("a", "b")


def test_what_is_retracted_counts_no_more(here: Here) -> None:
    here.told(of(HuddleNoted(words="wrong"), id="w"), of(HuddleNoted(words="right"), minute=1))
    assert here.row(huddles()).words == ("wrong", "right")
    here.told(of(EventRetracted(of="w"), minute=2))
    assert here.row(huddles()).words == ("right",)
    here.told(of(HuddleNoted(words="more"), minute=3))
    assert here.row(huddles()).words == ("right", "more")


def test_a_row_whose_every_record_was_retracted_is_gone(here: Here) -> None:
    here.told(of(HuddleNoted(words="wrong"), id="w"))
    assert here.row(huddles()) is not None
    here.told(of(EventRetracted(of="w"), minute=1))
    assert here.row(huddles()) is None


def test_what_is_corrected_counts_as_though_told_so_and_the_last_correction_wins(here: Here) -> None:
    here.told(
        of(HuddleCounted(board="beds", people=3), id="c"),
        of(EventCorrected(of="c", fields={"people": 5}), minute=9),
        of(EventCorrected(of="c", fields={"people": 4, "board": "falls"}), minute=8),
    )
    assert here.rows(boards()) == {"huddle/H-1/falls": Count("falls", (5,))}


def test_a_correction_that_arrives_before_what_it_corrects_waits_for_it(here: Here) -> None:
    here.told(
        of(EventCorrected(of="n", fields={"words": "right"})), of(HuddleOpened(title="Safety"), minute=1)
    )
    assert here.row(huddles()).words == ()
    here.told(of(HuddleNoted(words="wrong"), minute=2, id="n"))
    assert here.row(huddles()).words == ("right",)


def test_a_revision_names_the_source_of_what_it_puts_right(here: Here) -> None:
    elsewhere = "https://elsewhere.example"
    here.told(
        of(HuddleNoted(words="ours"), id="n"),
        of(HuddleNoted(words="theirs"), id="n", source=elsewhere, minute=1),
        of(EventRetracted(of="n", of_source=elsewhere), minute=2),
    )
    assert here.row(huddles()).words == ("ours",)


def test_a_revision_of_a_revision_has_no_effect(here: Here) -> None:
    here.told(
        of(HuddleNoted(words="wrong"), id="n"),
        of(EventRetracted(of="n"), minute=1, id="r"),
        of(EventRetracted(of="r"), minute=2),
    )
    assert here.row(huddles()) is None


def test_a_retraction_that_is_retracted_stands_in_the_timeline(here: Here) -> None:
    here.told(
        of(HuddleNoted(words="wrong"), id="n"),
        of(EventRetracted(of="n"), minute=1, id="r"),
        of(EventRetracted(of="r"), minute=2),
    )
    assert set(here.rows(timeline())) == {"huddle/H-1/2", "huddle/H-1/3"}


def test_a_revision_does_not_reach_into_another_stream(here: Here) -> None:
    here.told(of(HuddleNoted(words="kept"), id="n"), of(EventRetracted(of="n"), "huddle/H-2", minute=1))
    assert here.row(huddles()).words == ("kept",)


def test_a_retraction_has_its_own_line_and_takes_the_line_of_what_it_retracts(here: Here) -> None:
    here.told(of(HuddleNoted(words="wrong"), id="n"))
    assert set(here.rows(timeline())) == {"huddle/H-1/1"}
    here.told(of(EventRetracted(of="n", reason="Another ward."), minute=1))
    assert here.rows(timeline()) == {
        "huddle/H-1/2": Line(NOON + timedelta(minutes=1), "retracted", "Another ward.")
    }


def test_an_event_of_old_is_folded_as_what_it_became(here: Here) -> None:
    here.told(of(HuddleNamed(name="Of old")))
    assert here.row(huddles()).title == "Of old"


def test_a_withheld_row_is_not_shown_and_comes_back(here: Here) -> None:
    here.told(of(HuddleOpened(title="Safety")), of(HuddleClosed(), minute=1))
    assert here.row(huddles()) is None
    here.told(of(HuddleOpened(title="Safety again"), minute=2))
    assert here.row(huddles()).title == "Safety again"


def test_the_checkpoint_moves_over_what_a_projection_does_not_fold(here: Here) -> None:
    here.told(Telling(stream="story/S-1", type="story.shared", body="{}"))
    assert feed(here.conn, huddles(), here.organisation).position == 1
    assert here.rows(huddles()) == {}


def test_an_unknown_type_holds_up_its_stream_only_where_the_projection_follows_it(here: Here) -> None:
    here.told(
        Telling(stream="story/S-1", type="story.unheard_of", body="{}"),
        Telling(stream=H1, type="huddle.unheard_of", body="{}"),
        of(HuddleNoted(words="later"), minute=1),
        of(HuddleNoted(words="elsewhere"), "huddle/H-2"),
    )
    assert set(here.rows(huddles())) == {"huddle/H-2"}
    (waiting,) = parked(here.conn, here.organisation, projection="huddles")
    assert (waiting.key, waiting.position, waiting.records) == (H1, 2, 2)
    assert waiting.error == "UnknownToThisCode: no event type is called huddle.unheard_of"


def test_a_row_that_waits_shows_what_was_before_and_how_many_wait(here: Here) -> None:
    here.told(
        of(HuddleNoted(words="before")),
        of(HuddleNoted(words="spill"), minute=2),
        of(HuddleNoted(words="after"), minute=3),
    )
    assert here.row(huddles()).words == ("before",)
    here.told(of(HuddleNoted(words="between"), minute=1), of(HuddleNoted(words="later still"), minute=4))
    assert here.row(huddles()).words == ("before", "between")
    (waiting,) = parked(here.conn, here.organisation, projection="huddles")
    assert (waiting.position, waiting.records) == (2, 3)
    assert waiting.error.startswith("Spilled in huddles.<locals>.noted, line ")
    assert "person" not in waiting.error


def test_after_the_mend_a_retry_heals_in_order(here: Here) -> None:
    here.told(of(HuddleNoted(words="spill")), of(HuddleNoted(words="after"), minute=1))
    assert here.row(huddles()) is None
    assert retry_parked(here.conn, huddles(), here.organisation) == 1
    assert retry_parked(here.conn, huddles(mended=True), here.organisation) == 0
    assert here.row(huddles()).words == ("spill", "after")
    here.told(of(HuddleNoted(words="more"), minute=2))
    assert here.row(huddles()).words == ("spill", "after", "more")
    assert parked(here.conn, here.organisation) == []


def test_a_record_that_is_retracted_holds_nothing_up(here: Here) -> None:
    here.told(of(HuddleNoted(words="spill"), id="n"), of(HuddleNoted(words="after"), minute=1))
    assert here.row(huddles()) is None
    here.told(of(EventRetracted(of="n"), minute=2))
    assert here.row(huddles()).words == ("after",)
    assert parked(here.conn, here.organisation) == []


def test_a_correction_that_does_not_fit_parks_what_it_corrects(here: Here) -> None:
    here.told(of(HuddleNoted(words="before")), of(HuddleNoted(words="fine"), minute=1, id="n"))
    here.told(of(EventCorrected(of="n", fields={"number": 3}), minute=2))
    assert here.row(huddles()).words == ("before",)
    (waiting,) = parked(here.conn, here.organisation)
    assert waiting.position == 2
    assert waiting.error.startswith(
        "BadCorrection: the correction at position 3 does not fit: ValidationError"
    )


@pytest.mark.parametrize(
    ("odd", "error"),
    [
        (Odd(text="nul \0"), "NotARow"),
        (Odd(text=7), "ValidationError"),  # type: ignore[arg-type]
        (Odd(number=2**63), "NotARow"),
        (Odd(share=math.nan), "NotARow"),
        (Odd(moment=datetime(2022, 5, 20)), "NotARow"),  # noqa: DTZ001 - naive, that is the point
        (Count("beds", ()), "NotARow"),
    ],
)
def test_a_row_that_no_table_can_hold_is_parked_like_a_fold_that_raises(
    here: Here, odd: Any, error: str
) -> None:
    projection = Projection("odd", revision=1, row=Odd)
    projection.on(HuddleNoted)(lambda _, event, __: odd if event.words == "odd" else Odd())
    here.told(of(HuddleNoted(words="odd"), minute=1), of(HuddleNoted(words="x"), "huddle/H-2"))
    assert set(here.rows(projection)) == {"huddle/H-2"}
    assert set(fold_in_memory(projection, records_of(here.url, here.organisation))) == {"huddle/H-2"}
    here.told(of(HuddleNoted(words="before")))
    assert here.row(projection) == Odd()
    assert [p.error.partition(":")[0] for p in parked(here.conn, here.organisation)] == [error]


def test_a_build_of_another_revision_is_not_fed(here: Here) -> None:
    old = ensure(here.conn, huddles(name="revised"), here.organisation)
    with pytest.raises(OtherRevision, match="holds revision 1, not 2"):
        feed(here.conn, huddles(name="revised", revision=2), here.organisation, build=old)


def test_feeding_stops_where_it_is_told_to_and_says_how_far_it_came(here: Here) -> None:
    here.told(*(of(HuddleNoted(words=str(n)), minute=n) for n in range(10)))
    seen: list[Progress] = []
    feed(here.conn, huddles(), here.organisation, until=7, batch_max=3, on_progress=seen.append)
    assert [(progress.position, progress.head) for progress in seen] == [(3, 7), (6, 7), (7, 7)]
    assert here.row(huddles()).words == tuple(map(str, range(10)))


def test_a_deadline_ends_feeding_after_a_batch(here: Here) -> None:
    here.told(*(of(HuddleNoted(words=str(n)), minute=n) for n in range(10)))
    come = feed(here.conn, huddles(), here.organisation, batch_max=2, deadline=0.0)
    assert (come.position, come.head, come.caught_up) == (2, 10, False)


def test_batches_grow_while_they_are_quick_and_shrink_when_they_are_slow() -> None:
    assert paced(2_000, 0.1, 1.0, 50_000) == 4_000
    assert paced(40_000, 0.1, 1.0, 50_000) == 50_000
    assert paced(2_000, 1.0, 1.0, 50_000) == 2_000
    assert paced(4_000, 9.0, 1.0, 50_000) == 2_000
    assert paced(1_000, 9.0, 1.0, 50_000) == 1_000
    assert paced(2, 9.0, 1.0, 2) == 2


def test_a_new_organisation_shares_the_build_of_the_others(here: Here) -> None:
    first = ensure(here.conn, huddles(name="shared"), here.organisation)
    assert ensure(here.conn, huddles(name="shared"), "ANOTHER") == first == Build("shared", 1, 1, "live")
