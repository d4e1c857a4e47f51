"""Which happened later decides what is cleared, and not which was told later."""

import pytest

from events.barriers import BarrierEscalated, BarrierResolved
from events.ideas import IdeaAcknowledged, IdeaRaised
from events.projects import ProjectSubmitted
from events.reviews import ProjectReviewed
from events.vocabulary import Event
from tests.projections.notices.trust import ADVISOR, CHAIR, P1, SPONSOR, Trust, a_trust, noon

IDEA = "idea/ID-1"
ESCALATED, RESOLVED = BarrierEscalated(barrier="B-1", to="sponsor"), BarrierResolved(barrier="B-1")
SUBMITTED = ProjectSubmitted(forum="newham", meeting="m2")
DEFERRED = ProjectReviewed(forum="newham", meeting="m1", outcome="deferred")

Told = tuple[str, str, Event]


def told(*events: Told) -> Trust:
    """These happened to a stream on a day; all were recorded on the twelfth, in this order."""
    trust = a_trust()
    for stream, on, event in events:
        trust.tell(stream, on, event, recorded=noon("2025-03-12"))
    return trust


@pytest.mark.parametrize(
    ("rule", "old", "asked", "whom"),
    [
        ("barrier_escalated", (P1, RESOLVED), (P1, ESCALATED), {SPONSOR}),
        ("project_submitted", (P1, DEFERRED), (P1, SUBMITTED), {CHAIR, ADVISOR}),
        ("idea_raised", (IDEA, IdeaAcknowledged()), (IDEA, IdeaRaised(title="A map")), {ADVISOR}),
    ],
)
def test_old_news_never_clears_what_happened_later(
    rule: str, old: tuple[str, Event], asked: tuple[str, Event], whom: set[str]
) -> None:
    before, after = (old[0], "2025-03-05", old[1]), (asked[0], "2025-03-10", asked[1])
    assert told(after, before).whom(rule) == whom
    assert told(before, after).whom(rule) == whom


@pytest.mark.parametrize(
    ("rule", "asked", "answer"),
    [
        ("barrier_escalated", (P1, ESCALATED), (P1, RESOLVED)),
        ("project_submitted", (P1, SUBMITTED), (P1, DEFERRED)),
        ("idea_raised", (IDEA, IdeaRaised(title="A map")), (IDEA, IdeaAcknowledged())),
    ],
)
def test_what_had_been_answered_before_it_was_told_asks_nobody(
    rule: str, asked: tuple[str, Event], answer: tuple[str, Event]
) -> None:
    before, after = (asked[0], "2025-03-03", asked[1]), (answer[0], "2025-03-05", answer[1])
    assert told(after, before).whom(rule) == set()
    assert told(before, after).whom(rule) == set()


def test_what_happened_within_the_same_month_is_cleared_by_what_was_told_later() -> None:
    asked, answer = (P1, "2025-03-10", ESCALATED), (P1, "2025-03", RESOLVED)
    assert told(asked, answer).whom("barrier_escalated") == set()
    assert told(answer, asked).whom("barrier_escalated") == {SPONSOR}


def test_of_two_that_say_the_same_the_one_that_happened_later_stands() -> None:
    raised = IdeaRaised(title="A map")
    first, answer, again = (
        (IDEA, "2025-03-03", raised),
        (IDEA, "2025-03-05", IdeaAcknowledged()),
        (IDEA, "2025-03-08", raised),
    )
    for order in (
        (first, answer, again),
        (first, again, answer),
        (again, first, answer),
        (again, answer, first),
    ):
        assert told(*order).whom("idea_raised") == {ADVISOR}
