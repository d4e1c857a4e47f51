"""Why a row is as it is, where a stream has several: what was retracted and cannot be read, and types of old."""

from events.corrections import EventRetracted
from events.log.record import Record
from projections.engine.projection import Projection
from projections.engine.why import why
from tests.projections.engine.huddles import Count, HuddleCounted, HuddleNamed, HuddleOpened, boards
from tests.projections.engine.telling import H1, Here, Telling, of, records_of


def test_what_was_retracted_is_shown_even_if_nobody_can_read_it(here: Here) -> None:
    unreadable = Telling(stream=H1, type="huddle_counted", body='{"board":1}', id="e1")
    here.told(unreadable, of(EventRetracted(of="e1"), minute=1), of(HuddleCounted(board="a", people=2)))
    records = records_of(here.url, here.organisation)
    steps = why(boards(), f"{H1}/a", records).steps
    assert [(step.position, step.standing) for step in steps] == [
        (1, "retracted"),
        (3, "counts"),
        (2, "puts_right"),
    ]


def test_a_type_of_old_concerns_the_row_of_what_it_became(here: Here) -> None:
    projection = Projection("first_titles", revision=1, row=Count)

    @projection.on(HuddleOpened, part=lambda event: event.title)
    def opened(row: Count | None, event: HuddleOpened, record: Record) -> Count:
        return row or Count(event.title, (record.position,))

    here.told(*(of(HuddleOpened(title=title)) for title in ("Safety", "Flow")))
    here.told(*(of(HuddleNamed(name=name), minute=1) for name in ("Safety", "Flow")))
    steps = why(projection, f"{H1}/Safety", records_of(here.url, here.organisation)).steps
    assert [(step.position, step.standing) for step in steps] == [(1, "counts"), (3, "changes_nothing")]
