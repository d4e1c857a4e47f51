"""What was cleared may hold again: it stands again, and where it matters it is told again."""

from events.corrections import EventRetracted
from events.ideas import IdeaRaised
from events.people import ConsentGiven, ConsentWithdrawn
from events.teams import PersonChangedRole, PersonJoined, PersonLeft
from tests.projections.notices.trust import (
    ADMIN,
    ADVISOR,
    COACH,
    COMMUNICATIONS,
    LEAD,
    P1,
    a_trust,
)

PERSON, IDEA = "person/x", "idea/ID-1"


def test_a_consent_that_is_withdrawn_again_is_told_again() -> None:
    trust = a_trust()
    given = ConsentGiven(consent="CO-1", purpose="public_story")
    trust.tell(PERSON, "2025-03-01", given)
    trust.tell(PERSON, "2025-03-03", ConsentWithdrawn(consent="CO-1"))
    trust.tell(PERSON, "2025-03-05", given)
    assert trust.whom("consent_withdrawn") == set()
    trust.tell(PERSON, "2025-03-07", ConsentWithdrawn(consent="CO-1"))
    assert trust.whom("consent_withdrawn") == {COMMUNICATIONS, ADMIN}
    assert len({one.window for one in trust.told("consent_withdrawn")}) == 2, "a notice of its own"


def test_what_was_retracted_by_mistake_and_is_told_again_holds_again() -> None:
    trust = a_trust()
    trust.tell(IDEA, "2025-03-03", IdeaRaised(title="A map"), id_="first")
    trust.tell(IDEA, "2025-03-04", EventRetracted(of="first"))
    assert trust.whom("idea_raised") == set()
    trust.tell(IDEA, "2025-03-04", IdeaRaised(title="A map"), id_="again")
    assert trust.whom("idea_raised") == {ADVISOR}


def test_a_lead_who_takes_another_role_leaves_the_project_without_its_lead() -> None:
    trust = a_trust()
    trust.tell(P1, "2025-03-03", PersonJoined(person="person/second", role="co_lead"))
    trust.tell(P1, "2025-03-04", PersonChangedRole(person=LEAD, was="lead", role="member"))
    told = {one.recipient: one.title for one in trust.told("role_left")}
    assert told == {
        LEAD: "You are no longer lead of Sleep",
        "person/second": "Sleep has lost its lead",
        ADVISOR: "Sleep has lost its lead",
    }


def test_a_role_that_is_told_late_and_has_ended_is_nobodys() -> None:
    trust = a_trust()
    before = len(trust.told("role_taken"))
    trust.tell(P1, "2025-03-05", PersonLeft(person="person/gone"))
    trust.tell(P1, "2025-03-03", PersonJoined(person="person/gone", role="lead"))
    assert len(trust.told("role_taken")) == before


def test_a_leaving_that_is_told_after_a_return_is_no_loss() -> None:
    trust = a_trust()
    trust.tell(P1, "2025-03-03", PersonLeft(person=COACH))
    trust.tell(P1, "2025-03-10", PersonJoined(person=COACH, role="coach"))
    before = len(trust.told("role_left"))
    trust.tell(P1, "2025-03-08", PersonLeft(person=COACH, role="coach"))
    assert len(trust.told("role_left")) == before
