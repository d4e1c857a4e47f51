"""Streams that were never introduced, and what is odd about forums, programmes, training and stories."""

from events.forum_members import ForumChairAppointed
from events.log.record import Record
from events.programmes import ProjectJoinedProgramme
from events.stories import StoryShared
from events.streams import ProjectEvent
from events.training import TrainingCompleted
from events.vocabulary import Event
from projections.oddities.rule import WHOLE, rule
from projections.oddities.so_far import SoFar


@rule(
    "not_introduced",
    "Something is told of it, and what it is was never told.",
    Event,
    healed=lambda now, _: now.introduced,
    spares=(ProjectEvent,),
)
def not_introduced(before: SoFar, after: SoFar, event: Event, record: Record) -> str | None:
    return None if after.introduced or record.stream.startswith("project/") else WHOLE


@rule(
    "two_chairs",
    "A forum has two chairs at once; whoever shares the chair is a co-chair.",
    ForumChairAppointed,
    healed=lambda now, _: len(now.chairs) < 2,
)
def two_chairs(before: SoFar, after: SoFar, event: ForumChairAppointed, record: Record) -> str | None:
    return WHOLE if len(after.chairs) > max(len(before.chairs), 1) else None


@rule("joined_programme_twice", "It joined a programme that it was already in.", ProjectJoinedProgramme)
def joined_programme_twice(
    before: SoFar, after: SoFar, event: ProjectJoinedProgramme, record: Record
) -> str | None:
    return event.programme if event.programme in before.programmes else None


@rule("trained_twice", "Somebody completed a training that they had completed.", TrainingCompleted)
def trained_twice(before: SoFar, after: SoFar, event: TrainingCompleted, record: Record) -> str | None:
    return event.person if event.person in before.trained else None


@rule(
    "trained_unenrolled",
    "Somebody completed a training, and is not among those who are told to have enrolled.",
    TrainingCompleted,
    healed=lambda now, person: person in now.enrolled,
)
def trained_unenrolled(before: SoFar, after: SoFar, event: TrainingCompleted, record: Record) -> str | None:
    """Asked only of cohorts whose enrolments are told at all."""
    return event.person if before.enrolled and event.person not in before.enrolled else None


@rule(
    "public_without_consent",
    "A story is for everybody, and names no consent that it rests on.",
    StoryShared,
)
def public_without_consent(before: SoFar, after: SoFar, event: StoryShared, record: Record) -> str | None:
    """What was published elsewhere before is not asked about: `published` says where."""
    bare = event.audience == "public" and not event.consents and event.published is None
    return WHOLE if bare else None
