"""Training in improvement: programmes such as Pocket QI, their waves or cohorts, and the people in them.

What happens to a person in a cohort is in the cohort's stream and names the training programme as well, so that a
person's pathway and a programme's numbers can both be made from cohorts.
"""

from typing import Annotated, Literal

from msgspec import Meta

from events.fields import (
    Citation,
    Count,
    CourseId,
    DirectorateId,
    Hours,
    Label,
    Ordinal,
    PersonalText,
    PersonKind,
    PersonRef,
    ProjectId,
    Text,
    Title,
    Tools,
    WrittenDate,
)
from events.streams import CohortEvent, CourseEvent
from events.vocabulary import example

OpenTo = Annotated[tuple[PersonKind, ...], Meta(max_length=4, description="Those it is open to.")]
Level = Literal["introduction", "practice", "leading", "coaching", "sponsoring"]


@example(
    title="Improvement Coaching Programme",
    level="coaching",
    duration_hours=60,
    open_to=["staff", "service_user"],
)
class CourseOffered(CourseEvent, frozen=True, kw_only=True, tag="course.offered"):
    """A training programme is offered from now on."""

    title: Title  # what it is called
    level: Level | None = None  # what it prepares for
    duration_hours: Hours | None = None  # how long it takes, all sessions together
    open_to: OpenTo = ()  # who may take part
    needs_project: bool = False  # whether people come with a project
    published: Citation | None = None  # where this was read


@example(
    course="icp",
    title="Improvement Coaching Programme, cohort 10",
    number=10,
    starts="2024-10",
    ends="2025-03",
    places=40,
)
class CohortOpened(CohortEvent, frozen=True, kw_only=True, tag="cohort.opened"):
    """A wave or cohort of a training programme began, or was opened for people to apply."""

    course: CourseId  # the training programme
    title: Title | None = None  # what the cohort is called
    number: Ordinal | None = None  # which wave or cohort
    starts: WrittenDate | None = None  # its first day
    ends: WrittenDate | None = None  # its last day
    places: Count | None = None  # how many people can take part
    participants: Count | None = None  # how many people began
    directorate: DirectorateId | None = None  # for whom it is held, if for one directorate
    tools: Tools = ()  # the methods it teaches
    published: Citation | None = None  # where this was read


@example(course="icp", completed=36)
class CohortCompleted(CohortEvent, frozen=True, kw_only=True, tag="cohort.completed"):
    """A cohort ended or graduated. People who completed it are told one by one where they are known."""

    course: CourseId  # the training programme
    title: Title | None = None  # what the cohort is called
    number: Ordinal | None = None  # which wave or cohort
    completed: Count | None = None  # how many people completed it, where only the number is known
    directorate: DirectorateId | None = None  # for whom it was held, if for one directorate
    tools: Tools = ()  # the methods it taught
    published: Citation | None = None  # where this was read


@example(course="icp", reason="The workshops could not be held in spring.")
class CohortCancelled(CohortEvent, frozen=True, kw_only=True, tag="cohort.cancelled"):
    """A cohort that had been opened is not held."""

    course: CourseId  # the training programme
    reason: Text | None = None  # why


@example(course="icp", person="person/8Qm2", kind="staff", project="P-17")
class TrainingEnrolled(CohortEvent, frozen=True, kw_only=True, tag="training.enrolled"):
    """A person was given a place in a cohort."""

    course: CourseId  # the training programme
    person: PersonRef  # who
    kind: PersonKind | None = None  # staff, service user, carer or from outside
    profession: Label | None = None  # the professional group
    project: ProjectId | None = None  # the project they come with


@example(course="icp", person="person/8Qm2", kind="staff", session="Workshop 2", hours=14)
class TrainingAttended(CohortEvent, frozen=True, kw_only=True, tag="training.attended"):
    """A person attended one session of a cohort."""

    course: CourseId  # the training programme
    person: PersonRef  # who
    kind: PersonKind | None = None  # staff, service user, carer or from outside
    session: Label | None = None  # which session
    hours: Hours | None = None  # how long


@example(course="icp", person="person/8Qm2", kind="staff", project="P-17")
class TrainingCompleted(CohortEvent, frozen=True, kw_only=True, tag="training.completed"):
    """A person completed a training programme. They count once for each cohort."""

    course: CourseId  # the training programme
    person: PersonRef  # who
    kind: PersonKind | None = None  # staff, service user, carer or from outside
    project: ProjectId | None = None  # the project they learned with


@example(course="icp", person="person/8Qm2", reason="A long absence; a place is kept in the next cohort.")
class TrainingWithdrawn(CohortEvent, frozen=True, kw_only=True, tag="training.withdrawn"):
    """A person gave up their place in a cohort, or left it before its end."""

    words_of = "person"

    course: CourseId  # the training programme
    person: PersonRef  # who
    kind: PersonKind | None = None  # staff, service user, carer or from outside
    reason: PersonalText | None = None  # why, without health or private matters
