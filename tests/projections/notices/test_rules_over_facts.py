"""What each rule says when something is told: to whom, when it is silent, and what clears it."""

import pytest

from events.barriers import BarrierEscalated, BarrierRaised, BarrierResolved
from events.coaching import CoachReleased
from events.comments import VisibilitySet
from events.corrections import EventCorrected, EventRetracted
from events.ideas import IdeaAcknowledged, IdeaDeclined, IdeaRaised
from events.meetings import MeetingScheduled
from events.people import ConsentGiven, ConsentWithdrawn, PersonRolesChanged
from events.projects import ProjectCompleted, ProjectProposed, ProjectReopened, ProjectSubmitted
from events.reviews import ProjectReviewed
from events.rights import ErasureExecuted
from events.scores import ProgressScored
from events.stories import StoryShared, StoryWithdrawn
from events.strategies import StrategyRefreshed
from events.sustaining import SustainCheckRecorded
from events.teams import PersonJoined, PersonLeft
from events.training import (
    CohortCancelled,
    CohortOpened,
    CourseOffered,
    TrainingAttended,
    TrainingCompleted,
    TrainingEnrolled,
    TrainingWithdrawn,
)
from events.training_requests import TrainingRequested, TrainingRequestEnded
from tests.projections.notices.trust import (
    ADMIN,
    ADVISOR,
    CHAIR,
    COACH,
    COMMUNICATIONS,
    LEAD,
    NEWHAM,
    P1,
    SPONSOR,
    a_trust,
)

DAY, LATER = "2025-03-03", "2025-03-10"
APPROVED = ProjectReviewed(forum="newham", outcome="approved", meeting="2025-03")


def test_a_decision_of_the_forum_is_told_to_lead_proposer_sponsor_and_coach() -> None:
    trust = a_trust()
    trust.tell(P1, DAY, ProjectProposed(title="Sleep", proposer="person/nurse"), APPROVED)
    made = trust.told("forum_decision")
    assert {one.recipient for one in made} == {LEAD, SPONSOR, COACH, "person/nurse"}
    assert {one.title for one in made} == {"Sleep was approved"}
    assert {one.urgency for one in made} == {"at_once"}
    assert "you sponsor it." in {one.why for one in made}


def test_a_reference_that_is_none_keeps_nobody_else_from_being_told() -> None:
    trust = a_trust()
    trust.tell("person/a.b~c", DAY, PersonRolesChanged(roles=("improvement_advisor",)))
    trust.tell("idea/ID-1", DAY, IdeaRaised(title="A map"))
    assert trust.whom("idea_raised") == {ADVISOR}


def test_a_decision_told_by_two_systems_is_one_notice() -> None:
    trust = a_trust()
    trust.tell(P1, DAY, APPROVED, APPROVED)
    assert len(trust.told("forum_decision")) == 3


def test_nobody_is_told_of_what_they_did_themselves() -> None:
    trust = a_trust()
    trust.tell(P1, DAY, APPROVED, actor=SPONSOR)
    assert trust.whom("forum_decision") == {LEAD, COACH}


def test_what_had_happened_long_before_it_was_recorded_tells_nobody() -> None:
    trust = a_trust()
    trust.tell(P1, "2024-12-01", APPROVED, recorded=trust.records[-1].recorded_at)
    assert trust.whom("forum_decision") == set()
    trust.tell(P1, "2025-01", APPROVED, recorded=trust.records[-1].recorded_at)
    assert trust.whom("forum_decision") != set(), "what is known to the month may have been on its last day"


def test_a_retracted_fact_takes_its_notices_back() -> None:
    trust = a_trust()
    trust.tell(P1, DAY, APPROVED, id_="wrong")
    trust.tell(P1, LATER, EventRetracted(of="wrong"))
    assert trust.told("forum_decision") != []
    assert trust.whom("forum_decision") == set()


def test_a_corrected_fact_keeps_the_notices_that_it_would_have_made() -> None:
    trust = a_trust()
    score = ProgressScored(score=4, scale="life_qi", assessor="coach")
    trust.tell(P1, DAY, score, id_="wrong")
    trust.tell(P1, LATER, EventCorrected(of="wrong", fields={"score": 4.5}))
    assert trust.whom("score_reached") == {CHAIR, SPONSOR, COMMUNICATIONS}
    trust.tell(P1, LATER, EventCorrected(of="wrong", fields={"score": 3}))
    assert trust.told("score_reached") != []
    assert trust.whom("score_reached") == set()


def test_a_correction_of_something_else_or_that_does_not_fit_changes_nothing() -> None:
    trust = a_trust()
    trust.tell(P1, DAY, ProgressScored(score=4, scale="life_qi", assessor="coach"), id_="right")
    trust.tell(P1, LATER, EventCorrected(of="nothing", fields={"score": 3}), EventRetracted(of="nothing"))
    trust.tell(P1, LATER, EventCorrected(of="right", fields={"score": "a lot"}))
    assert trust.whom("score_reached") == {CHAIR, SPONSOR, COMMUNICATIONS}


def test_a_new_coach_hears_of_it_and_so_do_lead_and_advisor() -> None:
    trust = a_trust()
    trust.tell(P1, DAY, PersonJoined(person="person/new", role="coach"))
    new = [one for one in trust.told("role_taken") if one.window == f"person/new/coach/{DAY}"]
    assert {one.recipient: one.title for one in new} == {
        "person/new": "You are coach of Sleep",
        LEAD: "Sleep has a new coach",
        ADVISOR: "Sleep has a new coach",
    }


def test_a_role_that_was_held_already_or_matters_to_nobody_else_is_not_told() -> None:
    trust = a_trust()
    before = len(trust.told("role_taken"))
    trust.tell(
        P1, DAY, PersonJoined(person=COACH, role="coach"), PersonJoined(person="person/m", role="member")
    )
    assert len(trust.told("role_taken")) == before


def test_a_coach_who_left_hears_of_it_and_so_do_lead_and_advisor() -> None:
    trust = a_trust()
    trust.tell(P1, DAY, CoachReleased(coach=COACH))
    assert trust.whom("role_left") == {COACH, LEAD, ADVISOR}


def test_who_leaves_without_a_role_leaves_every_role_and_who_had_none_is_told_nothing() -> None:
    trust = a_trust()
    trust.tell(P1, DAY, PersonLeft(person=SPONSOR), PersonLeft(person="person/stranger"))
    assert trust.whom("role_left") == {SPONSOR, LEAD, ADVISOR}


def test_a_project_put_to_its_forum_waits_for_the_digest_unless_the_meeting_is_near() -> None:
    trust = a_trust()
    trust.tell(NEWHAM, DAY, MeetingScheduled(meeting="m1", on="2025-03-20"))
    trust.tell(P1, DAY, ProjectSubmitted(forum="newham", meeting="m1"))
    assert {one.urgency for one in trust.told("project_submitted")} == {"daily"}
    assert trust.whom("project_submitted") == {CHAIR, ADVISOR}
    near = a_trust()
    near.tell(NEWHAM, DAY, MeetingScheduled(meeting="m1", on="2025-03-06"))
    near.tell(P1, DAY, ProjectSubmitted(forum="newham", meeting="m1"))
    assert {one.urgency for one in near.told("project_submitted")} == {"at_once"}


def test_the_decision_clears_what_the_forum_had_to_decide() -> None:
    trust = a_trust()
    trust.tell(P1, DAY, ProjectSubmitted(forum="newham"))
    trust.tell(P1, LATER, APPROVED)
    assert trust.told("project_submitted") != []
    assert trust.whom("project_submitted") == set()


def test_an_escalated_barrier_is_told_to_whoever_is_asked_until_it_is_cleared() -> None:
    trust = a_trust()
    trust.tell(P1, DAY, BarrierRaised(barrier="B-1", title="No data"))
    assert trust.whom("barrier_escalated") == set()
    trust.tell(P1, DAY, BarrierEscalated(barrier="B-1", to="sponsor"))
    trust.tell(
        P1, LATER, BarrierEscalated(barrier="B-1", to="forum"), BarrierEscalated(barrier="B-10", to="sponsor")
    )
    assert trust.whom("barrier_escalated") == {SPONSOR, CHAIR}
    trust.tell(P1, LATER, BarrierResolved(barrier="B-1"))
    holds = [one for one in trust.told("barrier_escalated") if not one.cleared]
    assert {one.facts["barrier"] for one in holds} == {"B-10"}


def test_a_story_is_told_to_communications_and_to_the_forum_of_its_project_until_it_is_withdrawn() -> None:
    trust = a_trust()
    trust.tell("story/S-1", DAY, StoryShared(title="How we slept", about=(P1,)))
    assert trust.whom("story_shared") == {COMMUNICATIONS, CHAIR, LEAD}
    trust.tell("story/S-1", LATER, StoryWithdrawn())
    assert trust.whom("story_shared") == set()


def test_a_story_for_the_team_alone_is_told_to_nobody() -> None:
    trust = a_trust()
    trust.tell("story/S-1", DAY, StoryShared(title="How we slept", about=(P1,), audience="team"))
    assert trust.told("story_shared") == []


def test_work_that_only_its_team_may_see_is_told_to_its_team_alone() -> None:
    trust = a_trust()
    trust.tell(P1, DAY, VisibilitySet(audience="team"), ProjectCompleted(outcome="met"))
    assert trust.whom("project_completed") == {SPONSOR}


def test_the_first_score_of_four_is_celebrated_and_not_the_next() -> None:
    trust = a_trust()
    trust.tell(P1, DAY, ProgressScored(score=3.5, scale="life_qi", assessor="coach"))
    assert trust.told("score_reached") == []
    for day, score in ((DAY, 4.0), (LATER, 3.0), (LATER, 4.5)):
        trust.tell(P1, day, ProgressScored(score=score, scale="life_qi", assessor="coach"))
    assert {one.title for one in trust.told("score_reached")} == {"Sleep reached a progress score of 4"}
    assert trust.whom("score_reached") == {CHAIR, SPONSOR, COMMUNICATIONS}


def test_a_completed_project_is_celebrated_until_it_is_reopened() -> None:
    trust = a_trust()
    trust.tell(P1, DAY, ProjectCompleted(outcome="not_met", learned="A lot."))
    assert trust.whom("project_completed") == {CHAIR, SPONSOR, ADVISOR, COMMUNICATIONS}
    trust.tell(P1, LATER, ProjectReopened())
    assert trust.whom("project_completed") == set()


def test_an_idea_waits_with_the_advisors_of_its_directorate_until_it_is_answered() -> None:
    trust = a_trust()
    trust.tell("idea/ID-1", DAY, IdeaRaised(title="A map", directorate="newham", raised_by="person/raiser"))
    assert trust.whom("idea_raised") == {ADVISOR}
    assert trust.whom("idea_answered") == set()
    trust.tell("idea/ID-1", LATER, IdeaAcknowledged())
    assert trust.whom("idea_raised") == set()
    assert trust.whom("idea_answered") == {"person/raiser"}


def test_an_idea_of_somebody_unknown_is_answered_to_nobody() -> None:
    trust = a_trust()
    trust.tell("idea/ID-1", DAY, IdeaRaised(title="A map"), IdeaDeclined(answer="No."))
    assert trust.told("idea_answered") == []


def test_gains_that_slipped_are_told_until_the_work_goes_on_or_they_hold_again() -> None:
    for end in (SustainCheckRecorded(result="held"), ProjectReopened()):
        trust = a_trust()
        trust.tell(P1, DAY, ProjectCompleted(outcome="met"), SustainCheckRecorded(result="unclear"))
        assert trust.told("sustain_check_slipped") == []
        trust.tell(P1, DAY, SustainCheckRecorded(result="slipped"))
        assert trust.whom("sustain_check_slipped") == {SPONSOR, LEAD}
        trust.tell(P1, LATER, end)
        assert trust.whom("sustain_check_slipped") == set()


def test_a_refreshed_strategy_is_told_to_advisors_once_for_each_version() -> None:
    trust = a_trust()
    refreshed = StrategyRefreshed(version=2, valid_from="2025-04", areas=())
    trust.tell("strategy/s", DAY, refreshed, refreshed)
    assert [one.recipient for one in trust.told("strategy_refreshed")] == [ADVISOR]


def test_a_withdrawn_consent_is_told_at_once_and_cleared_if_it_is_given_again() -> None:
    trust = a_trust()
    trust.tell("person/x", DAY, ConsentWithdrawn(consent="CO-1"), ConsentWithdrawn(consent="CO-2"))
    assert trust.whom("consent_withdrawn") == {COMMUNICATIONS, ADMIN}
    trust.tell("person/x", LATER, ConsentGiven(consent="CO-1", purpose="public_story"))
    assert {one.window for one in trust.told("consent_withdrawn") if not one.cleared} == {f"CO-2/{DAY}"}


def test_an_erasure_is_told_to_administrators_and_never_to_whoever_was_erased() -> None:
    trust = a_trust()
    trust.tell(ADMIN, DAY, ErasureExecuted(keys_destroyed=1))
    assert trust.told("erasure_executed") == []
    trust.tell("person/x", DAY, ErasureExecuted(keys_destroyed=1))
    assert trust.whom("erasure_executed") == set(), "the only administrator has been erased"
    other = a_trust()
    other.tell("person/x", DAY, ErasureExecuted(keys_destroyed=1))
    assert other.whom("erasure_executed") == {ADMIN}


def test_who_completed_a_training_programme_is_told_that_it_is_on_record() -> None:
    trust = a_trust()
    trust.tell("cohort/C-1", DAY, TrainingCompleted(course="icp", person="person/x"))
    assert trust.whom("training_completed") == {"person/x"}


def test_who_asked_for_a_place_hears_of_a_cohort_that_opens_until_they_wait_no_more() -> None:
    trust = a_trust()
    for person in ("person/x", "person/y"):
        trust.tell("course/icp", DAY, TrainingRequested(person=person))
    trust.tell("course/icp", DAY, TrainingRequestEnded(person="person/y"), CourseOffered(title="Coaching"))
    trust.tell("cohort/C-9", DAY, CohortOpened(course="icp", participants=30))
    assert trust.told("cohort_opened") == [], "that one has begun"
    trust.tell("cohort/C-10", DAY, CohortOpened(course="icp"), CohortOpened(course="icp"))
    trust.tell("cohort/C-11", DAY, CohortOpened(course="other"))
    (told,) = trust.told("cohort_opened")
    assert (told.recipient, told.subject) == ("person/x", "cohort/C-10")
    assert told.title == "A cohort of Coaching opens: you asked for a place"
    trust.tell("cohort/C-10", LATER, CohortCancelled(course="icp"))
    assert trust.whom("cohort_opened") == set()


@pytest.mark.parametrize("place", [TrainingEnrolled, TrainingAttended, TrainingCompleted])
def test_who_has_a_place_in_a_programme_waits_for_it_no_more_until_they_ask_again(
    place: type[TrainingEnrolled | TrainingAttended | TrainingCompleted],
) -> None:
    trust = a_trust()
    for person in ("person/x", "person/y", "person/z"):
        trust.tell("course/icp", "2025-03-01", TrainingRequested(person=person))
    trust.tell("cohort/C-1", "2025-03-02", place(course="icp", person="person/x"))
    trust.tell("cohort/C-2", "2025-03-02", place(course="other", person="person/y"))
    trust.tell("cohort/C-3", "2025-02-27", place(course="icp", person="person/y"))
    trust.tell("cohort/C-4", "2025-03-02", place(course="icp", person="person/z"))
    trust.tell("cohort/C-4", "2025-03-02", CohortCancelled(course="icp"))
    trust.tell("cohort/C-10", DAY, CohortOpened(course="icp"))
    assert trust.whom("cohort_opened") == {"person/y", "person/z"}
    trust.tell("course/icp", "2025-03-04", TrainingRequested(person="person/x"))
    trust.tell("cohort/C-11", LATER, CohortOpened(course="icp"))
    told = {one.recipient for one in trust.told("cohort_opened") if one.subject == "cohort/C-11"}
    assert told == {"person/x", "person/y", "person/z"}


@pytest.mark.parametrize("place", [TrainingEnrolled, TrainingAttended, TrainingCompleted])
def test_who_has_a_place_in_the_cohort_they_were_told_of_is_told_no_more_of_it_and_others_are(
    place: type[TrainingEnrolled | TrainingAttended | TrainingCompleted],
) -> None:
    trust = a_trust()
    for person in ("person/x", "person/y"):
        trust.tell("course/icp", DAY, TrainingRequested(person=person))
    trust.tell("cohort/C-10", DAY, CohortOpened(course="icp"))
    trust.tell("cohort/C-10", LATER, place(course="icp", person="person/x"))
    assert trust.whom("cohort_opened") == {"person/y"}


def test_who_gave_up_their_place_hears_of_the_next_cohort() -> None:
    trust = a_trust()
    trust.tell("course/icp", "2025-03-01", TrainingRequested(person="person/x"))
    trust.tell("cohort/C-1", "2025-03-02", TrainingEnrolled(course="icp", person="person/x"))
    trust.tell("cohort/C-1", "2025-03-03", TrainingWithdrawn(course="icp", person="person/x"))
    trust.tell("cohort/C-10", DAY, CohortOpened(course="icp"))
    assert trust.whom("cohort_opened") == {"person/x"}
