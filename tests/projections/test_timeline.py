from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from events.comments import CommentPosted, VisibilitySet
from events.corrections import EventCorrected, EventRetracted
from events.cycles import CycleTested
from events.improvements import ImprovementPromoted
from events.projects import ProjectMerged, ProjectSplit, ProjectStarted
from events.scores import ProgressScored
from events.stories import StoryShared
from events.vocabulary import Event, vocabulary
from projections.timeline import DETAIL_MAX, SAID, timeline
from tests.projections.engine.telling import NOON, of, open_log, tell
from tests.projections.history import History
from tests.projections.plans import plan, rows_read

P = "project/P-17"


async def test_a_line_says_what_happened_in_the_words_of_the_field(database_url: str) -> None:
    history = History()
    history.tell(P, "2024-03", CycleTested(cycle="C-1", tested="Text messages", decision="adapt"))
    [line] = await history.ask(database_url, timeline, "of_subject", subject=P)
    assert line.said == "A PDSA cycle was carried out and studied."
    assert (line.detail, line.facts) == ("Text messages", {"decision": "adapt"})


async def test_a_line_says_when_it_was_as_exactly_as_that_is_known_and_who_told_it(database_url: str) -> None:
    history = History()
    history.tell(P, "2024-03", CycleTested(cycle="C-1", tested="Text messages"))
    [line] = await history.ask(database_url, timeline, "of_subject", subject=P)
    assert (line.occurred, line.occurred_at, line.precise_to) == (
        "2024-03",
        datetime(2024, 3, 1, tzinfo=UTC),
        "month",
    )
    assert (line.actor, line.source, line.telling) == ("client/tests", "https://example.org/qi", "e-1")


def test_a_number_is_shown_as_it_would_be_written() -> None:
    history = History()
    history.tell(P, "2024-03", ProgressScored(score=3, scale="life_qi", assessor="self"))
    assert history.row(timeline, f"{P}/1").facts == {"score": "3"}


def test_long_words_are_cut_short() -> None:
    history = History()
    history.tell(P, "2024-03", CycleTested(cycle="C-1", tested="word " * 200))
    assert len(history.row(timeline, f"{P}/1").detail) <= DETAIL_MAX


def test_a_corrected_event_is_shown_as_corrected_beside_its_correction() -> None:
    history = History()
    history.tell(P, "2024-03-01", ProjectStarted(title="Slep"))
    history.tell(P, "2024-03-02", EventCorrected(of="e-1", fields={"title": "Sleep"}, reason="Mistyped."))
    first, correction = history.row(timeline, f"{P}/1"), history.row(timeline, f"{P}/2")
    assert first.detail == "Sleep"
    assert (correction.puts_right, correction.detail) == ("e-1", "Mistyped.")


def test_a_retracted_event_is_not_shown_and_its_retraction_is() -> None:
    history = History()
    history.tell(P, "2024-03-01", ProjectStarted(title="Sleep"))
    history.tell(P, "2024-03-02", EventRetracted(of="e-1", reason="Another project."))
    assert set(history.rows(timeline)) == {f"{P}/2"}


def test_words_that_may_have_to_be_taken_back_are_not_repeated() -> None:
    history = History()
    history.tell("story/S-1", "2024-03-01", StoryShared(title="Her story", summary="In her words."))
    history.tell("story/S-1", "2024-03-02", CommentPosted(text="I know her."))
    assert [(line.detail, line.facts) for line in history.rows(timeline).values()] == [("", None), ("", None)]


def test_every_type_of_today_has_a_line() -> None:
    assert set(timeline.folds) == {kind for kind in vocabulary().values() if kind.upcast is Event.upcast}


def test_every_type_says_what_happened_even_one_of_old() -> None:
    said = msgspec.json.decode(SAID)
    assert said.keys() == vocabulary().keys()
    assert all(said.values())


async def test_what_happened_to_both_is_on_both_timelines_the_latest_first(database_url: str) -> None:
    history = History()
    history.tell(P, "2024-03-05", ProjectStarted(title="Sleep"))
    history.tell("improvement/I-3", "2024-03-01", ImprovementPromoted(project="P-17"))
    history.tell("project/P-2", "2024-03-09", ProjectMerged(into="P-17"))
    history.tell("project/P-3", "2024-03-03", ProjectSplit(into=("P-4", "P-17")))
    history.tell("project/P-5", "2024-03-04", ProjectSplit(into=("P-17", "P-17")))
    told = await history.ask(database_url, timeline, "of_subject", limit=2, subject=P)
    assert [(line.stream, line.type) for line in told] == [
        ("project/P-2", "project.merged"),
        (P, "project.started"),
        ("project/P-5", "project.split"),
        ("project/P-3", "project.split"),
        ("improvement/I-3", "improvement.promoted"),
    ]


async def test_what_a_team_keeps_to_itself_is_on_no_timeline_for_others(database_url: str) -> None:
    history = History()
    history.tell(P, "2024-03-05", ProjectStarted(title="Sleep"))
    history.tell(P, "2024-03-06", VisibilitySet(audience="public"))
    history.tell(P, "2024-03-07", VisibilitySet(audience="team"))
    assert await history.ask(database_url, timeline, "of_subject", subject=P) == []
    assert len(await history.ask(database_url, timeline, "of_subject", subject=P, reader="team")) == 3


LINES, PAGE = 300, 10


@pytest.mark.parametrize("after", [(), (NOON + timedelta(minutes=150), 151)], ids=["first", "later"])
def test_a_page_costs_what_it_shows_however_long_the_timeline_is(
    database_url: str, after: tuple[Any, ...]
) -> None:
    organisation = open_log(database_url)
    tell(database_url, organisation, (of(ProjectStarted(title="Sleep"), P, minute=n) for n in range(LINES)))
    asked = {"subject": P, "reader": "team", "limit": PAGE}
    as_if_large = ("enable_seqscan", "enable_bitmapscan", "enable_sort")
    nodes = plan(database_url, timeline, "of_subject", organisation, asked, after=after, without=as_if_large)
    assert rows_read(nodes) == {"timeline_rows": PAGE, "records": PAGE}
