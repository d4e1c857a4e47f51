"""Who works on a project, and in which role. People are opaque references; a role says what the team needs to know."""

from events.fields import Label, PersonalText, PersonKind, PersonRef, Role
from events.streams import ProjectEvent
from events.vocabulary import example


@example(person="person/8Qm2", role="lead", profession="nursing")
class PersonJoined(ProjectEvent, frozen=True, kw_only=True, tag="person.joined"):
    """A person joined a project in a role. One person may hold several roles, each joined and left on its own."""

    person: PersonRef  # who
    role: Role  # as what
    kind: PersonKind | None = None  # staff, service user, carer or from outside
    profession: Label | None = None  # the professional group, never a job title that only one person has


@example(person="person/8Qm2", role="lead", reason="Moved to another service.")
class PersonLeft(ProjectEvent, frozen=True, kw_only=True, tag="person.left"):
    """A person no longer holds a role in a project; without a role, they left the project in every role."""

    words_of = "person"

    person: PersonRef  # who
    role: Role | None = None  # the role that ended; every role if none is named
    reason: PersonalText | None = None  # why


@example(person="person/8Qm2", was="member", role="co_lead")
class PersonChangedRole(ProjectEvent, frozen=True, kw_only=True, tag="person.changed_role"):
    """A person took another role in a project in place of the one they had."""

    words_of = "person"

    person: PersonRef  # who
    was: Role  # the role that ended
    role: Role  # the role that began
    reason: PersonalText | None = None  # why
