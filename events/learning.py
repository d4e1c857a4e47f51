"""Learning and celebrating: what is worth knowing or being glad of, with or without a number."""

from typing import Literal

from events.fields import (
    Areas,
    Citation,
    Count,
    DirectorateId,
    Label,
    Ordinal,
    ProgrammeId,
    Text,
    Title,
    Tools,
)
from events.streams import AnyEvent
from events.vocabulary import example

Gathering = Literal[
    "conference", "learning_set", "workshop", "webinar", "visit", "celebration", "course_day", "other"
]
Honour = Literal["won", "joint_winner", "runner_up", "highly_commended", "finalist", "nominated"]


@example(kind="did_not_work", text="Posters made no difference; asking people in person did.")
class LearningCaptured(AnyEvent, frozen=True, kw_only=True, tag="learning.captured"):
    """Somebody wrote down what they learned: from a success, from a failure, from the context."""

    kind: Literal["worked", "did_not_work", "context"]  # what the learning is about
    text: Text  # what was learned


@example(
    title="Violence reduction collaborative: second learning set",
    kind="learning_set",
    number=2,
    participants=45,
)
class LearningEventHeld(AnyEvent, frozen=True, kw_only=True, tag="learning_event.held"):
    """People met to learn from one another: a conference, a learning set, a visit.

    It is told in the stream of what held it: a programme, a directorate, the organisation.
    """

    title: Title  # what it was
    kind: Gathering | None = None  # what sort of gathering
    number: Ordinal | None = None  # which in a series
    participants: Count | None = None  # how many people came
    programme: ProgrammeId | None = None  # the programme it belonged to
    directorate: DirectorateId | None = None  # the directorate that held it
    areas: Areas = ()  # the strategy areas it was about
    tools: Tools = ()  # methods that were taught or shown
    published: Citation | None = None  # where this was read


@example(title="A hundred days without a fall", text="Cake on the ward.")
class CelebrationRecorded(AnyEvent, frozen=True, kw_only=True, tag="celebration.recorded"):
    """Something was celebrated."""

    title: Title  # what
    text: Text | None = None  # how
    published: Citation | None = None  # where this was read


@example(title="Quality Improvement Team of the Year", result="won", given_by="A royal college")
class AwardReceived(AnyEvent, frozen=True, kw_only=True, tag="award.received"):
    """A piece of work, a team or the organisation won an award, or was honoured by a nomination."""

    title: Title  # the award
    result: Honour | None = None  # what came of it
    given_by: Label | None = None  # who gives it
    directorate: DirectorateId | None = None  # whose work it honours
    areas: Areas = ()  # the strategy areas of that work
    published: Citation | None = None  # where this was read
