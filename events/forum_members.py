"""Who sits on a QI Forum, and who chairs it."""

from typing import Literal

from events.fields import PersonalText, PersonKind, PersonRef
from events.streams import ForumEvent
from events.vocabulary import example

ForumRole = Literal[
    "chair",
    "co_chair",
    "member",
    "sponsor",
    "coach",
    "advisor",
    "service_user",
    "carer",
    "people_participation_lead",
]


@example(person="person/K4t9", role="service_user", kind="service_user")
class ForumMemberJoined(ForumEvent, frozen=True, kw_only=True, tag="forum_member.joined"):
    """A person sits on the forum from now on. One person may sit there in several roles."""

    person: PersonRef  # who
    role: ForumRole | None = None  # as what; a member if nothing is said
    kind: PersonKind | None = None  # staff, service user, carer or from outside


@example(person="person/K4t9", role="service_user", reason="The term ended.")
class ForumMemberLeft(ForumEvent, frozen=True, kw_only=True, tag="forum_member.left"):
    """A person no longer sits on the forum in a role; without a role, in none."""

    words_of = "person"

    person: PersonRef  # who
    role: ForumRole | None = None  # the role that ended; every role if none is named
    reason: PersonalText | None = None  # why


@example(person="person/K4t9", role="chair", kind="service_user", instead_of="person/R2w6")
class ForumChairAppointed(ForumEvent, frozen=True, kw_only=True, tag="forum_chair.appointed"):
    """A person chairs the forum from now on, alone or with a co-chair."""

    person: PersonRef  # who
    role: Literal["chair", "co_chair"]  # as chair or co-chair
    kind: PersonKind | None = None  # staff, service user, carer or from outside
    instead_of: PersonRef | None = None  # whom they follow; without one, whoever held this role
