"""Coaching: who helps a team with the method, how often they meet, what the sponsor hears of it."""

from typing import Literal

from events.fields import ForumId, Hours, Label, Lines, PersonalText, PersonKind, PersonRef, Text
from events.streams import PersonEvent, ProjectEvent
from events.vocabulary import example


@example(coach="person/T7x3", by="city-hackney", hours_per_month=4)
class CoachAllocated(ProjectEvent, frozen=True, kw_only=True, tag="coach.allocated"):
    """A project was given a QI coach. They are its coach from now on, as if `person.joined` had said so."""

    coach: PersonRef  # who
    by: ForumId | None = None  # the forum that allocated them
    hours_per_month: Hours | None = None  # the time that is kept free for it


@example(coach="person/T7x3", reason="The team can go on by itself.")
class CoachReleased(ProjectEvent, frozen=True, kw_only=True, tag="coach.released"):
    """A coach no longer coaches this project."""

    words_of = "coach"

    coach: PersonRef  # who
    reason: PersonalText | None = None  # why


@example(
    coach="person/T7x3", mode="online", focus=["Measures"], actions=["Define the balancing measure"], hours=1
)
class CoachingSessionHeld(ProjectEvent, frozen=True, kw_only=True, tag="coaching_session.held"):
    """A coach met the team. What is kept is about the work, never about how somebody performed."""

    coach: PersonRef  # who coached
    mode: Literal["in_person", "online", "by_telephone", "in_writing"] | None = None  # how they met
    focus: Lines = ()  # what they worked on
    actions: Lines = ()  # what they agreed to do
    hours: Hours | None = None  # how long it took


@example(summary="Two tests done; the data lead has changed.", asks=["Access to the booking data"])
class SponsorUpdated(ProjectEvent, frozen=True, kw_only=True, tag="sponsor.updated"):
    """The sponsor was told how a project stands, as coaches do each month."""

    summary: Text | None = None  # how it stands
    asks: Lines = ()  # what the team needs from the sponsor
    by: PersonRef | None = None  # who told them


@example(kind="staff", course="Improvement Coaching Programme")
class CoachAccredited(PersonEvent, frozen=True, kw_only=True, tag="coach.accredited"):
    """A person may coach projects from now on."""

    kind: PersonKind | None = None  # staff, service user, carer or from outside
    course: Label | None = None  # how they learned it
    hours_per_month: Hours | None = None  # the time that is kept free for coaching


@example(reason="A new post without time for coaching.")
class CoachSteppedDown(PersonEvent, frozen=True, kw_only=True, tag="coach.stepped_down"):
    """A trained coach no longer coaches."""

    words_of = "stream"

    reason: PersonalText | None = None  # why, without health or private matters
