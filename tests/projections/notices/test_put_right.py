"""What is put right: what held because of a mistake holds no more, what a mistake hid is told, all else stands."""

import pytest

from events.barriers import BarrierEscalated, BarrierResolved
from events.corrections import EventCorrected, EventRetracted
from events.ideas import IdeaAcknowledged, IdeaRaised
from events.measures import MeasurementCorrected
from events.projects import ProjectSubmitted
from events.reviews import ProjectReviewed
from events.scores import ProgressScored
from events.vocabulary import Event
from tests.projections.notices.test_signals import STEADY, add, charted
from tests.projections.notices.trust import (
    ADVISOR,
    CHAIR,
    COACH,
    COMMUNICATIONS,
    LEAD,
    P1,
    SPONSOR,
    Trust,
    a_trust,
)

DAY, LATER, LATEST = "2025-03-03", "2025-03-10", "2025-03-17"
IDEA = "idea/ID-1"
RAISED = IdeaRaised(title="A map", raised_by="person/raiser")
DECLINED = ProjectReviewed(forum="newham", outcome="declined", meeting="2025-03")
APPROVED = ProjectReviewed(forum="newham", outcome="approved", meeting="2025-03")


def scored(score: float) -> ProgressScored:
    return ProgressScored(score=score, scale="life_qi", assessor="coach")


@pytest.mark.parametrize(
    "right",
    [
        MeasurementCorrected(of="m-12", value=10),
        EventCorrected(of="m-12", fields={"value": 10}),
    ],
    ids=lambda event: type(event).__name__,
)
def test_a_signal_of_concern_that_a_mistake_had_hidden_is_told_however_it_is_put_right(right: Event) -> None:
    trust = charted([*STEADY, 50])
    trust.tell(P1, "2026-02-01", right)
    assert {one.recipient: one.urgency for one in trust.told("signal_seen")} == {
        LEAD: "at_once",
        COACH: "at_once",
        SPONSOR: "at_once",
    }


def test_a_signal_that_a_point_told_in_error_had_broken_off_is_told_when_the_point_is_taken_back() -> None:
    trust = charted(STEADY)
    low = [40, 41, 40, 60, 40, 41, 40, 41, 40, 41]
    for n, value in enumerate(low, start=len(STEADY)):
        add(trust, n, value)
    before = {one.window for one in trust.told("signal_seen")}
    trust.tell(P1, "2026-11-01", EventCorrected(of=f"m-{len(STEADY) + 3}", fields={"value": 40}))
    assert {one.window for one in trust.told("signal_seen")} - before


def test_a_signal_that_is_gone_and_comes_back_is_told_each_time() -> None:
    trust = charted([*STEADY, 90])
    trust.tell(P1, "2026-02-01", MeasurementCorrected(of="m-12", value=50))
    assert trust.whom("signal_seen") == set()
    trust.tell(P1, "2026-02-02", MeasurementCorrected(of="m-12", value=90))
    assert trust.whom("signal_seen") == {LEAD, COACH, SPONSOR}
    trust.tell(P1, "2026-02-03", EventRetracted(of="m-12"))
    assert trust.whom("signal_seen") == set()
    assert len({one.position for one in trust.told("signal_withdrawn")}) == 2


def test_a_signal_that_stands_without_the_point_that_showed_it_stands() -> None:
    trust = charted(STEADY)
    for n in range(len(STEADY), len(STEADY) + 12):
        add(trust, n, 60)
    told = [one for one in trust.told("signal_seen") if "shift" in one.window]
    assert told
    showed = next(record for record in trust.records if record.position == told[0].position)
    trust.tell(P1, "2027-01-10", EventRetracted(of=showed.id))
    shift = [one for one in trust.told("signal_seen") if one.key == told[0].key]
    gone = [
        one for one in trust.told("signal_withdrawn") if one.follows and told[0].window in one.follows.windows
    ]
    assert [one.cleared for one in shift] == [bool(gone)]
    assert not gone


def test_a_decision_that_was_put_down_wrongly_is_told_when_it_is_put_right() -> None:
    trust = a_trust()
    trust.tell(P1, DAY, DECLINED, id_="wrong")
    trust.tell(P1, LATER, EventCorrected(of="wrong", fields={"outcome": "approved"}), actor=COACH)
    holds = {one.recipient: one.title for one in trust.told("forum_decision") if not one.cleared}
    assert holds == {LEAD: "Sleep was approved", SPONSOR: "Sleep was approved"}, "who corrected it knows"


def test_an_old_decision_that_is_put_right_is_history() -> None:
    trust = a_trust()
    trust.tell(P1, "2025-01-10", DECLINED, id_="wrong")
    trust.tell(P1, LATER, EventCorrected(of="wrong", fields={"outcome": "approved"}))
    assert trust.whom("forum_decision") == set()


def test_a_correction_that_changes_nothing_of_what_was_told_tells_nobody_again() -> None:
    trust = a_trust()
    trust.tell(P1, DAY, APPROVED, id_="wrong")
    before = trust.told("forum_decision")
    trust.tell(P1, LATER, EventCorrected(of="wrong", fields={"next_review": "2025-06"}))
    assert trust.told("forum_decision") == before


def test_what_two_have_told_stands_until_both_have_taken_it_back() -> None:
    for first, second in (("one", "two"), ("two", "one")):
        trust = a_trust()
        trust.tell(P1, DAY, APPROVED, id_="one")
        trust.tell(P1, DAY, APPROVED, id_="two")
        trust.tell(P1, LATER, EventRetracted(of=first))
        assert trust.whom("forum_decision") == {LEAD, SPONSOR, COACH}
        trust.tell(P1, LATER, EventRetracted(of=second))
        assert trust.whom("forum_decision") == set()


def test_an_answer_that_is_taken_back_leaves_the_idea_waiting() -> None:
    trust = a_trust()
    trust.tell(IDEA, DAY, RAISED)
    trust.tell(IDEA, LATER, IdeaAcknowledged(), id_="answer")
    trust.tell(IDEA, LATER, IdeaAcknowledged(), id_="another")
    trust.tell(IDEA, LATER, EventRetracted(of="answer"))
    assert trust.whom("idea_raised") == set(), "the other stands"
    trust.tell(IDEA, LATEST, EventRetracted(of="another"))
    assert trust.whom("idea_raised") == {ADVISOR}
    assert trust.whom("idea_answered") == set()


def test_an_answer_that_belonged_to_another_barrier_clears_that_one() -> None:
    trust = a_trust()
    for barrier in ("B-1", "B-2"):
        trust.tell(P1, DAY, BarrierEscalated(barrier=barrier, to="sponsor"))
    trust.tell(P1, LATER, BarrierResolved(barrier="B-1"), id_="wrong")
    trust.tell(P1, LATEST, EventCorrected(of="wrong", fields={"barrier": "B-2"}))
    holds = [one.facts["barrier"] for one in trust.told("barrier_escalated") if not one.cleared]
    assert holds == ["B-1"]


def test_what_was_acted_on_is_not_brought_back_by_a_correction_of_its_words() -> None:
    trust = a_trust()
    trust.tell(IDEA, DAY, RAISED, id_="raised")
    trust.tell(IDEA, LATER, IdeaAcknowledged())
    trust.tell(IDEA, LATEST, EventCorrected(of="raised", fields={"title": "A better map"}))
    assert trust.whom("idea_raised") == set()


def test_the_first_score_of_four_is_the_next_one_when_the_first_was_a_mistake() -> None:
    trust = a_trust()
    trust.tell(P1, DAY, scored(4), id_="wrong")
    trust.tell(P1, LATER, scored(4.5))
    trust.tell(P1, LATEST, EventCorrected(of="wrong", fields={"score": 3}))
    assert trust.whom("score_reached") == {CHAIR, SPONSOR, COMMUNICATIONS}


def put_right_before_it_came(*events: tuple[str, Event]) -> Trust:
    trust = a_trust()
    for id_, event in events:
        trust.tell(P1, DAY, event, id_=id_)
    return trust


def test_a_fact_that_was_taken_back_before_it_came_tells_nobody_and_clears_nothing() -> None:
    taken_back = EventRetracted(of="wrong")
    trust = put_right_before_it_came(
        ("s", ProjectSubmitted(forum="newham", meeting="2025-03")), ("r", taken_back), ("wrong", APPROVED)
    )
    assert trust.told("forum_decision") == []
    assert trust.whom("project_submitted") == {CHAIR, ADVISOR}


def test_a_fact_that_was_corrected_before_it_came_is_told_as_it_was_put_right() -> None:
    corrected = EventCorrected(of="wrong", fields={"outcome": "approved"})
    trust = put_right_before_it_came(("c", corrected), ("wrong", DECLINED))
    assert {one.title for one in trust.told("forum_decision")} == {"Sleep was approved"}
    idea = a_trust()
    idea.tell(IDEA, DAY, EventRetracted(of="wrong"))
    idea.tell(IDEA, DAY, RAISED, id_="wrong")
    assert idea.told("idea_raised") == []
