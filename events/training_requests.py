"""Who asks for a place in a training programme before there is a cohort to enrol in."""

from events.fields import PersonKind, PersonRef
from events.streams import CourseEvent
from events.vocabulary import example


@example(person="person/8Qm2", kind="staff")
class TrainingRequested(CourseEvent, frozen=True, kw_only=True, tag="training.requested"):
    """A person asked for a place in the next cohort of a training programme, and hears when one opens."""

    person: PersonRef  # who
    kind: PersonKind | None = None  # staff, service user, carer or from outside


@example(person="person/8Qm2")
class TrainingRequestEnded(CourseEvent, frozen=True, kw_only=True, tag="training.request_ended"):
    """A person no longer waits for a place in a training programme: they have one, or thought better of it."""

    person: PersonRef  # who
