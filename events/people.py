"""People, known by an opaque reference only: their stream is the reference. Names and addresses are kept elsewhere."""

from typing import Annotated, Literal

from msgspec import Meta

from events.fields import ConsentId, DirectorateId, Label, PersonalText, PersonKind, StoryId, WrittenDate
from events.streams import PersonEvent
from events.vocabulary import example

PlatformRole = Literal[
    "improvement_advisor",
    "coach",
    "sponsor",
    "people_participation_lead",
    "training_team",
    "communications",
    "administrator",
    "guru",
    "auditor",
]
PlatformRoles = Annotated[
    tuple[PlatformRole, ...],
    Meta(max_length=9, description="What a person does for improvement in the organisation."),
]
Purpose = Literal["public_story", "internal_story", "photograph", "film", "contact", "research"]


@example(kind="staff", directorate="newham", profession="nursing")
class PersonReferenceIssued(PersonEvent, frozen=True, kw_only=True, tag="person.reference_issued"):
    """A person was given an opaque reference under which improvement work can name them."""

    kind: PersonKind | None = None  # staff, service user, carer or from outside
    directorate: DirectorateId | None = None  # where they belong
    profession: Label | None = None  # the professional group, never a job title that only one person has


@example(roles=["improvement_advisor"], directorate="newham")
class PersonRolesChanged(PersonEvent, frozen=True, kw_only=True, tag="person.roles_changed"):
    """A person does other things for improvement in the organisation than before."""

    words_of = "stream"

    roles: PlatformRoles  # all that they do from now on
    directorate: DirectorateId | None = None  # where they do it, if not everywhere
    reason: PersonalText | None = None  # why, without private matters


@example(consent="CO-3", purpose="public_story", story="S-8", until="2027-03")
class ConsentGiven(PersonEvent, frozen=True, kw_only=True, tag="consent.given"):
    """A person agreed to something, such as a story about them being public."""

    consent: ConsentId  # which consent
    purpose: Purpose  # what they agreed to
    story: StoryId | None = None  # the story it is for, if it is for one
    until: WrittenDate | None = None  # the last day it holds, if it has one


@example(consent="CO-3")
class ConsentWithdrawn(PersonEvent, frozen=True, kw_only=True, tag="consent.withdrawn"):
    """A person no longer agrees. They need not say why, and what rests on the consent has to stop."""

    consent: ConsentId  # which consent
